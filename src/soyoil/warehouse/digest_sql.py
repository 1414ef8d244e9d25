"""SQL on the table of digests, for both backends."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from soyoil.contracts.contract import DUCKDB_TYPES, TableContract
from soyoil.warehouse.digest import COLUMNS, PARTS, Digests, GroupDigest, shape
from soyoil.warehouse.partial.written import Written

Literal = Callable[[str], str]

READ_COLUMNS: Final = ("group_name", "n_rows", "digest", "origin")
"""Columns that `parse` takes, in its order; `PARTS` may follow."""


def bigquery_columns() -> dict[str, str]:
    """Columns of the table in BigQuery and their types."""
    return {**COLUMNS, PARTS: "STRING"}


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
    parts
        Whether the table has the column `PARTS`.
    """

    contract: TableContract
    table: str
    literal: Literal
    parts: bool = False

    def create_duckdb(self) -> str:
        """Create the table of digests in DuckDB if it is missing."""
        columns = ", ".join(f"{name} {DUCKDB_TYPES[kind]}" for name, kind in COLUMNS.items())
        return f"CREATE TABLE IF NOT EXISTS {self.table} ({columns})"

    @staticmethod
    def create_bigquery(table: str) -> str:
        """Create the table of digests in BigQuery if it is missing."""
        columns = ", ".join(f"{name} {kind}" for name, kind in bigquery_columns().items())
        return f"CREATE TABLE IF NOT EXISTS {table} ({columns})\nCLUSTER BY table_name"

    @staticmethod
    def add_parts(table: str) -> str:
        """Add the column `PARTS` to a table in BigQuery that an earlier version made."""
        return f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {PARTS} STRING"

    def refuse_other(self, stored: Digests, message: str) -> str:
        """End a transaction in BigQuery with a message unless the digests are those given."""
        lines = sorted(f"{name} {digest.digest}" for name, digest in stored.items())
        now = hashlib.md5("\n".join(lines).encode(), usedforsecurity=False).hexdigest()
        line = "CONCAT(group_name, ' ', digest)"
        found = f"COALESCE(STRING_AGG({line}, '\\n' ORDER BY {line}), '')"
        return (
            f"ASSERT (SELECT TO_HEX(MD5({found})) FROM {self.table} WHERE {self.own})\n"
            f"  = {self.literal(now)} AS {self.literal(message)}"
        )

    def select(self) -> str:
        """Group, rows, digest and origin of every group."""
        return f"SELECT {', '.join(READ_COLUMNS)} FROM {self.table} WHERE {self.own}"

    @property
    def own(self) -> str:
        """Condition on the digests of the table in its present shape."""
        return f"{self._of_table} AND shape = {self.literal(shape(self.contract))}"

    @property
    def _of_table(self) -> str:
        return f"table_name = {self.literal(self.contract.name)}"

    def forget(self) -> str:
        """Remove what is known of a table that is made anew."""
        return f"DELETE FROM {self.table} WHERE {self._of_table}"

    def write(self, stage: str) -> list[str]:
        """Replace digests; those of another shape of the table go too.

        Parameters
        ----------
        stage
            Table with the rows of `staged`, as it goes into a statement.
        """
        own = self.literal(shape(self.contract))
        names = ", ".join([*COLUMNS, *([PARTS] if self.parts else [])])
        return [
            f"DELETE FROM {self.table} WHERE {self._of_table} "
            f"AND (shape <> {own} OR group_name IN (SELECT group_name FROM {stage}))",
            f"INSERT INTO {self.table} ({names})\n"
            f"SELECT {names} FROM {stage} WHERE digest IS NOT NULL",
        ]


def staged(contract: TableContract, written: Written, *, parts: bool = False) -> pa.Table:
    """Rows for the table of digests; ``digest`` is NULL where a group has none any more."""
    names = [*written.put, *written.gone]
    digests = [*written.put.values(), *[None] * len(written.gone)]
    rows = pa.table(
        {
            "table_name": pa.repeat(contract.name, len(names)),
            "group_name": pa.array(names, pa.string()),
            "n_rows": pa.array([d.rows if d else 0 for d in digests], pa.int64()),
            "digest": pa.array([d.digest if d else None for d in digests], pa.string()),
            "shape": pa.repeat(shape(contract), len(names)),
            "origin": pa.array([d.origin if d else None for d in digests], pa.string()),
        }
    )
    if parts:
        values = pa.array([d.parts if d else None for d in digests], pa.string())
        rows = rows.append_column(PARTS, values)
    return rows


def parse(rows: Sequence[Sequence[Any]]) -> dict[str, GroupDigest]:
    """Digests by group from rows of `READ_COLUMNS`."""
    return {
        str(name): GroupDigest(int(count), str(digest), origin, *parts)
        for name, count, digest, origin, *parts in rows
    }
