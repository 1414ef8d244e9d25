"""SQL of schema changes for DuckDB."""

from __future__ import annotations

from collections.abc import Mapping

from soyoil.warehouse.contract import DUCKDB_TYPES, quote
from soyoil.warehouse.identifiers import suffixed
from soyoil.warehouse.live import COPIES, BackendName, LiveColumn
from soyoil.warehouse.plan_sql import BUILT, ChangeSql, is_last, only_case
from soyoil.warehouse.sql import literal
from soyoil.warehouse.table_shape import Edit, Path, TableShape, stamp_text


class DuckDBSql(ChangeSql):
    """Statements for DuckDB; those of one change run as one transaction."""

    backend: BackendName = "duckdb"
    transactional = True

    def quoted(self, name: str) -> str:
        """See `ChangeSql.quoted`."""
        return quote(name)

    def type_of(self, column: LiveColumn) -> str:
        """See `ChangeSql.type_of`."""
        kind = DUCKDB_TYPES.get(column.type, column.type)
        if column.fields:
            inner = ", ".join(f"{quote(f.name)} {self.type_of(f)}" for f in column.fields)
            kind = f"STRUCT({inner})"
        return kind + ("[]" if column.repeated else "")

    def struct(self, fields: list[tuple[str, str]]) -> str:
        """See `ChangeSql.struct`."""
        return "struct_pack(" + ", ".join(f"{quote(n)} := {value}" for n, value in fields) + ")"

    def cast(self, source: str, old: LiveColumn, new: LiveColumn) -> str:
        """See `ChangeSql.cast`."""
        return f"CAST({source} AS {self.type_of(new)})"

    def verify(self, condition: str, message: str) -> str:
        """See `ChangeSql.verify`."""
        return f"SELECT CASE WHEN NOT ({condition}) THEN error({literal(message)}) END"

    def copy(self, name: str, copy: str) -> tuple[str, ...]:
        """See `ChangeSql.copy`."""
        return (
            *self.create_dataset(COPIES),
            f"CREATE OR REPLACE TABLE {self.table(copy)} AS SELECT * FROM {self.table(name)}",
        )

    def stamp(self, shape: TableShape) -> tuple[str, ...]:
        """See `ChangeSql.stamp`."""
        text = stamp_text(shape)
        return (f"COMMENT ON TABLE {self.table(shape.name)} IS {literal(text)}",) if text else ()

    def _stamp_new(self, shape: TableShape) -> tuple[str, ...]:
        return self.stamp(shape)

    def _create(self, shape: TableShape, name: str) -> str:
        lines = ",\n".join(
            f"    {quote(c.name)} {self.type_of(c)}{'' if c.nullable else ' NOT NULL'}"
            for c in shape.columns
        )
        return f"CREATE TABLE {self.table(name)} (\n{lines}\n)"

    def _in_place(self, shape: TableShape, edit: Edit) -> str | None:
        if len(edit.path) != 1:
            return None
        name = quote(edit.path[0])
        table = f"ALTER TABLE {self.table(shape.name)}"
        column = edit.column
        match edit.kind:
            case "drop-column":
                return f"{table} DROP COLUMN {name}"
            case "relax-column":
                return f"{table} ALTER COLUMN {name} DROP NOT NULL"
            case "require-column":
                return f"{table} ALTER COLUMN {name} SET NOT NULL"
            case "add-column" if column is not None and is_last(shape, edit):
                return f"{table} ADD COLUMN {name} {self.type_of(column)}"
            case "rename-column" if column is not None and not only_case(edit):
                return f"{table} RENAME COLUMN {name} TO {quote(column.name)}"
            case _:
                return None

    def _rebuild(
        self,
        before: TableShape,
        after: TableShape,
        renamed: Mapping[Path, str],
    ) -> tuple[str, ...]:
        return (
            self._create(after, suffixed(after.name, BUILT)),
            *self._inserts(before, after, renamed),
            *self._swap(before),
            *self.stamp(before),
        )
