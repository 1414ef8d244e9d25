"""Knowledge time: raw rows seen as they were known at a moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from soyoil.base.arrays import DayArray, FloatArray


@dataclass(frozen=True)
class History:
    """Latest values of one series as they were known at each decision.

    Attributes
    ----------
    values
        Shape ``(decisions, count)``, oldest first, the newest known one last; NaN where fewer
        are known.
    days
        Reference days, ``datetime64[D]``, NaT where there is no value.
    learned
        UTC day on which something of the series last became known, shape ``(decisions,)``.
    """

    values: FloatArray
    days: DayArray
    learned: DayArray


@dataclass(frozen=True)
class AsOfView:
    """View of raw rows that never returns one known later than the moment asked for.

    Attributes
    ----------
    rows
        Raw rows with ``known_at`` and ``event_time`` (UTC).
    by
        Columns that name a series, for example ``("symbol",)``.
    """

    rows: pd.DataFrame
    by: tuple[str, ...] = ("symbol",)

    def known_by(self, moment: pd.Timestamp) -> pd.DataFrame:
        """All rows known at `moment`."""
        return self.rows[self.rows["known_at"] <= moment]

    def latest(self, decisions: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
        """Latest known value of each series at each decision.

        Parameters
        ----------
        decisions
            The `by` columns and ``decision_time`` (UTC, us).
        columns
            Value columns wanted.

        Returns
        -------
        DataFrame
            `decisions` in their order with `columns` added, missing where nothing was known.
            Of rows known by then the one with the latest ``event_time`` counts, and of its
            vintages the last known.
        """
        # A late revision of an old period must not hide a newer period, so only rows that
        # advance the event time (or revise the newest one) enter the as-of join.
        known = self.rows.sort_values(["known_at", "event_time"], kind="stable")
        newest = known.groupby(list(self.by), sort=False)["event_time"].cummax()
        known = known[known["event_time"] >= newest]
        left = decisions.assign(_order=range(len(decisions))).sort_values("decision_time")
        joined = pd.merge_asof(
            left,
            known[[*self.by, "known_at", *columns]],
            left_on="decision_time",
            right_on="known_at",
            by=list(self.by),
            direction="backward",
        )
        out = joined.sort_values("_order").drop(columns=["_order", "known_at"])
        out.index = decisions.index
        return out

    def history(self, decisions: pd.Series, column: str, count: int) -> History:
        """Last values of one series at each decision, each in the vintage known then.

        Parameters
        ----------
        decisions
            Decision times, UTC; in any order.
        column
            Value column.
        count
            Reference days wanted, the newest known one included.

        Returns
        -------
        History
            In the order of `decisions`. The view must hold one series. Of vintages that became
            known together the last in the order of the rows counts.
        """
        known = self.rows.sort_values("known_at", kind="stable")
        events = known["event_time"].to_numpy(dtype="datetime64[us]")
        distinct, at = np.unique(events, return_inverse=True)
        days = distinct.astype("datetime64[D]")
        read = known[column].to_numpy(dtype="float64")
        moments = known["known_at"].dt.tz_convert(None).to_numpy(dtype="datetime64[us]")
        wanted = decisions.dt.tz_convert(None).to_numpy(dtype="datetime64[us]")
        stops = np.searchsorted(moments, wanted, side="right")
        values = np.full((len(wanted), count), np.nan)
        found = np.full((len(wanted), count), np.datetime64("NaT"), dtype="datetime64[D]")
        latest, seen = np.full(len(distinct), np.nan), np.zeros(len(distinct), dtype=np.bool_)
        done = 0
        # One pass over knowledge in its order; a later vintage takes the place of an earlier one.
        for decision in np.argsort(stops, kind="stable"):
            for row in range(done, stops[decision]):
                latest[at[row]], seen[at[row]] = read[row], True
            done = stops[decision]
            last = np.flatnonzero(seen)[-count:]
            if len(last):
                values[decision, -len(last) :] = latest[last]
                found[decision, -len(last) :] = days[last]
        learned = np.full(len(wanted), np.datetime64("NaT"), dtype="datetime64[D]")
        learned[stops > 0] = moments[stops[stops > 0] - 1].astype("datetime64[D]")
        return History(values, found, learned)
