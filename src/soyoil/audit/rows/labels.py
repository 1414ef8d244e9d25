"""Labels that cannot be what their name says."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from soyoil.audit.defect import Defect, count
from soyoil.audit.rows.table_data import RETURN_NAME, TableData, leaf
from soyoil.base.arrays import BoolArray, DayArray, FloatArray, IntArray
from soyoil.contracts.contract import target_horizon
from soyoil.market.instruments import TARGET_ROOT
from soyoil.targets.horizons import HORIZONS
from soyoil.targets.labels import forward_sums

Days = DayArray

SESSIONS_PER: Final = {"d": 1, "w": 5, "m": 21, "y": 252}
TRIED: Final = (1, 2, 3, 5, 7, 10, 14, 20, 21, 22, 30, 42, 60, 63, 90, 126, 180, 252, 365)
MIN_LABELS: Final = 30
MATCHES: Final = 0.9
TOLERANCE: Final = 1e-4
BUSINESS: Final = 0.95
"""Share of rows on weekdays from which on a row is a session and not a calendar day."""


@dataclass(frozen=True)
class Sessions:
    """Sessions of one root.

    Attributes
    ----------
    days
        Trade dates, ascending, shape ``(n,)``.
    close
        Closing prices.
    returns
        Daily log returns: roll-free where the table has them, else of the closing prices.
    table
        Where they come from.
    """

    days: Days
    close: FloatArray
    returns: FloatArray
    table: str


def sessions_of(data: TableData) -> dict[str, Sessions]:
    """Sessions by root that a market table holds; thin ones are left out.

    Parameters
    ----------
    data
        Rows of different keys.
    """
    if not data.is_market or data.close is None:
        return {}
    frame = data.frame
    rolled = next((n for n in data.numbers if leaf(n) == RETURN_NAME), None)
    regular = np.ones(len(frame), dtype=np.bool_)
    if "is_thin" in frame:
        regular = ~frame["is_thin"].fillna(False).to_numpy(dtype=bool)
    found = {}
    for root in data.roots.dropna().unique():
        rows = regular & (data.roots == root).to_numpy(dtype=bool, na_value=False)
        days, first = np.unique(data.days[rows], return_index=True)
        close = frame.loc[rows, data.close].to_numpy()[first]
        returns = frame.loc[rows, rolled].to_numpy()[first] if rolled else _log_returns(close)
        found[str(root)] = Sessions(days, close, returns, data.name)
    return found


def _log_returns(close: FloatArray) -> FloatArray:
    log = np.log(np.where(close > 0, close, np.nan))
    return np.diff(log, prepend=np.nan)


def label_sessions(target: str) -> int:
    """Sessions of the horizon that a target's name says.

    Raises
    ------
    ValueError
        If the column is no target.
    """
    horizon = target_horizon(target)
    match = re.fullmatch(r"(\d+)([dwmy])", horizon or "")
    if horizon is None or match is None:
        raise ValueError(f"{target} is no target")
    if horizon in HORIZONS:
        return HORIZONS[horizon].sessions
    return int(match.group(1)) * SESSIONS_PER[match.group(2)]


def label_defects(data: TableData, known: Mapping[str, Sessions]) -> Iterator[Defect]:
    """Labels without a future, and labels of another horizon than their name's.

    Parameters
    ----------
    data
        The table; rows of different keys.
    known
        Sessions by root from the best table of the warehouse.
    """
    if data.date is None or not data.is_daily:
        return
    for target in data.targets:
        for root, rows in _series(data):
            own = _own_sessions(data, rows, root)
            reference = known.get(root)
            if reference is None or reference.days[-1] < own.days[-1]:
                reference = own
            yield from _without_future(data, target, rows, reference)
            yield from _other_horizon(data, target, rows, reference)


def _series(data: TableData) -> Iterator[tuple[str, IntArray]]:
    """Rows of each series."""
    roots = data.roots.fillna(TARGET_ROOT)
    for group in np.unique(data.group):
        rows = np.flatnonzero((data.group == group) & ~np.isnat(data.days))
        if len(rows):
            yield str(roots.iloc[rows[0]]), rows


def _own_sessions(data: TableData, rows: IntArray, root: str) -> Sessions:
    close = data.frame[data.close].to_numpy()[rows] if data.close else np.full(len(rows), np.nan)
    return sessions_of(data).get(
        root, Sessions(data.days[rows], close, _log_returns(close), data.name)
    )


def _without_future(
    data: TableData, target: str, rows: IntArray, reference: Sessions
) -> Iterator[Defect]:
    sessions = label_sessions(target)
    position = np.searchsorted(reference.days, data.days[rows], side="right") - 1
    labelled = ~np.isnan(data.frame[target].to_numpy()[rows])
    early = labelled & (position + sessions >= len(reference.days))
    if not early.any():
        return
    # A table of labelled rows only that is the sole witness of its sessions may be right.
    trimmed = bool(labelled.all()) and not _repeats(data, target, rows)
    certain = reference.table != data.name or not trimmed
    examples = data.labels(_mask(data, rows[early]))
    yield Defect(
        "label_without_future",
        "error" if certain else "warning",
        (f"{data.name}.{target}",),
        f"{count(int(early.sum()), 'label')} of {int(labelled.sum()):,} end after the last "
        f"session {reference.days[-1]} of {reference.table}: {examples}"
        + ("" if certain else "; or rows without a label were left out"),
        "Nobody could know them: they are filled, copied or extrapolated, and score as skill.",
        f"A label of {sessions} sessions exists only when session t+{sessions} exists: leave the "
        "rest NULL.",
    )


def _repeats(data: TableData, target: str, rows: IntArray) -> bool:
    """Whether the last labels are one value."""
    tail = data.frame[target].to_numpy()[rows][-3:]
    return len(tail) == 3 and bool((tail == tail[0]).all())


def _mask(data: TableData, rows: IntArray) -> BoolArray:
    mask = np.zeros(len(data.frame), dtype=np.bool_)
    mask[rows] = True
    return mask


def _candidates(reference: Sessions, sessions: int) -> dict[str, FloatArray]:
    """What a label of so many sessions may be, by kind."""
    log = forward_sums(reference.returns, sessions)
    naive = forward_sums(_log_returns(reference.close), sessions)
    later = reference.close * np.exp(naive)
    return {
        "roll-free log return": log,
        "log return": naive,
        "simple return": np.expm1(naive),
        "simple return in %": 100 * np.expm1(naive),
        "price change": later - reference.close,
        "future price": later,
    }


def _other_horizon(
    data: TableData, target: str, rows: IntArray, reference: Sessions
) -> Iterator[Defect]:
    named = label_sessions(target)
    position = np.searchsorted(reference.days, data.days[rows])
    inside = position < len(reference.days)
    inside[inside] &= reference.days[position[inside]] == data.days[rows][inside]
    values = data.frame[target].to_numpy()[rows][inside]
    at = position[inside]
    best: tuple[float, int, str] = (0.0, named, "")
    ahead = data.frame[data.close].to_numpy()[rows] if data.close else None
    if ahead is not None and np.is_busday(data.days[rows]).mean() > BUSINESS:
        # Rows counted as days: the price 7 rows ahead for a week, 30 for a month.
        labels = data.frame[target].to_numpy()[rows]
        for n in dict.fromkeys((named, *TRIED)):
            share = _agreement(labels[:-n], ahead[n:]) if n < len(rows) else 0.0
            if share > best[0]:
                best = (share, n, "price of a later row")
    for sessions in dict.fromkeys((named, *TRIED)):
        for kind, candidate in _candidates(reference, sessions).items():
            share = _agreement(values, candidate[at])
            if share > best[0]:
                best = (share, sessions, kind)
    share, sessions, kind = best
    if share >= MATCHES and sessions != named:
        yield Defect(
            "label_horizon",
            "error",
            (f"{data.name}.{target}",),
            f"{100 * share:.1f} % of the labels are the {kind} over {count(sessions, 'session')} "
            f"of {reference.table}, not over {named}",
            "Whoever trains on it forecasts another horizon than the name says.",
            "Build the label from the session index (soyoil.targets) and drop this column.",
        )


def _agreement(values: FloatArray, candidate: FloatArray) -> float:
    """Share of labels that a candidate gives, 0 where too few can be compared."""
    both = ~np.isnan(values) & ~np.isnan(candidate)
    if both.sum() < MIN_LABELS:
        return 0.0
    a, b = values[both], candidate[both]
    return float(np.mean(np.abs(a - b) <= TOLERANCE * np.maximum(np.abs(b), 1e-3)))


def add_sessions(
    found: dict[str, Sessions], more: Mapping[str, Sessions], contracted: Collection[str]
) -> None:
    """Add the sessions of one more table.

    Parameters
    ----------
    found
        Sessions by root so far; changed. Those of a contracted table stay, others give way to
        a table that reaches further.
    more
        Sessions by root of the table.
    contracted
        Names of the tables under contract.
    """
    for root, sessions in more.items():
        old = found.get(root)
        if old is None or (old.table not in contracted and sessions.days[-1] > old.days[-1]):
            found[root] = sessions
