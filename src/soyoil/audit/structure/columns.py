"""Columns that should not be where they are, and columns that are missing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from soyoil.audit.defect import Action, Defect, base_name, count, names
from soyoil.contracts.contract import TableContract, foreign_target, target_horizon
from soyoil.contracts.identifiers import last_part
from soyoil.warehouse.live import LiveColumn, LiveTable, LiveWarehouse

_OF_HORIZON: Final = re.compile(r"_\d+[dwmy]$")
_NUMBERS: Final = (
    "INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC", "DECIMAL", "BOOL", "INTEGER", "FLOAT", "DOUBLE",
    "BOOLEAN", "BIGINT", "REAL", "HUGEINT", "SMALLINT", "TINYINT",
)  # fmt: skip
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
    for table in live.tables.values():
        if table.kind != "table":
            continue
        yield from _banned(table, banned)
        yield from _targets(table)
        contract = contracts.get(table.name)
        if contract is not None:
            yield from _against_contract(table, contract)


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
            f"Rebuild {table.name} without them from vendor bars of the exchange.",
            tuple(_without(table, found)),
        )


def _without(table: LiveTable, columns: Sequence[str]) -> Iterator[Action]:
    if len(columns) == len(table.flat_columns()):
        yield Action("drop_table", table.name)
        return
    for column in columns:
        yield Action("drop_column", f"{table.name}.{column}")


def _targets(table: LiveTable) -> Iterator[Defect]:
    columns = table.flat_columns()
    targets = [name for name in columns if target_horizon(name)]
    problems = [text for name in targets if (text := foreign_target(name, table.name.lower()))]
    if problems:
        of_horizon = bool(_OF_HORIZON.search(base_name(table.name).lower()))
        yield Defect(
            "horizon_mismatch",
            "error" if of_horizon else "warning",
            (table.name,),
            f"{names(problems)}{_rows(table)}",
            "A model trained on it forecasts another horizon than its name says.",
            "Build labels per horizon from the session index (`kedro run --pipeline=split`) and "
            "drop this table, or rename it after what it holds.",
        )
    trains = table.dataset.lower() == "training" or "train" in base_name(table.name).lower()
    if trains and (targets or _OF_HORIZON.search(base_name(table.name).lower())):
        yield from _without_features(table, columns)


def _without_features(table: LiveTable, columns: Mapping[str, LiveColumn]) -> Iterator[Defect]:
    features = [
        name
        for name, column in columns.items()
        if column.type.upper().split("(")[0] in _NUMBERS
        and not target_horizon(name)
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
        )


def _against_contract(table: LiveTable, contract: TableContract) -> Iterator[Defect]:
    have = {name.lower(): column for name, column in table.flat_columns().items()}
    want = contract.flat_columns()
    missing = [name for name in want if name.lower() not in have]
    if missing:
        nested = sum("." in name for name in missing)
        yield Defect(
            "missing_columns",
            "error",
            (table.name,),
            f"{len(missing)} of {count(len(want), 'column')} of contract version "
            f"{contract.version} are missing, {nested} of them nested: {names(missing, 12)}",
            "Reads and writes of the table are refused.",
            "Add the columns; rows that are there get NULL until they are written anew.",
            (Action("add_columns", table.name),),
        )
    wrong = [
        f"{name} is {_type(have[name.lower()])}, not {column.type}"
        for name, column in want.items()
        if name.lower() in have and _type(have[name.lower()]) != column.type
    ]
    if wrong:
        yield Defect(
            "wrong_type",
            "error",
            (table.name,),
            f"{count(len(wrong), 'column')}: {names(wrong)}",
            "Reads and writes of the table are refused.",
            "Write the table anew under its contract.",
        )
    known = {name.lower() for name in want}
    extra = [name for name in table.flat_columns() if name.lower() not in known]
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
