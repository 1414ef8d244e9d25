"""Technical features on the roll-free index, in terms of the contract of the session."""

from __future__ import annotations

import numpy as np
import pandas as pd

from soyoil.features.registry import FeatureFunction, SymbolBars, feature
from soyoil.market.rolls import FloatArray

TRADING_DAYS = 252


def _rolling_sum(values: FloatArray, window: int) -> FloatArray:
    return pd.Series(values).rolling(window, min_periods=window).sum().to_numpy()


def _index_mean(bars: SymbolBars, window: int) -> FloatArray:
    return pd.Series(bars.index).rolling(window, min_periods=window).mean().to_numpy()


def _moving_average(window: int) -> FeatureFunction:
    def compute(bars: SymbolBars) -> FloatArray:
        return _index_mean(bars, window) * bars.price_of_index

    return compute


def _moving_average_ratio(window: int) -> FeatureFunction:
    def compute(bars: SymbolBars) -> FloatArray:
        return np.log(bars.index / _index_mean(bars, window))

    return compute


def _log_return(window: int) -> FeatureFunction:
    def compute(bars: SymbolBars) -> FloatArray:
        return bars.returns if window == 1 else _rolling_sum(bars.returns, window)

    return compute


for _n in (5, 21, 63):
    feature(
        f"market_data.ma_{_n}",
        formula=f"mean of the roll-free index over {_n} sessions x close / index",
        history=_n,
    )(_moving_average(_n))
    feature(
        f"market_data.ma_{_n}_log_ratio",
        formula=f"ln(index / mean of the index over {_n} sessions)",
        history=_n,
    )(_moving_average_ratio(_n))

for _n in (1, 5, 21):
    feature(
        f"market_data.return_{_n}d",
        formula=f"sum of roll-free daily log returns over {_n} sessions",
        history=_n + 1,
    )(_log_return(_n))


@feature(
    "market_data.rsi_14",
    formula="Wilder's relative strength index of the roll-free index, 14 sessions",
    history=15,
)
def rsi_14(bars: SymbolBars) -> FloatArray:
    """Wilder's RSI in 0..100 (Wilder 1978, TA-Lib's implementation)."""
    # TA-Lib loads a compiled library; the layers above start faster without it.
    import talib

    if len(bars) < 15:
        return np.full(len(bars), np.nan)
    return np.asarray(talib.RSI(bars.index, timeperiod=14), dtype=np.float64)


@feature(
    "market_data.volatility_21d",
    formula="standard deviation (n - 1) of 21 roll-free daily log returns x sqrt(252)",
    history=22,
)
def volatility_21d(bars: SymbolBars) -> FloatArray:
    """Annualised realised volatility."""
    deviation = pd.Series(bars.returns).rolling(21, min_periods=21).std(ddof=1)
    return np.asarray(deviation.to_numpy() * np.sqrt(TRADING_DAYS), dtype=np.float64)


@feature(
    "market_data.momentum_21d",
    formula="index_t / index_(t-21) - 1",
    history=22,
)
def momentum_21d(bars: SymbolBars) -> FloatArray:
    """Simple return of the roll-free index over 21 sessions."""
    out = np.full(len(bars), np.nan)
    out[21:] = bars.index[21:] / bars.index[:-21] - 1.0
    return out


@feature(
    "regime.vol_percentile",
    formula="share of volatility_21d values up to t that are not above today's, from 63 values",
    history=84,
)
def vol_percentile(bars: SymbolBars) -> FloatArray:
    """Percentile of today's realised volatility within its history so far, in 0..1."""
    volatility = pd.Series(volatility_21d(bars))
    return volatility.expanding(min_periods=63).rank(pct=True).to_numpy()
