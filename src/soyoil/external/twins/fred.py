"""Series of FRED of the synthetic market: rates, dollar, volatility, prices with revisions."""

from __future__ import annotations

import numpy as np
import pandas as pd

from soyoil.base.arrays import DayArray, FloatArray
from soyoil.external.readers.fred import NAME
from soyoil.external.releases import closed_days, series_known_at
from soyoil.external.twins.market import TwinMarket, series_rows, vintage_days

_COLUMN = "series_id"


def fred_twin(market: TwinMarket) -> pd.DataFrame:
    """The five series that features use; the driver is the log of VIXCLS."""
    days = market.days()
    days = days[np.is_busday(days, holidays=closed_days())]
    ten = 3.0 + 0.9 * market.steady(NAME, "DGS10", len(days), 0.998)
    slope = 0.8 + 0.6 * market.steady(NAME, "DGS2", len(days), 0.998)
    dollar = 110.0 * np.exp(0.06 * market.steady(NAME, "DTWEXBGS", len(days), 0.999))
    known_at = series_known_at("VIXCLS", days)
    vix = 18.0 * np.exp(0.3 * market.driver(NAME, "VIXCLS", days, known_at, 0.98))
    daily = {"DGS10": ten, "DGS2": ten - slope, "DTWEXBGS": dollar, "VIXCLS": vix}
    parts = [_daily(series, days, np.round(values, 2)) for series, values in daily.items()]
    return market.known(pd.concat([*parts, *_prices(market)], ignore_index=True))


def _daily(series: str, days: DayArray, values: FloatArray) -> pd.DataFrame:
    return series_rows((_COLUMN, series), days, series_known_at(series, days), {"value": values})


def _prices(market: TwinMarket) -> list[pd.DataFrame]:
    """CPIAUCSL: a first value by the release rule, and a revision with the month after it."""
    series, months = "CPIAUCSL", market.months()
    steps = 0.002 + 0.002 * market.noise(NAME, series, "steps").standard_normal(len(months))
    final = 220.0 * np.exp(np.cumsum(steps))
    error = 0.0005 * market.noise(NAME, series, "error").standard_normal(len(months))
    next_months = np.asarray(months.astype("datetime64[M]") + 1, dtype="datetime64[D]")
    parts = []
    for values, released in ((final * np.exp(error), months), (final, next_months)):
        known_at = series_known_at(series, released)
        named = {"value": np.round(values, 3)}
        vintage = vintage_days(known_at)
        parts.append(series_rows((_COLUMN, series), months, known_at, named, vintage))
    return parts
