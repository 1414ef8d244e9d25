"""What the best of many trials is worth: luck, deflation, overfitting.

The best of N skills is positive even if nothing can be forecast. All three answers come from the
loss differences per origin that the ledger keeps; nothing is fitted again.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np

from soyoil.base.arrays import BoolArray, FloatArray
from soyoil.metrics.bootstrap import MIN_INDEPENDENT, mean_block, resample_counts

EULER: Final = 0.5772156649015329
CSCV_BLOCKS: Final = 16
CHUNK: Final = 1000


@dataclass(frozen=True)
class TrialMatrix:
    """Loss differences of all trials on common rows.

    Attributes
    ----------
    contributions
        Coefficient of the objective times ``reference - loss``, shape ``(n, trials)``, NaN where
        a trial was not scored; the sum over the rows of a trial is its skill.
    complete
        Whether a trial was scored on all its folds, shape ``(trials,)``.
    sessions
        Horizon in sessions.
    """

    contributions: FloatArray
    complete: BoolArray
    sessions: int


@dataclass(frozen=True)
class Luck:
    """The best of all trials beside what luck gives.

    Attributes
    ----------
    trials
        Number of trials that were scored, pruned ones included.
    best
        Best skill of the complete trials of the study.
    expected
        Expected best skill of as many trials if none had any.
    p_value
        Probability that luck gives at least `best`; NaN where `independent` is less than
        `soyoil.metrics.bootstrap.MIN_INDEPENDENT`.
    deflated
        Probability that the skill of the best is positive, given the number of trials
        (`deflated_probability`).
    overfit
        Probability of backtest overfitting (`overfitting_probability`); NaN likewise.
    independent
        Scored rows of the best trial over the horizon: about the number of independent labels.
    """

    trials: int
    best: float
    expected: float
    p_value: float
    deflated: float
    overfit: float
    independent: float

    @property
    def provable(self) -> bool:
        """Whether there are enough independent labels to tell skill from luck."""
        return self.independent >= MIN_INDEPENDENT


def bootstrap_correction(n: int, sessions: int) -> float:
    """Factor by which the standard deviation of a bootstrapped mean is too small.

    For labels that overlap over h sessions and nothing else, whose autocorrelation at lag k is
    ``1 - k / h``, both variances are known: that of the mean of n such values, and the expected
    one of its stationary bootstrap, which is centred on the sample's mean and keeps
    ``(1 - 1/L)^k`` of the autocovariance at lag k (Politis and Romano 1994, lemma 1). With few
    independent labels they are far apart.

    Parameters
    ----------
    n
        Number of rows.
    sessions
        Horizon h.
    """
    lag = np.arange(n)
    correlation = np.maximum(1.0 - lag / sessions, 0.0)
    share = 1.0 - lag / n
    twice = np.where(lag == 0, 1.0, 2.0)
    true = float(np.sum(twice * share * correlation)) / n
    wrapped = share * correlation + (1.0 - share) * np.where(lag == 0, 0.0, correlation[-lag])
    kept = twice * share * (1.0 - 1.0 / mean_block(sessions)) ** lag
    expected = float(np.sum(kept * (wrapped - true))) / n
    return float(np.sqrt(true / expected))


def null_maxima(matrix: TrialMatrix) -> FloatArray:
    """Best skill of all trials in each resample of a market where none has any.

    Each trial's differences are centred, so that its skill is zero, and stretches of origins are
    resampled for all trials together (stationary bootstrap, mean length of at least two horizons;
    White 2000, A reality check for data snooping). What trials have in common stays: a hundred
    copies of one trial are one trial. The differences of a pruned trial cover its first folds
    only; its resampled skill is measured in its own standard deviations and given the median one
    of the complete trials, as if it had gone on.

    Returns
    -------
    FloatArray
        Shape ``(resamples,)``.
    """
    there = np.isfinite(matrix.contributions)
    values = np.where(there, matrix.contributions, 0.0)
    centred = np.where(there, values - values.sum(axis=0) / there.sum(axis=0), 0.0)
    counts = resample_counts(len(values), mean_block(matrix.sessions)).astype(np.float64)
    sums = counts @ centred
    # A resample holds more or fewer rows of a trial that was not scored on all of them.
    rows = counts @ there.astype(np.float64)
    sums *= np.divide(there.sum(axis=0), rows, out=np.zeros_like(rows), where=rows > 0)
    spread = sums.std(axis=0)
    whole = float(np.median(spread[matrix.complete])) if matrix.complete.any() else 0.0
    scale = np.divide(whole, spread, out=np.zeros_like(spread), where=spread > 0)
    sums *= np.where(matrix.complete, 1.0, scale)
    maxima = sums.max(axis=1) * bootstrap_correction(int(there.any(axis=1).sum()), matrix.sessions)
    return np.asarray(maxima, dtype=np.float64)


def expected_maximum(trials: int) -> float:
    """Expected maximum of so many independent standard normal values, approximately.

    ``(1 - g) Z(1 - 1/N) + g Z(1 - 1/(N e))`` with Euler's constant g and the normal quantile
    function Z (Bailey and Lopez de Prado 2014, The deflated Sharpe ratio, eq. 1).
    """
    # Half a second to import, and every command would pay for it.
    from scipy import stats

    if trials < 2:
        return 0.0
    first = stats.norm.ppf(1.0 - 1.0 / trials)
    second = stats.norm.ppf(1.0 - 1.0 / (trials * np.e))
    return float((1.0 - EULER) * first + EULER * second)


def deflated_probability(matrix: TrialMatrix, best: int) -> float:
    """Deflated Sharpe ratio of Bailey and Lopez de Prado (2014), of loss differences.

    The ratio of mean to standard deviation of the differences stands for the Sharpe ratio,
    overlapping origins count as ``n / h`` independent ones, and the benchmark is
    `expected_maximum` times the standard deviation of the ratios over trials.

    Parameters
    ----------
    matrix
        All trials.
    best
        Column of the trial to judge.

    Returns
    -------
    float
        Probability that its true ratio is positive; NaN if it never differs from the reference
        or there are not two independent origins.
    """
    # Half a second to import, and every command would pay for it.
    from scipy import stats

    columns = [c[np.isfinite(c)] for c in matrix.contributions.T]
    ratios = np.array([float(np.mean(c) / np.std(c)) if np.std(c) > 0 else 0.0 for c in columns])
    own = columns[best]
    independent = len(own) / matrix.sessions
    if not np.std(own) > 0 or independent < 2:
        return float("nan")
    ratio = ratios[best]
    deviation = float(np.std(ratios, ddof=1)) if len(ratios) > 1 else 0.0
    benchmark = deviation * expected_maximum(len(ratios))
    skewness, kurtosis = float(stats.skew(own)), float(stats.kurtosis(own, fisher=False))
    variance = 1.0 - skewness * ratio + (kurtosis - 1.0) / 4.0 * ratio**2
    if variance <= 0:
        return float("nan")
    return float(stats.norm.cdf((ratio - benchmark) * np.sqrt((independent - 1.0) / variance)))


def _blocks(n: int, sessions: int) -> int:
    """Even number of blocks, each of at least one horizon where that leaves two."""
    return max(2, min(CSCV_BLOCKS, n // max(sessions, 1) // 2 * 2))


def overfitting_probability(matrix: TrialMatrix) -> float:
    """Probability of backtest overfitting by combinatorially symmetric cross-validation.

    Bailey, Borwein, Lopez de Prado and Zhu (2017), The probability of backtest overfitting: rows
    are cut into an even number of blocks; for every half of them the trial that is best there is
    ranked on the other half. The result is the share of halves in which it ranks below the median
    there, a rank at the median counting half. About 0.5 if picking the best means nothing.

    Parameters
    ----------
    matrix
        All trials; complete ones are used, on the rows that all of them share.

    Returns
    -------
    float
        NaN with fewer than two complete trials or two rows.
    """
    values = matrix.contributions[:, matrix.complete]
    values = values[np.isfinite(values).all(axis=1)]
    n, trials = values.shape
    if trials < 2 or n < 2:
        return float("nan")
    blocks = _blocks(n, matrix.sessions)
    sums = np.stack([part.sum(axis=0) for part in np.array_split(values, blocks)])
    chosen = np.array(list(combinations(range(blocks), blocks // 2)))
    below = 0.0
    for start in range(0, len(chosen), CHUNK):
        inside = np.zeros((len(chosen[start : start + CHUNK]), blocks))
        np.put_along_axis(inside, chosen[start : start + CHUNK], 1.0, axis=1)
        best = np.argmax(inside @ sums, axis=1)
        outside = (1.0 - inside) @ sums
        own = np.take_along_axis(outside, best[:, None], axis=1)
        tolerance = 1e-12 * np.abs(outside).max(axis=1, keepdims=True)
        worse = (outside < own - tolerance).sum(axis=1)
        tied = (np.abs(outside - own) <= tolerance).sum(axis=1)
        rank = (worse + 0.5 * (tied + 1.0)) / (trials + 1.0)
        below += float((rank < 0.5).sum() + 0.5 * (rank == 0.5).sum())
    return below / len(chosen)


def judge(matrix: TrialMatrix, best: int) -> Luck:
    """Judge one trial against all that were tried.

    Parameters
    ----------
    matrix
        All trials against the same rows.
    best
        Column of the trial that was picked.
    """
    skill = float(np.nansum(matrix.contributions[:, best]))
    maxima = null_maxima(matrix)
    independent = int(np.isfinite(matrix.contributions[:, best]).sum()) / matrix.sessions
    enough = independent >= MIN_INDEPENDENT
    above = float((1 + (maxima >= skill).sum()) / (1 + len(maxima)))
    return Luck(
        trials=matrix.contributions.shape[1],
        best=skill,
        expected=float(maxima.mean()),
        p_value=above if enough else float("nan"),
        deflated=deflated_probability(matrix, best),
        overfit=overfitting_probability(matrix) if enough else float("nan"),
        independent=independent,
    )
