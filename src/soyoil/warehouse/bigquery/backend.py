"""Warehouse in datasets of a BigQuery project.

Rows are read by the Storage API as Arrow and written by a Parquet load job into a staging table
and one statement from there, or one transaction of several: a write that is interrupted leaves
the table as it was, and its staging table expires by itself.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import random
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

import pyarrow as pa

from soyoil.base.errors import WarehouseBusyError, WarehouseError
from soyoil.contracts.contract import TableContract, WriteMode
from soyoil.contracts.validation import check_rows
from soyoil.warehouse import digest, table_check
from soyoil.warehouse.backend import AlteredRows, DateSpan, Where, WriteResult
from soyoil.warehouse.bigquery.client import client_for
from soyoil.warehouse.bigquery.digests import BigQueryDigests, has_rows, is_marked
from soyoil.warehouse.bigquery.schema import (
    addable_columns,
    bigquery_schema,
    description,
    differences,
)
from soyoil.warehouse.bigquery.sql import (
    BigQueryStatements,
    batches,
    check_key_holds_partition,
    day_of,
)
from soyoil.warehouse.bigquery.stage import STAGE_PREFIX, staged_table
from soyoil.warehouse.connection import BigQueryConnection
from soyoil.warehouse.guard import check_allowed
from soyoil.warehouse.partial.parts import changes, digests_by_part
from soyoil.warehouse.partial.where import check_where, groups_taken, takes_whole_groups
from soyoil.warehouse.partial.written import Written, after_write, needs_rows

if TYPE_CHECKING:
    from google.cloud import bigquery

logger = logging.getLogger(__name__)

ATTEMPTS: Final = 6
BACKOFF_S: Final = 0.5

T = TypeVar("T")


class BigQueryWarehouse:
    """Contracted tables in BigQuery; implements `backend.Warehouse`.

    Parameters
    ----------
    connection
        Project, datasets, limits.
    """

    def __init__(self, connection: BigQueryConnection) -> None:
        self._connection = connection
        self._client = client_for(connection)
        self._digests = BigQueryDigests(self._client)

    def exists(self, contract: TableContract) -> bool:
        """Whether the table is there, in whatever state."""
        check_allowed()
        return self._client.get_table(self._connection.table(contract.name)) is not None

    def read(
        self,
        contract: TableContract,
        columns: Sequence[str] | None = None,
        span: DateSpan | None = None,
        altered: AlteredRows = "refuse",
        where: Where | None = None,
    ) -> pa.Table:
        """Rows in key order; see `backend.Warehouse.read`."""
        check_allowed()
        schema = table_check.projection(contract, columns)
        check_where(contract, where or {})
        statements = self._statements(contract)
        restriction = statements.restriction(span, where)
        table = self._client.get_table(statements.table)
        if table is None:
            raise table_check.missing_table(contract, self._connection.place)
        self._check_table(contract, table, schema.names)
        # Rows come in no order, so the key is read as well.
        names = list(dict.fromkeys((*schema.names, *contract.key)))
        self._check_cost(statements, table, names, restriction)

        def ordered() -> pa.Table:
            rows = self._client.read(statements.table, names, restriction)
            order = [(name, "ascending") for name in contract.key]
            return rows.sort_by(order).select(schema.names).cast(schema).combine_chunks()

        if columns is not None:
            return ordered()
        if span is None and takes_whole_groups(contract, where):
            rows = self._repeated(lambda: self._intact(contract, ordered, altered, where))
        else:
            rows = ordered()
        check_rows(rows, contract, self._connection.place)
        return rows

    def _intact(
        self,
        contract: TableContract,
        read: Callable[[], pa.Table],
        altered: AlteredRows,
        where: Where | None,
    ) -> pa.Table:
        """All rows of a table, or of some groups, if they are as they were written."""
        stored = self._digests.stored(contract)
        groups = groups_taken(contract, stored, where)
        rows = read()
        now = digest.group_digests(contract, rows)
        differ = digest.altered(stored, now, None if groups is None else {*groups, *now})
        if differ and self._digests.stored(contract) != stored:
            raise WarehouseBusyError(f"{contract.name} was written while it was read.")
        if differ:
            self._digests.unmark(contract)
        return digest.checked(contract, rows, stored, self._connection.place, altered, groups)

    def write(self, contract: TableContract, table: pa.Table) -> WriteResult:
        """Write a validated batch, all or nothing; see `backend.Warehouse.write`."""
        check_allowed()
        table_check.check_batch(contract, table)
        statements = self._statements(contract)
        before = self._repeated(lambda: self._prepared(statements))
        mode = table_check.write_mode(contract, table)
        if not table.num_rows and (mode != "replace" or not before.num_rows):
            return WriteResult(0, 0, 0, 0)
        marked = is_marked(contract, before, self._digests.create())
        result, ended = None, None
        if marked:
            result, ended = self._parts_written(statements, before, table, mode)
        if result is None:
            self._check_provenance(statements, before, table)
            partitions = self._partitions(statements, table, mode)
            schema = bigquery_schema(contract)
            with staged_table(self._client, statements.stage, schema, table):
                result, ended = self._repeated(
                    lambda: self._applied(statements, table, mode, partitions)
                )
        if ended or not marked:
            self._digests.mark(contract, before, None if marked else table.num_rows, ended)
        return result

    def _parts_written(
        self,
        statements: BigQueryStatements,
        before: bigquery.Table,
        batch: pa.Table,
        mode: WriteMode,
    ) -> tuple[WriteResult | None, dt.datetime | None]:
        """Write the months whose digests differ, if they tell all; send nothing else."""
        contract = statements.contract
        partition = contract.partition
        if mode == "upsert" or (partition is not None and partition.granularity != "MONTH"):
            return None, None
        stored = self._digests.stored(contract)
        found = changes(contract, batch, mode, stored)
        if found is None or not has_rows(
            self._client, before, sum(d.rows for d in stored.values())
        ):
            return None, None
        if not found.kept:
            self._check_provenance(statements, before, batch)
        rows = found.rows
        partitions = table_check.partitions(contract, rows)
        span = self._span(contract, partitions)
        statements = replace(statements, by_part=True)
        doing = f"write {statements.table}"
        with contextlib.ExitStack() as stack:
            steps: list[str] = []
            result = WriteResult(0, 0, 0, batch.num_rows)
            if rows.num_rows:
                schema = bigquery_schema(contract)
                stack.enter_context(staged_table(self._client, statements.stage, schema, rows))
                counts = (rows.num_rows, 0, 0)
                if not found.fresh:
                    (counts,) = self._client.query(statements.counts(mode, span), doing)
                inserted, updated, deleted = counts
                same = batch.num_rows - inserted - updated
                result = WriteResult(inserted, updated, deleted, same)
                steps = statements.parts(mode, [span], result)
            try:
                return result, self._run(contract, steps, stored, found.written, doing)
            except WarehouseBusyError as exc:
                logger.info("%s All rows are compared now.", exc)
                return None, None

    def _run(
        self,
        contract: TableContract,
        steps: Sequence[str],
        stored: digest.Digests,
        written: Written,
        doing: str,
    ) -> dt.datetime | None:
        """Run the steps and write the digests in one transaction.

        Returns
        -------
        datetime or None
            When it had ended, by the clock of the server; None if there was nothing to do.
        """
        with self._digests.writing(contract, stored, written) as (first, last):
            steps = [*first, *steps, *last]
            if not steps:
                return None
            if len(steps) > 1:
                steps = ["BEGIN TRANSACTION", *steps, "COMMIT TRANSACTION"]
            steps.append("SELECT CURRENT_TIMESTAMP()")
            rows = self._client.query(";\n\n".join(steps) + ";", doing)
        return rows[0][0] if rows else None

    def _statements(self, contract: TableContract) -> BigQueryStatements:
        table = self._connection.table(contract.name)
        dataset, name = table.rsplit(".", 1)
        stage = f"{dataset}.{STAGE_PREFIX}{name}_{uuid.uuid4().hex}"
        return BigQueryStatements(contract, table, stage)

    def _prepared(self, statements: BigQueryStatements) -> bigquery.Table:
        """The table, created if it is missing, checked to fit."""
        contract = statements.contract
        table = self._client.get_table(statements.table)
        if table is None:
            self._client.create_dataset(statements.table.rsplit(".", 1)[0])
            self._digests.forget(contract)
            create = statements.create_table(description(contract))
            self._client.change(create, f"create {statements.table}")
            table = self._client.get_table(statements.table)
            if table is None:
                raise WarehouseError(f"{statements.table} was created and is gone: run again")
        self._check_table(contract, table, ())
        new = addable_columns(contract, table)
        if new:
            self._client.change(statements.add_columns(new), f"add columns to {statements.table}")
            table = self._client.get_table(statements.table) or table
        stamp = table_check.stamp(contract)
        if table_check.stamp_of(table.description) != stamp:
            table.description = description(contract)
            with self._client.explaining(f"describe {statements.table}"):
                table = self._client.api.update_table(table, ["description"])
        return table

    def _check_table(
        self, contract: TableContract, table: bigquery.Table, wanted: Sequence[str]
    ) -> None:
        name = f"`{table.project}.{table.dataset_id}.{table.table_id}`"
        table_check.check_fit(
            contract,
            differences(contract, table, wanted),
            self._connection.place,
            f"look at `kedro warehouse plan`, or remove the table (DROP TABLE {name}) and run "
            "again.",
        )

    def _check_provenance(
        self, statements: BigQueryStatements, table: bigquery.Table, batch: pa.Table
    ) -> None:
        contract = statements.contract
        found = table_check.provenances(contract, batch)
        if not found or not table.num_rows:
            return
        rows = self._client.query(statements.provenances(), f"read {statements.table}")
        table_check.check_provenance(
            contract,
            found,
            [row[0] for row in rows],
            self._connection.place,
            "Use another dataset_prefix for this source, or remove the table.",
        )

    def _check_cost(
        self,
        statements: BigQueryStatements,
        table: bigquery.Table,
        columns: Sequence[str],
        restriction: str,
    ) -> None:
        """Refuse a read that is too expensive; asked once per table, columns and rows."""
        query = statements.select(columns, restriction)
        if query in self._client.estimates:
            return
        estimate = self._client.dry_run(query, f"estimate a read of {statements.table}")
        # A server that tells nothing: no read needs more than all there is.
        estimate = estimate or table.num_bytes or 0
        self._client.check_cost(estimate, f"reading {statements.table}")
        logger.info("%s: reading %.1f MiB", statements.table, estimate / 2**20)
        self._client.estimates[query] = estimate

    def _partitions(
        self, statements: BigQueryStatements, batch: pa.Table, mode: WriteMode
    ) -> list[str]:
        """Ids of the partitions that a write may change, sorted, their number checked."""
        contract = statements.contract
        partition = contract.partition
        if partition is None:
            return []
        found = table_check.partitions(contract, batch)
        # Two centuries of months are below every limit, so only days are looked up.
        if partition.granularity == "MONTH":
            return found
        rows = self._client.query(statements.partitions(), f"look at {statements.table}")
        there = {row[0] for row in rows if row[0].isdigit()}
        table_check.check_partition_count(contract, len(there.union(found)))
        if mode != "upsert" or partition.column not in contract.key:
            found = sorted(there.union(found))
        check_key_holds_partition(contract, len(found))
        return found

    def _applied(
        self,
        statements: BigQueryStatements,
        batch: pa.Table,
        mode: WriteMode,
        partitions: Sequence[str],
    ) -> tuple[WriteResult, dt.datetime | None]:
        """Write from the staging table, if anything is to be written at all; when it ended."""
        contract = statements.contract
        stored = self._digests.stored(contract)
        written = self._digests_after(statements, batch, mode, stored)
        span = self._span(contract, partitions)
        doing = f"write {statements.table}"
        ((inserted, updated, deleted),) = self._client.query(statements.counts(mode, span), doing)
        unchanged = batch.num_rows - inserted - updated
        result = WriteResult(inserted, updated, deleted, unchanged)
        # Rows that go may lie anywhere.
        spans = batches(partitions, span if mode == "upsert" else DateSpan())
        steps = statements.parts(mode, spans, result)
        return result, self._run(contract, steps, stored, written, doing)

    def _digests_after(
        self,
        statements: BigQueryStatements,
        batch: pa.Table,
        mode: WriteMode,
        stored: digest.Digests,
    ) -> Written:
        """What becomes of the digests of the table.

        Raises
        ------
        ContractError
            The batch goes between rows that were altered: their digest would hide it.
        """
        contract = statements.contract
        old = None
        if needs_rows(mode, stored):
            schema = contract.arrow_schema()
            old = self._client.read(statements.table, schema.names).select(schema.names)
            old = old.cast(schema).combine_chunks()
            if stored:
                old = digest.rows_of_groups(contract, old, batch)
                place = self._connection.place
                digest.check_batch_groups(contract, batch, old, stored, place)
        return after_write(contract, batch, mode, stored, old, digests_by_part)

    def _span(self, contract: TableContract, partitions: Sequence[str]) -> DateSpan:
        """Days that hold the batch and every row it may update."""
        if not partitions or contract.partition is None:
            return DateSpan()
        if contract.partition.column not in contract.key:
            return DateSpan()
        last = day_of(partitions[-1])
        months = contract.partition.granularity == "MONTH"
        # The 32nd day of a month lies in the next one.
        after = last + dt.timedelta(days=32 if months else 1)
        return DateSpan(day_of(partitions[0]), after.replace(day=1) if months else after)

    def _repeated(self, attempt: Callable[[], T]) -> T:
        """Do something that writes nothing or everything again when another writer came between."""
        for number in range(1, ATTEMPTS):
            try:
                return attempt()
            except WarehouseBusyError as exc:
                pause = BACKOFF_S * 2**number * random.uniform(0.5, 1.0)
                logger.info("%s Trying again in %.1f s.", exc, pause)
                time.sleep(pause)
        return attempt()
