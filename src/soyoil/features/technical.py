"""Trend, momentum and volume on the roll-free index, in terms of the contract of the session.

A window that spans a missing return has no value: across it the index is not comparable.
Recursive indicators leave the session of a missing return out and go on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from soyoil.base.arrays import FloatArray
from soyoil.features.registry import FeatureFunction, SymbolBars, feature, shared
from soyoil.features.windows import (
    ratio,
    rolling_max,
    rolling_mean,
    rolling_median,
    rolling_min,
    rolling_std,
    rolling_sum,
)
from soyoil.market.rolls import log_positive

RSI_SESSIONS = 14
BOLLINGER_SESSIONS = 20
STOCHASTIC_SESSIONS = 14
SMOOTHING = 3
VOLUME_SESSIONS = 21
AMIHUD_UNIT = 1e9


@feature("market_data.roll_free_index", formula="exp of the sum of roll-free returns", history=1)
def roll_free_index(bars: SymbolBars) -> FloatArray:
    """Roll-free index from 1.0 on the first session."""
    return bars.index


def _index_mean(window: int) -> Callable[[SymbolBars], FloatArray]:
    @shared
    def mean(bars: SymbolBars) -> FloatArray:
        known = bars.known_moves(window - 1)
        return np.where(known, rolling_mean(bars.index, window), np.nan)

    return mean


def _moving_average(mean: Callable[[SymbolBars], FloatArray]) -> FeatureFunction:
    return lambda bars: mean(bars) * bars.price_of_index


def _moving_average_ratio(mean: Callable[[SymbolBars], FloatArray]) -> FeatureFunction:
    return lambda bars: np.log(bars.index / mean(bars))


def _log_return(window: int) -> FeatureFunction:
    return lambda bars: rolling_sum(bars.returns, window)


for _n in (5, 21, 63):
    _mean = _index_mean(_n)
    feature(
        f"market_data.ma_{_n}",
        formula=f"mean of the roll-free index over {_n} sessions x close / index",
        history=_n,
    )(_moving_average(_mean))
    feature(
        f"market_data.ma_{_n}_log_ratio",
        formula=f"ln(index / mean of the index over {_n} sessions)",
        history=_n,
    )(_moving_average_ratio(_mean))

for _n in (1, 5, 21, 63, 126):
    feature(
        f"market_data.return_{_n}d",
        formula=f"sum of roll-free daily log returns over {_n} sessions",
        history=_n + 1,
    )(_log_return(_n))


@feature("market_data.momentum_21d", formula="index_t / index_(t-21) - 1", history=22)
def momentum_21d(bars: SymbolBars) -> FloatArray:
    """Simple return of the roll-free index over 21 sessions."""
    out = np.full(len(bars), np.nan)
    out[21:] = bars.index[21:] / bars.index[:-21] - 1.0
    return np.where(bars.known_moves(21), out, np.nan)


def on_known_sessions(
    bars: SymbolBars, indicator: Callable[..., Any], *values: FloatArray
) -> list[FloatArray]:
    """Run a recursive TA-Lib indicator over the sessions whose return is known.

    One NaN would stay in a recursion for ever. On the sessions left out the index stands still,
    so those that remain follow each other as if nothing were between.

    Parameters
    ----------
    bars
        Bars of one symbol.
    indicator
        Function of arrays that returns one array or several of the same length; entry t uses
        entries up to t only.
    values
        Arrays of shape ``(n,)``, known wherever the return is.

    Returns
    -------
    list of FloatArray
        Arrays of shape ``(n,)``, NaN on sessions without a return.
    """
    # The first session has a level, though no return.
    rows = np.r_[0, np.flatnonzero(~np.isnan(bars.returns[1:])) + 1][: len(bars)]
    result = indicator(*(v[rows] for v in values))
    columns = result if isinstance(result, tuple) else (result,)
    out = [np.full(len(bars), np.nan) for _ in columns]
    for whole, part in zip(out, columns, strict=True):
        whole[rows] = part
    return out


@feature(
    "market_data.rsi_14",
    formula="Wilder's relative strength index of the roll-free index, 14 sessions",
    history=RSI_SESSIONS + 1,
)
def rsi_14(bars: SymbolBars) -> FloatArray:
    """Wilder's RSI in 0..100 (Wilder 1978, TA-Lib's implementation).

    NaN where the index did not move in 14 sessions: TA-Lib calls that 0, as after a fall.
    """
    # TA-Lib loads a compiled library; the layers above start faster without it.
    import talib

    def rsi(index: FloatArray) -> FloatArray:
        window = RSI_SESSIONS + 1
        still = rolling_max(index, window) == rolling_min(index, window)
        return np.where(still, np.nan, talib.RSI(index, timeperiod=RSI_SESSIONS))

    return on_known_sessions(bars, rsi, bars.index)[0]


@shared
def _macd(bars: SymbolBars) -> list[FloatArray]:
    """MACD line, signal and histogram of the index (Appel; TA-Lib's start values)."""
    import talib

    def macd(index: FloatArray) -> tuple[FloatArray, ...]:
        parts: tuple[FloatArray, ...] = talib.MACD(
            index, fastperiod=12, slowperiod=26, signalperiod=9
        )
        return parts

    return [ratio(part, bars.index) for part in on_known_sessions(bars, macd, bars.index)]


def _macd_part(at: int) -> FeatureFunction:
    return lambda bars: _macd(bars)[at]


for _at, (_name, _formula) in enumerate(
    {
        "macd_line": "(EMA 12 - EMA 26 of the index) / index",
        "macd_signal": "EMA 9 of (EMA 12 - EMA 26 of the index), / index",
        "macd_histogram": "macd_line - macd_signal",
    }.items()
):
    feature(f"market_data.{_name}", formula=_formula, history=34)(_macd_part(_at))


@shared
def _bollinger(bars: SymbolBars) -> tuple[FloatArray, FloatArray]:
    """Mean and population standard deviation of the index over 20 sessions."""
    known = bars.known_moves(BOLLINGER_SESSIONS - 1)
    mean = np.where(known, rolling_mean(bars.index, BOLLINGER_SESSIONS), np.nan)
    return mean, rolling_std(bars.index, BOLLINGER_SESSIONS, ddof=0)


@feature(
    "market_data.bollinger_percent_b",
    formula="(index - lower) / (upper - lower), bands at mean +- 2 sd (n) over 20 sessions",
    history=BOLLINGER_SESSIONS,
)
def bollinger_percent_b(bars: SymbolBars) -> FloatArray:
    """Place of the index between the Bollinger bands; NaN where they coincide."""
    mean, deviation = _bollinger(bars)
    return 0.5 + ratio(bars.index - mean, 4.0 * deviation)


@feature(
    "market_data.bollinger_bandwidth",
    formula="(upper - lower) / mean, bands at mean +- 2 sd (n) over 20 sessions",
    history=BOLLINGER_SESSIONS,
)
def bollinger_bandwidth(bars: SymbolBars) -> FloatArray:
    """Width of the Bollinger bands as a share of their middle."""
    mean, deviation = _bollinger(bars)
    return ratio(4.0 * deviation, mean)


@shared
def _stochastic_k(bars: SymbolBars) -> FloatArray:
    """Slow %K: TA-Lib calls a window without a range 0, here it has no value."""
    top = rolling_max(bars.high_of_index, STOCHASTIC_SESSIONS)
    bottom = rolling_min(bars.low_of_index, STOCHASTIC_SESSIONS)
    fast = 100.0 * ratio(bars.index - bottom, top - bottom)
    fast[~bars.known_moves(STOCHASTIC_SESSIONS - 1)] = np.nan
    return rolling_mean(fast, SMOOTHING)


@feature(
    "market_data.stochastic_k",
    formula="mean of 3 of 100 (index - lowest low) / (highest high - lowest low), 14 sessions, "
    "high and low on the scale of the index",
    history=STOCHASTIC_SESSIONS + SMOOTHING - 1,
)
def stochastic_k(bars: SymbolBars) -> FloatArray:
    """Slow %K in 0..100 (Lane)."""
    return _stochastic_k(bars)


@feature(
    "market_data.stochastic_d",
    formula="mean of 3 of stochastic_k",
    history=STOCHASTIC_SESSIONS + 2 * (SMOOTHING - 1),
)
def stochastic_d(bars: SymbolBars) -> FloatArray:
    """Slow %D in 0..100 (Lane)."""
    return rolling_mean(_stochastic_k(bars), SMOOTHING)


@feature(
    "market_data.volume_21d_log_ratio",
    formula="ln(volume / median of volume over 21 sessions)",
    history=VOLUME_SESSIONS,
)
def volume_log_ratio(bars: SymbolBars) -> FloatArray:
    """Volume against its median, today's included; NaN where either is 0."""
    return log_positive(ratio(bars.volume, rolling_median(bars.volume, VOLUME_SESSIONS)))


@feature(
    "market_data.amihud_21d",
    formula="mean over 21 sessions of |return| / (close x volume), x 10^9 (Amihud 2002)",
    history=VOLUME_SESSIONS + 1,
)
def amihud_21d(bars: SymbolBars) -> FloatArray:
    """Illiquidity: absolute log return per 10^9 quoted units x lots traded."""
    turnover = bars.close * bars.volume
    return rolling_mean(ratio(AMIHUD_UNIT * np.abs(bars.returns), turnover), VOLUME_SESSIONS)
