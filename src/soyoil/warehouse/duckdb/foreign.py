"""Tables of a DuckDB file that soyoil did not write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from soyoil.base.errors import MissingTableError, WarehouseError
from soyoil.contracts.contract import quote
from soyoil.warehouse.connection import DuckDBConnection
from soyoil.warehouse.duckdb.backend import DuckDBWarehouse
from soyoil.warehouse.foreign import Beginnings, ForeignColumn, ForeignTable
from soyoil.warehouse.guard import check_allowed
from soyoil.warehouse.sql import literal

_NAMES: Final = """
    SELECT schema_name, table_name FROM duckdb_tables()
    WHERE database_name = current_database() AND NOT internal AND NOT temporary
    UNION ALL
    SELECT schema_name, view_name FROM duckdb_views()
    WHERE database_name = current_database() AND NOT internal AND NOT temporary
    ORDER BY ALL"""


class _File(DuckDBWarehouse):
    """The file, opened as the warehouse opens it."""

    def __init__(self, config: DuckDBConnection) -> None:
        super().__init__(config)
        self.path = self._path
        self.opened = self._open


class DuckDBForeignTables:
    """Tables of a file, opened to read only; implements `foreign.ForeignTables`.

    Parameters
    ----------
    config
        Path and patience.
    """

    def __init__(self, config: DuckDBConnection) -> None:
        self._file = _File(config)
        self._found: dict[str, str] = {}

    @property
    def place(self) -> str:
        """See `foreign.ForeignTables.place`."""
        return str(self._file.path)

    def names(self) -> list[str]:
        """See `foreign.ForeignTables.names`."""
        return [".".join(parts) for parts in self._listed()]

    def _listed(self) -> list[tuple[str, str]]:
        check_allowed()
        if not self._file.path.is_file():
            raise MissingTableError(f"there is no DuckDB file {self._file.path}")
        with self._file.opened(read_only=True) as connection:
            return [(str(s), str(t)) for s, t in connection.execute(_NAMES).fetchall()]

    def find(self, name: str) -> ForeignTable | None:
        """See `foreign.ForeignTables.find`; DuckDB does not tell case apart."""
        if name.count(".") != 1:
            raise WarehouseError(
                f"{name} is no name of a table in the DuckDB file {self._file.path}: write "
                "dataset.table, as in market_data.bars"
            )
        spelled = {".".join(parts).lower(): parts for parts in self._listed()}
        parts = spelled.get(name.lower())
        if parts is None:
            return None
        whole = ".".join(parts)
        self._found[whole] = ".".join(quote(part) for part in parts)
        with self._file.opened(read_only=True) as connection:
            relation = connection.sql(f"SELECT * FROM {self._found[whole]} LIMIT 0")
            types = zip(relation.columns, map(str, relation.types), strict=True)
            return ForeignTable(whole, tuple(ForeignColumn(n, kind) for n, kind in types))

    def read(
        self, table: ForeignTable, columns: Sequence[str], rows: Beginnings | None = None
    ) -> pa.Table:
        """See `foreign.ForeignTables.read`."""
        check_allowed()
        query = f"SELECT {', '.join(map(quote, columns))} FROM {self._found[table.name]}"
        if rows is not None:
            text = f"CAST({quote(rows.column)} AS VARCHAR)"
            starts = (f"starts_with({text}, {literal(beginning)})" for beginning in rows.texts)
            query += f" WHERE {' OR '.join(starts)}"
        with self._file.opened(read_only=True) as connection:
            connection.execute("SET TimeZone = 'UTC'").fetchall()
            return connection.sql(query).to_arrow_table().combine_chunks()
