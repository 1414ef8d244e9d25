"""Structure of one table as plain data, and the edits that lead from one to another."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from soyoil.contracts.contract import Column, Partition, TableContract
from soyoil.contracts.identifiers import spelled
from soyoil.warehouse.live import TRAITS, BackendName, LiveColumn, LiveTable
from soyoil.warehouse.table_check import stamp_of

EditKind = Literal[
    "relax-column",
    "widen-column",
    "add-column",
    "rename-column",
    "retype-column",
    "repartition",
    "recluster",
    "drop-column",
    "reorder-columns",
    "require-column",
]
Path = tuple[str, ...]
Columns = tuple[LiveColumn, ...]

NON_BREAKING: Final = ("relax-column", "widen-column", "add-column")
ORDER: Final[tuple[EditKind, ...]] = get_args(EditKind)
"""Order in which the edits of one table are made."""
SIMILAR: Final = 0.6
"""From this ratio of `difflib` on two names may be one column renamed."""

# What BigQuery changes in place without loss; INT64 beyond 2**53 is rounded in FLOAT64, which
# BigQuery takes for a widening all the same. The small types are DuckDB's.
_SMALL: Final = ("TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER")
_WIDER: Final[dict[str, tuple[str, ...]]] = {
    "INT64": _SMALL,
    "FLOAT64": (*_SMALL, "INT64", "NUMERIC", "BIGNUMERIC", "FLOAT"),
}


@dataclass(frozen=True)
class TableShape:
    """Structure of one table.

    Attributes
    ----------
    version, content_hash
        Of the contract that the table is stamped with; None if it has no stamp.
    rows
        Rows it holds, where that is known.
    """

    name: str
    columns: Columns
    partition: Partition | None = None
    other_partition: str | None = None
    cluster: tuple[str, ...] = ()
    version: int | None = None
    content_hash: str | None = None
    rows: int | None = None

    def find(self, path: Path) -> LiveColumn | None:
        """Column or field at a path, None if there is none."""
        columns: Columns = self.columns
        found: LiveColumn | None = None
        for name in path:
            found = next((c for c in columns if c.name == name), None)
            if found is None:
                return None
            columns = found.fields
        return found

    def rests_on(self, path: Path) -> bool:
        """Whether a top-level column partitions or clusters the table."""
        used = {*self.cluster, self.partition.column if self.partition else None}
        return len(path) == 1 and path[0] in used

    def fits(self, other: TableShape) -> bool:
        """Whether both are the same, stamps and rows aside."""
        return _bare(self) == _bare(other)


def _bare(shape: TableShape) -> TableShape:
    return replace(shape, version=None, content_hash=None, rows=None)


@dataclass(frozen=True)
class Edit:
    """One step between two shapes of a table.

    Attributes
    ----------
    path
        Column or field as it is called before the edit; empty for the table as a whole.
    column
        The column as it shall be; None where a column goes or the table as a whole changes.
    before
        Names that stand before the column in the contract.
    wanted
        Shape of the contract.
    instead
        Ids of the edits that exclude this one: a column is renamed, or one added and one dropped.
    """

    kind: EditKind
    path: Path
    wanted: TableShape
    column: LiveColumn | None = None
    before: Path = ()
    instead: tuple[str, ...] = ()

    @property
    def breaking(self) -> bool:
        """Whether readers, writers or rows of today may not survive it."""
        return self.kind not in NON_BREAKING

    @property
    def id(self) -> str:
        """Short name, the same in every plan of the same change."""
        whole = ".".join((self.wanted.name, *map(spelled, self.path)))
        if self.kind == "rename-column" and self.column is not None:
            return f"{self.kind}:{whole}:{spelled(self.column.name)}"
        return f"{self.kind}:{whole}"

    def apply(self, shape: TableShape) -> TableShape:
        """Shape after the edit; unchanged if there is nothing left to do."""
        match self.kind:
            case "repartition":
                return replace(shape, partition=self.wanted.partition, other_partition=None)
            case "recluster":
                return replace(shape, cluster=self.wanted.cluster)
            case "reorder-columns":
                return replace(shape, columns=_reordered(shape.columns, self.wanted.columns))
        edited = replace(shape, columns=_at(shape.columns, self.path[:-1], self._siblings))
        if self.kind == "rename-column" and self.column is not None and len(self.path) == 1:
            return _rename_uses(edited, self.path[0], self.column.name)
        return edited

    def _siblings(self, columns: Columns) -> Columns:
        name = self.path[-1]
        if self.kind == "add-column" and self.column is not None:
            return _inserted(columns, self.column, self.before)
        if self.kind == "drop-column":
            return tuple(c for c in columns if c.name != name)
        return tuple(self._changed(c) if c.name == name else c for c in columns)

    def _changed(self, column: LiveColumn) -> LiveColumn:
        if self.column is None:
            return column
        if self.kind == "rename-column":
            return replace(column, name=self.column.name)
        if self.kind in ("relax-column", "require-column"):
            return replace(column, nullable=self.column.nullable)
        return replace(self.column, nullable=column.nullable)


def _rename_uses(shape: TableShape, old: str, new: str) -> TableShape:
    cluster = tuple(new if name == old else name for name in shape.cluster)
    partition = shape.partition
    if partition is not None and partition.column == old:
        partition = Partition(column=new, granularity=partition.granularity)
    return replace(shape, cluster=cluster, partition=partition)


def _at(columns: Columns, parent: Path, change: Callable[[Columns], Columns]) -> Columns:
    if not parent:
        return change(columns)
    return tuple(
        replace(c, fields=_at(c.fields, parent[1:], change)) if c.name == parent[0] else c
        for c in columns
    )


def _inserted(columns: Columns, column: LiveColumn, before: Path) -> Columns:
    if any(c.name == column.name for c in columns):
        return columns
    names = [c.name for c in columns]
    place = next((names.index(n) + 1 for n in reversed(before) if n in names), 0)
    return (*columns[:place], column, *columns[place:])


def _reordered(columns: Columns, wanted: Columns) -> Columns:
    places = {c.name: place for place, c in enumerate(wanted)}
    fields = {c.name: c.fields for c in wanted}
    ordered = sorted(columns, key=lambda c: places.get(c.name, len(places)))
    return tuple(
        replace(c, fields=_reordered(c.fields, fields[c.name])) if fields.get(c.name) else c
        for c in ordered
    )


def contract_shape(contract: TableContract, backend: BackendName) -> TableShape:
    """Shape that a contract asks of a backend, which may have no partitions and clusters."""
    shape = TableShape(
        contract.name,
        _bare_fields(_from_contract(column) for column in contract.columns),
        version=contract.version,
        content_hash=contract.content_hash,
    )
    if TRAITS[backend].partitioned:
        return replace(shape, partition=contract.partition, cluster=contract.cluster)
    return shape


def _from_contract(column: Column) -> LiveColumn:
    fields = tuple(_from_contract(field) for field in column.fields)
    return LiveColumn(column.name, column.type, column.nullable, fields=fields)


def live_shape(table: LiveTable) -> TableShape:
    """Shape of a live table."""
    return TableShape(
        table.name,
        _bare_fields(table.columns),
        table.partition,
        table.other_partition,
        table.cluster,
        table.contract_version,
        table.contract_hash,
        table.rows,
    )


def stamp_text(shape: TableShape) -> str | None:
    """Stamp as `table_check.stamp` writes it; None of a table without one."""
    if shape.version is None:
        return None
    return json.dumps(
        {"contract": shape.name, "version": shape.version, "hash": shape.content_hash}
    )


def read_stamp(comment: str | None) -> tuple[int | None, str | None]:
    """Version and hash of the contract that a table was written under, None without a stamp."""
    text = stamp_of(comment)
    if text is None:
        return None, None
    stamp = json.loads(text)
    return stamp["version"], stamp.get("hash")


def _bare_fields(columns: Iterable[LiveColumn]) -> Columns:
    """Columns whose fields are all nullable.

    Required fields of a STRUCT are checked before a write, not kept by the warehouse.
    """
    return tuple(replace(c, fields=_optional(c.fields)) for c in columns)


def _optional(fields: Columns) -> Columns:
    return tuple(replace(f, nullable=True, fields=_optional(f.fields)) for f in fields)


def edits_between(have: TableShape, want: TableShape) -> tuple[Edit, ...]:
    """Edits that lead from one shape to the other, in the order in which they work.

    Where one column went and one with the same type and a similar name came, the edits hold
    a rename, and as its alternative the addition and the removal.
    """
    level = _Level((), have, want, have.columns, want.columns)
    found = sorted(_level_edits(level), key=lambda edit: ORDER.index(edit.kind))
    shape = have
    for edit in found:
        if not (edit.instead and edit.kind != "rename-column"):
            shape = edit.apply(shape)
    if shape.partition != want.partition or shape.other_partition:
        found.append(Edit("repartition", (), want))
    if shape.cluster != want.cluster:
        found.append(Edit("recluster", (), want))
    if shape.columns != want.columns:
        found.append(Edit("reorder-columns", (), want))
    return tuple(sorted(found, key=lambda edit: ORDER.index(edit.kind)))


@dataclass(frozen=True)
class _Level:
    """Columns of a table, or fields of one STRUCT, to compare."""

    parent: Path
    table: TableShape
    wanted: TableShape
    have: Columns
    want: Columns

    def edit(self, kind: EditKind, name: str, column: LiveColumn | None = None) -> Edit:
        return Edit(kind, (*self.parent, name), self.wanted, column, self.before(column))

    def before(self, column: LiveColumn | None) -> Path:
        names = [c.name for c in self.want]
        if column is None or column.name not in names:
            return ()
        return tuple(names[: names.index(column.name)])


def _level_edits(level: _Level) -> Iterator[Edit]:
    have = {c.name: c for c in level.have}
    want = {c.name: c for c in level.want}
    gone = [c for c in level.have if c.name not in want]
    new = [c for c in level.want if c.name not in have]
    renames = _renames(gone, new)
    for column in new:
        yield from _additions(level, column, renames)
    for column in gone:
        drop = level.edit("drop-column", column.name)
        other = renames.get(column.name)
        if other is None:
            yield drop
        elif not _same_name(column, other):
            yield replace(drop, instead=(level.edit("rename-column", column.name, other).id,))
    for name, column in have.items():
        if name in want:
            yield from _common_edits(level, column, want[name])


def _additions(level: _Level, column: LiveColumn, renames: dict[str, LiveColumn]) -> Iterator[Edit]:
    # Old rows have no value of a new column, so it is required only once they have one.
    add = level.edit("add-column", column.name, replace(column, nullable=True))
    require = level.edit("require-column", column.name, column)
    old = next((name for name, other in renames.items() if other is column), None)
    if old is None:
        yield add
        if not column.nullable:
            yield require
        return
    rename = level.edit("rename-column", old, column)
    before = next(c for c in level.have if c.name == old)
    if _same_name(before, column):
        yield rename
    else:
        yield replace(rename, instead=(add.id, level.edit("drop-column", old).id))
        yield replace(add, instead=(rename.id,))
    if before.nullable and not column.nullable:
        yield require
    if column.nullable and not before.nullable:
        yield level.edit("relax-column", old, replace(before, nullable=True))


def _same_name(one: LiveColumn, other: LiveColumn) -> bool:
    """SQL does not tell names apart by case, so a column of both cannot be."""
    return one.name.lower() == other.name.lower()


def _common_edits(level: _Level, column: LiveColumn, wanted: LiveColumn) -> Iterator[Edit]:
    path = (*level.parent, column.name)
    if column.nullable != wanted.nullable:
        kind: EditKind = "relax-column" if wanted.nullable else "require-column"
        yield level.edit(kind, column.name, wanted)
    if column.type == wanted.type == "STRUCT" and not column.repeated:
        inner = _Level(path, level.table, level.wanted, column.fields, wanted.fields)
        yield from _level_edits(inner)
    elif (column.type, column.repeated) != (wanted.type, wanted.repeated):
        wider = _is_wider(column, wanted) and not level.table.rests_on(path)
        yield level.edit("widen-column" if wider else "retype-column", column.name, wanted)


def _is_wider(column: LiveColumn, wanted: LiveColumn) -> bool:
    if column.repeated or wanted.repeated:
        return False
    # STRING(10) and NUMERIC(9, 2) are narrower than what they are called after.
    base = column.type.split("(")[0]
    return base == wanted.type or base in _WIDER.get(wanted.type, ())


def _renames(gone: Sequence[LiveColumn], new: Sequence[LiveColumn]) -> dict[str, LiveColumn]:
    """New column by the name of the old one that it may be, each at most once."""
    pairs = sorted(
        (
            (_likeness(old, column), old.name, column)
            for old in gone
            for column in new
            if replace(old, name="", nullable=True) == replace(column, name="", nullable=True)
        ),
        key=lambda pair: (-pair[0], pair[1], pair[2].name),
    )
    found: dict[str, LiveColumn] = {}
    for likeness, name, column in pairs:
        taken = any(other is column for other in found.values())
        if likeness >= SIMILAR and name not in found and not taken:
            found[name] = column
    return found


def _likeness(one: LiveColumn, other: LiveColumn) -> float:
    return difflib.SequenceMatcher(None, one.name.lower(), other.name.lower()).ratio()
