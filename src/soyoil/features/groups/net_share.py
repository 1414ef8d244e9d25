"""Columns that groups of the Commitments of Traders share: net positions over the open interest.

Shares of the open interest, so that a market that grows does not look like one that is bought.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import FloatArray
from soyoil.features.outside import Known, OutsideView, spec
from soyoil.features.registry import FeatureSpec

WINDOW: Final = 156
"""Reports of a percentile: three years."""
MIN_REPORTS: Final = 52
CHANGE: Final = 4

OfMarket = Callable[[OutsideView, str, pd.DataFrame], Mapping[str, FloatArray]]
"""Columns of some rows by name, of a view and the code of their market."""


def course_specs(group: str, column: str, formula: str) -> tuple[FeatureSpec, ...]:
    """Declarations of a net share and of what `course` makes of it.

    Parameters
    ----------
    group, column
        Name of the net share.
    formula
        Its formula.
    """
    return (
        spec(group, column, formula),
        spec(group, f"{column}_change_1w", f"{column} less that of the report before"),
        spec(group, f"{column}_change_{CHANGE}w", f"{column} less that of {CHANGE} reports before"),
        spec(
            group,
            f"{column}_percentile",
            f"share of the last {WINDOW} reports known, the newest included, at least "
            f"{MIN_REPORTS}, whose {column} is at most that of the newest",
        ),
    )


def course(column: str, net: FloatArray) -> dict[str, FloatArray]:
    """A net share, its changes and its rank.

    Parameters
    ----------
    column
        Name of the net share.
    net
        Its value in the last `WINDOW` reports known, shape ``(n, WINDOW)``, the newest last; NaN
        where there is none.

    Returns
    -------
    dict
        Columns of `course_specs` by name, each of shape ``(n,)``.
    """
    newest = net[:, -1]
    counted = (~np.isnan(net)).sum(axis=1)
    below = (net <= newest[:, None]).sum(axis=1)
    enough = (counted >= MIN_REPORTS) & ~np.isnan(newest)
    return {
        column: newest,
        f"{column}_change_1w": newest - net[:, -2],
        f"{column}_change_{CHANGE}w": newest - net[:, -1 - CHANGE],
        f"{column}_percentile": np.where(enough, below / np.maximum(counted, 1), np.nan),
    }


def net_position(known: Mapping[str, Known], kind: str) -> FloatArray:
    """Long less short positions of a kind of trader, in contracts.

    Parameters
    ----------
    known
        ``<kind>_long`` and ``<kind>_short`` as they were known.
    kind
        Kind of trader.
    """
    return np.asarray(known[f"{kind}_long"].values - known[f"{kind}_short"].values)


def of_own_markets(
    columns: Sequence[FeatureSpec],
    view: OutsideView | None,
    markets: Mapping[str, str],
    rows: pd.DataFrame,
    of_market: OfMarket,
) -> dict[str, FloatArray]:
    """Columns of a group that says of each row what a report says of its own root.

    Parameters
    ----------
    columns
        Every column of the group.
    view
        The report; None where its source is off.
    markets
        Code of the market by root.
    rows
        ``symbol``, ``data_date`` and ``decision_time`` of the matrix.
    of_market
        Makes the columns of the rows of one market.

    Returns
    -------
    dict
        Column by dotted name, shape ``(n,)``; NaN for roots without a market in the report.
    """
    out = {column.name: np.full(len(rows), np.nan) for column in columns}
    if view is None:
        return out
    symbols = rows["symbol"].to_numpy(dtype="object")
    for root in sorted(set(symbols) & set(markets)):
        own = symbols == root
        found = of_market(view, markets[root], rows[own])
        for column in columns:
            out[column.name][own] = found[column.name.partition(".")[2]]
    return out
