"""Intervals of skill over a panel: blocks of dates are resampled for all roots together.

Markets move together, so that forty roots are not forty samples. A resample takes stretches of
dates, and with a date the rows of every root on it: what roots share on a day they share in the
resample, and the interval of their mean is as wide as that makes it. The scheme is the stationary
bootstrap of `soyoil.metrics.bootstrap`, with its block length, its widening and its seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from soyoil.base.arrays import BoolArray, DayArray, FloatArray
from soyoil.metrics.bootstrap import LEVEL, Interval, mean_block, resample_counts, widening

_NONE = Interval(float("nan"), float("nan"))


@dataclass(frozen=True)
class DatedLosses:
    """Losses of several roots on the union of their dates, zero where a root has no row.

    Attributes
    ----------
    dates
        Ascending, shape ``(d,)``.
    rows
        Scored rows of each root, shape ``(r,)``.
    reference
        Loss of the reference, shape ``(d, r)``.
    gain
        Loss of the reference less that of the model, shape ``(d, r)``.
    """

    dates: DayArray
    rows: FloatArray
    reference: FloatArray
    gain: FloatArray


@dataclass(frozen=True)
class PanelSkill:
    """Skill of each root and of their mean.

    Attributes
    ----------
    skill
        ``1 - sum(loss) / sum(reference)`` by root, shape ``(r,)``.
    intervals
        Interval of each.
    mean
        Mean of the skills of the counted roots.
    interval
        Interval of the mean.
    p_value
        Probability of a mean so far from zero, in either direction, if it were zero; NaN where
        there is none.
    """

    skill: FloatArray
    intervals: tuple[Interval, ...]
    mean: float
    interval: Interval
    p_value: float = float("nan")


def align(
    dates: Sequence[DayArray], losses: Sequence[FloatArray], references: Sequence[FloatArray]
) -> DatedLosses:
    """Put the rows of all roots on one index of dates.

    Parameters
    ----------
    dates, losses, references
        Origins, losses of the model and of the reference of each root, each of shape ``(n,)``.
    """
    union = np.unique(np.concatenate(dates))
    shape = (len(union), len(dates))
    reference, gain = np.zeros(shape), np.zeros(shape)
    for column, (days, loss, base) in enumerate(zip(dates, losses, references, strict=True)):
        place = np.searchsorted(union, days)
        reference[place, column] = base
        gain[place, column] = base - loss
    return DatedLosses(union, np.array([float(len(d)) for d in dates]), reference, gain)


def _interval(point: float, resampled: FloatArray, rows: float, sessions: int) -> Interval:
    known = resampled[np.isfinite(resampled)]
    if len(known) == 0 or not np.isfinite(point):
        return _NONE
    tail = (1.0 - LEVEL) / 2
    low, high = np.quantile(known, [tail, 1.0 - tail])
    factor = widening(int(rows), sessions)
    return Interval(point - factor * (point - float(low)), point + factor * (float(high) - point))


def _p_value(point: float, resampled: FloatArray, losses: DatedLosses, sessions: int) -> float:
    """Two-sided, by Student's t over the stretches of `widening`, whose tails it does not use."""
    # Half a second to import, and every command would pay for it.
    from scipy import stats

    known = resampled[np.isfinite(resampled)]
    if len(known) < 2 or not np.isfinite(point):
        return float("nan")
    n = len(losses.dates)
    freedom = max(n / mean_block(sessions), 2.0) - 1.0
    upper = 0.5 + LEVEL / 2
    tails = stats.t.ppf(upper, freedom) / stats.norm.ppf(upper)
    error = float(known.std()) * widening(n, sessions) / float(tails)
    if error == 0.0:
        return 1.0 if point == 0.0 else 0.0
    return float(2.0 * stats.t.sf(abs(point) / error, freedom))


def _nanmean(values: FloatArray) -> FloatArray:
    """Mean along each row over what is there; NaN if nothing is."""
    there = np.isfinite(values)
    count = there.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(there, values, 0.0).sum(axis=1) / count)


def resampled_skills(losses: DatedLosses, sessions: int) -> FloatArray:
    """Skill of each root in each resample, shape ``(resamples, r)``; NaN without a row."""
    counts = resample_counts(len(losses.dates), mean_block(sessions)).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((counts @ losses.gain) / (counts @ losses.reference))


def panel_skill(losses: DatedLosses, counted: BoolArray, sessions: int) -> PanelSkill:
    """Skills of a model with their intervals.

    Parameters
    ----------
    losses
        Aligned losses of the roots.
    counted
        Roots that the mean is over, shape ``(r,)``.
    sessions
        Horizon.

    Returns
    -------
    PanelSkill
        The mean is unweighted over roots. A root without a row in a resample is left out of the
        mean of that resample.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        skill = losses.gain.sum(axis=0) / losses.reference.sum(axis=0)
    resampled = resampled_skills(losses, sessions)
    intervals = tuple(
        _interval(float(point), column, rows, sessions)
        for point, column, rows in zip(skill, resampled.T, losses.rows, strict=True)
    )
    if not counted.any():
        return PanelSkill(skill, intervals, float("nan"), _NONE)
    mean = float(skill[counted].mean())
    means = _nanmean(resampled[:, counted])
    interval = _interval(mean, means, len(losses.dates), sessions)
    return PanelSkill(skill, intervals, mean, interval, _p_value(mean, means, losses, sessions))
