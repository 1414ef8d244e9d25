"""Columns that say nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

import pandas as pd

from soyoil.audit.defect import Defect, count, names
from soyoil.audit.rows.table_data import TableData, leaf
from soyoil.contracts.contract import Column
from soyoil.features.registry import features_of
from soyoil.market.instruments import INSTRUMENTS

MIN_ROWS: Final = 30
ABSENT: Final = "no sessions of "
REGIME_NAMES: Final = ("regime", "regime_name", "market_regime", "regime.name")
TWO_YEARS: Final = 730
OPTIONAL: Final = ("settle", "settlement", "open_interest", "vwap", "bid", "ask")
"""Columns of a table of sessions that a source need not give."""


@dataclass(frozen=True)
class Sources:
    """What the warehouse has bars of; features of anything else are NULL by reason.

    Attributes
    ----------
    roots
        Futures roots with sessions.
    hourly
        Whether the session bars are made from hourly bars.
    """

    roots: Collection[str]
    hourly: bool = True


def empty_columns(data: TableData, sources: Sources) -> Iterator[Defect]:
    """Columns without a value; a source that is absent is reported as a fact, not a defect."""
    if data.frame.empty or (data.is_foreign and len(data.frame) < MIN_ROWS):
        return
    missing = [n for n in data.names if data.frame[n].isna().all()]
    reasons = {name: _reasons(name, data, sources) for name in missing}
    if unexplained := [name for name, reason in reasons.items() if not reason]:
        yield Defect(
            "null_column",
            "warning",
            (data.name,),
            f"{len(unexplained)} of {count(len(data.names), 'column')} NULL in all "
            f"{len(data.frame):,} rows: {names(unexplained, 8)}",
            "A feature without a value teaches nothing and hides that its source is missing.",
            "Connect the source that fills it, or take the column out.",
        )
    if explained := [name for name, reason in reasons.items() if reason]:
        why = sorted({reason for name in explained for reason in reasons[name]})
        roots = [w.removeprefix(ABSENT) for w in why if w.startswith(ABSENT)]
        why = [w for w in why if not w.startswith(ABSENT)]
        if roots:
            why.insert(0, ABSENT + ", ".join(roots))
        yield Defect(
            "absent_source",
            "info",
            (data.name,),
            f"{count(len(explained), 'column')} NULL throughout: {'; '.join(why)}",
            "Models are not given columns that are NULL throughout.",
            "Add the roots to source.symbols if their features are wanted."
            if roots
            else "Nothing to do unless a source should fill them.",
        )


def _reasons(name: str, data: TableData, sources: Sources) -> list[str]:
    """Why a contracted column may be NULL in every row; empty if nothing explains it."""
    column = _declared(data, name)
    if column is None and data.is_market and (leaf(name) in OPTIONAL or _is_time(data.frame[name])):
        return ["bars without it are whole"]
    if column is not None and data.table.contract_version is None:
        return ["soyoil fills its own tables only"]
    if column is None or not column.nullable:
        return []
    absent = _roots_behind(name) - set(sources.roots)
    if absent:
        return [f"{ABSENT}{root}" for root in absent]
    flag = re.sub(r"(\w+)_reason$", r"is_\1", name)
    if flag != name and flag in data.frame and not data.frame[flag].any():
        return [f"{flag} nowhere true"]
    if not sources.hourly and "NULL from daily sources" in column.description:
        return ["session bars made from daily bars"]
    return []


def _roots_behind(name: str) -> set[str]:
    """Futures roots that the name and the formula of a feature speak of."""
    # Features of other markets are registered by their module.
    from soyoil.features import cross_asset  # noqa: F401

    # A formula may name another feature in words: "board crush less that of 5 sessions ago".
    formulas = {spec.name.rsplit(".", 1)[-1]: spec.formula for spec in features_of("cross")}
    text = f"{name} {formulas.get(name.rsplit('.', 1)[-1], '')}"
    text += "".join(f" {f}" for other, f in formulas.items() if other.replace("_", " ") in text)
    return {word for word in re.split(r"[^A-Za-z0-9]+", text) if word in INSTRUMENTS}


def constant_columns(data: TableData) -> Iterator[Defect]:
    """Numbers and flags with one value in every row."""
    if len(data.frame) < MIN_ROWS:
        return
    found = []
    for name in data.names:
        if name in data.key or data.frame[name].dtype == "str" or _is_time(data.frame[name]):
            continue
        known = data.frame[name].dropna()
        if len(known) >= MIN_ROWS and bool((known == known.iloc[0]).all()):
            value = known.iloc[0]
            is_flag = data.frame[name].dtype == "boolean"
            never = is_flag and not value and leaf(name).startswith(("is_", "has_"))
            if not never and not _may_stand_still(value, _declared(data, name)):
                found.append(f"{name} = {bool(value) if is_flag else f'{value:g}'}")
    if found:
        yield Defect(
            "constant_column",
            "warning",
            (data.name,),
            f"{count(len(found), 'column')} with one value in {len(data.frame):,} rows: "
            f"{names(found, 8)}",
            "It tells no day from another; often a default that stood in for a missing source.",
            "Find out what filled it; leave it NULL or take the column out.",
        )


def _is_time(values: pd.Series) -> bool:
    return bool(pd.api.types.is_datetime64_any_dtype(values.dtype))


def _declared(data: TableData, name: str) -> Column | None:
    return data.contract.flat_columns().get(name) if data.contract else None


def _may_stand_still(value: object, column: Column | None) -> bool:
    """Whether a contract allows it: no event so far, or a count at its least."""
    if column is None:
        return False
    if column.type == "BOOL":
        return not value
    return column.type == "INT64" and value == column.minimum


def constant_regime(data: TableData, regimes: pd.DataFrame | None) -> Iterator[Defect]:
    """A regime column that knows one regime where the regime table knows several.

    Parameters
    ----------
    data
        The table.
    regimes
        Rows of ``training.regime_weights``; None if there are none.
    """
    if data.date is None or data.frame.empty:
        return
    first, last = data.days.min(), data.days.max()
    if regimes is None:
        several = (last - first).astype(int) > TWO_YEARS
        told = f"{(last - first).astype(int):,} days"
    else:
        starts = regimes["start_date"].to_numpy().astype("datetime64[D]")
        several = bool(((starts > first) & (starts <= last)).any())
        told = f"{int(((starts > first) & (starts <= last)).sum()) + 1} regimes of the table"
    for name in data.names:
        if name in data.key or not name.lower().endswith(REGIME_NAMES):
            continue
        values = data.frame[name].dropna().unique()
        if several and len(values) == 1:
            yield Defect(
                "constant_regime",
                "error",
                (data.name,),
                f"{name} is {values[0]} in all rows from {first} to {last}, which span {told}",
                "Regime weights and slices do nothing: every row counts the same.",
                "Fill it from training.regime_weights by date.",
            )
