"""Trend, momentum and volume against references that go session by session."""

import itertools
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


def levels(bars: SymbolBars, t: int, n: int) -> list[float] | None:
    """Index on the last n sessions up to t, today's being 1; None across a missing return."""
    if t + 1 < n:
        return None
    out = [1.0]
    for s in range(t, t + 1 - n, -1):
        if math.isnan(bars.returns[s]):
            return None
        out.append(out[-1] * math.exp(-bars.returns[s]))
    return out[::-1]


def known(bars: SymbolBars) -> list[int]:
    """The first session and those with a return."""
    return [s for s in range(len(bars)) if s == 0 or not math.isnan(bars.returns[s])]


def chained(bars: SymbolBars) -> list[float]:
    """Index on the sessions of `known`."""
    out = [1.0]
    for s in known(bars)[1:]:
        out.append(out[-1] * math.exp(bars.returns[s]))
    return out


@pytest.mark.parametrize("n", [5, 21, 63])
def test_moving_averages(bars: SymbolBars, check: Check, n: int) -> None:
    def average(b: SymbolBars, t: int) -> float | None:
        window = levels(b, t, n)
        return None if window is None else sum(window) / n * b.close[t]

    def log_ratio(b: SymbolBars, t: int) -> float | None:
        window = levels(b, t, n)
        return None if window is None else -math.log(sum(window) / n)

    check(column(f"market_data.ma_{n}", bars), bars, average)
    check(column(f"market_data.ma_{n}_log_ratio", bars), bars, log_ratio)


@pytest.mark.parametrize("n", [1, 5, 21, 63, 126])
def test_returns(bars: SymbolBars, check: Check, n: int) -> None:
    def total(b: SymbolBars, t: int) -> float | None:
        window = levels(b, t, n + 1)
        return None if window is None else -math.log(window[0])

    check(column(f"market_data.return_{n}d", bars), bars, total)


def test_momentum(bars: SymbolBars, check: Check) -> None:
    def momentum(b: SymbolBars, t: int) -> float | None:
        window = levels(b, t, 22)
        return None if window is None else 1 / window[0] - 1

    check(column("market_data.momentum_21d", bars), bars, momentum)


def test_rsi_is_wilders_recursion(bars: SymbolBars, check: Check) -> None:
    def rsi(b: SymbolBars, t: int) -> float | None:
        index = chained(b)
        moves = [y - x for x, y in itertools.pairwise(index)]
        if known(b)[-1] != t or len(moves) < 14 or not any(moves[-14:]):
            return None
        up = sum(max(m, 0) for m in moves[:14]) / 14
        down = sum(max(-m, 0) for m in moves[:14]) / 14
        for m in moves[14:]:
            up, down = (13 * up + max(m, 0)) / 14, (13 * down + max(-m, 0)) / 14
        return 100 * up / (up + down)

    check(column("market_data.rsi_14", bars), bars, rsi)


def ema(values: list[float], n: int, start: int) -> list[float]:
    """Exponential means from position `start` on, the first a plain mean of n values."""
    out = [sum(values[start - n + 1 : start + 1]) / n]
    for value in values[start + 1 :]:
        out.append(out[-1] + 2 / (n + 1) * (value - out[-1]))
    return out


def test_macd(bars: SymbolBars, check: Check) -> None:
    def parts(b: SymbolBars, t: int) -> tuple[float, float] | None:
        index = chained(b)
        if known(b)[-1] != t or len(index) < 34:
            return None
        line = [x - y for x, y in zip(ema(index, 12, 25), ema(index, 26, 25), strict=True)]
        return line[-1] / index[-1], ema(line, 9, 8)[-1] / index[-1]

    def line(b: SymbolBars, t: int) -> float | None:
        found = parts(b, t)
        return None if found is None else found[0]

    def signal(b: SymbolBars, t: int) -> float | None:
        found = parts(b, t)
        return None if found is None else found[1]

    def histogram(b: SymbolBars, t: int) -> float | None:
        found = parts(b, t)
        return None if found is None else found[0] - found[1]

    check(column("market_data.macd_line", bars), bars, line)
    check(column("market_data.macd_signal", bars), bars, signal)
    check(column("market_data.macd_histogram", bars), bars, histogram)


def test_bollinger_bands(bars: SymbolBars, check: Check) -> None:
    def bands(b: SymbolBars, t: int) -> tuple[float, float, float] | None:
        window = levels(b, t, 20)
        if window is None:
            return None
        middle, deviation = statistics.fmean(window), statistics.pstdev(window)
        return middle - 2 * deviation, middle, middle + 2 * deviation

    def percent_b(b: SymbolBars, t: int) -> float | None:
        found = bands(b, t)
        if found is None or found[0] == found[2]:
            return None
        return (1 - found[0]) / (found[2] - found[0])

    def bandwidth(b: SymbolBars, t: int) -> float | None:
        found = bands(b, t)
        return None if found is None else (found[2] - found[0]) / found[1]

    check(column("market_data.bollinger_percent_b", bars), bars, percent_b)
    check(column("market_data.bollinger_bandwidth", bars), bars, bandwidth)


def test_stochastic(bars: SymbolBars, check: Check) -> None:
    def fast(b: SymbolBars, t: int) -> float | None:
        window = levels(b, t, 14)
        if window is None or (b.close[t - 13 : t + 1] <= 0).any():
            return None
        sessions = range(t - 13, t + 1)
        scale = [x / b.close[s] for x, s in zip(window, sessions, strict=True)]
        top = max(b.high[s] * k for s, k in zip(sessions, scale, strict=True))
        bottom = min(b.low[s] * k for s, k in zip(sessions, scale, strict=True))
        return 100 * (1 - bottom) / (top - bottom) if top > bottom else None

    def mean_of_3(function: Callable[[SymbolBars, int], float | None]) -> Callable[..., object]:
        def mean(b: SymbolBars, t: int) -> float | None:
            values = [function(b, s) for s in range(max(t - 2, 0), t + 1)]
            found = [v for v in values if v is not None]
            return sum(found) / 3 if len(found) == 3 else None

        return mean

    slow = mean_of_3(fast)
    check(column("market_data.stochastic_k", bars), bars, slow)
    check(column("market_data.stochastic_d", bars), bars, mean_of_3(slow))  # type: ignore[arg-type]


def test_volume_against_its_median(bars: SymbolBars, check: Check) -> None:
    def ratio(b: SymbolBars, t: int) -> float | None:
        median = statistics.median(b.volume[t - 20 :]) if t >= 20 else 0
        return math.log(b.volume[t] / median) if median > 0 and b.volume[t] > 0 else None

    check(column("market_data.volume_21d_log_ratio", bars), bars, ratio)


def test_amihud(bars: SymbolBars, check: Check) -> None:
    def illiquidity(b: SymbolBars, t: int) -> float | None:
        total = 0.0
        for s in range(t - 20, t + 1):
            if s < 1 or math.isnan(b.returns[s]) or b.volume[s] == 0:
                return None
            total += abs(b.returns[s]) / (b.close[s] * b.volume[s])
        return 1e9 * total / 21

    check(column("market_data.amihud_21d", bars), bars, illiquidity)
