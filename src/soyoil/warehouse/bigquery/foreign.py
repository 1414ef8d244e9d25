"""Tables of a BigQuery project that soyoil did not write."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from soyoil.base.errors import WarehouseError
from soyoil.warehouse.bigquery.client import client_for
from soyoil.warehouse.bigquery.schema import standard_type
from soyoil.warehouse.connection import BigQueryConnection
from soyoil.warehouse.ddl import backtick
from soyoil.warehouse.foreign import Beginnings, ForeignColumn, ForeignTable
from soyoil.warehouse.guard import check_allowed

if TYPE_CHECKING:
    from google.cloud import bigquery

logger = logging.getLogger(__name__)


class BigQueryForeignTables:
    """Tables of a project, whatever their dataset; implements `foreign.ForeignTables`.

    Parameters
    ----------
    connection
        Project, limits. The prefix of its datasets is that of soyoil's own and not put before
        the names here.
    """

    def __init__(self, connection: BigQueryConnection) -> None:
        self._connection = connection
        self._client = client_for(connection)
        self._found: dict[str, bigquery.Table] = {}

    @property
    def place(self) -> str:
        """See `foreign.ForeignTables.place`."""
        return f"BigQuery project {self._connection.project}"

    def names(self) -> list[str]:
        """See `foreign.ForeignTables.names`."""
        client = self._client
        with client.explaining("list the tables"):
            datasets = [item.dataset_id for item in client.api.list_datasets(retry=client.retry)]
            return sorted(
                f"{dataset}.{item.table_id}"
                for dataset in datasets
                for item in client.api.list_tables(dataset, retry=client.retry)
            )

    def find(self, name: str) -> ForeignTable | None:
        """See `foreign.ForeignTables.find`; ``project.dataset.table`` is of another project."""
        check_allowed()
        whole = name if name.count(".") > 1 else f"{self._connection.project}.{name}"
        if whole.count(".") < 2:
            raise WarehouseError(
                f"{name} is no name of a table in BigQuery: write dataset.table, or "
                "project.dataset.table"
            )
        table = self._client.get_table(whole)
        if table is None:
            return None
        self._found[name] = table
        columns = (
            ForeignColumn(f.name, standard_type(f) + "[]" * (f.mode == "REPEATED"))
            for f in table.schema
        )
        return ForeignTable(name, tuple(columns))

    def read(
        self, table: ForeignTable, columns: Sequence[str], rows: Beginnings | None = None
    ) -> pa.Table:
        """See `foreign.ForeignTables.read`: the Storage API for tables, a query for views."""
        check_allowed()
        live = self._found[table.name]
        whole = f"{live.project}.{live.dataset_id}.{live.table_id}"
        condition = _condition(live, rows)
        query = f"SELECT {', '.join(map(backtick, columns))} FROM {backtick(whole)}"
        query += f" WHERE {condition}" if condition else ""
        estimate = self._client.dry_run(query, f"estimate a read of {whole}")
        # A server that tells nothing: no read needs more than all there is.
        estimate = estimate or live.num_bytes or 0
        self._client.check_cost(estimate, f"reading {whole}")
        logger.info("%s: reading %.1f MiB", whole, estimate / 2**20)
        if live.table_type == "TABLE":
            return self._client.read(whole, columns, condition).select(list(columns))
        with self._client.explaining(f"read {whole}"):
            job = self._client.api.query(query, job_retry=None)
            return job.result(job_retry=None).to_arrow(create_bqstorage_client=False)


def _condition(table: bigquery.Table, rows: Beginnings | None) -> str:
    """Rows that are wanted; with a partition filter where the table demands one."""
    parts = []
    if rows is not None:
        text = backtick(rows.column)
        parts.append(" OR ".join(f"{text} LIKE '{beginning}%'" for beginning in rows.texts))
    times = table.time_partitioning
    if table.require_partition_filter and times is not None and times.field is not None:
        parts.append(f"{backtick(times.field)} >= '1900-01-01'")
    return " AND ".join(f"({part})" for part in parts) if len(parts) > 1 else "".join(parts)
