"""Shrinkage toward the vol cone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soyoil.models.shrinkage import CONE_Z, GRID, Shrink, choose, shrink


def forecasts(seed: int, n: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    sigma = np.exp(rng.normal(-3, 0.3, n))
    quantiles = np.sort(rng.normal(0, 1.5, (n, 3)), axis=1) * sigma[:, None]
    return rng.normal(size=n) * sigma, quantiles, sigma, rng.uniform(0.1, 2.0, n)


def test_zero_factors_give_the_vol_cone() -> None:
    _, quantiles, sigma, _ = forecasts(0)
    got = shrink(quantiles, sigma, Shrink(0.0, 0.0))
    np.testing.assert_allclose(got, sigma[:, None] * np.array([-CONE_Z, 0.0, CONE_Z]))


def test_factors_of_one_change_nothing() -> None:
    _, quantiles, sigma, _ = forecasts(1)
    np.testing.assert_allclose(shrink(quantiles, sigma, Shrink()), quantiles, rtol=1e-12)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_choice_matches_a_search_row_by_row(seed: int) -> None:
    y, quantiles, sigma, weights = forecasts(seed)

    def loss(rows: np.ndarray) -> float:
        total = 0.0
        for outcome, row, w in zip(y, rows, weights, strict=True):
            for level, q in zip((0.1, 0.5, 0.9), row, strict=True):
                error = outcome - q
                total += w * (level * error if error >= 0 else (level - 1) * error)
        return total

    got = choose(y, quantiles, sigma, weights)
    tried = {
        (c, s): loss(shrink(quantiles, sigma, Shrink(c, s)))
        for c in GRID
        for s in (0.0, got.spread)
    }
    medians = {
        c: sum(w * abs(o - c * q) for o, q, w in zip(y, quantiles[:, 1], weights, strict=True))
        for c in GRID
    }
    assert medians[got.location] == pytest.approx(min(medians.values()))
    spreads = {s: loss(shrink(quantiles, sigma, Shrink(got.location, s))) for s in GRID}
    assert spreads[got.spread] == pytest.approx(min(spreads.values()))
    assert tried[(got.location, got.spread)] <= tried[(got.location, 0.0)] + 1e-12
    ordered = shrink(quantiles, sigma, got)
    assert (np.diff(ordered, axis=1) >= 0).all()


def test_a_wrong_median_is_shrunk_to_nothing_and_a_right_one_kept() -> None:
    rng = np.random.default_rng(5)
    sigma = np.full(400, 0.05)
    truth = rng.normal(0, 0.03, 400)
    y = truth + rng.normal(0, 0.02, 400)
    cone = np.array([-CONE_Z, 0.0, CONE_Z]) * 0.05
    weights = np.ones(400)
    right = choose(y, truth[:, None] + cone, sigma, weights)
    wrong = choose(y, -truth[:, None] + cone, sigma, weights)
    assert right.location > 0.8
    assert wrong.location == 0.0


def test_ties_go_to_the_smaller_factor() -> None:
    y, _, sigma, weights = forecasts(3)
    cone = sigma[:, None] * np.array([-CONE_Z, 0.0, CONE_Z])
    # Every factor gives the same forecast.
    assert choose(y, cone, sigma, weights) == Shrink(0.0, 0.0)


def test_no_rows_leave_the_model_as_it_is() -> None:
    empty = np.empty(0)
    assert choose(empty, np.empty((0, 3)), empty, empty) == Shrink(1.0, 1.0)
