"""What the datasets of a BigQuery connection hold, and changes of their structure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from soyoil.contracts.contract import Partition
from soyoil.warehouse.bigquery.client import client_for
from soyoil.warehouse.bigquery.extras import table_extras
from soyoil.warehouse.bigquery.schema import standard_type
from soyoil.warehouse.bigquery.stage import STAGE_PREFIX
from soyoil.warehouse.connection import BigQueryConnection
from soyoil.warehouse.ddl import backtick
from soyoil.warehouse.guard import check_allowed
from soyoil.warehouse.live import HIDDEN, LiveColumn, LiveTable, LiveWarehouse
from soyoil.warehouse.table_shape import read_stamp

if TYPE_CHECKING:
    from google.cloud import bigquery

_VIEWS: Final = ("VIEW", "MATERIALIZED_VIEW")


class BigQueryInspector:
    """Look at the datasets of a connection and change them; implements `live.Inspector`.

    The datasets are those of the location whose names begin with the prefix.

    Parameters
    ----------
    connection
        Project, location, prefix.
    """

    def __init__(self, connection: BigQueryConnection) -> None:
        self._connection = connection

    def inspect(self) -> LiveWarehouse:
        """What the datasets hold, by requests that cost nothing; see `live.Inspector.inspect`."""
        check_allowed()
        datasets = sorted(self._datasets())
        tables = [
            _table(dataset, table)
            for dataset in datasets
            if dataset not in HIDDEN
            for table in self._tables(dataset)
        ]
        return self._live([name for name in datasets if name not in HIDDEN], tables)

    def _live(self, datasets: Sequence[str], tables: Sequence[LiveTable]) -> LiveWarehouse:
        ordered = sorted(tables, key=lambda table: table.name)
        return LiveWarehouse(
            "bigquery",
            self._connection.place,
            tuple(datasets),
            {table.name: table for table in ordered},
            self._connection.project,
            self._connection.dataset_prefix,
        )

    def _datasets(self) -> Iterator[str]:
        client = client_for(self._connection)
        prefix = self._connection.dataset_prefix
        with client.explaining("list the datasets"):
            for item in client.api.list_datasets(retry=client.retry):
                if item.dataset_id.startswith(prefix):
                    yield item.dataset_id.removeprefix(prefix)

    def _tables(self, dataset: str) -> Iterator[bigquery.Table]:
        client = client_for(self._connection)
        whole = f"{self._connection.project}.{self._connection.dataset(dataset)}"
        with client.explaining(f"list the tables of {whole}"):
            names = [item.table_id for item in client.api.list_tables(whole, retry=client.retry)]
        for name in names:
            # None if it was dropped since.
            table = None if name.startswith(STAGE_PREFIX) else client.get_table(f"{whole}.{name}")
            if table is not None:
                yield table

    def read(self, table: LiveTable, columns: Sequence[str] | None = None) -> pa.Table:
        """Rows of any table; see `live.Inspector.read`."""
        check_allowed()
        client = client_for(self._connection)
        names = [column.name for column in table.columns] if columns is None else list(columns)
        if table.kind == "view":
            wanted = ", ".join(backtick(name) for name in names)
            with client.explaining(f"read the view {table.name}"):
                job = client.api.query(f"SELECT {wanted} FROM {self.qualified(table.name)}")
                return job.result().to_arrow(create_bqstorage_client=False)
        client.check_cost(table.bytes or 0, f"reading {table.name}")
        return client.read(self._connection.table(table.name), names).select(names)

    def qualified(self, name: str) -> str:
        """See `live.Inspector.qualified`."""
        return self._live((), ()).qualified(name)

    def execute(self, statements: Sequence[str]) -> None:
        """Run statements, a job each; see `live.Inspector.execute`."""
        check_allowed()
        client = client_for(self._connection)
        for statement in statements:
            first = statement.strip().splitlines()[0]
            client.query(statement, f"run {first!r}")


def _table(dataset: str, table: bigquery.Table) -> LiveTable:
    view = table.table_type in _VIEWS
    version, content_hash = read_stamp(table.description)
    partition, other = _partition(table)
    return LiveTable(
        f"{dataset}.{table.table_id}",
        "view" if view else "table",
        tuple(_column(field) for field in table.schema),
        partition,
        other,
        tuple(table.clustering_fields or ()),
        rows=None if view else int(table.num_rows or 0),
        bytes=None if view else int(table.num_bytes or 0),
        modified=table.modified,
        contract_version=version,
        contract_hash=content_hash,
        query=(table.view_query or table.mview_query) if view else None,
        extras=() if view else table_extras(table),
    )


def _column(field: bigquery.SchemaField) -> LiveColumn:
    kind = standard_type(field)
    if field.precision is not None:
        kind += f"({field.precision}, {field.scale or 0})"
    elif field.max_length is not None:
        kind += f"({field.max_length})"
    return LiveColumn(
        field.name,
        kind,
        nullable=field.mode != "REQUIRED",
        repeated=field.mode == "REPEATED",
        fields=tuple(_column(inner) for inner in field.fields),
    )


def _partition(table: bigquery.Table) -> tuple[Partition | None, str | None]:
    """Partitioning that contracts know, or the expression of another one."""
    ranges = table.range_partitioning
    if ranges is not None:
        bounds = f"{ranges.range_.start}, {ranges.range_.end}, {ranges.range_.interval}"
        return None, f"RANGE_BUCKET({backtick(ranges.field)}, GENERATE_ARRAY({bounds}))"
    times = table.time_partitioning
    if times is None:
        return None, None
    if times.field is None:
        return None, f"ingestion time by {times.type_}"
    if times.type_ == "MONTH":
        return Partition(column=times.field, granularity="MONTH"), None
    if times.type_ == "DAY":
        return Partition(column=times.field, granularity="DAY"), None
    kinds = {field.name: field.field_type for field in table.schema}
    truncate = "DATE_TRUNC" if kinds.get(times.field) == "DATE" else "TIMESTAMP_TRUNC"
    return None, f"{truncate}({backtick(times.field)}, {times.type_})"
