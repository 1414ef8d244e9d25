"""The test of loss differences: its parts against formulas, its errors against simulation."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from soyoil.base.arrays import FloatArray
from soyoil.metrics.significance import (
    POWER,
    SIZE,
    cosine_terms,
    long_run_variance,
    loss_test,
)


def slow_variance(values: FloatArray, terms: int) -> float:
    """Cosine transforms by their definition, one sum after the other."""
    n = len(values)
    total = 0.0
    for j in range(1, terms + 1):
        wave = sum(v * math.cos(math.pi * j * (t + 0.5) / n) for t, v in enumerate(values))
        total += (math.sqrt(2 / n) * wave) ** 2
    return total / terms


def overlapping(rng: np.random.Generator, n: int, sessions: int) -> FloatArray:
    """Sums over h sessions, of unit variance."""
    noise = rng.normal(size=n + sessions - 1)
    return np.convolve(noise, np.ones(sessions), "valid") / math.sqrt(sessions)


@pytest.mark.parametrize(
    ("n", "sessions", "terms"),
    [
        (1750, 5, 13), (1750, 21, 13), (1750, 63, 13), (1750, 126, 6), (1750, 252, 3),
        (126, 5, 1), (125, 5, 0), (504, 252, 1), (503, 252, 0), (10**6, 5, 3999),
    ],
)  # fmt: skip
def test_terms(n: int, sessions: int, terms: int) -> None:
    assert cosine_terms(n, sessions) == terms


def test_variance_is_that_of_the_definition_and_knows_no_mean() -> None:
    values = np.random.default_rng(0).gamma(2.0, size=60)
    for terms in (1, 4, 9):
        assert long_run_variance(values, terms) == pytest.approx(slow_variance(values, terms))
        assert long_run_variance(values + 7, terms) == pytest.approx(slow_variance(values, terms))


def test_variance_of_overlapping_sums_is_the_horizon_times_that_of_one() -> None:
    rng = np.random.default_rng(1)
    found = [long_run_variance(overlapping(rng, 1750, 21), 41) for _ in range(100)]
    # Periods of 4 h and longer have lost 7 % of a rectangle's power.
    assert np.mean(found) == pytest.approx(0.93 * 21, rel=0.08)


def test_p_value_is_that_of_students_t() -> None:
    rng = np.random.default_rng(2)
    loss, reference = rng.gamma(2.0, size=(2, 600))
    difference = reference - loss
    terms = cosine_terms(600, 5)
    t = math.sqrt(600 / slow_variance(difference, terms)) * difference.mean()
    assert loss_test(loss, reference, 5).p == pytest.approx(stats.t.sf(t, terms))
    swapped = loss_test(reference, loss, 5)
    assert swapped.p == pytest.approx(1 - loss_test(loss, reference, 5).p), "better is one side"
    assert loss_test(0.5 * reference, reference, 5).p < 0.01


def power(delta: float, terms: int) -> float:
    """Chance that ``(Z + delta) / sqrt(chi2 / terms)`` exceeds the critical value."""
    critical = stats.t.ppf(1 - SIZE, terms)

    def given(variance: float) -> float:
        exceeds = stats.norm.sf(critical * math.sqrt(variance / terms) - delta)
        return float(exceeds * stats.chi2.pdf(variance, terms))

    return float(integrate.quad(given, 0, np.inf)[0])


@pytest.mark.parametrize("sessions", [5, 252])
def test_detectable_skill_is_found_with_the_stated_power(sessions: int) -> None:
    reference = 2 + np.random.default_rng(3).gamma(2.0, size=1750)
    loss = reference + np.random.default_rng(4).normal(0, 0.1, 1750)
    terms = cosine_terms(1750, sessions)
    error = math.sqrt(slow_variance(reference - loss, terms) / 1750)
    delta = loss_test(loss, reference, sessions).detectable * reference.mean() / error
    assert power(delta, terms) == pytest.approx(POWER, abs=1e-4)


def test_no_test_where_nothing_can_be_tested() -> None:
    loss = np.random.default_rng(5).gamma(2.0, size=1000)
    for test in (
        loss_test(loss, loss, 5),
        loss_test(loss[:100], 1 + loss[:100] ** 2, 5),
        loss_test(loss, loss**2, 504),
        loss_test(loss, np.zeros(1000), 5),
        loss_test(loss - 0.1, loss, 5),
    ):
        assert math.isnan(test.p)
        assert math.isnan(test.detectable)


@pytest.mark.parametrize("sessions", [5, 63, 252])
def test_size_under_overlap(sessions: int) -> None:
    rng = np.random.default_rng(6)
    reference = np.ones(1750)
    found = [
        loss_test(reference - 0.2 * overlapping(rng, 1750, sessions), reference, sessions).p < SIZE
        for _ in range(1000)
    ]
    # Three standard errors of a share of 5 % are 2.1 %.
    assert 0.029 < np.mean(found) < 0.071
