"""Volatility against references that go session by session."""

import math
import statistics
from collections.abc import Callable

import numpy as np
import pytest

from soyoil.features.registry import FEATURES, SymbolBars

Check = Callable[..., None]


def column(name: str, bars: SymbolBars) -> np.ndarray:
    function = FEATURES[name].function
    assert function is not None
    return function(bars)


def deviation(b: SymbolBars, t: int, n: int) -> float | None:
    window = list(b.returns[t + 1 - n : t + 1]) if t >= n else [math.nan]
    return None if any(map(math.isnan, window)) else statistics.stdev(window) * math.sqrt(252)


@pytest.mark.parametrize("n", [21, 63])
def test_realised_volatility(bars: SymbolBars, check: Check, n: int) -> None:
    check(column(f"market_data.volatility_{n}d", bars), bars, lambda b, t: deviation(b, t, n))


def test_short_over_long(bars: SymbolBars, check: Check) -> None:
    def quotient(b: SymbolBars, t: int) -> float | None:
        short, long = deviation(b, t, 21), deviation(b, t, 63)
        return short / long if short is not None and long else None

    check(column("market_data.volatility_ratio_21d_63d", bars), bars, quotient)


def test_ewma_is_that_of_the_vol_cone(bars: SymbolBars, check: Check) -> None:
    keep = 0.5 ** (1 / 42)

    def ewma(b: SymbolBars, t: int) -> float | None:
        value, weight = math.nan, 1.0
        for r in b.returns:
            if math.isnan(value):
                value = r * r
            elif math.isnan(r):
                # pandas lets the weight of the past decay over a missing value.
                weight *= keep
            else:
                past = weight * keep
                value = (past * value + (1 - keep) * r * r) / (past + 1 - keep)
                weight = 1.0
        return None if math.isnan(value) else math.sqrt(252 * value)

    check(column("market_data.volatility_ewma_42", bars), bars, ewma)


def test_parkinson(bars: SymbolBars, check: Check) -> None:
    def parkinson(b: SymbolBars, t: int) -> float | None:
        if t < 20 or min(b.low[t - 20 :]) <= 0:
            return None
        squares = [math.log(b.high[s] / b.low[s]) ** 2 for s in range(t - 20, t + 1)]
        return math.sqrt(252 * sum(squares) / 21 / (4 * math.log(2)))

    check(column("market_data.parkinson_21d", bars), bars, parkinson)


def test_garman_klass_leaves_out_the_jump_to_another_contract(
    bars: SymbolBars, check: Check
) -> None:
    def garman_klass(b: SymbolBars, t: int) -> float | None:
        total = 0.0
        for s in range(t - 20, t + 1):
            if s < 1 or min(b.open[s], b.low[s], b.close[s]) <= 0:
                return None
            jump = 0.0
            if not b.is_roll[s]:
                if b.close[s - 1] <= 0:
                    return None
                jump = math.log(b.open[s] / b.close[s - 1])
            span, body = math.log(b.high[s] / b.low[s]), math.log(b.close[s] / b.open[s])
            total += jump**2 + span**2 / 2 - (2 * math.log(2) - 1) * body**2
        return math.sqrt(252 * total / 21)

    check(column("market_data.garman_klass_21d", bars), bars, garman_klass)


def true_ranges(b: SymbolBars) -> tuple[list[float], float]:
    """True range per index on each session with a return, and the index at the end."""
    index, out = 1.0, []
    for s in range(1, len(b)):
        if math.isnan(b.returns[s]):
            continue
        index *= math.exp(b.returns[s])
        before = b.close[s] * math.exp(-b.returns[s])
        span = max(b.high[s], before) - min(b.low[s], before)
        out.append(span / b.close[s] * index)
    return out, index


def test_average_true_range_is_wilders_on_one_contract(bars: SymbolBars, check: Check) -> None:
    def share(b: SymbolBars, t: int) -> float | None:
        ranges, index = true_ranges(b)
        if math.isnan(b.returns[t]) or len(ranges) < 14:
            return None
        mean = sum(ranges[:14]) / 14
        for value in ranges[14:]:
            mean = (13 * mean + value) / 14
        return mean / index

    def quoted(b: SymbolBars, t: int) -> float | None:
        found = share(b, t)
        return None if found is None else found * b.close[t]

    check(column("market_data.atr_14_pct", bars), bars, share)
    check(column("market_data.atr_14", bars), bars, quoted)


@pytest.mark.parametrize("n", [5, 21])
def test_hourly_root_mean_square(bars: SymbolBars, check: Check, n: int) -> None:
    def mean(b: SymbolBars, t: int) -> float | None:
        window = list(b.realized_vol_1h[t + 1 - n :]) if t + 1 >= n else [math.nan]
        if any(map(math.isnan, window)):
            return None
        return math.sqrt(sum(v * v for v in window) / n)

    check(column(f"market_data.realized_vol_1h_{n}d", bars), bars, mean)


def test_percentile_is_the_rank_within_history(bars: SymbolBars, check: Check) -> None:
    volatility = column("market_data.volatility_21d", bars)

    def percentile(b: SymbolBars, t: int) -> float | None:
        past = [v for v in volatility[: t + 1] if not math.isnan(v)]
        if len(past) < 63 or math.isnan(volatility[t]):
            return None
        return sum(v <= volatility[t] for v in past) / len(past)

    check(column("regime.vol_percentile", bars), bars, percentile)
