"""Rates, dollar, prices and volatility as they were known at the decision.

The level of a rate names its period almost as a date does, so models are given slopes and changes;
the level stands beside them for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import FloatArray
from soyoil.external.readers.fred import NAME
from soyoil.features.outside import Known, OutsideView, decisions, spec, view_of
from soyoil.features.registry import register

GROUP: Final = "macro"
MONTH: Final = 21
WEEK: Final = 5
TEN, TWO, DOLLAR, CPI, VIX = "DGS10", "DGS2", "DTWEXBGS", "CPIAUCSL", "VIXCLS"

COLUMNS: Final = (
    spec(GROUP, "rate_10y", f"{TEN}, latest known"),
    spec(GROUP, "rate_10y_change_21d", f"{TEN} less that of {MONTH} values before"),
    spec(GROUP, "curve_2y_10y", f"{TEN} - {TWO}, latest known of the same day"),
    spec(GROUP, "dollar_log_change_21d", f"log {DOLLAR} less that of {MONTH} values before"),
    spec(
        GROUP, "cpi_yoy", f"{CPI} / {CPI} of the same month of the year before - 1, both as known"
    ),
    spec(GROUP, "vix", f"{VIX}, latest known"),
    spec(GROUP, "vix_change_5d", f"{VIX} less that of {WEEK} values before"),
    spec(GROUP, "staleness_days_rates", f"days from the day of {TEN} to the trade date"),
    spec(GROUP, "staleness_days_dollar", f"days from the day of {DOLLAR} to the trade date"),
    spec(
        GROUP, "staleness_days_cpi", f"days from the first of the month of {CPI} to the trade date"
    ),
    spec(GROUP, "staleness_days_vix", f"days from the day of {VIX} to the trade date"),
)
"""Every column of the group, in the order of the contract."""

for _column in COLUMNS:
    register(_column)


def macro_features(rows: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> dict[str, FloatArray]:
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
    found = _at(view, at)
    return {f"{GROUP}.{name}": values[place] for name, values in found.items()}


def _at(view: OutsideView, at: pd.DataFrame) -> dict[str, FloatArray]:
    ten, dollar, vix = (
        view.known(series, "value", at, count)
        for series, count in ((TEN, MONTH + 1), (DOLLAR, MONTH + 1), (VIX, WEEK + 1))
    )
    two = view.known(TWO, "value", at, 1)
    cpi = view.known(CPI, "value", at, 14)
    together = ten.days[:, -1] == two.days[:, -1]
    with np.errstate(divide="ignore", invalid="ignore"):
        log_dollar = np.log(np.where(dollar.values > 0, dollar.values, np.nan))
    return {
        "rate_10y": ten.latest,
        "rate_10y_change_21d": ten.change(MONTH),
        "curve_2y_10y": np.where(together, ten.latest - two.latest, np.nan),
        "dollar_log_change_21d": log_dollar[:, -1] - log_dollar[:, -1 - MONTH],
        "cpi_yoy": _year_on_year(cpi),
        "vix": vix.latest,
        "vix_change_5d": vix.change(WEEK),
        "staleness_days_rates": ten.staleness,
        "staleness_days_dollar": dollar.staleness,
        "staleness_days_cpi": cpi.staleness,
        "staleness_days_vix": vix.staleness,
    }


def _year_on_year(known: Known) -> FloatArray:
    """Newest month over the same month of the year before, NaN where that month has no value."""
    months = known.days.astype("datetime64[M]")
    before = months == (months[:, -1] - np.timedelta64(12, "M"))[:, None]
    # One month of the year before at most, so a sum picks it.
    there = before & (known.values > 0)
    picked = np.where(there, known.values, 0.0).sum(axis=1)
    return np.asarray(known.latest / np.where(there.any(axis=1), picked, np.nan) - 1.0)
