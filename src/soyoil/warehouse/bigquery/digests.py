"""Digests of tables in BigQuery."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from soyoil.base.errors import WarehouseError
from soyoil.contracts.contract import TableContract
from soyoil.warehouse.bigquery.access.errors import CAME_BETWEEN
from soyoil.warehouse.bigquery.client import BigQueryClient
from soyoil.warehouse.bigquery.stage import STAGE_PREFIX, staged_table
from soyoil.warehouse.ddl import backtick, text_literal
from soyoil.warehouse.digest import PARTS, TABLE, Digests, GroupDigest
from soyoil.warehouse.digest_sql import (
    READ_COLUMNS,
    DigestStatements,
    bigquery_columns,
    parse,
    staged,
)
from soyoil.warehouse.partial.written import Written

if TYPE_CHECKING:
    from google.cloud import bigquery

MAX_LABEL: Final = 63
"""Characters of the key of a label."""
ALTERED: Final = "altered"
"""Value of the label of a table whose rows are not as they were written."""


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
        table = self._client.get_table(self._table)
        if table is None:
            return {}
        own = self._statements(contract).own
        there = {field.name for field in table.schema}
        # An earlier version made the table without the last one.
        names = [*READ_COLUMNS, *({PARTS} & there)]
        rows = self._client.read(self._table, names, own).select(names)
        return parse(list(zip(*(column.to_pylist() for column in rows.columns), strict=True)))

    def create(self) -> bigquery.Table:
        """The table, created if it is missing."""
        table = self._client.get_table(self._table)
        if table is None:
            self._client.create_dataset(self._table.rsplit(".", 1)[0])
            create = DigestStatements.create_bigquery(backtick(self._table))
            self._client.query(create, f"create {self._table}")
        elif PARTS not in {field.name for field in table.schema}:
            add = DigestStatements.add_parts(backtick(self._table))
            self._client.query(add, f"add a column to {self._table}")
        else:
            return table
        table = self._client.get_table(self._table)
        if table is None:
            raise WarehouseError(f"{self._table} was created and is gone: run again")
        return table

    def mark(
        self,
        contract: TableContract,
        before: bigquery.Table,
        rows: int | None,
        ended: dt.datetime | None,
    ) -> None:
        """Remember when a table was last modified, if it is sure to be as its digests say.

        Rows that anybody alters later give the table another time. The mark is a label of the
        table of digests, which costs no job.

        Parameters
        ----------
        contract
            Contract of the table that was written.
        before
            The table before the write.
        rows
            Rows of the batch, if the table should have no others; None if all others were known
            to be as they were written.
        ended
            When the write had ended, by the clock of the server; None if it changed nothing.
        """
        now = self._client.get_table(str(before.reference))
        if now is None or now.modified is None:
            return
        late = now.modified > ended if ended else now.modified != before.modified
        if late or (rows is not None and not has_rows(self._client, now, rows)):
            return
        self._label(*_mark(contract, now.modified))

    def unmark(self, contract: TableContract) -> None:
        """Have the next write compare all rows: some are not as they were written.

        Nothing is said if that is not possible; who reads need not be allowed to write.
        """
        with suppress(WarehouseError):
            self._label(_key(contract), ALTERED)

    def _label(self, key: str, value: str) -> None:
        from google.api_core.exceptions import PreconditionFailed

        table = self._client.get_table(self._table)
        if table is None or table.labels.get(key) == value:
            return
        table.labels = {**table.labels, key: value}
        # Without the mark the next write compares all rows, nothing worse.
        with self._client.explaining(f"describe {self._table}"), suppress(PreconditionFailed):
            self._client.api.update_table(table, ["labels"])

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
        schema = [bigquery.SchemaField(name, kind) for name, kind in bigquery_columns().items()]
        with staged_table(self._client, stage, schema, staged(contract, written, parts=True)):
            yield first, statements.write(backtick(stage))

    def _statements(self, contract: TableContract) -> DigestStatements:
        return DigestStatements(contract, backtick(self._table), text_literal, parts=True)


def _key(contract: TableContract) -> str:
    return contract.name.replace(".", "__")[:MAX_LABEL]


def _mark(contract: TableContract, modified: dt.datetime) -> tuple[str, str]:
    """Label that tells when a table was last modified."""
    return _key(contract), str(round(modified.timestamp() * 1000))


def is_marked(contract: TableContract, table: bigquery.Table, digests: bigquery.Table) -> bool:
    """Whether nobody altered a table since a writer left its digests.

    Parameters
    ----------
    contract
        Contract of the table.
    table
        The table.
    digests
        The table of digests.
    """
    if table.modified is None or table.streaming_buffer is not None:
        return False
    key, value = _mark(contract, table.modified)
    return bool(digests.labels.get(key) == value)


def has_rows(client: BigQueryClient, table: bigquery.Table, rows: int) -> bool:
    """Whether a table has so many rows."""
    if table.num_rows == rows:
        return True
    # Counting is free, and the figure of the metadata may come late.
    name = str(table.reference)
    counted = client.query(f"SELECT COUNT(*) FROM {backtick(name)}", f"count {name}")
    return bool(counted[0][0] == rows)
