"""Knowledge time: raw rows seen as they were known at a moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd


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
