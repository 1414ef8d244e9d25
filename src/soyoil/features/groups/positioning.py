"""Positions of traders in the row's own market, as the last report known at the decision has them.

Shares of the open interest, so that a market that grows does not look like one that is bought.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import FloatArray
from soyoil.external.readers.cftc import MARKETS, NAME
from soyoil.features.outside import OutsideView, spec, view_of
from soyoil.features.registry import register

GROUP: Final = "positioning"
WINDOW: Final = 156
"""Reports of a percentile: three years."""
MIN_REPORTS: Final = 52
CHANGE: Final = 4

COLUMNS: Final = (
    spec(
        GROUP,
        "noncommercial_net_share",
        "(noncommercial long - short) / open interest",
    ),
    spec(GROUP, "commercial_net_share", "(commercial long - short) / open interest"),
    spec(
        GROUP,
        "noncommercial_net_share_change_1w",
        "noncommercial_net_share less that of the report before",
    ),
    spec(
        GROUP,
        "noncommercial_net_share_change_4w",
        f"noncommercial_net_share less that of {CHANGE} reports before",
    ),
    spec(
        GROUP,
        "noncommercial_net_share_percentile",
        f"share of the last {WINDOW} reports known, the newest included, at least {MIN_REPORTS}, "
        "whose noncommercial_net_share is at most that of the newest",
    ),
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
    out = {column.name: np.full(len(rows), np.nan) for column in COLUMNS}
    view = view_of(NAME, tables)
    if view is None:
        return out
    symbols = rows["symbol"].to_numpy(dtype="object")
    for root in sorted(set(symbols) & set(MARKETS)):
        own = symbols == root
        for name, values in _of_market(view, MARKETS[root], rows[own]).items():
            out[f"{GROUP}.{name}"][own] = values
    return out


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
    net = (known["noncommercial_long"].values - known["noncommercial_short"].values) / interest
    commercial = known["commercial_long"].latest - known["commercial_short"].latest
    newest = net[:, -1]
    counted = (~np.isnan(net)).sum(axis=1)
    below = (net <= newest[:, None]).sum(axis=1)
    enough = (counted >= MIN_REPORTS) & ~np.isnan(newest)
    log_interest = np.log(interest)
    return {
        "noncommercial_net_share": newest,
        "commercial_net_share": commercial / interest[:, -1],
        "noncommercial_net_share_change_1w": newest - net[:, -2],
        "noncommercial_net_share_change_4w": newest - net[:, -1 - CHANGE],
        "noncommercial_net_share_percentile": np.where(
            enough, below / np.maximum(counted, 1), np.nan
        ),
        "open_interest_log_change_4w": log_interest[:, -1] - log_interest[:, -1 - CHANGE],
        "staleness_days": known["open_interest"].staleness,
    }
