"""Supply and use of soybeans and their oil, as the last release of WASDE has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import FloatArray
from soyoil.external.readers.usda import NAME
from soyoil.features.outside import OutsideView, decisions, spec, view_of
from soyoil.features.registry import register

GROUP: Final = "fundamentals"
NEWEST: Final = "of the newest marketing year that has been forecast"

COLUMNS: Final = (
    spec(GROUP, "oil_stocks_to_use", f"ending stocks / total use of soybean oil, {NEWEST}"),
    spec(
        GROUP,
        "oil_stocks_to_use_change_1y",
        "oil_stocks_to_use less that of the marketing year before, as known",
    ),
    spec(GROUP, "soybean_stocks_to_use", f"ending stocks / total use of soybeans, {NEWEST}"),
    spec(
        GROUP,
        "soybean_stocks_to_use_change_1y",
        "soybean_stocks_to_use less that of the marketing year before, as known",
    ),
    spec(GROUP, "days_since_wasde", "days from the last release to the trade date"),
)
"""Every column of the group, in the order of the contract."""

for _column in COLUMNS:
    register(_column)


def fundamental_features(
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
    view = view_of(NAME, tables)
    if view is None:
        return {column.name: np.full(len(rows), np.nan) for column in COLUMNS}
    at, place = decisions(rows)
    oil, days = _stocks_to_use(view, "soybean_oil", at)
    beans, _ = _stocks_to_use(view, "soybeans", at)
    found = {
        "oil_stocks_to_use": oil[:, -1],
        "oil_stocks_to_use_change_1y": oil[:, -1] - oil[:, 0],
        "soybean_stocks_to_use": beans[:, -1],
        "soybean_stocks_to_use_change_1y": beans[:, -1] - beans[:, 0],
        "days_since_wasde": days,
    }
    return {f"{GROUP}.{name}": values[place] for name, values in found.items()}


def _stocks_to_use(
    view: OutsideView, commodity: str, at: pd.DataFrame
) -> tuple[FloatArray, FloatArray]:
    """Ratio of two marketing years, shape ``(n, 2)``, and the age of the release in days."""
    stocks = view.known(f"{commodity}.ending_stocks", "value", at, 2)
    use = view.known(f"{commodity}.use_total", "value", at, 2)
    whole = (stocks.days == use.days) & (use.values > 0)
    ratio = np.where(whole, stocks.values, np.nan) / np.where(whole, use.values, np.nan)
    return ratio, stocks.staleness
