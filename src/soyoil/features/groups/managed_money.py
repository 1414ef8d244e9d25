"""Positions of managed money, producers and swap dealers in the row's own market.

As the last disaggregated report known at the decision has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pandas as pd

from soyoil.base.arrays import FloatArray
from soyoil.external.readers.cftc import DISAGGREGATED
from soyoil.features.groups.net_share import (
    WINDOW,
    course,
    course_specs,
    net_position,
    of_own_markets,
)
from soyoil.features.outside import OutsideView, spec, view_of
from soyoil.features.registry import register

GROUP: Final = "managed_money"
NET: Final = "net_share"

COLUMNS: Final = (
    *course_specs(GROUP, NET, "(managed money long - short) / open interest"),
    spec(GROUP, "producer_net_share", "(producer or merchant long - short) / open interest"),
    spec(GROUP, "swap_dealer_net_share", "(swap dealer long - short) / open interest"),
    spec(GROUP, "staleness_days", "days from the report's day to the trade date"),
)
"""Every column of the group, in the order of the contract."""

for _column in COLUMNS:
    register(_column)


def managed_money_features(
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
    view = view_of(DISAGGREGATED.name, tables)
    return of_own_markets(COLUMNS, view, DISAGGREGATED.markets, rows, _of_market)


def _of_market(view: OutsideView, market: str, rows: pd.DataFrame) -> dict[str, FloatArray]:
    names = ("open_interest", "managed_money_long", "managed_money_short")
    known = {name: view.known(market, name, rows, WINDOW) for name in names}
    interest = known["open_interest"].values
    newest = {
        f"{kind}_{side}": view.known(market, f"{kind}_{side}", rows, 1)
        for kind in ("producer", "swap_dealer")
        for side in ("long", "short")
    }
    return {
        **course(NET, net_position(known, "managed_money") / interest),
        **{
            f"{kind}_net_share": net_position(newest, kind)[:, -1] / interest[:, -1]
            for kind in ("producer", "swap_dealer")
        },
        "staleness_days": known["open_interest"].staleness,
    }
