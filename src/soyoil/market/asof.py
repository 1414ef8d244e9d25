"""Knowledge time: raw rows seen as they were known at a moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from soyoil.base.arrays import DayArray, FloatArray, IntArray


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
class Stretch:
    """One series as decisions see it between whose moments nothing of it was revised.

    Attributes
    ----------
    at
        Positions of the decisions, shape ``(m,)``.
    days
        Reference days, ascending, shape ``(d,)``.
    values
        Shape ``(d, columns)``, in the vintage that these decisions know.
    stops
        Decision ``i`` knows ``days[:stops[i]]`` and nothing later, shape ``(m,)``.
    """

    at: IntArray
    days: DayArray
    values: FloatArray
    stops: IntArray

    @property
    def newest(self) -> DayArray:
        """Newest day that each decision knows, shape ``(m,)``; NaT where there is none."""
        found = np.full(len(self.at), np.datetime64("NaT"), dtype="datetime64[D]")
        some = self.stops > 0
        found[some] = self.days[self.stops[some] - 1]
        return found

    def last(self, count: int) -> tuple[FloatArray, DayArray]:
        """Last values known, shape ``(m, count, columns)``, and their days, ``(m, count)``."""
        place = self.stops[:, None] + np.arange(-count, 0)
        there = place >= 0
        values = np.full((*place.shape, self.values.shape[1]), np.nan)
        found = np.full(place.shape, np.datetime64("NaT"), dtype="datetime64[D]")
        values[there], found[there] = self.values[place[there]], self.days[place[there]]
        return values, found

    def window_means(
        self, measure: FloatArray, ends: DayArray, width: int, least: int
    ) -> FloatArray:
        """Means over calendar days of what was measured on single days.

        Parameters
        ----------
        measure
            One number per entry of `days`, shape ``(d,)``; NaN where there is none.
        ends
            Last day of each window, shape ``(m, windows)``.
        width
            Calendar days of a window.
        least
            Days with a number that a window needs.

        Returns
        -------
        Array
            Shape ``(m, windows)``; NaN where a window holds fewer numbers, and where it ends later
            than the newest day that its decision knows.
        """
        if not len(self.days):
            return np.full(ends.shape, np.nan)
        place = (self.days - self.days[0]).astype(np.int64)
        filled = np.zeros((2, int(place[-1]) + 2))
        filled[:, place + 1] = np.where(np.isnan(measure), 0.0, measure), ~np.isnan(measure)
        sums, counts = filled.cumsum(axis=1)
        known = ends <= self.newest[:, None]
        stop = np.where(known, (ends - self.days[0]).astype(np.int64) + 1, 0)
        high, low = (np.clip(edge, 0, len(sums) - 1) for edge in (stop, stop - width))
        there = counts[high] - counts[low]
        enough = known & (there >= least)
        return np.where(enough, (sums[high] - sums[low]) / np.maximum(there, 1.0), np.nan)


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

    def newest_day(self, decisions: pd.Series) -> pd.DataFrame:
        """Every series on the newest reference day that each decision knows of any of them.

        Parameters
        ----------
        decisions
            Decision times, UTC; in any order.

        Returns
        -------
        DataFrame
            ``at``, the position of the decision, and the columns of the rows, one row per decision
            and series, each in the vintage known then. Of vintages that became known together the
            last in the order of the rows counts. Decisions that know nothing have no row.
        """
        known = self.rows.sort_values("known_at", kind="stable")
        moments = known["known_at"].dt.tz_convert(None).to_numpy(dtype="datetime64[us]")
        events = known["event_time"].dt.tz_convert(None).to_numpy(dtype="datetime64[us]")
        wanted = decisions.dt.tz_convert(None).to_numpy(dtype="datetime64[us]")
        stops = np.searchsorted(moments, wanted, side="right")
        at = np.flatnonzero(stops > 0)
        newest = np.maximum.accumulate(events)[stops[at] - 1]
        asked = pd.DataFrame({"at": at, "_day": newest, "_decided": wanted[at]})
        found = asked.merge(known.assign(_day=events, _moment=moments), on="_day", how="left")
        found = found[found["_moment"] <= found["_decided"]]
        found = found.drop_duplicates(["at", *self.by], keep="last")
        return found.drop(columns=["_day", "_decided", "_moment"]).reset_index(drop=True)

    def stretches(self, decisions: pd.Series, columns: Sequence[str]) -> Iterator[Stretch]:
        """One series at each decision, every day in the vintage known then.

        Parameters
        ----------
        decisions
            Decision times, UTC; in any order.
        columns
            Value columns.

        Yields
        ------
        Stretch
            One for all decisions between two revisions, so most often one for all. The view must
            hold one series. Of vintages that became known together the last in the order of the
            rows counts.
        """
        known = self.rows.sort_values("known_at", kind="stable")
        events = known["event_time"].to_numpy(dtype="datetime64[us]")
        distinct, first, day_of = np.unique(events, return_index=True, return_inverse=True)
        days = distinct.astype("datetime64[D]")
        read = known[list(columns)].to_numpy(dtype="float64")
        moments = known["known_at"].dt.tz_convert(None).to_numpy(dtype="datetime64[us]")
        wanted = decisions.dt.tz_convert(None).to_numpy(dtype="datetime64[us]")
        # Days whose first value came in their order: of these a decision knows the first so many.
        since = moments[first]
        orderly = since <= np.minimum.accumulate(since[::-1])[::-1]
        in_order = np.flatnonzero(orderly)
        values, there = np.full((len(days), len(columns)), np.nan), orderly.copy()
        values[in_order] = read[first[in_order]]
        # The others, revisions and days that came late, end a stretch. One that came late has a
        # later day that came before it, so the newest day known is always one in order.
        others = np.ones(len(moments), dtype=np.bool_)
        others[first[in_order]] = False
        late = np.flatnonzero(others)
        counts = np.searchsorted(moments[late], wanted, side="right")
        order = np.argsort(counts, kind="stable")
        stretch, begins = np.unique(counts[order], return_index=True)
        done = 0
        for count, at in zip(stretch, np.split(order, begins[1:]), strict=False):
            # Of rows of one day the last is the last to be written.
            new = late[done:count]
            values[day_of[new]], there[day_of[new]] = read[new], True
            done = count
            shown = np.flatnonzero(there)
            newest = np.searchsorted(since[in_order], wanted[at], side="right")
            ends = np.concatenate([[-1], in_order])[newest]
            stops = np.searchsorted(shown, ends, side="right")
            yield Stretch(at, days[shown], values[shown], stops)

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
            In the order of `decisions`; see `stretches`.
        """
        values = np.full((len(decisions), count), np.nan)
        days = np.full((len(decisions), count), np.datetime64("NaT"), dtype="datetime64[D]")
        for part in self.stretches(decisions, [column]):
            found, days[part.at] = part.last(count)
            values[part.at] = found[..., 0]
        moments = np.sort(self.rows["known_at"].dt.tz_convert(None).to_numpy("datetime64[us]"))
        wanted = decisions.dt.tz_convert(None).to_numpy(dtype="datetime64[us]")
        stops = np.searchsorted(moments, wanted, side="right")
        learned = np.full(len(wanted), np.datetime64("NaT"), dtype="datetime64[D]")
        learned[stops > 0] = moments[stops[stops > 0] - 1].astype("datetime64[D]")
        return History(values, days, learned)
