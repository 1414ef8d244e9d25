"""The golden zone against a reference that goes session by session, and by hand."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from soyoil.features.golden_zone import SWING_SESSIONS as K
from soyoil.features.registry import FEATURES, SymbolBars

Check = Callable[..., None]


def column(name: str, bars: SymbolBars) -> np.ndarray:
    function = FEATURES[f"golden_zone.{name}"].function
    assert function is not None
    return function(bars)


def carried(b: SymbolBars, price: float, since: int, t: int) -> float:
    for s in range(since + 1, t + 1):
        if b.is_roll[s]:
            if b.close[s] <= 0 or b.close[s - 1] <= 0:
                return math.nan
            price *= b.close[s] / b.close[s - 1] / math.exp(b.returns[s])
    return price


def newest_swing(b: SymbolBars, t: int, sign: int) -> tuple[int, float] | None:
    """Session and price, in terms of the contract of t, of the last swing confirmed by t."""
    prices = b.high if sign > 0 else b.low
    for s in range(t - K, K - 1, -1):
        around = [sign * carried(b, prices[u], u, s + K) for u in range(s - K, s + K + 1)]
        peak = around[K]
        if all(peak > v for v in around[:K]) and all(peak >= v for v in around[K + 1 :]):
            value = carried(b, prices[s], s, t)
            return None if math.isnan(value) else (s, value)
    return None


def zone(b: SymbolBars, t: int) -> tuple[float, float, int] | None:
    """50 % and 61.8 % level and direction."""
    high, low = newest_swing(b, t, 1), newest_swing(b, t, -1)
    if high is None or low is None or high[0] == low[0] or high[1] <= low[1]:
        return None
    size = high[1] - low[1]
    if high[0] > low[0]:
        return high[1] - 0.5 * size, high[1] - 0.618 * size, 1
    return low[1] + 0.5 * size, low[1] + 0.618 * size, -1


def test_swings(bars: SymbolBars, check: Check) -> None:
    for name, sign in (("swing_high", 1), ("swing_low", -1)):

        def level(b: SymbolBars, t: int, sign: int = sign) -> float | None:
            found = newest_swing(b, t, sign)
            return None if found is None else found[1]

        def ratio(b: SymbolBars, t: int, sign: int = sign) -> float | None:
            found = newest_swing(b, t, sign)
            if found is None or min(found[1], b.close[t]) <= 0:
                return None
            return math.log(b.close[t] / found[1])

        check(column(name, bars), bars, level)
        check(column(f"{name}_log_ratio", bars), bars, ratio)


def test_zone(bars: SymbolBars, check: Check) -> None:
    function = FEATURES["market_data.atr_14"].function
    assert function is not None
    atr = function(bars)
    found = [zone(bars, t) for t in range(len(bars))]

    def part(at: int) -> Callable[[SymbolBars, int], float | None]:
        def value(b: SymbolBars, t: int) -> float | None:
            here = found[t]
            return None if here is None else here[at]

        return value

    def distance(b: SymbolBars, t: int) -> float | None:
        here = found[t]
        if here is None:
            return None
        bottom, top = sorted(here[:2])
        return max(b.close[t] - top, 0) + min(b.close[t] - bottom, 0)

    def inside(b: SymbolBars, t: int) -> float | None:
        value = distance(b, t)
        return None if value is None else float(value == 0)

    def in_atr(b: SymbolBars, t: int) -> float | None:
        value = distance(b, t)
        if value is None or not atr[t] >= 1e-5 * b.close[t] > 0:
            return None
        return value / atr[t]

    check(column("fib_50", bars), bars, part(0))
    check(column("fib_618", bars), bars, part(1))
    check(column("direction", bars), bars, part(2))
    check(column("state", bars), bars, inside)
    check(column("distance_to_zone_atr", bars), bars, in_atr)


def from_closes(close: np.ndarray) -> SymbolBars:
    n = len(close)
    return SymbolBars(
        dates=np.busday_offset(np.datetime64("2024-01-01"), np.arange(n)),
        open=close,
        high=close,
        low=close,
        close=close,
        volume=np.full(n, 1e3),
        returns=np.r_[np.nan, np.diff(np.log(close))],
        realized_vol_1h=np.full(n, np.nan),
        is_roll=np.zeros(n, dtype=bool),
    )


@pytest.fixture(scope="module")
def up_and_back() -> SymbolBars:
    """Down to 20 on session 6, up to 30 on session 16, then back by 1 a session."""
    return from_closes(np.r_[np.arange(26.0, 20, -1), np.arange(20.0, 30), np.arange(30.0, 22, -1)])


def test_a_swing_is_used_from_its_confirmation_on(up_and_back: SymbolBars) -> None:
    low, high = (column(name, up_and_back) for name in ("swing_low", "swing_high"))
    assert np.isnan(low[:11]).all()
    assert (low[11:] == 20).all()
    assert np.isnan(high[:21]).all()
    assert (high[21:] == 30).all()


def test_zone_by_hand(up_and_back: SymbolBars) -> None:
    """The leg 20 to 30 has its zone at 23.82 to 25; closes from session 21 on: 25, 24, 23."""
    at = slice(21, 24)
    np.testing.assert_allclose(column("fib_50", up_and_back)[at], 25)
    np.testing.assert_allclose(column("fib_618", up_and_back)[at], 23.82)
    assert column("direction", up_and_back)[at].tolist() == [1, 1, 1]
    assert column("state", up_and_back)[at].tolist() == [1, 1, 0]
    assert column("distance_to_zone_atr", up_and_back)[23] < 0


def test_a_plateau_is_one_swing_and_a_flat_series_none() -> None:
    plateau = np.r_[np.arange(10.0, 20), 20.0, 20.0, np.arange(19.0, 8, -1)]
    high = column("swing_high", from_closes(plateau))
    assert np.flatnonzero(high == 20).tolist() == list(range(10 + K, len(plateau)))
    assert np.isnan(column("swing_high", from_closes(np.full(40, 20.0)))).all()


def test_one_session_that_is_both_swings_has_no_direction() -> None:
    close = np.full(15, 20.0)
    plain = from_closes(close)
    reach = np.where(np.arange(15) == 7, 3.0, 1.0)
    wide = replace(plain, high=close + reach, low=close - reach)
    assert column("swing_high", wide)[12] == 23
    assert column("swing_low", wide)[12] == 17
    for name in ("direction", "fib_50", "fib_618", "state", "distance_to_zone_atr"):
        assert np.isnan(column(name, wide)).all(), name


def test_a_market_that_stands_still_is_no_yardstick() -> None:
    """After 400 sessions without a range the average true range is rounding, not a unit."""
    moved = np.r_[np.arange(26.0, 20, -1), np.arange(20.0, 30), np.arange(30.0, 22, -1)]
    still = from_closes(np.r_[moved, np.full(400, 22.5)])
    assert column("distance_to_zone_atr", still)[26] < 0
    assert column("state", still)[-1] == 0
    assert np.isnan(column("distance_to_zone_atr", still)[-1])
