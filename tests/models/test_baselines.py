"""Baselines against slow references."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soyoil.models.baselines import (
    baseline_quantiles,
    hourly_cone_sigma,
    vol_cone_sigma,
)


def slow_sigma(returns: list[float], h: int) -> list[float]:
    """Vol cone, session by session, straight from the frozen formula."""
    decay = 1 - 0.5 ** (1 / 42)
    k = 126 * (1 - math.exp(-h / 126)) / h
    out: list[float] = []
    ewma, squares = math.nan, []
    for r in returns:
        if not math.isnan(r):
            squares.append(r * r)
            ewma = r * r if math.isnan(ewma) else (1 - decay) * ewma + decay * r * r
        mean = sum(squares) / len(squares) if squares else math.nan
        out.append(math.sqrt(h * (k * ewma + (1 - k) * mean)) if squares else math.nan)
    return out


daily = st.lists(st.floats(-0.08, 0.08), min_size=1, max_size=60)


@given(daily, st.sampled_from([1, 5, 21, 63, 126, 252]))
@settings(max_examples=60, deadline=None)
def test_vol_cone_matches_the_formula(returns: list[float], h: int) -> None:
    series = [math.nan, *returns]
    np.testing.assert_allclose(
        vol_cone_sigma(np.array(series), h), slow_sigma(series, h), rtol=1e-10, atol=1e-15
    )


def test_vol_cone_of_constant_volatility_is_the_square_root_rule() -> None:
    returns = np.r_[np.nan, np.tile([0.01, -0.01], 200)]
    for h in (5, 21, 63, 126, 252):
        assert vol_cone_sigma(returns, h)[-1] == pytest.approx(0.01 * math.sqrt(h))


def test_a_volatile_month_widens_short_horizons_more() -> None:
    returns = np.r_[np.nan, np.tile([0.01, -0.01], 500), np.tile([0.04, -0.04], 10)]
    ratio = [vol_cone_sigma(returns, h)[-1] / math.sqrt(h) for h in (5, 63, 252)]
    assert ratio[0] > ratio[1] > ratio[2] > 0.01


def test_baselines_match_their_definitions() -> None:
    rng = np.random.default_rng(3)
    returns = np.r_[np.nan, rng.normal(0.001, 0.015, 300)]
    hourly = np.abs(rng.normal(0.2, 0.05, 301))
    got = baseline_quantiles(returns, hourly, 21)
    for t in (1, 2, 50, 300):
        past = returns[1 : t + 1]
        zero = math.sqrt(21 * (past**2).mean())
        np.testing.assert_allclose(got["random_walk"][t], [-1.2816 * zero, 0, 1.2816 * zero])
        if t > 1:
            mean, sd = 21 * past.mean(), math.sqrt(21) * past.std(ddof=1)
            expected = [mean - 1.2816 * sd, mean, mean + 1.2816 * sd]
            np.testing.assert_allclose(got["drift"][t], expected)
        cone = slow_sigma(list(returns), 21)[t]
        np.testing.assert_allclose(got["vol_cone"][t], [-1.2816 * cone, 0, 1.2816 * cone])


@given(daily, st.integers(1, 59))
@settings(max_examples=40, deadline=None)
def test_later_returns_change_nothing(returns: list[float], cut: int) -> None:
    series = np.array([math.nan, *returns])
    hourly = 0.2 + np.abs(series)
    whole = baseline_quantiles(series, hourly, 21)
    part = baseline_quantiles(series[:cut], hourly[:cut], 21)
    for name in whole:
        np.testing.assert_array_equal(whole[name][:cut], part[name])


def slow_hourly_sigma(returns: list[float], hourly: list[float], h: int) -> list[float]:
    """Hourly cone, session by session, straight from the formula."""
    b5, b21, b_all, a = {
        5: (0.41, 0.30, 0.10, 0.04),
        21: (0.30, 0.30, 0.17, 0.03),
        63: (0.24, 0.25, 0.29, 0.03),
        126: (0.18, 0.13, 0.36, 0.03),
        252: (0.13, 0.13, 0.53, 0.04),
    }[h]
    out: list[float] = []
    levels: list[float] = []
    for t, cone in enumerate(slow_sigma(returns, h)):
        squares = [r * r for r in returns[: t + 1] if not math.isnan(r)]
        values = [v * v / 252 for v in hourly[: t + 1] if not math.isnan(v)]
        long_run = sum(squares) / len(squares) if squares else math.nan
        now = hourly[t] ** 2 / 252
        levels.append(now * long_run / (sum(values) / len(values)) if values else math.nan)

        def mean(n: int, floor: float = long_run / 1000) -> float:
            last = [v for v in levels[-n:] if not math.isnan(v)]
            return max(sum(last) / len(last), floor) if len(last) >= 2 else math.nan

        c = cone * cone / h
        week, month = mean(5), mean(21)
        if any(math.isnan(v) for v in (week, month, c)):
            out.append(cone)
            continue
        x = b5 * math.log(week / c) + b21 * math.log(month / c) + b_all * math.log(long_run / c)
        out.append(cone * math.exp(min(max(x, -1.5), 1.5) / 2 + a))
    return out


@pytest.mark.parametrize("h", [5, 21, 63, 126, 252])
def test_hourly_cone_matches_the_formula(h: int) -> None:
    rng = np.random.default_rng(h)
    returns = np.r_[np.nan, rng.normal(0, 0.015, 90) * np.repeat([1, 4, 0.2], 30)]
    hourly = np.abs(returns) * 14 + 0.01
    hourly[[0, 7, 8]] = np.nan
    hourly[50:73] = np.nan
    np.testing.assert_allclose(
        hourly_cone_sigma(returns, hourly, h),
        slow_hourly_sigma(list(returns), list(hourly), h),
        rtol=1e-9,
    )


def test_hourly_cone_is_the_cone_times_a_constant_where_all_variances_agree() -> None:
    returns = np.tile([0.01, -0.01], 200)
    hourly = np.full(400, 0.01 * math.sqrt(252))
    for h, constant in ((5, 0.04), (21, 0.03), (63, 0.03), (126, 0.03), (252, 0.04)):
        expected = 0.01 * math.sqrt(h) * math.exp(constant)
        assert hourly_cone_sigma(returns, hourly, h)[-1] == pytest.approx(expected)


def test_hourly_cone_of_a_week_twice_as_volatile() -> None:
    returns = np.r_[np.tile([0.01, -0.01], 150), 0.02, -0.02, 0.02, -0.02, 0.02]
    hourly = np.abs(returns) * math.sqrt(252)
    found = [hourly_cone_sigma(returns, hourly, h)[-1] for h in (5, 21, 63, 126, 252)]
    assert found == pytest.approx([0.034285, 0.06477, 0.10613, 0.140447, 0.192108], abs=5e-7)


def test_hourly_cone_without_hourly_values_is_the_cone() -> None:
    returns = np.tile([0.01, -0.02], 50)
    none = np.full(100, np.nan)
    np.testing.assert_array_equal(hourly_cone_sigma(returns, none, 5), vol_cone_sigma(returns, 5))


def test_hourly_cone_of_another_horizon_lies_between() -> None:
    returns = np.r_[np.tile([0.01, -0.01], 150), np.tile([0.03, -0.03], 3)]
    hourly = np.abs(returns) * math.sqrt(252)
    per_session = [hourly_cone_sigma(returns, hourly, h)[-1] / math.sqrt(h) for h in (5, 10, 21)]
    assert per_session[0] > per_session[1] > per_session[2]
