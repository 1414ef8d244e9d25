"""SQL of schema changes, for both backends."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from soyoil.contracts.contract import TableContract
from soyoil.contracts.identifiers import dotted, last_part, parts_of, suffixed
from soyoil.warehouse.live import COPIES, BackendName, Extra, LiveColumn, LiveWarehouse
from soyoil.warehouse.table_shape import Edit, Path, TableShape

BUILT: Final = "__soyoil_new"
"""End of the name of a table that is built to take the place of another."""
_NUMBERS: Final = ("INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC", "DECIMAL", "FLOAT", "INTEGER")
_SMALL: Final = ("TINYINT", "SMALLINT", "UTINYINT", "USMALLINT", "UINTEGER", "BIGINT", "HUGEINT")
# Types whose values can be turned into the key by a cast that either works or fails.
_CASTS: Final[dict[str, tuple[str, ...]]] = {
    "STRING": (*_NUMBERS, *_SMALL, "BOOL", "DATE", "TIMESTAMP", "DATETIME", "TIME"),
    "INT64": (*_NUMBERS, *_SMALL, "BOOL", "STRING"),
    "FLOAT64": (*_NUMBERS, *_SMALL, "STRING"),
    "BOOL": ("INT64", "STRING"),
    "DATE": ("STRING", "TIMESTAMP", "DATETIME"),
    "TIMESTAMP": ("STRING", "DATE", "DATETIME"),
}


def copy_name(name: str, tag: str) -> str:
    """Name of the copy that is made of a table before it is changed.

    Parameters
    ----------
    name
        ``dataset.table``.
    tag
        Short hash of the plan.
    """
    dataset, table = parts_of(name)
    copy = f"{dataset}__{table}__before_{tag}"
    # Else a__b.c and a.b__c would have one copy, the second in place of the first.
    if "__" in dataset or dataset.endswith("_"):
        copy += f"_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return dotted((COPIES, copy))


def castable(old: LiveColumn, new: LiveColumn) -> bool:
    """Whether values of one column can be turned into the type of another."""
    if old.repeated or new.repeated:
        return False
    base = old.type.split("(")[0]
    return base == new.type or base in _CASTS.get(new.type, ())


@dataclass(frozen=True)
class Alteration:
    """Statements that alter a table.

    Attributes
    ----------
    needs_copy
        Whether the table is to be copied before.
    lost
        Keys, defaults, indexes and the like that do not survive.
    """

    statements: tuple[str, ...]
    needs_copy: bool
    lost: tuple[str, ...] = ()


class ChangeSql(ABC):
    """Statements of one backend.

    Parameters
    ----------
    live
        The warehouse, for the names in it.
    contracts
        For the descriptions of columns.
    """

    backend: BackendName
    transactional: bool
    """Whether all statements of a change are kept, or none."""
    copies_extras: bool
    """Whether a copy of a table has more than its rows and types: keys, defaults and the like."""

    def __init__(self, live: LiveWarehouse, contracts: Mapping[str, TableContract]) -> None:
        self._live = live
        self._contracts = contracts

    def table(self, name: str) -> str:
        """Name as it goes into a statement."""
        return self._live.qualified(name)

    def create_dataset(self, name: str) -> tuple[str, ...]:
        """Create a dataset if it is missing."""
        return (f"CREATE SCHEMA IF NOT EXISTS {self.table(name)}",)

    def create_table(self, shape: TableShape) -> tuple[str, ...]:
        """Create a table."""
        return (self._create(shape, shape.name), *self._stamp_new(shape))

    def alter(self, shape: TableShape, edits: Sequence[Edit]) -> Alteration:
        """Change a table in place where the backend can; else build it anew, once for all edits.

        Nothing where nothing is left to do.
        """
        statements = []
        checks: list[str] = []
        renamed: dict[Path, str] = {}
        after = shape
        for edit in edits:
            before, after = after, edit.apply(after)
            if after != before:
                checks += self._checks(shape, edit, renamed)
                statements.append(self._in_place(before, edit))
                if edit.kind == "rename-column" and edit.column is not None:
                    renamed[(*edit.path[:-1], edit.column.name)] = edit.path[-1]
        in_place = [statement for statement in statements if statement is not None]
        breaking = any(edit.breaking for edit in edits)
        rebuilt = len(in_place) < len(statements)
        lost = self._lost(shape, after, renamed, rebuilt=rebuilt)
        if not rebuilt:
            made = self._around(shape, after, renamed, in_place)
            return Alteration((*checks, *made), breaking and bool(in_place), lost)
        built = self._rebuild(shape, after, renamed)
        return Alteration((*checks, *built), breaking or not self.transactional, lost)

    def extras(self, name: str) -> tuple[Extra, ...]:
        """Keys, defaults, indexes and the like of a table."""
        table = self._live.tables.get(name)
        return table.extras if table is not None else ()

    def _around(
        self,
        before: TableShape,
        after: TableShape,
        renamed: Mapping[Path, str],
        statements: Sequence[str],
    ) -> Sequence[str]:
        """Statements in place, and what has to stand before and after them."""
        return statements

    def _lost(
        self, before: TableShape, after: TableShape, renamed: Mapping[Path, str], *, rebuilt: bool
    ) -> tuple[str, ...]:
        """Extras that do not survive, beside those of columns that go."""
        return ()

    def _checks(self, shape: TableShape, edit: Edit, renamed: Mapping[Path, str]) -> Iterator[str]:
        if edit.kind == "require-column":
            yield self.verify_filled(shape.name, edit.path, renamed.get(edit.path))

    def verify_filled(self, name: str, path: Path, called: str | None = None) -> str:
        """Fail if a row of a table lacks a column or field.

        Parameters
        ----------
        name
            ``dataset.table``.
        path
            Column or field.
        called
            Its name in the table, if it is yet to be renamed.
        """
        source = ".".join(self.quoted(part) for part in (*path[:-1], called or path[-1]))
        return self.verify(
            f"NOT EXISTS (SELECT 1 FROM {self.table(name)} WHERE {source} IS NULL)",
            f"{name} has rows without {dotted(path)}, which is required",
        )

    def drop_table(self, name: str) -> tuple[str, ...]:
        """Drop a table."""
        return (f"DROP TABLE {self.table(name)}",)

    def drop_empty(self, name: str) -> tuple[str, ...]:
        """Drop a table that holds no row, or fail."""
        return self.together((*self._verify_empty(name), *self.drop_table(name)))

    def replace_table(self, before: TableShape, after: TableShape) -> tuple[str, ...]:
        """Create a table in the place of one that holds no row, or fail.

        Raises
        ------
        WarehouseError
            What it has beside columns and rows could not be kept.
        """
        created = self._replacement(before, after)
        return self.together(
            (*self._verify_empty(before.name), *self.drop_table(before.name), *created)
        )

    def definition(self, shape: TableShape) -> str:
        """Statement that creates a table as it is, keys, defaults and the like included."""
        return self._create_with(shape, shape.name, self.extras(shape.name))

    def together(self, statements: tuple[str, ...]) -> tuple[str, ...]:
        """Statements of which all or none should run, as far as the backend can see to it."""
        return statements

    def _verify_empty(self, name: str) -> tuple[str, ...]:
        if any(extra.kind == "partition filter" for extra in self.extras(name)):
            return ()
        condition = f"NOT EXISTS (SELECT 1 FROM {self.table(name)})"
        return (self.verify(condition, f"{name} was empty and holds rows now"),)

    def drop_view(self, name: str) -> tuple[str, ...]:
        """Drop a view."""
        return (f"DROP VIEW {self.table(name)}",)

    def drop_dataset(self, name: str) -> tuple[str, ...]:
        """Drop a dataset that holds nothing any more."""
        return (f"DROP SCHEMA {self.table(name)}",)

    def create_view(self, name: str, query: str) -> tuple[str, ...]:
        """Create a view: what undoes its removal."""
        return (f"CREATE VIEW {self.table(name)} AS {query}",)

    def recover_table(self, name: str) -> tuple[str, ...]:
        """Finish a swap that was cut off: the old table is gone, the new one is whole."""
        rename = self.quoted(last_part(name))
        return (f"ALTER TABLE {self.table(suffixed(name, BUILT))} RENAME TO {rename}",)

    def _swap(self, shape: TableShape) -> tuple[str, ...]:
        """Put the table that was built in the place of the old one, all rows being there."""
        old, built = self.table(shape.name), self.table(suffixed(shape.name, BUILT))
        counts = f"(SELECT COUNT(*) FROM {old}) = (SELECT COUNT(*) FROM {built})"
        message = f"the new {shape.name} has not the rows of the old one"
        check = self.verify(counts, message)
        return (check, f"DROP TABLE {old}", *self.recover_table(shape.name))

    def _inserts(
        self, before: TableShape, after: TableShape, renamed: Mapping[Path, str]
    ) -> tuple[str, ...]:
        names = ", ".join(self.quoted(c.name) for c in after.columns)
        built = self.table(suffixed(before.name, BUILT))
        select = self.select(before, after, renamed)
        return tuple(
            f"INSERT INTO {built} ({names})\n{select}{where}"
            for where in self._batches(before, after, renamed)
        )

    def _batches(
        self, before: TableShape, after: TableShape, renamed: Mapping[Path, str]
    ) -> tuple[str, ...]:
        return ("",)

    def select(
        self, before: TableShape, after: TableShape, renamed: Mapping[Path, str] | None = None
    ) -> str:
        """Rows of a table in another shape: columns and fields of STRUCTs by their names.

        Parameters
        ----------
        before
            Shape of the table.
        after
            Shape of the rows.
        renamed
            Old name by new path, of what is called otherwise.
        """
        old = {c.name: c for c in before.columns}
        lines = []
        for column in after.columns:
            source = (renamed or {}).get((column.name,), column.name)
            value = self._value(
                self.quoted(source), old.get(source), column, (column.name,), renamed or {}
            )
            name = self.quoted(column.name)
            lines.append(value if value == name else f"{value} AS {name}")
        return "SELECT\n    " + ",\n    ".join(lines) + f"\nFROM {self.table(before.name)}"

    def _value(
        self,
        source: str,
        old: LiveColumn | None,
        new: LiveColumn,
        path: Path,
        renamed: Mapping[Path, str],
    ) -> str:
        below = any(p[: len(path)] == path and len(p) > len(path) for p in renamed)
        if old is not None and _same_values(old, new) and not below:
            return source
        if old is None:
            return f"CAST(NULL AS {self.type_of(new)})"
        if old.type == new.type == "STRUCT" and not (old.repeated or new.repeated):
            fields = {f.name: f for f in old.fields}
            parts = []
            for field in new.fields:
                inner = (*path, field.name)
                was = renamed.get(inner, field.name)
                value = self._value(
                    f"{source}.{self.quoted(was)}", fields.get(was), field, inner, renamed
                )
                parts.append((field.name, value))
            struct = self.struct(parts)
            # A STRUCT that is NULL as a whole stays so.
            guard = f"CASE WHEN {source} IS NULL THEN NULL ELSE {struct} END"
            return guard if old.nullable or "." in source else struct
        if castable(old, new):
            return self.cast(source, old, new)
        return f"CAST(NULL AS {self.type_of(new)})"

    @abstractmethod
    def quoted(self, name: str) -> str:
        """Name of a column."""

    @abstractmethod
    def type_of(self, column: LiveColumn) -> str:
        """Type of a column, its fields included."""

    @abstractmethod
    def struct(self, fields: list[tuple[str, str]]) -> str:
        """STRUCT of named values."""

    @abstractmethod
    def cast(self, source: str, old: LiveColumn, new: LiveColumn) -> str:
        """Value of a column as another type; an error if it has none."""

    @abstractmethod
    def verify(self, condition: str, message: str) -> str:
        """Fail unless a condition holds."""

    @abstractmethod
    def copy(self, name: str, copy: str) -> tuple[str, ...]:
        """Copy a table, in place of an earlier copy of that name."""

    @abstractmethod
    def stamp(self, shape: TableShape) -> tuple[str, ...]:
        """Note version and hash of the contract on the table."""

    @abstractmethod
    def _stamp_new(self, shape: TableShape) -> tuple[str, ...]:
        """Stamp of a table just created, where that is a statement of its own."""

    @abstractmethod
    def _create(self, shape: TableShape, name: str) -> str:
        """CREATE TABLE with the shape of a table under any name."""

    @abstractmethod
    def _create_with(self, shape: TableShape, name: str, extras: Sequence[Extra]) -> str:
        """CREATE TABLE with what a table has beside columns."""

    @abstractmethod
    def _replacement(self, before: TableShape, after: TableShape) -> tuple[str, ...]:
        """CREATE TABLE with what the table in whose place it comes has beside columns."""

    @abstractmethod
    def _in_place(self, shape: TableShape, edit: Edit) -> str | None:
        """The statement that makes an edit in place, None if there is none."""

    @abstractmethod
    def _rebuild(
        self,
        before: TableShape,
        after: TableShape,
        renamed: Mapping[Path, str],
    ) -> tuple[str, ...]:
        """Build the table anew."""


def _same_values(old: LiveColumn, new: LiveColumn) -> bool:
    return replace(old, name="", nullable=True) == replace(new, name="", nullable=True)


def is_last(shape: TableShape, edit: Edit) -> bool:
    """Whether an edit adds the last top-level column, where ALTER TABLE puts it."""
    after = edit.apply(shape)
    return len(edit.path) == 1 and after.columns[-1].name == edit.path[0]


def only_case(edit: Edit) -> bool:
    """Whether a rename changes but the case of a name, which ALTER TABLE may not see."""
    return edit.column is not None and edit.column.name.lower() == edit.path[-1].lower()
