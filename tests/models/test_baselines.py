"""Baselines against slow references."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soyoil.models.baselines import baseline_quantiles, vol_cone_sigma


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
    got = baseline_quantiles(returns, 21)
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
    whole, part = baseline_quantiles(series, 21), baseline_quantiles(series[:cut], 21)
    for name in whole:
        np.testing.assert_array_equal(whole[name][:cut], part[name])
