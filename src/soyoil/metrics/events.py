"""Scores on the sessions that follow releases and events, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import BoolArray, IntArray
from soyoil.metrics.evaluate import align, summarise

EVENTS: Final = {"wasde": "fundamentals.days_since_wasde", "policy": "policy.days_since_event"}
"""Column of the matrix that tells how many days ago something of each kind came out."""
AFTER: Final = 5
"""Sessions after the first decision with a release that still count as after it."""
OTHER: Final = "other"
PREFIX: Final = "event."
"""Begins the names of metrics of a slice: ``event.<slice>.<metric>``."""
SCORES: Final = (
    "n",
    "independent_n",
    "mae",
    "skill_mae",
    "pinball",
    "skill_pinball",
    "coverage_80",
)
COLUMNS: Final = ("slice", *SCORES)


def event_slices(matrix: pd.DataFrame) -> dict[str, BoolArray]:
    """Sessions by what came out before their decision.

    Parameters
    ----------
    matrix
        Rows of the target, ascending by ``data_date``, with the columns `EVENTS` of sources that
        are on.

    Returns
    -------
    dict
        Of each kind with values ``<kind>_day``, the sessions whose decision is the first that knows
        a new release, and ``<kind>_after``, the `AFTER` sessions after one that are no such day
        themselves; and ``other``, the sessions of none of these. Arrays of shape ``(n,)``; empty
        without any kind.
    """
    dates = matrix["data_date"].to_numpy(dtype="datetime64[D]")
    slices: dict[str, BoolArray] = {}
    for kind, column in EVENTS.items():
        if column not in matrix or matrix[column].isna().all():
            continue
        day = _first_decisions(dates, matrix[column])
        sessions = np.arange(len(day))
        last = np.maximum.accumulate(np.where(day, sessions, -AFTER - 1))
        slices[f"{kind}_day"] = day
        slices[f"{kind}_after"] = np.asarray(~day & (sessions - last <= AFTER), dtype=np.bool_)
    if slices:
        slices[OTHER] = ~np.any(list(slices.values()), axis=0)
    return slices


def _first_decisions(dates: np.ndarray, days_since: pd.Series) -> BoolArray:
    """Where the day of the last release is another than at the decisions before."""
    ago = days_since.to_numpy(dtype="float64", na_value=np.nan)
    known = ~np.isnan(ago)
    released = dates - np.where(known, ago, 0.0).astype("timedelta64[D]")
    last = pd.Series(np.where(known, released, np.datetime64("NaT"))).ffill()
    before = last.shift().to_numpy(dtype="datetime64[D]")
    # Of the first release that is known nobody can say when it was new.
    return np.asarray(known & ~np.isnat(before) & (released != before), dtype=np.bool_)


def event_scores(
    predictions: pd.DataFrame,
    references: Mapping[str, pd.DataFrame],
    matrix: pd.DataFrame,
    sessions: int,
) -> pd.DataFrame:
    """Scores of one horizon and model by what came out before the origin, uniform weights.

    Parameters
    ----------
    predictions, references
        As `soyoil.metrics.evaluate.evaluate` takes them.
    matrix
        Rows of the target, as for `event_slices`.
    sessions
        Horizon in sessions.

    Returns
    -------
    DataFrame
        ``slice`` and `SCORES`; slices without a scored row are left out, and there is no row at
        all without events. ``independent_n`` is the number of sessions that some label of the
        slice holds, divided by the horizon: origins of a slice stand apart.
    """
    slices = event_slices(matrix)
    if not slices:
        return pd.DataFrame(columns=list(COLUMNS))
    rows, scored = align(predictions, references)
    position = pd.Index(matrix["data_date"]).get_indexer(pd.Index(rows["data_date"]))
    found = []
    for name, mask in slices.items():
        own = mask[position]
        if own.any():
            scores = summarise(scored.take(own), np.ones(int(own.sum())), sessions)
            scores["independent_n"] = independent_labels(position[own], sessions)
            found.append({"slice": name, **{metric: scores[metric] for metric in SCORES}})
    return pd.DataFrame(found, columns=list(COLUMNS))


def independent_labels(position: IntArray, sessions: int) -> float:
    """Sessions that the labels of some origins hold, each counted once, over the horizon.

    Examples
    --------
    >>> import numpy as np
    >>> independent_labels(np.array([0, 1, 20]), 5)
    2.2
    """
    gaps = np.diff(np.sort(position))
    return float((np.minimum(gaps, sessions).sum() + sessions) / sessions)


def event_metrics(scores: pd.DataFrame) -> dict[str, float]:
    """The table of `event_scores` as metrics of a run, ``event.<slice>.<metric>``."""
    return {
        f"{PREFIX}{row['slice']}.{metric}": float(row[metric])
        for row in scores.to_dict("records")
        for metric in SCORES
    }
