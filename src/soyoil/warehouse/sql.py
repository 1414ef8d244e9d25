"""SQL of the DuckDB backend, generated from contracts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from soyoil.base.errors import ContractError
from soyoil.contracts.contract import PROVENANCE, Column, TableContract, WriteMode, quote
from soyoil.warehouse.backend import DateSpan, Where
from soyoil.warehouse.ddl import duckdb_add_column, duckdb_ddl
from soyoil.warehouse.partial.where import condition

STAGE: Final = "soyoil_stage"
"""Name under which the batch is registered."""
# Not to be confused with a column: no column name has a space.
OLD: Final = '"old row"'
NEW: Final = '"new row"'


def literal(text: str) -> str:
    """Quote an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def partition_column(contract: TableContract) -> Column:
    """Column that a span of days is about.

    Raises
    ------
    ContractError
        The contract has no partitions.
    """
    if contract.partition is None:
        raise ContractError(
            f"{contract.name} has no partition column, so no span of it can be read: read it whole"
        )
    name = contract.partition.column
    return next(column for column in contract.columns if column.name == name)


def _and(parts: Iterable[str]) -> str:
    return " AND ".join(parts)


@dataclass(frozen=True)
class TableStatements:
    """Statements on one table.

    The catalog is spelled out: DuckDB names it after the file, and a file called
    ``features.duckdb`` would make ``features.daily_ml_matrix`` ambiguous.

    Attributes
    ----------
    contract
        Contract of the table.
    catalog
        ``current_database()`` of the connection.
    """

    contract: TableContract
    catalog: str

    @property
    def schema_name(self) -> str:
        """Schema of the table, without the catalog, not quoted."""
        return self.contract.name.split(".")[0]

    @property
    def table_name(self) -> str:
        """Name of the table in its schema, not quoted."""
        return self.contract.name.split(".")[1]

    @property
    def schema(self) -> str:
        """Schema as it goes into a statement."""
        return f"{quote(self.catalog)}.{quote(self.schema_name)}"

    @property
    def table(self) -> str:
        """Table as it goes into a statement."""
        return f"{self.schema}.{quote(self.table_name)}"

    @property
    def _same_key(self) -> str:
        return _and(f"{OLD}.{quote(name)} = {NEW}.{quote(name)}" for name in self.contract.key)

    def create_schema(self) -> str:
        """Create the schema if it is missing."""
        return f"CREATE SCHEMA IF NOT EXISTS {self.schema}"

    def create_table(self) -> str:
        """Create the table."""
        return duckdb_ddl(self.contract, self.table)

    def add_column(self, column: Column) -> str:
        """Add a nullable column at the end."""
        return duckdb_add_column(column, self.table)

    def comment(self, text: str) -> str:
        """Attach a comment to the table."""
        return f"COMMENT ON TABLE {self.table} IS {literal(text)}"

    def find(self) -> str:
        """Comment of the table, one row; none if there is no such table."""
        return (
            "SELECT comment FROM duckdb_tables() WHERE database_name = current_database() "
            f"AND lower(schema_name) = {literal(self.schema_name.lower())} "
            f"AND lower(table_name) = {literal(self.table_name.lower())}"
        )

    def required_columns(self) -> str:
        """Names of the columns that are NOT NULL."""
        return (
            "SELECT column_name FROM duckdb_columns() WHERE database_name = current_database() "
            f"AND lower(schema_name) = {literal(self.schema_name.lower())} "
            f"AND lower(table_name) = {literal(self.table_name.lower())} AND NOT is_nullable"
        )

    def empty(self) -> str:
        """No rows, all columns."""
        return f"SELECT * FROM {self.table} LIMIT 0"

    def select(
        self, columns: Sequence[str], span: DateSpan | None = None, where: Where | None = None
    ) -> str:
        """Columns of the rows of a span with the values wanted, or all, in key order."""
        wanted = ", ".join(quote(name) for name in columns)
        order = ", ".join(quote(name) for name in self.contract.key)
        parts = [*self._within(span), condition(where, quote, literal)]
        rows = _and(part for part in parts if part)
        return f"SELECT {wanted} FROM {self.table}{rows and f' WHERE {rows}'} ORDER BY {order}"

    def _within(self, span: DateSpan | None) -> list[str]:
        if span is None:
            return []
        column = partition_column(self.contract)
        form = "DATE '{}'" if column.type == "DATE" else "TIMESTAMPTZ '{} 00:00:00+00'"
        return [
            f"{quote(column.name)} {sign} {form.format(day)}"
            for sign, day in ((">=", span.start), ("<", span.end))
            if day is not None
        ]

    def groups_of_stage(self, columns: Sequence[str]) -> str:
        """Rows of the groups that the batch is about, in no order; all rows without columns."""
        names = ", ".join(quote(column.name) for column in self.contract.columns)
        query = f"SELECT {names} FROM {self.table}"
        if not columns:
            return query
        same = _and(f"{OLD}.{quote(n)} = {NEW}.{quote(n)}" for n in columns)
        return f"{query} AS {OLD} WHERE EXISTS (SELECT 1 FROM {STAGE} AS {NEW} WHERE {same})"

    def table_provenances(self) -> str:
        """Provenances of the rows in the table."""
        return f"SELECT DISTINCT {quote(PROVENANCE)} FROM {self.table} ORDER BY 1"

    def delete(self, mode: WriteMode) -> str | None:
        """Delete the rows that the write mode says have gone; None if it says nothing."""
        if mode == "upsert":
            return None
        gone = f"NOT EXISTS (SELECT 1 FROM {STAGE} AS {NEW} WHERE {self._same_key})"
        if mode == "sync":
            same = _and(f"{OLD}.{quote(n)} = {NEW}.{quote(n)}" for n in self.contract.sync_by)
            gone += f" AND EXISTS (SELECT 1 FROM {STAGE} AS {NEW} WHERE {same})"
        return f"DELETE FROM {self.table} AS {OLD} WHERE {gone}"

    def update(self) -> str | None:
        """Update the rows that differ in any column; None if all columns are key."""
        values = [c.name for c in self.contract.columns if c.name not in self.contract.key]
        if not values:
            return None
        assignments = ", ".join(f"{quote(name)} = {NEW}.{quote(name)}" for name in values)
        # IS DISTINCT FROM takes NULL for a value, inside structs too, so that rows with NULLs
        # compare equal to themselves.
        differs = " OR ".join(f"{OLD}.{quote(n)} IS DISTINCT FROM {NEW}.{quote(n)}" for n in values)
        return (
            f"UPDATE {self.table} AS {OLD} SET {assignments} FROM {STAGE} AS {NEW} "
            f"WHERE {self._same_key} AND ({differs})"
        )

    def insert(self) -> str:
        """Insert the rows whose key is new."""
        names = ", ".join(quote(c.name) for c in self.contract.columns)
        values = ", ".join(f"{NEW}.{quote(c.name)}" for c in self.contract.columns)
        order = ", ".join(f"{NEW}.{quote(name)}" for name in self.contract.key)
        return (
            f"INSERT INTO {self.table} ({names}) SELECT {values} FROM {STAGE} AS {NEW} "
            f"WHERE NOT EXISTS (SELECT 1 FROM {self.table} AS {OLD} WHERE {self._same_key}) "
            f"ORDER BY {order}"
        )
