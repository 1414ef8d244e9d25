"""A small market of known truth, and the parameters of its forecasts."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd

from soyoil.splits.plan import SplitConfig
from soyoil.splits.snapshot import Snapshot

SPLIT = SplitConfig(first_origin=dt.date(2021, 1, 4), warm_up=100)


def market(sessions: int = 700, seed: int = 0) -> Snapshot:
    """A random walk with changing volatility, one row without hourly value."""
    rng = np.random.default_rng(seed)
    days = pd.bdate_range("2020-01-01", periods=sessions).as_unit("us")
    sigma = 0.015 * np.exp(np.cumsum(rng.normal(0, 0.05, sessions)) * 0.5)
    returns = rng.normal(0, 1, sessions) * sigma
    hourly = sigma * np.sqrt(252) * rng.uniform(0.8, 1.2, sessions)
    hourly[11] = np.nan
    matrix = pd.DataFrame(
        {
            "data_date": days,
            "market_data.close": 60 * np.exp(np.cumsum(returns)),
            "market_data.roll_free_return": np.r_[np.nan, returns[1:]],
            "market_data.realized_vol_1h": hourly,
            "market_data.is_roll": False,
        }
    )
    return Snapshot(matrix, pd.DataFrame(), "ZL", "synthetic", {})


def until(snapshot: Snapshot, row: int) -> Snapshot:
    return replace(snapshot, matrix=snapshot.matrix.iloc[: row + 1].reset_index(drop=True))
