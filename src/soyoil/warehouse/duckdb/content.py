"""What a table of a DuckDB file holds, as a short text, without reading its rows into Python."""

from __future__ import annotations

from typing import Final

from soyoil.base.handover import text_hash
from soyoil.contracts.contract import TableContract
from soyoil.warehouse.digest import TABLE
from soyoil.warehouse.duckdb.backend import DuckDBWarehouse
from soyoil.warehouse.guard import check_allowed
from soyoil.warehouse.sql import TableStatements, literal

ABSENT: Final = "absent"
"""Content of a table that is not there."""

_MARKS: Final = TABLE.split(".")


class DuckDBContent(DuckDBWarehouse):
    """Hashes of tables, computed by DuckDB itself."""

    def content(self, contract: TableContract) -> str:
        """Number of rows, hashes of all values whatever their order, and what writers left of them.

        Zero and minus zero are one value here.

        Raises
        ------
        WarehouseError
            The file cannot be read.
        WarehouseBusyError
            Another process holds it.
        """
        check_allowed()
        if not self._path.exists():
            return ABSENT
        with self._open(read_only=True) as connection:
            catalog = str(connection.execute("SELECT current_database()").fetchall()[0][0])
            statements = TableStatements(contract, catalog)
            if not connection.execute(statements.find()).fetchall():
                return ABSENT
            table = statements.table
            shape = connection.sql(f"SELECT * FROM {table} LIMIT 0")
            columns = list(zip(shape.columns, map(str, shape.types), strict=True))
            values = connection.execute(
                "SELECT count(*)::VARCHAR, bit_xor(hash(r))::VARCHAR, sum(hash(r)::HUGEINT)"
                f"::VARCHAR FROM {table} AS r"
            ).fetchall()
            marks = connection.execute(
                "SELECT 1 FROM duckdb_tables() WHERE database_name = current_database() AND "
                f"schema_name = {literal(_MARKS[0])} AND table_name = {literal(_MARKS[1])}"
            ).fetchall()
            if marks:
                marks = connection.execute(
                    f"SELECT * FROM {TABLE} AS r WHERE table_name = {literal(contract.name)} "
                    "ORDER BY ALL"
                ).fetchall()
        return text_hash([columns, values, [[str(value) for value in row] for row in marks]])
