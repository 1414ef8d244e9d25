"""Pivots against references that go session by session, and by hand."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from soyoil.features.registry import FEATURES, SymbolBars

Check = Callable[..., None]
LEVELS = ("P", "R1", "S1", "R2", "S2")


def column(name: str, bars: SymbolBars) -> np.ndarray:
    function = FEATURES[name].function
    assert function is not None
    return function(bars)


def carried(b: SymbolBars, price: float, since: int, t: int) -> float:
    """A price of session `since` in terms of the contract of t: each roll moves it once."""
    for s in range(since + 1, t + 1):
        if b.is_roll[s]:
            if b.close[s] <= 0 or b.close[s - 1] <= 0:
                return math.nan
            price *= b.close[s] / b.close[s - 1] / math.exp(b.returns[s])
    return price


def daily(b: SymbolBars, t: int) -> dict[str, float] | None:
    if t == 0:
        return None
    high, low, close = (carried(b, v[t - 1], t - 1, t) for v in (b.high, b.low, b.close))
    if math.isnan(close):
        return None
    p = (high + low + close) / 3
    return {"P": p, "R1": 2 * p - low, "S1": 2 * p - high, "R2": p + high - low,
            "S2": p - high + low}  # fmt: skip


def weekly(b: SymbolBars, t: int) -> float | None:
    """Pivot of the calendar week before, found by the ISO calendar."""
    days = [d.item() for d in b.dates.astype("datetime64[D]")]
    monday = [d.toordinal() - d.weekday() for d in days]
    before = [s for s in range(t) if monday[s] == monday[t] - 7]
    if not before or (before[0] == 0 and days[0].weekday() > 0):
        return None
    high = max(carried(b, b.high[s], s, t) for s in before)
    low = min(carried(b, b.low[s], s, t) for s in before)
    value = (high + low + carried(b, b.close[before[-1]], before[-1], t)) / 3
    return None if any(math.isnan(carried(b, 1.0, s, t)) for s in before) else value


def log_ratio(close: float, level: float | None) -> float | None:
    return math.log(close / level) if level is not None and min(close, level) > 0 else None


@pytest.mark.parametrize("name", LEVELS)
def test_daily_levels_are_in_terms_of_todays_contract(
    bars: SymbolBars, check: Check, name: str
) -> None:
    def level(b: SymbolBars, t: int) -> float | None:
        found = daily(b, t)
        return None if found is None else found[name]

    check(column(f"pivots.{name}", bars), bars, level)
    check(
        column(f"pivots.{name}_log_ratio", bars),
        bars,
        lambda b, t: log_ratio(b.close[t], level(b, t)),
    )


def test_distances(bars: SymbolBars, check: Check) -> None:
    atr = column("market_data.atr_14", bars)

    def to_pivot(b: SymbolBars, t: int) -> float | None:
        found = daily(b, t)
        return None if found is None else b.close[t] - found["P"]

    def to_nearest(b: SymbolBars, t: int) -> float | None:
        found = daily(b, t)
        if found is None:
            return None
        return min((b.close[t] - level for level in found.values()), key=abs)

    def above(b: SymbolBars, t: int) -> float | None:
        found = daily(b, t)
        return None if found is None else float(b.close[t] > found["P"])

    def in_atr(distance: Callable[[SymbolBars, int], float | None]) -> Callable[..., object]:
        def scaled(b: SymbolBars, t: int) -> float | None:
            value = distance(b, t)
            usable = value is not None and atr[t] >= 1e-5 * b.close[t] > 0
            return value / atr[t] if usable and value is not None else None

        return scaled

    check(column("pivots.distance_to_P", bars), bars, to_pivot)
    check(column("pivots.price_above_P", bars), bars, above)
    check(column("pivots.distance_to_P_atr", bars), bars, in_atr(to_pivot))
    check(column("pivots.distance_to_nearest_pivot", bars), bars, to_nearest)
    check(column("pivots.distance_to_nearest_pivot_atr", bars), bars, in_atr(to_nearest))


def test_weekly_pivot_is_of_the_week_before(bars: SymbolBars, check: Check) -> None:
    def distance(b: SymbolBars, t: int) -> float | None:
        level = weekly(b, t)
        return None if level is None else b.close[t] - level

    check(column("pivots.weekly_P", bars), bars, weekly)
    check(column("pivots.weekly_pivot_distance", bars), bars, distance)
    check(
        column("pivots.weekly_P_log_ratio", bars),
        bars,
        lambda b, t: log_ratio(b.close[t], weekly(b, t)),
    )


def two_weeks(first: str) -> SymbolBars:
    """Eight weekdays from a date on; closes 10, 11, ...; high and low one away."""
    dates = np.busday_offset(np.datetime64(first), np.arange(8))
    close = 10.0 + np.arange(8)
    return SymbolBars(
        dates=dates,
        open=close,
        high=close + 1,
        low=close - 1,
        close=close,
        volume=np.full(8, 1e3),
        returns=np.r_[np.nan, np.diff(np.log(close))],
        realized_vol_1h=np.full(8, np.nan),
        is_roll=np.zeros(8, dtype=bool),
    )


def test_weekly_pivot_by_hand() -> None:
    """2024-01-01 is a Monday; its week has high 15, low 9, close 14."""
    got = column("pivots.weekly_P", two_weeks("2024-01-01"))
    assert np.isnan(got[:5]).all()
    np.testing.assert_allclose(got[5:], (15 + 9 + 14) / 3)


def test_a_week_cut_off_by_the_start_of_the_series_has_no_pivot() -> None:
    got = column("pivots.weekly_P", two_weeks("2024-01-02"))
    assert np.isnan(got).all()
