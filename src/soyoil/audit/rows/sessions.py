"""Rows of futures markets that no session can have given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from soyoil.audit.config import AuditConfig
from soyoil.audit.defect import Defect, Severity, count, names
from soyoil.audit.rows.table_data import TableData, leaf
from soyoil.audit.scope import are_own_bars, is_ours
from soyoil.base.arrays import BoolArray, DayArray, FloatArray, IntArray
from soyoil.market.holidays import sessionless_days

Days = DayArray

CHANCE: Final = 1e-4
RESTS: Final = 3
MIN_STUBS: Final = 10
"""Weekend rows from which on they may be the way of a table and not a mistake."""
STUB_SHARE: Final = 0.25
"""Of the median volume of a series, that the opening hours of a session do not exceed."""
MOST_STUBS: Final = 0.9
PRICES: Final = ("open", "high", "low", "close", "settle", "settlement", "price", "adj_close")


def impossible_days(data: TableData) -> Iterator[Defect]:
    """Rows on weekends and on holidays of the exchange."""
    if not data.is_market:
        return
    market = data.roots.notna().to_numpy()
    weekend = market & ~np.is_busday(data.days)
    holiday = market & _holidays(data) & ~weekend
    stubs = _evening_stubs(data, weekend, holiday)
    if stubs.any():
        yield Defect(
            "utc_day_bars",
            "info",
            (data.name,),
            f"{count(int(stubs.sum()), 'row')} of {len(data.frame):,} hold the evening hours that "
            f"open a session, cut off at midnight UTC: {data.labels(stubs)}",
            "A session that opens on Sunday evening belongs to Monday: horizons counted in such "
            "rows are too short.",
            "Read the table with source.kind=warehouse, which puts them to their session.",
        )
        weekend &= ~stubs
        holiday &= ~stubs
    # Bars of the user's own stay; the sessions that are made of them are judged in their turn.
    severity: Severity = "warning" if are_own_bars(data.table) else "error"
    if weekend.any():
        yield Defect(
            "weekend_rows",
            severity,
            (data.name,),
            f"{count(int(weekend.sum()), 'row')} of {len(data.frame):,}: {data.labels(weekend)}",
            "A session that opens on Sunday evening belongs to Monday: such rows are stubs or "
            "copies, and horizons count them as sessions.",
            "Merge them into Monday's session from hourly bars, or delete them.",
        )
    if holiday.any():
        yield Defect(
            "holiday_rows",
            severity,
            (data.name,),
            f"{count(int(holiday.sum()), 'row')} of {len(data.frame):,} on days without a session "
            f"of their root: {data.labels(holiday)}",
            "Filled or copied rows, which horizons count as sessions.",
            "Delete them.",
        )


def _evening_stubs(data: TableData, weekend: BoolArray, holiday: BoolArray) -> BoolArray:
    """Rows of days that hold nothing but the opening of the next session.

    In bars of UTC days they stand on Sundays, never on Saturdays, and on holidays, with a small
    part of the volume of a session. A copied or filled row has the volume of what it copies.
    """
    nothing = np.zeros(len(data.frame), dtype=np.bool_)
    volume = next((name for name in data.numbers if leaf(name) == "volume"), None)
    saturdays = np.is_busday(data.days, weekmask="Sat")
    if is_ours(data.table) or volume is None or weekend.sum() < MIN_STUBS:
        return nothing
    if (weekend & saturdays).any():
        return nothing
    lots = data.frame[volume]
    usual = lots.groupby(data.group).transform("median").to_numpy()
    small = (lots.to_numpy() <= STUB_SHARE * usual) & (weekend | holiday)
    return small if small[weekend].mean() >= MOST_STUBS else nothing


def _holidays(data: TableData) -> BoolArray:
    found = np.zeros(len(data.frame), dtype=np.bool_)
    for root in data.roots.dropna().unique():
        of_root = (data.roots == root).to_numpy(dtype=np.bool_, na_value=False)
        found |= of_root & np.isin(data.days, sessionless_days(root))
    return found


def session_gaps(data: TableData, config: AuditConfig) -> Iterator[Defect]:
    """Sessions that are missing in a row."""
    if not data.is_market:
        return
    gaps = []
    for root in data.roots.dropna().unique():
        of_root = (data.roots == root).to_numpy(dtype=np.bool_, na_value=False)
        holidays = sessionless_days(root)
        for group in np.unique(data.group[of_root]):
            rows = np.flatnonzero(of_root & (data.group == group))
            days = np.unique(data.days[rows])
            missing = np.busday_count(days[:-1] + 1, days[1:], holidays=holidays)
            gaps += [
                f"{data.label(int(rows[0])).rsplit(' ', 1)[0]} {missing[i]} from {days[i]} to "
                f"{days[i + 1]}"
                for i in np.flatnonzero(missing > config.gap_sessions)
            ]
    if gaps:
        yield Defect(
            "session_gap",
            # A contracted table holds what its source has.
            "warning" if data.contract is None else "info",
            (data.name,),
            f"{count(len(gaps), 'gap')} of more than {config.gap_sessions} sessions: {names(gaps)}",
            "Returns and horizons across a gap span more time than they say.",
            "Load the missing sessions, or start the series after the gap.",
        )


def filled_runs(data: TableData, config: AuditConfig) -> Iterator[Defect]:
    """Values that stand still for longer than a market lets them."""
    if not data.is_daily:
        return
    found: dict[Severity, list[str]] = {"error": [], "warning": []}
    limits = {"error": config.price_run, "warning": config.value_run}
    for name in data.numbers:
        is_price = data.is_market and leaf(name) in PRICES
        if not is_price and name not in data.moving:
            continue
        severity: Severity = "error" if is_price else "warning"
        runs = _runs(data, name, limits[severity], recurs=not is_price)
        if runs is not None:
            found[severity].append(f"{name} {runs}")
    for severity, texts in found.items():
        if texts:
            more = f"; and {len(texts) - 4} more columns" if len(texts) > 4 else ""
            yield Defect(
                "filled_run",
                severity,
                (data.name,),
                f"{count(len(texts), 'column')} with {limits[severity]} or more equal values in a "
                f"row: {'; '.join(texts[:4])}{more}",
                "Filled forward: volatility is understated and the last move is traded again and "
                "again.",
                "Leave missing values missing; fill on read, with a staleness cap and a column "
                "that tells the age.",
            )


def _runs(data: TableData, name: str, limit: int, *, recurs: bool) -> str | None:
    """Runs of equal values that are too long for chance, in words.

    Parameters
    ----------
    data
        Rows of different keys.
    name
        The column.
    limit
        Length below which no run counts.
    recurs
        Whether a value that comes back in several runs is a resting point (the bound of a
        percentile, the zero of a distance) and not a filled one. Prices come back by themselves.
    """
    starts = np.flatnonzero(~data.unchanged(name))
    lengths = np.diff(np.append(starts, len(data.frame)))
    values = data.frame[name].to_numpy()[starts]
    long = lengths >= np.maximum(limit, _chance_length(lengths, data.group[starts]))
    if recurs:
        _, inverse, times = np.unique(values, return_inverse=True, return_counts=True)
        long &= times[inverse] < RESTS
    if not long.any():
        return None
    longest = int(np.argmax(np.where(long, lengths, 0)))
    return (
        f"{count(int(long.sum()), 'run')}, {int(lengths[long].sum()):,} rows, the longest "
        f"{int(lengths[longest])} from {data.label(int(starts[longest]))}"
    )


def _chance_length(lengths: IntArray, series: IntArray) -> FloatArray:
    """Length that a run of its series reaches by chance with a probability of `CHANCE` at most.

    A price on a coarse tick stands still now and then. If a new value repeats with probability
    p, the longest of n runs has at least L values with a probability of about n p^(L-1). The
    share of runs longer than one estimates p, which a few long runs hardly move.
    """
    n = np.bincount(series).astype(np.float64)
    repeats = np.bincount(series, weights=lengths > 1)
    p = (repeats + 1) / (n + 2)
    bound = 1 + np.log(CHANCE / np.maximum(n, 1)) / np.log(p)
    return np.asarray(bound[series], dtype=np.float64)


def inconsistent_bars(data: TableData) -> Iterator[Defect]:
    """Bars whose high or low does not bound their prices."""
    for name in data.numbers:
        if leaf(name) != "high":
            continue
        prefix = name[: -len("high")]
        bar = [f"{prefix}{part}" for part in ("open", "high", "low", "close")]
        if not set(bar) <= set(data.numbers):
            continue
        o, h, low, c = (data.frame[part].to_numpy() for part in bar)
        wrong = (h < np.fmax(np.fmax(o, c), low)) | (low > np.fmin(o, c))
        if wrong.any():
            dates = f", {count(len(np.unique(data.days[wrong])), 'date')}" if data.date else ""
            yield Defect(
                "inconsistent_bar",
                "error",
                (data.name,),
                f"{count(int(wrong.sum()), 'row')} of {len(data.frame):,}{dates} with a high below "
                f"or a low above the open or close: {data.labels(wrong)}",
                "Open, high, low and close are of different contracts, times or sources.",
                "Make session bars anew from hourly bars of one contract.",
            )
