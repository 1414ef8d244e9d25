"""Digests of tables in BigQuery."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from soyoil.contracts.contract import TableContract
from soyoil.warehouse.bigquery.client import BigQueryClient
from soyoil.warehouse.bigquery.errors import CAME_BETWEEN
from soyoil.warehouse.bigquery.stage import STAGE_PREFIX, staged_table
from soyoil.warehouse.ddl import backtick, text_literal
from soyoil.warehouse.digest import COLUMNS, TABLE, Digests, GroupDigest, Written
from soyoil.warehouse.digest_sql import READ_COLUMNS, DigestStatements, parse, staged


class BigQueryDigests:
    """Digests of the tables of one connection, in a table of their own.

    Parameters
    ----------
    client
        The client of the connection.
    """

    def __init__(self, client: BigQueryClient) -> None:
        self._client = client
        self._table = client.connection.table(TABLE)

    def stored(self, contract: TableContract) -> dict[str, GroupDigest]:
        """Digests that the writers of a table left; empty if there are none."""
        if self._client.get_table(self._table) is None:
            return {}
        own = self._statements(contract).own
        rows = self._client.read(self._table, READ_COLUMNS, own).select(list(READ_COLUMNS))
        return parse(list(zip(*(column.to_pylist() for column in rows.columns), strict=True)))

    def create(self) -> None:
        """Create the table if it is missing."""
        if self._client.get_table(self._table) is None:
            self._client.create_dataset(self._table.rsplit(".", 1)[0])
            create = DigestStatements.create_bigquery(backtick(self._table))
            self._client.query(create, f"create {self._table}")

    def forget(self, contract: TableContract) -> None:
        """Remove what is known of a table that is not there."""
        if self._client.get_table(self._table) is not None:
            self._client.query(self._statements(contract).forget(), f"write {self._table}")

    @contextmanager
    def writing(
        self, contract: TableContract, stored: Digests, written: Written
    ) -> Iterator[tuple[list[str], list[str]]]:
        """Statements for the begin and the end of the transaction that writes the rows.

        The first refuse to go on if the digests are no longer those that were read, since then
        what is to be written was made from rows that are no longer there.

        Parameters
        ----------
        contract
            Contract of the table that is written.
        stored
            Digests that were read.
        written
            What becomes of them.
        """
        if not written.changed:
            yield [], []
            return
        from google.cloud import bigquery

        statements = self._statements(contract)
        first = [statements.refuse_other(stored, CAME_BETWEEN)]
        stage = f"{self._table.rsplit('.', 1)[0]}.{STAGE_PREFIX}digests_{uuid.uuid4().hex}"
        schema = [bigquery.SchemaField(name, kind) for name, kind in COLUMNS.items()]
        with staged_table(self._client, stage, schema, staged(contract, written)):
            yield first, statements.write(backtick(stage))

    def _statements(self, contract: TableContract) -> DigestStatements:
        return DigestStatements(contract, backtick(self._table), text_literal)
