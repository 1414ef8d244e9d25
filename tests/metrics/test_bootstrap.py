"""Intervals of skill: the resampling itself, and how often it is wrong."""

import math

import numpy as np
import pytest

from soyoil.metrics.bootstrap import (
    MIN_INDEPENDENT,
    mean_block,
    resample_counts,
    skill_interval,
    stationary_indices,
    verdict,
    widening,
)


def test_stretches_are_consecutive_wrap_around_and_have_the_stated_mean_length() -> None:
    n, block = 400, 25
    indices = stationary_indices(n, block, 300, np.random.default_rng(0))
    assert indices.shape == (300, n)
    assert indices.min() >= 0
    assert indices.max() < n
    breaks = (np.diff(indices, axis=1) % n) != 1
    # A new stretch starts where the old one would have gone on once in n times.
    assert breaks.mean() == pytest.approx(1 / block, rel=0.05)
    starts = indices[:, 1:][breaks]
    assert np.histogram(starts, bins=4, range=(0, n))[0].min() > 0.2 * len(starts)


def test_counts_are_those_of_the_indices() -> None:
    counts = resample_counts(50, 10, 40)
    assert counts.shape == (40, 50)
    assert (counts.sum(axis=1) == 50).all()
    assert (counts.mean(axis=0) > 0).all()
    assert resample_counts(50, 10, 40) is counts, "the same resamples for every model"
    kept = counts.copy()
    resample_counts.cache_clear()
    assert (resample_counts(50, 10, 40) == kept).all(), "and in every process"


def test_interval_holds_the_point_and_grows_with_the_overlap() -> None:
    rng = np.random.default_rng(1)
    loss, reference = rng.gamma(2.0, size=(2, 1500))
    ones = np.ones(1500)
    point = 1 - loss.sum() / reference.sum()
    short = skill_interval(loss, reference, ones, 5)
    assert short.low < point < short.high
    smooth = np.convolve(rng.normal(size=1562), np.ones(63), "valid") / 8
    overlapping = skill_interval(reference - 0.2 * smooth, reference, ones, 63)
    naive = skill_interval(reference - 0.2 * smooth, reference, ones, 1)
    assert overlapping.high - overlapping.low > 2 * (naive.high - naive.low)


def test_equal_losses_have_no_width_and_a_perfect_reference_no_interval() -> None:
    loss = np.random.default_rng(2).gamma(2.0, size=300)
    tie = skill_interval(loss, loss, np.ones(300), 5)
    assert (tie.low, tie.high) == pytest.approx((0.0, 0.0), abs=1e-6)
    assert math.isnan(skill_interval(loss, np.zeros(300), np.ones(300), 5).low)


def test_weights_count() -> None:
    rng = np.random.default_rng(3)
    reference = rng.gamma(2.0, size=600)
    loss = np.where(np.arange(600) < 300, 0.5, 1.5) * reference
    first = skill_interval(loss, reference, np.where(np.arange(600) < 300, 1.0, 1e-6), 5)
    assert first.low == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(("sessions", "n"), [(5, 1500), (21, 1500), (63, 1500)])
def test_skill_is_rarely_found_where_there_is_none(sessions: int, n: int) -> None:
    """Losses whose difference overlaps like the labels: 5 % of lower bounds may exceed zero."""
    found = 0
    for seed in range(150):
        noise = np.random.default_rng(seed).normal(size=n + sessions - 1)
        difference = np.convolve(noise, np.ones(sessions), "valid") / math.sqrt(sessions)
        reference = np.ones(n)
        interval = skill_interval(reference - 0.2 * difference, reference, np.ones(n), sessions)
        found += interval.low > 0
    assert found / 150 <= 0.12


def test_blocks_hold_two_horizons_and_short_samples_are_widened() -> None:
    assert [mean_block(h) for h in (1, 5, 21, 252)] == [10, 10, 42, 504]
    assert widening(100_000, 21) == pytest.approx(math.sqrt(1 / 0.8522), rel=1e-3)
    assert widening(1500, 63) > widening(3000, 63) > widening(100_000, 63) > 1


@pytest.mark.parametrize(
    ("low", "p", "independent", "expected"),
    [
        (0.01, 0.04, 100.0, "skill"),
        (0.01, 0.06, 100.0, "no skill"),
        (0.0, 0.01, 100.0, "no skill"),
        (-0.1, 0.01, 100.0, "no skill"),
        (math.nan, 0.01, 100.0, "no skill"),
        (0.0, math.nan, 100.0, "no skill"),
        (0.2, math.nan, 100.0, "unprovable"),
        (0.2, 0.01, MIN_INDEPENDENT - 0.1, "unprovable"),
        (0.2, 0.01, math.nan, "unprovable"),
    ],
)
def test_verdict(low: float, p: float, independent: float, expected: str) -> None:
    assert verdict(low, p, independent) == expected
