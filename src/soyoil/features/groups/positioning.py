"""Positions of traders in the row's own market, by the last report known at the decision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import FloatArray
from soyoil.external.readers.cftc import LEGACY
from soyoil.features.groups.net_share import (
    CHANGE,
    WINDOW,
    course,
    course_specs,
    net_position,
    of_own_markets,
)
from soyoil.features.outside import OutsideView, spec, view_of
from soyoil.features.registry import register

GROUP: Final = "positioning"
NET: Final = "noncommercial_net_share"

_NEWEST, *_COURSE = course_specs(GROUP, NET, "(noncommercial long - short) / open interest")
COLUMNS: Final = (
    _NEWEST,
    spec(GROUP, "commercial_net_share", "(commercial long - short) / open interest"),
    *_COURSE,
    spec(GROUP, "open_interest_log_change_4w", f"log open interest less that {CHANGE} reports ago"),
    spec(GROUP, "staleness_days", "days from the report's day to the trade date"),
)
"""Every column of the group, in the order of the contract."""

for _column in COLUMNS:
    register(_column)


def positioning_features(
    rows: pd.DataFrame, tables: Mapping[str, pd.DataFrame]
) -> dict[str, FloatArray]:
    """Columns of the group.

    Parameters
    ----------
    rows
        ``symbol``, ``data_date`` and ``decision_time`` of the matrix.
    tables
        Raw rows by source, of those that are on.

    Returns
    -------
    dict
        Column by dotted name, shape ``(n,)``; NaN for roots without a market in the report.
    """
    view = view_of(LEGACY.name, tables)
    return of_own_markets(COLUMNS, view, LEGACY.markets, rows, _of_market)


def _of_market(view: OutsideView, market: str, rows: pd.DataFrame) -> dict[str, FloatArray]:
    known = {
        name: view.known(market, name, rows, WINDOW)
        for name in (
            "open_interest",
            "noncommercial_long",
            "noncommercial_short",
            "commercial_long",
            "commercial_short",
        )
    }
    interest = known["open_interest"].values
    log_interest = np.log(interest)
    return {
        **course(NET, net_position(known, "noncommercial") / interest),
        "commercial_net_share": net_position(known, "commercial")[:, -1] / interest[:, -1],
        "open_interest_log_change_4w": log_interest[:, -1] - log_interest[:, -1 - CHANGE],
        "staleness_days": known["open_interest"].staleness,
    }
