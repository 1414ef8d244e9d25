"""Luck, deflation and overfitting against noise of which the answer is known."""

import numpy as np
import pytest
from scipy import stats

from soyoil.experiments.luck import (
    Luck,
    TrialMatrix,
    expected_maximum,
    judge,
    null_maxima,
    overfitting_probability,
)

N = 600


def noise(trials: int, seed: int, *, common: float = 0.0, sessions: int = 1) -> TrialMatrix:
    """Contributions without skill; with a common part, and overlapping over some sessions."""
    rng = np.random.default_rng(seed)
    own = rng.normal(size=(N + sessions - 1, trials))
    shared = rng.normal(size=(N + sessions - 1, 1))
    daily = np.sqrt(1 - common) * own + np.sqrt(common) * shared
    sums = np.cumsum(np.vstack([np.zeros(trials), daily]), axis=0)
    overlapping = (sums[sessions:] - sums[:-sessions]) / np.sqrt(sessions)
    return TrialMatrix(overlapping / N, np.ones(trials, dtype=bool), sessions)


def monte_carlo(trials: int, *, common: float = 0.0, sessions: int = 1) -> np.ndarray:
    """Best skill of trials without skill, over independent markets."""
    return np.array(
        [
            noise(trials, 10_000 + seed, common=common, sessions=sessions)
            .contributions.sum(axis=0)
            .max()
            for seed in range(400)
        ]
    )


@pytest.mark.parametrize(
    ("trials", "common", "sessions", "tolerance"),
    [
        (1, 0.0, 1, None),
        (10, 0.0, 1, 0.08),
        (50, 0.0, 1, 0.08),
        (50, 0.8, 1, 0.10),
        (30, 0.0, 5, 0.08),
        (30, 0.5, 63, 0.10),
    ],
)
def test_luck_is_the_expected_best_of_noise(
    trials: int, common: float, sessions: int, tolerance: float | None
) -> None:
    truth = monte_carlo(trials, common=common, sessions=sessions).mean()
    found = np.mean(
        [
            null_maxima(noise(trials, seed, common=common, sessions=sessions)).mean()
            for seed in range(8)
        ]
    )
    if tolerance is None:
        assert abs(found) < 0.1 / np.sqrt(N)
    else:
        assert found == pytest.approx(truth, rel=tolerance)


def test_copies_of_one_trial_are_one_trial() -> None:
    one = noise(1, 3)
    copies = TrialMatrix(np.repeat(one.contributions, 40, axis=1), np.ones(40, dtype=bool), 1)
    np.testing.assert_allclose(null_maxima(copies), null_maxima(one), atol=1e-12)


def test_a_pruned_trial_counts_as_a_whole_one() -> None:
    whole = noise(30, 4)
    contributions = whole.contributions.copy()
    # Pruned after a third of the rows; their own noise is the same.
    contributions[N // 3 :, 5:] = np.nan
    complete = np.arange(30) < 5
    found = null_maxima(TrialMatrix(contributions, complete, 1)).mean()
    assert found == pytest.approx(null_maxima(whole).mean(), rel=0.12)
    only_complete = TrialMatrix(whole.contributions[:, :5], np.ones(5, dtype=bool), 1)
    assert found > 1.5 * null_maxima(only_complete).mean()


def test_expected_maximum_of_normal_values() -> None:
    rng = np.random.default_rng(1)
    for trials in (5, 50, 500):
        truth = rng.normal(size=(4000, trials)).max(axis=1).mean()
        assert expected_maximum(trials) == pytest.approx(truth, rel=0.04)
    assert expected_maximum(1) == 0.0


def best_of(matrix: TrialMatrix) -> Luck:
    return judge(matrix, int(np.argmax(matrix.contributions.sum(axis=0))))


def test_the_best_of_noise_is_luck() -> None:
    found = [best_of(noise(40, seed)) for seed in range(40)]
    p_values = np.array([luck.p_value for luck in found])
    # Under the null the probability is uniform: its mean is a half.
    assert p_values.mean() == pytest.approx(0.5, abs=0.12)
    assert stats.kstest(p_values, "uniform").pvalue > 0.01
    deflated = np.array([luck.deflated for luck in found])
    assert 0.3 < deflated.mean() < 0.75
    assert (deflated > 0.95).mean() <= 0.15


def planted(seed: int) -> TrialMatrix:
    matrix = noise(40, seed)
    contributions = matrix.contributions.copy()
    contributions[:, 7] += 0.25 / N
    return TrialMatrix(contributions, matrix.complete, 1)


def test_a_planted_good_trial_is_not_luck() -> None:
    for seed in range(5):
        luck = best_of(planted(seed))
        assert luck.best > 1.5 * luck.expected
        assert luck.p_value < 0.01
        assert luck.deflated > 0.95
        assert luck.overfit < 0.05


def test_probability_of_overfitting_is_a_half_on_noise() -> None:
    found = [overfitting_probability(noise(20, seed)) for seed in range(40)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.08)


def test_trials_that_are_all_alike_are_neither_good_nor_overfit() -> None:
    one = noise(1, 9).contributions
    matrix = TrialMatrix(np.repeat(one, 6, axis=1), np.ones(6, dtype=bool), 1)
    assert overfitting_probability(matrix) == 0.5


def test_what_cannot_be_told_is_nan() -> None:
    one = noise(1, 2)
    assert np.isnan(overfitting_probability(one))
    flat = TrialMatrix(np.zeros((N, 3)), np.ones(3, dtype=bool), 1)
    luck = judge(flat, 0)
    assert luck.best == luck.expected == 0.0
    assert np.isnan(luck.deflated)
    assert luck.p_value == 1.0
    short = TrialMatrix(noise(3, 2).contributions[:30], np.ones(3, dtype=bool), 21)
    assert np.isnan(judge(short, 0).deflated)
