"""SQL on the table of digests, for both backends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from soyoil.warehouse.contract import DUCKDB_TYPES, TableContract
from soyoil.warehouse.digest import COLUMNS, Digests, GroupDigest, Written, shape

Literal = Callable[[str], str]


@dataclass(frozen=True)
class DigestStatements:
    """Statements on the digests of one table.

    Attributes
    ----------
    contract
        Contract of the table that the digests are of.
    table
        Table of digests as it goes into a statement.
    literal
        Quotes a text in the dialect of the backend.
    """

    contract: TableContract
    table: str
    literal: Literal

    def create_duckdb(self) -> str:
        """Create the table of digests in DuckDB if it is missing."""
        columns = ", ".join(f"{name} {DUCKDB_TYPES[kind]}" for name, kind in COLUMNS.items())
        return f"CREATE TABLE IF NOT EXISTS {self.table} ({columns})"

    def create_bigquery(self) -> str:
        """Create the table of digests in BigQuery if it is missing."""
        columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        return f"CREATE TABLE IF NOT EXISTS {self.table} ({columns})"

    def select(self) -> str:
        """Group, rows, digest and origin of every group."""
        return (
            f"SELECT group_name, n_rows, digest, origin FROM {self.table} "
            f"WHERE {self._of_table} AND shape = {self.literal(shape(self.contract))}"
        )

    @property
    def _of_table(self) -> str:
        return f"table_name = {self.literal(self.contract.name)}"

    def write(self, written: Written) -> list[str]:
        """Replace digests; those of another shape of the table go too."""
        if not written.changed:
            return []
        own = self.literal(shape(self.contract))
        names = ", ".join(self.literal(name) for name in (*written.put, *written.gone))
        statements = [
            f"DELETE FROM {self.table} WHERE {self._of_table} "
            f"AND (shape <> {own} OR group_name IN ({names}))"
        ]
        if written.put:
            rows = ",\n".join(self._rows(written.put))
            statements.append(f"INSERT INTO {self.table} ({', '.join(COLUMNS)}) VALUES\n{rows}")
        return statements

    def _rows(self, digests: Digests) -> Iterator[str]:
        own = self.literal(shape(self.contract))
        for name, digest in digests.items():
            origin = "NULL" if digest.origin is None else self.literal(digest.origin)
            values = (
                self.literal(self.contract.name),
                self.literal(name),
                str(digest.rows),
                self.literal(digest.digest),
                own,
                origin,
            )
            yield f"({', '.join(values)})"


def parse(rows: Sequence[Sequence[Any]]) -> dict[str, GroupDigest]:
    """Digests by group from the rows of `DigestStatements.select`."""
    return {
        str(name): GroupDigest(int(count), str(digest), origin)
        for name, count, digest, origin in rows
    }
