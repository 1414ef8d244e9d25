"""SQL of schema changes for DuckDB."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from soyoil.base.errors import WarehouseError
from soyoil.contracts.contract import DUCKDB_TYPES, quote
from soyoil.contracts.identifiers import dotted, parts_of, suffixed
from soyoil.migrations.sql import BUILT, ChangeSql, is_last, only_case
from soyoil.warehouse.duckdb.extras import with_new_names
from soyoil.warehouse.live import COPIES, OF_COLUMN, BackendName, Extra, LiveColumn
from soyoil.warehouse.sql import literal
from soyoil.warehouse.table_shape import Edit, Path, TableShape, stamp_text

_CONSTRAINTS: Final = ("primary key", "unique", "check")


class DuckDBSql(ChangeSql):
    """Statements for DuckDB; those of one change run as one transaction."""

    backend: BackendName = "duckdb"
    transactional = True
    copies_extras = False

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
        return self._create_with(shape, name, ())

    def _create_with(self, shape: TableShape, name: str, extras: Sequence[Extra]) -> str:
        lines = [
            f"    {quote(c.name)} {self.type_of(c)}{self._clauses(c, extras)}"
            for c in shape.columns
        ]
        lines += [f"    {extra.sql}" for extra in extras if extra.kind in _CONSTRAINTS]
        return f"CREATE TABLE {self.table(name)} (\n" + ",\n".join(lines) + "\n)"

    def _clauses(self, column: LiveColumn, extras: Sequence[Extra]) -> str:
        own = {
            e.kind: e.sql for e in extras if e.kind in OF_COLUMN and e.columns[:1] == (column.name,)
        }
        if "generated column" in own:
            return f" GENERATED ALWAYS AS ({own['generated column']})"
        text = f" COLLATE {own['collation']}" if "collation" in own else ""
        text += f" DEFAULT ({own['default']})" if "default" in own else ""
        return text + ("" if column.nullable else " NOT NULL")

    def _survivors(
        self, before: TableShape, after: TableShape, renamed: Mapping[Path, str]
    ) -> dict[Extra, Extra]:
        """Extras as they are once columns have gone and are called otherwise."""
        names = {old: path[0] for path, old in renamed.items() if len(path) == 1}
        there = {column.name.lower() for column in after.columns}
        found = {}
        for extra in self.extras(before.name):
            columns = tuple(names.get(name, name) for name in extra.columns)
            if all(name.lower() in there for name in columns):
                sql = with_new_names(extra, names) if columns != extra.columns else extra.sql
                found[extra] = replace(extra, sql=sql, columns=columns)
        return found

    def _lost(
        self, before: TableShape, after: TableShape, renamed: Mapping[Path, str], *, rebuilt: bool
    ) -> tuple[str, ...]:
        kept = self._survivors(before, after, renamed)
        gone = (extra for extra in self.extras(before.name) if extra not in kept)
        # What belongs to a column goes with it; that needs no word.
        return tuple(
            str(extra) for extra in gone if extra.kind not in OF_COLUMN or "" in extra.columns
        )

    def _around(
        self,
        before: TableShape,
        after: TableShape,
        renamed: Mapping[Path, str],
        statements: Sequence[str],
    ) -> Sequence[str]:
        indexes = [extra for extra in self.extras(before.name) if extra.kind == "index"]
        if not indexes or not statements:
            return statements
        kept = self._survivors(before, after, renamed)
        schema = dotted(parts_of(before.name)[:1])
        # DuckDB alters no table that has an index.
        drops = [f"DROP INDEX {self.table(schema)}.{quote(extra.name)}" for extra in indexes]
        return (*drops, *statements, *(kept[extra].sql for extra in indexes if extra in kept))

    def _in_place(self, shape: TableShape, edit: Edit) -> str | None:
        if len(edit.path) != 1:
            return None
        name = quote(edit.path[0])
        table = f"ALTER TABLE {self.table(shape.name)}"
        column = edit.column
        match edit.kind:
            case "drop-column" if self._in_constraint(shape, edit.path[0]):
                return None
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

    def _in_constraint(self, shape: TableShape, name: str) -> bool:
        """Whether DuckDB refuses to drop a column in place."""
        return any(
            name in extra.columns
            for extra in self.extras(shape.name)
            if extra.kind in (*_CONSTRAINTS, "foreign key")
        )

    def _rebuild(
        self,
        before: TableShape,
        after: TableShape,
        renamed: Mapping[Path, str],
    ) -> tuple[str, ...]:
        kept = self._survivors(before, after, renamed)
        self._check_rebuild(before, after, kept)
        extras = list(kept.values())
        generated = {e.columns[0] for e in extras if e.kind == "generated column"}
        stored = replace(after, columns=tuple(c for c in after.columns if c.name not in generated))
        return (
            self._create_with(after, suffixed(after.name, BUILT), extras),
            *self._inserts(before, stored, renamed),
            *self._swap(before),
            *self._comments(before.name, extras),
            *(extra.sql for extra in extras if extra.kind == "index"),
            *self.stamp(before),
        )

    def _replacement(self, before: TableShape, after: TableShape) -> tuple[str, ...]:
        kept = self._survivors(before, after, {})
        self._check_rebuild(before, after, kept)
        extras = list(kept.values())
        return (
            self._create_with(after, after.name, extras),
            *self._comments(after.name, extras),
            *(extra.sql for extra in extras if extra.kind == "index"),
            *self.stamp(after),
        )

    def _check_rebuild(
        self, before: TableShape, after: TableShape, kept: Mapping[Extra, Extra]
    ) -> None:
        names = {column.name for column in after.columns}
        for extra in self.extras(before.name):
            stays = extra.kind == "generated column" and extra.columns[0] in names
            unreadable = "" in extra.columns and extra.kind in ("generated column", "collation")
            if extra.kind == "foreign key" or unreadable or (stays and extra not in kept):
                raise WarehouseError(
                    f"{before.name} would be built anew, which cannot keep its {extra}: change "
                    "or remove that by hand first"
                )

    def _comments(self, name: str, extras: Sequence[Extra]) -> Iterator[str]:
        for extra in extras:
            if extra.kind == "comment" and extra.columns:
                column = f"{self.table(name)}.{quote(extra.columns[0])}"
                yield f"COMMENT ON COLUMN {column} IS {extra.sql}"
            elif extra.kind == "comment":
                yield f"COMMENT ON TABLE {self.table(name)} IS {extra.sql}"
