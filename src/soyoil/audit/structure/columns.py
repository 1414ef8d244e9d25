"""Columns that should not be where they are, and columns that are missing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from soyoil.audit.defect import Action, Defect, base_name, count, names
from soyoil.audit.scope import are_own_bars, has_key, namesakes
from soyoil.contracts.contract import TableContract, foreign_target, target_horizon
from soyoil.contracts.identifiers import last_part, spelled
from soyoil.warehouse.live import LiveColumn, LiveTable, LiveWarehouse

_TABLE_SPAN: Final = re.compile(r"_(\d+(?:min|hr|h|[dwmy]))$")
_TARGET_SPAN: Final = re.compile(r"target_(\d+(?:min|hr|h))(?:_|$)", re.IGNORECASE)
_NUMBERS: Final = (
    "INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC", "DECIMAL", "BOOL", "INTEGER", "FLOAT", "DOUBLE",
    "BOOLEAN", "BIGINT", "REAL", "HUGEINT", "SMALLINT", "TINYINT",
)  # fmt: skip
FEW: Final = 0.1
"""Share of the columns of a contract that a table of the user may lack without a warning."""
_NO_FEATURES: Final = re.compile(
    r"(?:^|_)(?:weight|fold|split|id|index|row|year|month|day|week|regime)(?:_|$)", re.IGNORECASE
)


def names_vendor(name: str, banned: Sequence[str]) -> bool:
    """Whether a word of a name begins with the name of a banned vendor."""
    return any(re.search(rf"(?:^|[^a-z]){re.escape(v.lower())}", name.lower()) for v in banned)


def column_defects(
    live: LiveWarehouse, contracts: Mapping[str, TableContract], banned: Sequence[str]
) -> Iterator[Defect]:
    """Defects of the columns of tables; those of views are reported where the view is read."""
    others = namesakes(live, contracts)
    for table in live.tables.values():
        if table.kind != "table":
            continue
        yield from _banned(table, banned)
        yield from _in_lists(table, banned)
        yield from _targets(table)
        if are_own_bars(table):
            yield _own_table(table, "Runs read it with source.kind=warehouse.")
        elif table.name in others:
            yield from _namesake(table, others[table.name], table.name in contracts)
        elif table.name in contracts:
            yield from _against_contract(table, contracts[table.name])


def _rows(table: LiveTable) -> str:
    return "" if table.rows is None else f", {count(table.rows, 'row')}"


def _banned(table: LiveTable, banned: Sequence[str]) -> Iterator[Defect]:
    impact = "Values of this vendor are revised without notice and may not be used."
    if names_vendor(table.name, banned):
        yield Defect(
            "banned_table",
            "error",
            (table.name,),
            f"the table is named after a banned vendor{_rows(table)}",
            impact,
            f"Drop {table.name}, after a copy if anyone needs proof of what was used.",
            (Action("drop_table", table.name),),
        )
    columns = table.flat_columns()
    found = [name for name in columns if names_vendor(name, banned)]
    if found:
        yield Defect(
            "banned_column",
            "error",
            tuple(f"{table.name}.{name}" for name in found),
            f"{len(found)} of {count(len(columns), 'column')} of {table.name}{_rows(table)}: "
            f"{names(found, 12)}",
            impact,
            f"Drop {table.name} as a whole: little else is in it."
            if _is_husk(table, found)
            else f"Rebuild {table.name} without them from vendor bars of the exchange.",
            tuple(_without(table, found)),
        )


def _in_lists(table: LiveTable, banned: Sequence[str]) -> Iterator[Defect]:
    """Banned names of fields of repeated STRUCTs, which cannot be dropped one by one."""
    found = [
        path
        for name, column in table.flat_columns().items()
        if column.repeated
        for path in _fields(name, column.fields)
        if names_vendor(last_part(path), banned)
    ]
    if found:
        yield Defect(
            "banned_column",
            "error",
            tuple(f"{table.name}.{path}" for path in found),
            f"{count(len(found), 'field')} inside lists of {table.name}{_rows(table)}: "
            f"{names(found, 12)}",
            "Values of this vendor are revised without notice and may not be used.",
            f"Write {table.name} anew without them from vendor bars of the exchange.",
        )


def _fields(path: str, fields: Sequence[LiveColumn]) -> Iterator[str]:
    for field in fields:
        yield f"{path}.{spelled(field.name)}"
        yield from _fields(f"{path}.{spelled(field.name)}", field.fields)


def _without(table: LiveTable, columns: Sequence[str]) -> Iterator[Action]:
    if _is_husk(table, columns):
        yield Action("drop_table", table.name)
        return
    for column in columns:
        yield Action("drop_column", f"{table.name}.{column}")


def _is_husk(table: LiveTable, columns: Sequence[str]) -> bool:
    """Whether too little would be left of a table: most columns go, or all that hold a value."""
    flat = table.flat_columns()
    left = [column for name, column in flat.items() if name not in columns]
    numbers = [column for column in left if _base_type(column) in _NUMBERS]
    return not numbers or len(left) < len(columns)


def _base_type(column: LiveColumn) -> str:
    return column.type.upper().split("(")[0]


def _targets(table: LiveTable) -> Iterator[Defect]:
    columns = table.flat_columns()
    base = base_name(table.name).lower()
    of_horizon = bool(_TABLE_SPAN.search(base))
    trains = table.dataset.lower() == "training" or "train" in base
    targets = [name for name in columns if _span(name)]
    drop = (Action("drop_table", table.name),) if trains else ()
    problems = [text for name in targets if (text := _foreign(name, table.name.lower()))]
    if problems:
        yield Defect(
            "horizon_mismatch",
            "error" if of_horizon else "warning",
            (table.name,),
            f"{names(problems)}{_rows(table)}",
            "A model trained on it forecasts another horizon than its name says.",
            "Build labels per horizon from the session index (`kedro run --pipeline=split`) and "
            "drop this table, or rename it after what it holds.",
            drop,
        )
    if trains and (targets or of_horizon):
        yield from _without_features(table, columns, drop)


def _span(name: str) -> str | None:
    """What a target is of: a horizon, or a bar of an intraday table."""
    match = _TARGET_SPAN.match(last_part(name))
    return match.group(1).lower() if match else target_horizon(name)


def _foreign(name: str, table: str) -> str | None:
    """What is wrong with a target of a table, in words."""
    of = _TABLE_SPAN.search(table)
    span = _span(name)
    if of is None or span is None or target_horizon(name):
        return foreign_target(name, table)
    if span == of.group(1):
        return None
    return f"{name} is a target of {span}, but {table} is of {of.group(1)}"


def _without_features(
    table: LiveTable, columns: Mapping[str, LiveColumn], drop: tuple[Action, ...]
) -> Iterator[Defect]:
    features = [
        name
        for name, column in columns.items()
        if _base_type(column) in _NUMBERS
        and not _span(name)
        and not name.lower().startswith(("target", "label"))
        and not _NO_FEATURES.search(last_part(name))
    ]
    if not features:
        yield Defect(
            "no_features",
            "error",
            (table.name,),
            f"{count(len(columns), 'column')}, none a feature: {names(columns, 12)}{_rows(table)}",
            "There is nothing a model could learn from.",
            "Train from the snapshot of features.daily_ml_matrix; drop this table.",
            drop,
        )


def _namesake(table: LiveTable, contract: TableContract, in_the_way: bool) -> Iterator[Defect]:
    """A table that soyoil did not write and that is called like one of its own.

    Parameters
    ----------
    in_the_way
        Whether soyoil writes to that very name.
    """
    missing, wrong, extra = _compared(table, contract)
    replaced = (Action("replace_table", table.name),)
    if has_key(table, contract) and (missing or wrong):
        nested = sum("." in name for name in missing)
        wanted = len(contract.flat_columns())
        total = count(wanted, "column")
        # Contracts gain columns; a table that soyoil never writes need not follow at once.
        few = not in_the_way and len(missing) + len(wrong) <= FEW * wanted
        differ = f"; {names(wrong)}" if wrong else ""
        yield Defect(
            "missing_columns",
            "info" if few else "warning",
            (table.name,),
            f"{len(missing)} of {total} of contract version {contract.version} are missing, "
            f"{nested} of them nested: {names(missing, 12)}{differ}{_rows(table)}, not written by "
            "soyoil",
            "Whoever reads it does not find what features.daily_ml_matrix of soyoil holds.",
            "Give it the columns of the contract; its own columns stay.",
            replaced if table.rows == 0 else (Action("add_columns", table.name),),
        )
    elif (missing or wrong) and in_the_way and table.rows == 0:
        yield Defect(
            "other_form",
            "warning",
            (table.name,),
            f"empty and not written by soyoil, {count(len(missing), 'column')} of the contract "
            f"missing: {names(missing)}",
            "soyoil writes a table of this name, and never into one of another form.",
            f"Keep {table.name} in the form of the contract: replace it while it is empty.",
            replaced,
        )
    elif missing or wrong:
        yield _own_table(table, "It stays as it is.")
    if extra and has_key(table, contract):
        yield Defect(
            "own_columns",
            "info",
            (table.name,),
            f"{count(len(extra), 'column')} that the contract does not know: {names(extra, 12)}",
            "They are the table's own, and stay.",
            "Nothing to do.",
        )


def _own_table(table: LiveTable, fix: str) -> Defect:
    return Defect(
        "own_table",
        "info",
        (table.name,),
        f"soyoil did not write it{_rows(table)}",
        "soyoil neither changes nor claims it.",
        fix,
    )


def _compared(table: LiveTable, contract: TableContract) -> tuple[list[str], list[str], list[str]]:
    """Columns that a table lacks, has of another type, and has beside those of a contract."""
    have = {name.lower(): column for name, column in table.flat_columns().items()}
    want = contract.flat_columns()
    known = {name.lower() for name in want}
    missing = [name for name in want if name.lower() not in have]
    wrong = [
        f"{name} is {_type(have[name.lower()])}, not {column.type}"
        for name, column in want.items()
        if name.lower() in have and _type(have[name.lower()]) != column.type
    ]
    return missing, wrong, [name for name in table.flat_columns() if name.lower() not in known]


def _against_contract(table: LiveTable, contract: TableContract) -> Iterator[Defect]:
    missing, wrong, extra = _compared(table, contract)
    if missing:
        nested = sum("." in name for name in missing)
        yield Defect(
            "missing_columns",
            "error",
            (table.name,),
            f"{len(missing)} of {count(len(contract.flat_columns()), 'column')} of contract "
            f"version {contract.version} are missing, {nested} of them nested: "
            f"{names(missing, 12)}",
            "Reads and writes of the table are refused.",
            "Add the columns; rows that are there get NULL until they are written anew.",
            (Action("add_columns", table.name),),
        )
    if wrong:
        yield Defect(
            "wrong_type",
            "error",
            (table.name,),
            f"{count(len(wrong), 'column')}: {names(wrong)}",
            "Reads and writes of the table are refused.",
            "Write the table anew under its contract.",
        )
    if extra:
        yield Defect(
            "unknown_columns",
            "warning",
            (table.name,),
            f"{count(len(extra), 'column')} that the contract does not know: {names(extra)}",
            "Nothing checks or fills them.",
            "Add them to the contract, or drop them.",
        )


def _type(column: LiveColumn) -> str:
    return f"ARRAY<{column.type}>" if column.repeated else column.type
