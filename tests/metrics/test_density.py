"""Scores of the interpolated distribution against integrals of its definition."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from soyoil.base.arrays import FloatArray
from soyoil.market.conventions import QUANTILES
from soyoil.metrics.density import central_hits, crps
from soyoil.metrics.losses import pinball, row_losses

POINTS = stats.norm.ppf(QUANTILES)


def quantile(levels: FloatArray, three: FloatArray) -> FloatArray:
    """Linear in z through the three points, with the outer slopes beyond them."""
    z = stats.norm.ppf(levels)
    slopes = np.diff(three) / np.diff(POINTS)
    return three[1] + np.where(z < 0, slopes[0], slopes[1]) * z


def distribution(x: float, three: FloatArray) -> float:
    slopes = np.diff(three) / np.diff(POINTS)
    return float(stats.norm.cdf((x - three[1]) / slopes[0 if x < three[1] else 1]))


def by_distribution(y: float, three: FloatArray) -> float:
    """Integral of ``(F(x) - 1{y <= x})^2``, in pieces between the kinks."""
    spread = three[2] - three[0]
    ends = (min(y, three[0]) - 12 * spread, max(y, three[2]) + 12 * spread)
    kinks = sorted((ends[0], three[0], three[1], three[2], y, ends[1]))
    return sum(
        integrate.quad(lambda x: (distribution(x, three) - (y <= x)) ** 2, a, b, limit=200)[0]
        for a, b in itertools.pairwise(kinks)
        if b > a
    )


widths = st.floats(0.005, 0.3)


@given(y=st.floats(-0.5, 0.5), median=st.floats(-0.2, 0.2), below=widths, above=widths)
@settings(max_examples=40, deadline=None)
def test_crps_is_the_integral_of_the_squared_distance(
    y: float, median: float, below: float, above: float
) -> None:
    three = np.array([median - below, median, median + above])
    got = crps(np.array([y]), three[None, :])[0]
    assert got == pytest.approx(by_distribution(y, three), rel=1e-5, abs=1e-8)


def test_crps_is_twice_the_mean_pinball_loss_over_a_dense_grid() -> None:
    rng = np.random.default_rng(0)
    levels = (np.arange(20_000) + 0.5) / 20_000
    for y, *three in rng.normal(0, 0.05, (20, 4)):
        found = quantile(levels, np.sort(three))
        losses = np.maximum(levels * (y - found), (levels - 1) * (y - found))
        got = crps(np.array([y]), np.sort(three)[None, :])[0]
        assert got == pytest.approx(2 * losses.mean(), rel=1e-3)


def test_a_cone_is_normal() -> None:
    y, sigma = np.array([-0.3, 0.0, 0.02, 0.4]), 0.1
    a = y / sigma
    want = sigma * (
        a * (2 * stats.norm.cdf(a) - 1) + 2 * stats.norm.pdf(a) - 1 / math.sqrt(math.pi)
    )
    np.testing.assert_allclose(crps(y, np.tile(sigma * POINTS, (4, 1))), want)


def test_a_point_forecast_scores_its_absolute_error_and_crossing_quantiles_are_sorted() -> None:
    y = np.array([0.1, -0.2, 0.0])
    np.testing.assert_allclose(crps(y, np.zeros((3, 3))), np.abs(y))
    half = np.array([[0.0, 0.0, 0.1]] * 3)
    assert np.isfinite(crps(y, half)).all()
    np.testing.assert_array_equal(crps(y, half[:, ::-1]), crps(y, half))


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9])
def test_hits_are_those_of_the_interpolated_quantiles(level: float) -> None:
    rng = np.random.default_rng(1)
    three = np.sort(rng.normal(0, 0.05, (300, 3)), axis=1)
    y = rng.normal(0, 0.06, 300)
    want = [
        quantile(np.array([0.5 - level / 2]), q)[0]
        <= v
        <= quantile(np.array([0.5 + level / 2]), q)[0]
        for v, q in zip(y, three, strict=True)
    ]
    hits = central_hits(y, three, level)
    assert hits.tolist() == want
    assert 10 < hits.sum() < 290
    if level == 0.8:
        assert hits.tolist() == ((y >= three[:, 0]) & (y <= three[:, 2])).tolist()


def test_row_losses_have_them() -> None:
    rng = np.random.default_rng(2)
    y, three = rng.normal(0, 0.05, 50), np.sort(rng.normal(0, 0.05, (50, 3)), axis=1)
    got = row_losses(pd.DataFrame(three, columns=["q10", "q50", "q90"]).assign(y=y))
    np.testing.assert_array_equal(got["crps"], crps(y, three))
    for percent in (50, 90):
        np.testing.assert_array_equal(
            got[f"covered_{percent}"] == 1, central_hits(y, three, percent / 100)
        )
    mean = np.mean([pinball(y, three[:, i], p) for i, p in enumerate(QUANTILES)], axis=0)
    np.testing.assert_allclose(got["pinball"], mean)
