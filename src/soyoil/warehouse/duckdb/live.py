"""What a DuckDB file holds, and changes of its structure."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import duckdb
import pyarrow as pa

from soyoil.base.errors import WarehouseError
from soyoil.contracts.contract import DUCKDB_TYPES, quote
from soyoil.contracts.identifiers import dotted, spelled
from soyoil.warehouse.connection import DuckDBConnection
from soyoil.warehouse.duckdb.backend import DuckDBWarehouse
from soyoil.warehouse.duckdb.extras import read_extras
from soyoil.warehouse.guard import check_allowed
from soyoil.warehouse.live import HIDDEN, LiveColumn, LiveTable, LiveWarehouse
from soyoil.warehouse.sql import literal
from soyoil.warehouse.table_shape import read_stamp

BLOCK_BYTES: Final = 2**18
"""Size of a block of a DuckDB file."""

_TYPES: Final = {
    **{name: kind for kind, name in DUCKDB_TYPES.items()},
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
    # Without a zone it is what BigQuery calls DATETIME.
    "TIMESTAMP": "DATETIME",
}
_VIEW: Final = re.compile(
    r"^\s*CREATE\b.*?\bVIEW\b.*?\bAS\b\s*(?=SELECT|WITH|FROM|VALUES|\()", re.IGNORECASE | re.DOTALL
)
_TABLES: Final = """
    SELECT schema_name, table_name, comment FROM duckdb_tables()
    WHERE database_name = current_database() AND NOT internal AND NOT temporary
    ORDER BY ALL"""
_VIEWS: Final = """
    SELECT schema_name, view_name, sql FROM duckdb_views()
    WHERE database_name = current_database() AND NOT internal AND NOT temporary
    ORDER BY ALL"""
_DATASETS: Final = """
    SELECT schema_name FROM duckdb_schemas()
    WHERE database_name = current_database() AND NOT internal ORDER BY ALL"""
_REQUIRED: Final = """
    SELECT schema_name, table_name, column_name FROM duckdb_columns()
    WHERE database_name = current_database() AND NOT internal AND NOT is_nullable"""


class _File(DuckDBWarehouse):
    """The file, opened as the warehouse opens it."""

    def __init__(self, config: DuckDBConnection) -> None:
        super().__init__(config)
        self.path = self._path
        self.opened = self._open
        self.create = self._create_file


class DuckDBInspector:
    """Look at a DuckDB file and change its structure; implements `live.Inspector`.

    Parameters
    ----------
    config
        Path and patience.
    """

    def __init__(self, config: DuckDBConnection) -> None:
        self._file = _File(config)
        self._catalog = _catalog(self._file.path.name)
        self._location = str(self._file.path)

    @property
    def own_prefix(self) -> str:
        """None: the file is of one warehouse."""
        return ""

    def inspect(self) -> LiveWarehouse:
        """What the file holds; see `live.Inspector.inspect`.

        Sizes are those of the blocks on disk, which small tables share.
        """
        check_allowed()
        if not self._file.path.exists():
            return self._live((), ())
        with self._file.opened(read_only=True) as connection:
            self._catalog = str(_fetch(connection, "SELECT current_database()")[0][0])
            datasets = {spelled(row[0]) for row in _fetch(connection, _DATASETS)}
            required = {tuple(row) for row in _fetch(connection, _REQUIRED)}
            extras = read_extras(connection)
            tables = [
                replace(
                    self._table(connection, (dataset, name), comment, required),
                    extras=extras.get((dataset, name), ()),
                )
                for dataset, name, comment in _fetch(connection, _TABLES)
                if dataset not in HIDDEN
            ]
            tables += [
                self._view(connection, dotted((dataset, name)), sql)
                for dataset, name, sql in _fetch(connection, _VIEWS)
                if dataset not in HIDDEN
            ]
        datasets |= {table.dataset for table in tables}
        return self._live(tuple(sorted(datasets - HIDDEN)), tables)

    def _live(self, datasets: tuple[str, ...], tables: Sequence[LiveTable]) -> LiveWarehouse:
        ordered = sorted(tables, key=lambda table: table.name)
        return LiveWarehouse(
            "duckdb", self._location, datasets, {t.name: t for t in ordered}, self._catalog
        )

    def _table(
        self,
        connection: duckdb.DuckDBPyConnection,
        name: tuple[str, str],
        comment: str | None,
        required: set[tuple[Any, ...]],
    ) -> LiveTable:
        whole = dotted(name)
        qualified = self.qualified(whole)
        columns = tuple(
            _column(column, kind, nullable=(*name, column) not in required)
            for column, kind in _types(connection, qualified)
        )
        version, content_hash = read_stamp(comment)
        return LiveTable(
            whole,
            "table",
            columns,
            rows=int(_fetch(connection, f"SELECT COUNT(*) FROM {qualified}")[0][0]),
            bytes=_bytes(connection, qualified),
            contract_version=version,
            contract_hash=content_hash,
        )

    def _view(self, connection: duckdb.DuckDBPyConnection, name: str, sql: str) -> LiveTable:
        columns: tuple[LiveColumn, ...] = ()
        # A view over what does not exist has no columns that anything could tell.
        with contextlib.suppress(duckdb.Error):
            types = _types(connection, self.qualified(name))
            columns = tuple(_column(column, kind) for column, kind in types)
        query = _VIEW.sub("", sql).strip().removesuffix(";")
        return LiveTable(name, "view", columns, query=query)

    def read(self, table: LiveTable, columns: Sequence[str] | None = None) -> pa.Table:
        """Rows of any table; see `live.Inspector.read`."""
        check_allowed()
        wanted = "*" if columns is None else ", ".join(quote(name) for name in columns)
        with self._file.opened(read_only=True) as connection:
            found = connection.sql(f"SELECT {wanted} FROM {self.qualified(table.name)}")
            return found.to_arrow_table().combine_chunks()

    def qualified(self, name: str) -> str:
        """See `live.Inspector.qualified`."""
        return self._live((), ()).qualified(name)

    def execute(self, statements: Sequence[str]) -> None:
        """Run statements as one transaction; see `live.Inspector.execute`."""
        check_allowed()
        self._file.create()
        with self._file.opened(read_only=False) as connection:
            # Times without a zone are UTC, whatever the zone of the machine.
            connection.execute("SET TimeZone = 'UTC'").fetchall()
            connection.begin()
            for statement in statements:
                try:
                    _fetch(connection, statement)
                except duckdb.Error as exc:
                    with contextlib.suppress(duckdb.Error):
                        connection.rollback()
                    first = statement.strip().splitlines()[0]
                    said = str(exc).strip().splitlines()[0]
                    raise WarehouseError(
                        f"DuckDB refused {first!r} in {self._location}: {said} "
                        "(nothing of this change was kept)"
                    ) from exc
            connection.commit()


def _catalog(file_name: str) -> str:
    """Catalog that DuckDB makes of a file: its name up to a dot, if it is not reserved."""
    first = next((part for part in file_name.split(".") if part), file_name)
    return f"{first}_db" if first in ("main", "temp", "system") else first


def _fetch(connection: duckdb.DuckDBPyConnection, statement: str) -> list[tuple[Any, ...]]:
    return connection.execute(statement).fetchall()


def _types(connection: duckdb.DuckDBPyConnection, qualified: str) -> list[tuple[str, Any]]:
    relation = connection.sql(f"SELECT * FROM {qualified} LIMIT 0")
    return list(zip(relation.columns, relation.types, strict=True))


def _column(name: str, kind: Any, nullable: bool = True) -> LiveColumn:
    """Column of a `duckdb.sqltypes.DuckDBPyType`."""
    repeated = kind.id == "list"
    if repeated:
        kind = dict(kind.children)["child"]
    if kind.id == "struct":
        fields = tuple(_column(inner, inner_kind) for inner, inner_kind in kind.children)
        return LiveColumn(name, "STRUCT", nullable, repeated, fields)
    return LiveColumn(name, _TYPES.get(str(kind), str(kind)), nullable, repeated)


def _bytes(connection: duckdb.DuckDBPyConnection, qualified: str) -> int:
    blocks = _fetch(
        connection,
        "SELECT COUNT(DISTINCT block) FROM ("
        "SELECT unnest(list_prepend(block_id, additional_block_ids)) AS block "
        f"FROM pragma_storage_info({literal(qualified)}) WHERE persistent) WHERE block >= 0",
    )
    return int(blocks[0][0]) * BLOCK_BYTES
