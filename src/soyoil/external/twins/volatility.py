"""Implied volatility of the synthetic market."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import FloatArray
from soyoil.external.readers.volatility import NAME
from soyoil.external.readers.volatility import ZL as OWN
from soyoil.external.releases import closed_days, series_known_at
from soyoil.external.twins.market import TwinMarket, series_rows
from soyoil.market.conventions import TRADING_DAYS

PREMIUM: Final = 0.10
"""Log of implied over true volatility, on average: what sellers of options are paid."""


def volatility_twin(market: TwinMarket) -> pd.DataFrame:
    """The target's own conditional volatility with a premium for risk, which is the driver.

    Beside it OVXCLS and VIXCLS, which know nothing of the market.
    """
    days = market.days()
    days = days[np.is_busday(days, holidays=closed_days())]
    known_at = series_known_at("VIXCLS", days)
    sessions = market.path.sessions.dates
    at = np.searchsorted(sessions, days, side="right") - 1
    sigma = np.sqrt(TRADING_DAYS) * market.path.sigma[np.maximum(at, 0)]
    driver = market.driver(NAME, OWN, days, known_at, 0.9)
    values = {OWN: 100.0 * sigma * np.exp(PREMIUM + 0.08 * driver)}
    for name, mean in (("OVXCLS", 36.0), ("VIXCLS", 18.0)):
        values[name] = mean * np.exp(0.3 * market.steady(NAME, name, len(days), 0.98))
    # Before its first session the market has no volatility to speak of.
    open_days = {OWN: at >= 0}
    parts = []
    for name, level in values.items():
        there = open_days.get(name, np.ones(len(days), dtype=np.bool_))
        implied: FloatArray = np.round(np.clip(level, 1.0, 1000.0), 2)
        columns = {"implied_vol": implied[there]}
        parts.append(
            series_rows(
                ("series_id", name), days[there], known_at[there].reset_index(drop=True), columns
            )
        )
    return market.known(pd.concat(parts, ignore_index=True))
