"""Volatility: from closes, from ranges, from hourly bars, and its percentile."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from soyoil.base.arrays import FloatArray
from soyoil.features.registry import FeatureFunction, SymbolBars, feature, shared
from soyoil.features.technical import on_known_sessions
from soyoil.features.windows import ratio, rolling_mean, rolling_std
from soyoil.market.conventions import TRADING_DAYS, VOLATILITY_HALFLIFE
from soyoil.market.rolls import log_positive

RANGE_SESSIONS = 21
ATR_SESSIONS = 14

MIN_ATR_SHARE = 1e-5
"""An average true range below this share of the close is no yardstick of distances."""


def annualised(variance: FloatArray) -> FloatArray:
    """Square root of a daily variance x 252; NaN where it is negative."""
    return np.asarray(np.sqrt(np.where(variance >= 0, variance, np.nan) * TRADING_DAYS))


@shared
def _volatility_21d(bars: SymbolBars) -> FloatArray:
    return rolling_std(bars.returns, 21, ddof=1) * math.sqrt(TRADING_DAYS)


@shared
def _volatility_63d(bars: SymbolBars) -> FloatArray:
    return rolling_std(bars.returns, 63, ddof=1) * math.sqrt(TRADING_DAYS)


@feature(
    "market_data.volatility_21d",
    formula="standard deviation (n - 1) of 21 roll-free daily log returns x sqrt(252)",
    history=22,
)
def volatility_21d(bars: SymbolBars) -> FloatArray:
    """Annualised realised volatility of a month."""
    return _volatility_21d(bars)


@feature(
    "market_data.volatility_63d",
    formula="standard deviation (n - 1) of 63 roll-free daily log returns x sqrt(252)",
    history=64,
)
def volatility_63d(bars: SymbolBars) -> FloatArray:
    """Annualised realised volatility of a quarter."""
    return _volatility_63d(bars)


@feature(
    "market_data.volatility_ratio_21d_63d",
    formula="volatility_21d / volatility_63d",
    history=64,
)
def volatility_ratio(bars: SymbolBars) -> FloatArray:
    """Short over long volatility; NaN where the long one is 0."""
    return ratio(_volatility_21d(bars), _volatility_63d(bars))


@feature(
    "market_data.volatility_ewma_42",
    formula="sqrt(252 x EWMA of squared returns), half-life 42 sessions, unadjusted",
    history=2,
)
def volatility_ewma(bars: SymbolBars) -> FloatArray:
    """The recent part of the vol cone; a missing return leaves it where it was."""
    squared = pd.Series(bars.returns) ** 2
    return annualised(squared.ewm(halflife=VOLATILITY_HALFLIFE, adjust=False).mean().to_numpy())


@feature(
    "market_data.parkinson_21d",
    formula="sqrt(252 x mean over 21 sessions of ln(high / low)^2 / (4 ln 2)) (Parkinson 1980)",
    history=RANGE_SESSIONS,
)
def parkinson_21d(bars: SymbolBars) -> FloatArray:
    """Annualised volatility from ranges; the time between sessions is left out."""
    span = log_positive(bars.high) - log_positive(bars.low)
    return annualised(rolling_mean(span**2 / (4.0 * math.log(2.0)), RANGE_SESSIONS))


@feature(
    "market_data.garman_klass_21d",
    formula="sqrt(252 x mean over 21 sessions of overnight^2 + ln(high / low)^2 / 2 - (2 ln 2 - 1) "
    "ln(close / open)^2) (Garman and Klass 1980, with the jump at the open); overnight = return - "
    "ln(close / open), 0 on rolls",
    history=RANGE_SESSIONS + 1,
)
def garman_klass_21d(bars: SymbolBars) -> FloatArray:
    """Annualised volatility from open, high, low and close, the night before included.

    On a roll the jump at the open is that from one contract to the other, so it stays out.
    """
    span = log_positive(bars.high) - log_positive(bars.low)
    body = log_positive(bars.close) - log_positive(bars.open)
    overnight = np.where(bars.is_roll, 0.0, bars.returns - body)
    daily = overnight**2 + 0.5 * span**2 - (2.0 * math.log(2.0) - 1.0) * body**2
    return annualised(rolling_mean(daily, RANGE_SESSIONS))


@shared
def atr_of_index(bars: SymbolBars) -> FloatArray:
    """Average true range on the scale of the index (Wilder 1978, TA-Lib), shape ``(n,)``.

    On a roll the index opens where it closed, so the true range is that of the new contract.
    """
    import talib

    # The range of the first session is not used, but TA-Lib would start after a NaN.
    high, low = bars.high_of_index.copy(), bars.low_of_index.copy()
    high[:1] = low[:1] = bars.index[:1]

    def atr(high: FloatArray, low: FloatArray, close: FloatArray) -> FloatArray:
        out: FloatArray = talib.ATR(high, low, close, timeperiod=ATR_SESSIONS)
        return out

    return on_known_sessions(bars, atr, high, low, bars.index)[0]


@feature(
    "market_data.atr_14",
    formula="Wilder's average true range of the index, 14 sessions, x close / index",
    history=ATR_SESSIONS + 1,
)
def atr_14(bars: SymbolBars) -> FloatArray:
    """Average true range in quoted units of today's contract."""
    return atr_of_index(bars) * bars.price_of_index


@feature(
    "market_data.atr_14_pct",
    formula="atr_14 / close",
    history=ATR_SESSIONS + 1,
)
def atr_14_share(bars: SymbolBars) -> FloatArray:
    """Average true range as a share of the close."""
    return ratio(atr_of_index(bars), bars.index)


def in_atr(bars: SymbolBars, distance: FloatArray) -> FloatArray:
    """A distance in quoted units as a multiple of ATR(14); NaN where there is no range."""
    share = atr_14_share(bars)
    return ratio(distance, np.where(share >= MIN_ATR_SHARE, atr_14(bars), np.nan))


def _root_mean_square(window: int) -> FeatureFunction:
    return lambda bars: np.sqrt(rolling_mean(bars.realized_vol_1h**2, window))


for _n in (5, 21):
    feature(
        f"market_data.realized_vol_1h_{_n}d",
        formula=f"root mean square of realized_vol_1h over {_n} sessions",
        history=_n,
    )(_root_mean_square(_n))


@feature(
    "regime.vol_percentile",
    formula="share of volatility_21d values up to t that are not above today's, from 63 values",
    history=84,
)
def vol_percentile(bars: SymbolBars) -> FloatArray:
    """Percentile of today's realised volatility within its history so far, in 0..1."""
    history = pd.Series(_volatility_21d(bars)).expanding(min_periods=63)
    return history.rank(method="max", pct=True).to_numpy()
