"""Luck, deflation and overfitting against noise of which the answer is known."""

import math
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from soyoil.metrics.bootstrap import mean_block, resample_counts
from soyoil.sweep.luck import (
    Luck,
    TrialMatrix,
    bootstrap_correction,
    deflated_probability,
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


def uneven(seed: int, n: int, trials: int, sessions: int) -> TrialMatrix:
    """Skewed trials of unlike spread; the last third of them were pruned after half the rows."""
    rng = np.random.default_rng(seed)
    values = (rng.gamma(1.5, size=(n, trials)) - 1.45) * rng.uniform(0.5, 3.0, trials)
    complete = np.arange(trials) < 2 * trials // 3
    values[n // 2 :, ~complete] = np.nan
    return TrialMatrix(values / n, complete, sessions)


def slow_maxima(matrix: TrialMatrix) -> list[float]:
    """Best resampled skill, trial by trial and resample by resample."""
    n = len(matrix.contributions)
    counts = resample_counts(n, mean_block(matrix.sessions)).astype(int)
    skills = []
    for column in matrix.contributions.T:
        there = [i for i in range(n) if not math.isnan(column[i])]
        mean = sum(column[i] for i in there) / len(there)
        own = []
        for times in counts:
            drawn = sum(times[i] for i in there)
            total = sum(times[i] * (column[i] - mean) for i in there)
            own.append(total / drawn * len(there) if drawn else 0.0)
        skills.append(np.array(own))
    spread = float(np.median([s.std() for s, c in zip(skills, matrix.complete, strict=True) if c]))
    grown = [
        s if whole else s * spread / s.std()
        for s, whole in zip(skills, matrix.complete, strict=True)
    ]
    correction = bootstrap_correction(n, matrix.sessions)
    return [correction * max(values) for values in zip(*grown, strict=True)]


def test_null_maxima_match_a_slow_resampling() -> None:
    matrix = uneven(11, 40, 6, 2)
    np.testing.assert_allclose(null_maxima(matrix), slow_maxima(matrix), rtol=1e-9)


def slow_overfitting(matrix: TrialMatrix, blocks: int) -> float:
    """Halves of blocks one by one; ranks by counting."""
    table = [row[matrix.complete] for row in matrix.contributions]
    table = [row for row in table if not np.isnan(row).any()]
    parts = np.array_split(np.arange(len(table)), blocks)
    trials = len(table[0])
    below = halves = 0.0
    for chosen in combinations(range(blocks), blocks // 2):
        inside = np.zeros(trials)
        outside = np.zeros(trials)
        for block, rows in enumerate(parts):
            for i in rows:
                if block in chosen:
                    inside += table[i]
                else:
                    outside += table[i]
        best = int(np.argmax(inside))
        rank = 1 + sum(outside[t] < outside[best] for t in range(trials))
        middle = (trials + 1) / 2
        halves += 1
        below += 1.0 if rank < middle else 0.5 if rank == middle else 0.0
    return below / halves


@pytest.mark.parametrize(
    ("n", "sessions", "blocks"), [(60, 10, 6), (70, 10, 6), (65, 8, 8), (20, 15, 2)]
)
@pytest.mark.parametrize("trials", [6, 9])
def test_overfitting_matches_a_slow_count(n: int, sessions: int, blocks: int, trials: int) -> None:
    """Blocks hold at least one horizon, pruned trials are left out, a middle rank is a half."""
    found = []
    for seed in range(6):
        matrix = uneven(seed, n, trials, sessions)
        found.append(overfitting_probability(matrix))
        assert found[-1] == pytest.approx(slow_overfitting(matrix, blocks))
    assert len(set(found)) > 1


@pytest.mark.parametrize("sessions", [1, 5])
def test_deflated_probability_matches_its_formula(sessions: int) -> None:
    """Bailey and Lopez de Prado (2014), eq. 2, from central moments, on skewed differences."""
    matrix = uneven(3, 120, 9, sessions)
    columns = [[v for v in column if not math.isnan(v)] for column in matrix.contributions.T]

    def moment(values: list[float], k: int) -> float:
        mean = sum(values) / len(values)
        return sum((v - mean) ** k for v in values) / len(values)

    ratios = [sum(c) / len(c) / math.sqrt(moment(c, 2)) for c in columns]
    mean = sum(ratios) / len(ratios)
    deviation = math.sqrt(sum((r - mean) ** 2 for r in ratios) / (len(ratios) - 1))
    for best in (0, 4, 8):
        own, ratio = columns[best], ratios[best]
        skewness = moment(own, 3) / moment(own, 2) ** 1.5
        kurtosis = moment(own, 4) / moment(own, 2) ** 2
        variance = 1 - skewness * ratio + (kurtosis - 1) / 4 * ratio**2
        threshold = deviation * expected_maximum(len(ratios))
        labels = len(own) / sessions
        z = (ratio - threshold) * math.sqrt((labels - 1) / variance)
        want = (1 + math.erf(z / math.sqrt(2))) / 2
        assert 0.0005 < want < 0.9995, "else the case tells nothing"
        assert deflated_probability(matrix, best) == pytest.approx(want)


def test_luck_is_the_mean_of_the_maxima_and_never_impossible() -> None:
    matrix = uneven(5, 200, 9, 2)
    luck = judge(matrix, 1)
    maxima = null_maxima(matrix)
    assert luck.expected == pytest.approx(maxima.mean())
    assert luck.p_value == (1 + (maxima >= luck.best).sum()) / (1 + len(maxima))
    good = 1.0 + noise(2, 5).contributions
    sure = TrialMatrix(good, np.ones(2, dtype=bool), 1)
    assert judge(sure, 0).p_value == 1 / (1 + len(maxima)), "the sample is one of the resamples"


def test_only_rows_of_the_best_trial_are_its_labels() -> None:
    """600 rows were scored by others, 95 by the best trial: 19 labels of five sessions."""
    contributions = noise(3, 6).contributions.copy()
    contributions[95:, 1] = np.nan
    luck = judge(TrialMatrix(contributions, np.ones(3, dtype=bool), 5), 1)
    assert luck.independent == 19
    assert not luck.provable
    assert np.isnan(luck.p_value)
    assert np.isnan(luck.overfit)
