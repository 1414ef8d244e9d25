"""Sessions of several roots whose truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd

from soyoil.base.arrays import FloatArray
from soyoil.models.champion import ChampionConfig
from soyoil.panel.losses import PanelRules
from soyoil.splits.plan import SplitConfig

ROOTS = ("ZL", "ZS", "CL", "ES", "GC", "6E")
RULES = PanelRules(
    SplitConfig.model_validate({"first_origin": "2012-01-03"}), ChampionConfig(), min_rows=100
)


def root_frame(symbol: str, returns: FloatArray, hourly_vol: FloatArray) -> pd.DataFrame:
    """Sessions on weekdays from 2010 on; the first has no return."""
    n = len(returns)
    return pd.DataFrame(
        {
            "symbol": symbol,
            "data_date": pd.bdate_range("2010-01-04", periods=n).as_unit("us"),
            "roll_free_return": np.r_[np.nan, returns[1:]],
            "realized_vol_1h": hourly_vol,
            "is_thin": False,
            "provenance": "synthetic",
            "rolls": "known",
        }
    )


def market(kind: str, roots: tuple[str, ...] = ROOTS, n: int = 1700, seed: int = 3) -> pd.DataFrame:
    """Sessions of a market of which the truth is known.

    Parameters
    ----------
    kind
        ``null``: constant volatility, hourly values are noise. ``planted``: the variance wanders
        and hourly values tell it at once, while squares of daily returns tell it slowly.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for symbol in roots:
        log_vol = np.full(n, np.log(0.012))
        if kind == "planted":
            shocks = rng.normal(0, 0.12, n)
            wander = np.zeros(n)
            for t in range(1, n):
                wander[t] = 0.98 * wander[t - 1] + shocks[t]
            log_vol = log_vol + wander
        vol = np.exp(log_vol)
        hourly = np.sqrt(252 * vol**2 * rng.chisquare(20, n) / 20)
        parts.append(root_frame(symbol, vol * rng.normal(size=n), hourly))
    return pd.concat(parts, ignore_index=True)
