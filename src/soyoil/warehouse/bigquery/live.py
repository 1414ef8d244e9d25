"""What the datasets of a BigQuery connection hold, and changes of their structure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

import pyarrow as pa

from soyoil.base.errors import WarehouseError
from soyoil.contracts.contract import Partition
from soyoil.warehouse.bigquery.client import client_for
from soyoil.warehouse.bigquery.extras import table_extras
from soyoil.warehouse.bigquery.fields import added_fields
from soyoil.warehouse.bigquery.schema import standard_type
from soyoil.warehouse.bigquery.schema_update import add_fields, keeping_expirations
from soyoil.warehouse.bigquery.stage import STAGE_PREFIX
from soyoil.warehouse.connection import BigQueryConnection
from soyoil.warehouse.ddl import backtick
from soyoil.warehouse.guard import check_allowed
from soyoil.warehouse.live import HIDDEN, INGESTION_TIME, LiveColumn, LiveTable, LiveWarehouse
from soyoil.warehouse.table_shape import read_stamp

if TYPE_CHECKING:
    from google.cloud import bigquery

_VIEWS: Final = ("VIEW", "MATERIALIZED_VIEW")
_FORMS: Final = {
    "MATERIALIZED_VIEW": "materialized view",
    "EXTERNAL": "external",
    "SNAPSHOT": "snapshot",
}
_REQUESTS_AT_ONCE: Final = 8
"""Google's client keeps ten connections."""
_CREATE_DATASET: Final = re.compile(r"CREATE SCHEMA IF NOT EXISTS `([^`]+)`")
_CREATE_TABLE: Final = re.compile(r"^CREATE (?:SNAPSHOT )?TABLE `([^`]+)\.[^`.]+`", re.MULTILINE)
_REPLACE_TABLE: Final = re.compile(
    r"^(?:CREATE OR REPLACE TABLE `([^`]+)`|DROP TABLE `([^`]+)`;\nALTER TABLE `\2\w+` RENAME)",
    re.MULTILINE,
)
_HIDDEN_OF_OTHERS: Final = re.compile(rf"soyoil_\w+_(?:{'|'.join(sorted(HIDDEN))})")

_Listed = tuple[str, str, bool]
_What = TypeVar("_What", str, _Listed)
_Seen = TypeVar("_Seen")


class BigQueryInspector:
    """Look at the datasets of a connection and change them; implements `live.Inspector`.

    Parameters
    ----------
    connection
        Project, location, prefix.
    whole
        Whether all datasets of the location are looked at, by their real names. Otherwise only
        those whose names begin with the prefix, without it.
    """

    def __init__(self, connection: BigQueryConnection, *, whole: bool = False) -> None:
        self._connection = connection
        self._whole = whole
        self._prefix = "" if whole else connection.dataset_prefix

    @property
    def own_prefix(self) -> str:
        """See `live.LiveWarehouse.own_prefix`."""
        return self._connection.dataset_prefix if self._whole else ""

    def inspect(self) -> LiveWarehouse:
        """What the datasets hold, by requests that cost nothing; see `live.Inspector.inspect`."""
        check_allowed()
        datasets = sorted(name for name in self._datasets() if not self._hidden(name))
        unseen: list[str] = []
        with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool:
            listed = pool.map(self._unless_forbidden(self._listed, unseen), datasets)
            items = [item for found in listed for item in found or ()]
            tables = pool.map(self._unless_forbidden(self._table, unseen), items)
            found = [table for table in tables if table is not None]
        return replace(self._live(datasets, found), unseen=tuple(sorted(unseen)))

    def _unless_forbidden(
        self, look: Callable[[_What], _Seen], unseen: list[str]
    ) -> Callable[[_What], _Seen | None]:
        """Look at something, or note that it may not be looked at unless it is soyoil's own."""
        from google.api_core.exceptions import Forbidden

        def seen(what: _What) -> _Seen | None:
            name = what if isinstance(what, str) else ".".join(what[:2])
            try:
                return look(what)
            except WarehouseError as error:
                own = not self._whole or name.startswith(self._connection.dataset_prefix)
                if own or not isinstance(error.__cause__, Forbidden):
                    raise
                unseen.append(name)
                return None

        return seen

    def _hidden(self, dataset: str) -> bool:
        own = dataset.removeprefix(self._connection.dataset_prefix) if self._whole else dataset
        return bool({dataset, own} & HIDDEN) or bool(
            self._whole and _HIDDEN_OF_OTHERS.fullmatch(dataset)
        )

    def _live(self, datasets: Sequence[str], tables: Sequence[LiveTable]) -> LiveWarehouse:
        ordered = sorted(tables, key=lambda table: table.name)
        connection = self._connection
        return LiveWarehouse(
            "bigquery",
            f"{connection.project}:* ({connection.location})" if self._whole else connection.place,
            tuple(datasets),
            {table.name: table for table in ordered},
            connection.project,
            self._prefix,
            self.own_prefix,
        )

    def _datasets(self) -> Iterator[str]:
        client = client_for(self._connection)
        location = self._connection.location.lower()
        own = self._connection.dataset_prefix
        with client.explaining("list the datasets"):
            for item in client.api.list_datasets(self._connection.project, retry=client.retry):
                there = str(item._properties.get("location") or location).lower()
                here = there == location or (own and item.dataset_id.startswith(own))
                if item.dataset_id.startswith(self._prefix) and here:
                    yield item.dataset_id.removeprefix(self._prefix)

    def _listed(self, dataset: str) -> list[_Listed]:
        """Dataset, name and whether it is a view, of all tables of a dataset."""
        client = client_for(self._connection)
        whole = f"{self._connection.project}.{self._prefix}{dataset}"
        with client.explaining(f"list the tables of {whole}"):
            return [
                (dataset, item.table_id, item.table_type in _VIEWS)
                for item in client.api.list_tables(whole, retry=client.retry)
                if not item.table_id.startswith(STAGE_PREFIX)
            ]

    def _table(self, listed: _Listed) -> LiveTable | None:
        dataset, name, is_view = listed
        whole = f"{self._connection.project}.{self._prefix}{dataset}.{name}"
        table = client_for(self._connection).get_table(whole)
        if table is not None:
            return _table(dataset, table)
        # A table was dropped since; a view may be listed whose tables are gone.
        return LiveTable(f"{dataset}.{name}", "view", ()) if is_view else None

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
        whole = f"{self._connection.project}.{self._prefix}{table.name}"
        return client.read(whole, names).select(names)

    def qualified(self, name: str) -> str:
        """See `live.Inspector.qualified`."""
        return self._live((), ()).qualified(name)

    def execute(self, statements: Sequence[str]) -> None:
        """Run statements, a job each; see `live.Inspector.execute`."""
        check_allowed()
        client = client_for(self._connection)
        for statement in statements:
            created = _CREATE_DATASET.fullmatch(statement)
            if created:
                # By the API, which is told the location and tells one that differs.
                client.create_dataset(created.group(1))
                continue
            added = added_fields(statement)
            if added is not None:
                add_fields(client, *added)
                continue
            for dataset in dict.fromkeys(_CREATE_TABLE.findall(statement)):
                client.check_encryption(dataset)
            first = statement.strip().splitlines()[0]
            with keeping_expirations(client, _replaced(statement)):
                client.change(statement, f"run {first!r}")


def _replaced(statement: str) -> list[str]:
    """Tables in whose place another one comes."""
    return [first or second for first, second in _REPLACE_TABLE.findall(statement)]


def _table(dataset: str, table: bigquery.Table) -> LiveTable:
    view = table.table_type in _VIEWS
    rows, size = _size(table)
    version, content_hash = read_stamp(table.description)
    partition, other = _partition(table)
    return LiveTable(
        f"{dataset}.{table.table_id}",
        "view" if view else "table",
        tuple(_column(field) for field in table.schema),
        partition,
        other,
        tuple(table.clustering_fields or ()),
        rows=None if view else rows,
        bytes=None if view else size,
        modified=table.modified,
        contract_version=version,
        contract_hash=content_hash,
        query=(table.view_query or table.mview_query) if view else None,
        extras=() if view else table_extras(table),
        form=_FORMS.get(table.table_type, ""),
    )


def _size(table: bigquery.Table) -> tuple[int | None, int | None]:
    """Rows and bytes, those in the streaming buffer included; None of what lies elsewhere."""
    if table.table_type == "EXTERNAL":
        return None, None
    buffer = table.streaming_buffer
    rows, size = (buffer.estimated_rows, buffer.estimated_bytes) if buffer else (0, 0)
    return int(table.num_rows or 0) + int(rows or 0), int(table.num_bytes or 0) + int(size or 0)


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
        return None, f"{INGESTION_TIME}{times.type_}"
    if times.type_ == "MONTH":
        return Partition(column=times.field, granularity="MONTH"), None
    if times.type_ == "DAY":
        return Partition(column=times.field, granularity="DAY"), None
    kinds = {field.name: field.field_type for field in table.schema}
    truncate = "DATE_TRUNC" if kinds.get(times.field) == "DATE" else "TIMESTAMP_TRUNC"
    return None, f"{truncate}({backtick(times.field)}, {times.type_})"
