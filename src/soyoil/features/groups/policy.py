"""Policy events and the user's daily fields, as they were known at the decision.

Where events are known a day without any is a true zero; before the first, and from 30 days after
the last one known on, nobody says that nothing happened, so counts and scores are NULL.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import BoolArray, FloatArray, IntArray
from soyoil.external.readers.policy import DAILY, FIELDS, KINDS, NAME, VALUES
from soyoil.external.registry import SOURCES
from soyoil.external.vintages import usable
from soyoil.features.outside import OutsideView, decisions, spec
from soyoil.features.registry import register

GROUP: Final = "policy"
HALF_LIFE: Final = 5.0
WEEK: Final = 7
WINDOW: Final = 30
"""Days that an event counts for, and days without any after which the file has ended."""
OWN_FIELDS: Final = tuple(name for name in FIELDS if name.startswith("trump_"))
INTENSITIES: Final = ("tariff", "biofuel")

_DAY: Final = np.timedelta64(86_400_000_000, "us")
NEVER: Final = np.datetime64("9999-01-01", "us")
_DECAYED: Final = f"of the last {WINDOW} days, x 0.5^(days since publication / {HALF_LIFE:g})"

COLUMNS: Final = (
    *(spec(GROUP, name, f"{name} of the newest daily row known") for name in OWN_FIELDS),
    spec(GROUP, "mentions_7d", f"sum of mentions of daily rows of the last {WEEK} days, as known"),
    spec(GROUP, "sentiment_7d", f"mean sentiment of daily rows of the last {WEEK} days, as known"),
    spec(GROUP, "staleness_days_daily", "days from the newest daily row to the trade date"),
    spec(GROUP, "signed_score", f"sum of sign x intensity of events {_DECAYED}"),
    *(
        spec(GROUP, f"{kind}_intensity", f"sum of intensity of {kind} events {_DECAYED}")
        for kind in INTENSITIES
    ),
    *(
        spec(GROUP, f"events_{days}d_{kind}", f"{kind} events of the last {days} days")
        for days in (WEEK, WINDOW)
        for kind in KINDS
    ),
    spec(GROUP, "days_since_event", "days from the UTC day of the last event to the trade date"),
)
"""Every column of the group."""

for _column in COLUMNS:
    register(_column)


def policy_features(
    rows: pd.DataFrame, tables: Mapping[str, pd.DataFrame]
) -> dict[str, FloatArray]:
    """Columns of the group, alike on the rows of every root.

    Parameters
    ----------
    rows
        ``symbol``, ``data_date`` and ``decision_time`` of the matrix.
    tables
        Raw rows by source, of those that are on.
    """
    out = {column.name: np.full(len(rows), np.nan) for column in COLUMNS}
    if NAME not in tables:
        return out
    at, place = decisions(rows)
    table = tables[NAME].astype(dict.fromkeys(VALUES, "float64"))
    daily = table["series_id"] == DAILY
    found = _of_days(table[daily], at) | _of_events(table[~daily], at)
    return out | {f"{GROUP}.{name}": values[place] for name, values in found.items()}


def _of_days(rows: pd.DataFrame, at: pd.DataFrame) -> dict[str, FloatArray]:
    view = OutsideView(SOURCES[NAME], rows)
    known = {name: view.known(DAILY, name, at, WEEK) for name in FIELDS}
    newest = known["mentions"]
    age = at["data_date"].to_numpy(dtype="datetime64[D]")[:, None] - newest.days
    # The trade date's own day is never over at its close.
    recent = age <= np.timedelta64(WEEK, "D")
    week = {name: np.where(recent, known[name].values, np.nan) for name in FIELDS}
    counted = {name: (~np.isnan(values)).sum(axis=1) for name, values in week.items()}
    total = {name: np.nansum(values, axis=1) for name, values in week.items()}

    def or_null(name: str, values: FloatArray) -> FloatArray:
        return np.where(counted[name] > 0, values, np.nan)

    mean = total["sentiment"] / np.maximum(counted["sentiment"], 1)
    return {
        **{name: known[name].latest for name in OWN_FIELDS},
        "mentions_7d": or_null("mentions", total["mentions"]),
        "sentiment_7d": or_null("sentiment", mean),
        "staleness_days_daily": newest.staleness,
    }


@dataclass(frozen=True)
class _Events:
    """Events in the order of their publication, each vintage a row of its own.

    Attributes
    ----------
    published, known, until
        Moments, ``datetime64[us]``; from ``known`` to before ``until`` the vintage counts.
    kind, sign, intensity
        What it says.
    learned
        Moments at which another event became known, ascending; a revision is none.
    """

    published: np.ndarray
    known: np.ndarray
    until: np.ndarray
    kind: np.ndarray
    sign: FloatArray
    intensity: FloatArray
    learned: np.ndarray

    @classmethod
    def of(cls, table: pd.DataFrame) -> _Events:
        rows = usable(SOURCES[NAME], table)
        key = ["series_id", "event_time"]
        # Vintages of a key stand in the order of knowledge: each counts until the next one.
        later = np.append(rows["known_at"].dt.tz_convert(None).to_numpy()[1:], NEVER)
        revised = rows.duplicated(key, keep="last").to_numpy()
        rows = rows.assign(
            until=np.where(revised, later, NEVER), first=~rows.duplicated(key)
        ).sort_values("event_time", kind="stable")
        published, known = (
            rows[name].dt.tz_convert(None).to_numpy(dtype="datetime64[us]")
            for name in ("event_time", "known_at")
        )
        return cls(
            published=published,
            known=known,
            until=rows["until"].to_numpy(dtype="datetime64[us]"),
            kind=rows["series_id"].to_numpy(dtype="object"),
            sign=rows["sign"].to_numpy(dtype="float64"),
            intensity=rows["intensity"].to_numpy(dtype="float64"),
            learned=np.sort(known[rows["first"].to_numpy()]),
        )

    def pairs(self, moments: np.ndarray) -> tuple[IntArray, IntArray]:
        """Each decision with each event of its last 30 days that it knows, in that order."""
        first = np.searchsorted(self.published, moments - WINDOW * _DAY, side="right")
        stop = np.searchsorted(self.published, moments, side="right")
        counts = stop - first
        decision = np.repeat(np.arange(len(moments)), counts)
        offset = np.cumsum(counts) - counts
        event = np.arange(counts.sum()) - np.repeat(offset - first, counts)
        at = moments[decision]
        knows = (self.known[event] <= at) & (at < self.until[event])
        return decision[knows], event[knows]


def _of_events(table: pd.DataFrame, at: pd.DataFrame) -> dict[str, FloatArray]:
    events = _Events.of(table)
    moments = at["decision_time"].dt.tz_convert(None).to_numpy(dtype="datetime64[us]")
    decision, event = events.pairs(moments)
    age = (moments[decision] - events.published[event]) / _DAY
    weight = events.intensity[event] * 0.5 ** (age / HALF_LIFE)
    kind = events.kind[event]
    learned = events.learned

    def summed(values: FloatArray) -> FloatArray:
        # Sums go one by one in the order of events, so that later ones change no bit.
        sums = np.bincount(decision, weights=values, minlength=len(moments))
        return np.asarray(sums, dtype=np.float64)

    score = summed(events.sign[event] * weight)
    out = {"signed_score": np.where(_covered(learned, moments, 0), score, np.nan)}
    for name in KINDS:
        of = kind == name
        first = events.known[events.kind == name].min(initial=NEVER)
        had = first <= moments
        if name in INTENSITIES:
            there = had & _covered(learned, moments, 0)
            out[f"{name}_intensity"] = np.where(there, summed(weight * of), np.nan)
        for days in (WEEK, WINDOW):
            inside = (of & (age < days)).astype("float64")
            there = had & _covered(learned, moments, days)
            out[f"events_{days}d_{name}"] = np.where(there, summed(inside), np.nan)
    return out | {"days_since_event": _since(events, moments, at)}


def _covered(learned: np.ndarray, moments: np.ndarray, days: int) -> BoolArray:
    """Whether the events of the last so many days are known, as far as a decision can tell.

    Parameters
    ----------
    learned
        Moments at which events became known, ascending.
    moments
        Decisions.
    days
        Length of the window.
    """
    if not len(learned):
        return np.zeros(len(moments), dtype=np.bool_)
    gap = WINDOW * _DAY
    begins = np.r_[True, np.diff(learned) > gap]
    start = learned[np.maximum.accumulate(np.where(begins, np.arange(len(learned)), 0))]
    last = np.searchsorted(learned, moments, side="right") - 1
    found = np.maximum(last, 0)
    running = (last >= 0) & (moments - learned[found] <= gap)
    return np.asarray(running & (moments - start[found] >= days * _DAY))


def _since(events: _Events, moments: np.ndarray, at: pd.DataFrame) -> FloatArray:
    """Days from the last event's UTC day to the trade date, NaN where events are not covered."""
    order = np.argsort(events.known, kind="stable")
    newest = np.maximum.accumulate(events.published[order]) if len(order) else events.known
    last = np.searchsorted(events.known[order], moments, side="right") - 1
    there = _covered(events.learned, moments, 0)
    out = np.full(len(moments), np.nan)
    day = at["data_date"].to_numpy(dtype="datetime64[D]")[there]
    out[there] = (day - newest[last[there]].astype("datetime64[D]")).astype("float64")
    return out
