"""Series that no market has given: invented, interpolated, or put together from several."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from soyoil.audit.defect import Defect, count
from soyoil.audit.rows.table_data import TableData, leaf

MIN_FLAT: Final = 10
FLAT_SHARE: Final = 0.1
MIN_DATES: Final = 20
MIN_JUMPS: Final = 5
JUMP: Final = np.log(2.0)
"""Log move from one row to the next that no market makes time and again."""
JUMP_SHARE: Final = 0.01


def invented_series(data: TableData) -> Iterator[Defect]:
    """Prices that no market can have given.

    Parameters
    ----------
    data
        Rows of different keys, of any table.
    """
    if not data.is_foreign or data.date is None or data.close is None:
        return
    yield from _flat_bars(data)
    yield from _even_dates(data)
    yield from _several_levels(data)


def _flat_bars(data: TableData) -> Iterator[Defect]:
    """Bars without a range that nobody traded."""
    parts = {leaf(name): name for name in data.numbers}
    if not {"open", "high", "low", "close"} <= parts.keys():
        return
    o, h, low, c = (data.frame[parts[part]].to_numpy() for part in ("open", "high", "low", "close"))
    flat = (o == c) & (h == c) & (low == c)
    if "volume" in parts:
        flat &= ~(data.frame[parts["volume"]].to_numpy() > 0)
    if flat.sum() < MIN_FLAT or flat.mean() < FLAT_SHARE:
        return
    yield Defect(
        "flat_bars",
        "error",
        (data.name,),
        f"{count(int(flat.sum()), 'row')} of {len(flat):,} have one price as open, high, low and "
        f"close and no volume: {data.labels(flat)}",
        "Nobody traded there: the bars are quotes, settlements or invented, and every range "
        "computed from them is zero.",
        "Load traded bars of the exchange; keep such rows out of the series.",
    )


def _even_dates(data: TableData) -> Iterator[Defect]:
    """Prices on dates that are equally far apart, weekends included."""
    days = np.unique(data.days[~np.isnat(data.days)])
    steps = np.diff(days).astype(int)
    if len(days) < MIN_DATES or not (steps == steps[0]).all() or steps[0] % 7 in (0, 1):
        return
    closed = int((~np.is_busday(days)).sum())
    if closed:
        yield Defect(
            "even_dates",
            "error",
            (data.name,),
            f"{count(len(days), 'date')} exactly {steps[0]} days apart from {days[0]}, {closed:,} "
            "of them on weekends",
            "No market has prices on such dates: they were generated or interpolated.",
            "Load the prices of sessions; drop the table if nothing observed is in it.",
        )


def _several_levels(data: TableData) -> Iterator[Defect]:
    """One series that jumps between prices of different things."""
    if data.close is None:
        return
    price = data.frame[data.close].to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.abs(np.diff(np.log(np.where(price > 0, price, np.nan))))
    within = data.group[1:] == data.group[:-1]
    jumps = np.zeros(len(price), dtype=np.bool_)
    jumps[1:] = within & (step > JUMP)
    if jumps.sum() < MIN_JUMPS or jumps.sum() < JUMP_SHARE * len(price):
        return
    low, high = np.nanquantile(price, [0.05, 0.95])
    yield Defect(
        "several_levels",
        "error",
        (data.name,),
        f"{data.close} halves or doubles from row to row {int(jumps.sum()):,} times in "
        f"{len(price):,} rows, between {low:g} and {high:g}: {data.labels(jumps)}{_named(data)}",
        "Prices of several things or units stand in one series: every return across them is false.",
        "Give each its own symbol or table, in one unit.",
    )


def _named(data: TableData) -> str:
    """Which text tells the levels apart, if one does."""
    if data.close is None:
        return ""
    price = data.frame[data.close]
    for name in data.names:
        texts = data.frame[name]
        if texts.dtype != "str" or name in data.key or not 2 <= texts.nunique() <= 20:
            continue
        medians = price.groupby(texts).median().sort_values()
        if medians.iloc[-1] > 2 * abs(medians.iloc[0]):
            levels = ", ".join(f"{value} {level:g}" for value, level in medians.head(5).items())
            return f"; by {name}: {levels}"
    return ""
