"""Steps of a plan in words."""

from __future__ import annotations

from typing import Final

from soyoil.migrations.sql import castable
from soyoil.migrations.step import Step
from soyoil.warehouse.live import LiveColumn, LiveTable
from soyoil.warehouse.table_shape import Edit, TableShape, live_shape

_LOSSY: Final = {
    ("INT64", "FLOAT64"): "integers beyond 2**53 are rounded",
    ("FLOAT64", "INT64"): "fractions are rounded away",
    ("TIMESTAMP", "DATE"): "the time of day is lost",
}


def summary(step: Step, table: LiveTable | None) -> str:
    """What a step does, in a few words."""
    edit = step.edit
    if edit is not None:
        return _edit_summary(edit, table)
    match step.kind:
        case "create-table":
            return f"create the table, {len(step.wanted.columns) if step.wanted else 0} columns"
        case "stamp-table" | "adopt-table" | "restamp-table":
            version = step.wanted.version if step.wanted else None
            return f"mark the table as of contract version {version}"
        case "replace-table":
            return "create the empty table anew in the form of the contract, its own fields kept"
        case "recover-table":
            return "put the table that was built anew in its place"
        case "drop-dataset":
            return "drop the dataset and all that it holds"
        case _:
            return step.kind.replace("-", " the ", 1)


def _edit_summary(edit: Edit, table: LiveTable | None) -> str:
    have = live_shape(table) if table is not None else edit.wanted
    old, new = have.find(edit.path), edit.column
    match edit.kind:
        case "add-column" if new is not None:
            return f"add a {new.type} column, NULL in old rows"
        case "drop-column" if old is not None:
            return f"drop a {old.type} column"
        case "rename-column" if new is not None:
            guess = "perhaps " if edit.instead else ""
            return f"{guess}rename to {new.name}"
        case "widen-column" | "retype-column" if old is not None and new is not None:
            return f"{_type(old)} becomes {_type(new)}"
        case "relax-column":
            return "allow NULL"
        case "require-column":
            return "refuse NULL"
        case "repartition":
            return f"{_partition(have)} becomes {_partition(edit.wanted)}"
        case "recluster":
            return f"clusters by {_cluster(edit.wanted)} instead of {_cluster(have)}"
        case _:
            return "bring the columns into the order of the contract"


def _type(column: LiveColumn) -> str:
    return f"ARRAY<{column.type}>" if column.repeated else column.type


def _partition(shape: TableShape) -> str:
    if shape.partition is not None:
        return f"{shape.partition.granularity} of {shape.partition.column}"
    return shape.other_partition or "no partition"


def _cluster(shape: TableShape) -> str:
    return ", ".join(shape.cluster) or "nothing"


def not_copied(table: LiveTable) -> str:
    """What a copy that has rows and types only does not hold."""
    names = ", ".join(str(extra) for extra in table.extras)
    return f"the copy has the rows without {names}" if names else ""


def warning(step: Step, table: LiveTable | None) -> str:
    """What to think of before a step is made; empty if nothing."""
    edit = step.edit
    if edit is None or table is None:
        return ""
    old, new = live_shape(table).find(edit.path), edit.column
    if edit.kind in ("widen-column", "retype-column") and old is not None and new is not None:
        if not castable(old, new):
            return f"{_type(old)} cannot become {_type(new)}: the values are lost"
        if (old.type, new.type) in _LOSSY:
            return _LOSSY[old.type, new.type]
    if edit.kind == "require-column" and old is None and table.rows:
        return f"fails while any of the {table.rows:,} rows has no value: fill it first"
    if edit.instead and edit.kind == "rename-column":
        return f"if it is no rename, name {' and '.join(edit.instead)} instead"
    return ""
