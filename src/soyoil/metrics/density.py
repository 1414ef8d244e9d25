"""Scores of the whole distribution, which three quantiles do not give: an interpolation.

Between the quantiles the forecast is linear in z, the quantile of the standard normal
distribution at the same level, and beyond them it goes on with the outer slopes: half a
normal distribution on either side of the median, each of its own width. A cone is exactly normal
then. Tails beyond the 10 % and 90 % quantiles are a convention, not something that a model said.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

import numpy as np

from soyoil.base.arrays import BoolArray, FloatArray

OUTER_Z: Final = NormalDist().inv_cdf(0.9)
_AT_MEDIAN: Final = 1.0 / math.sqrt(2.0 * math.pi) - 0.5 / math.sqrt(math.pi)
"""Integral of the squared standard normal distribution function below zero."""


def _widths(quantiles: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Median and standard deviations of both halves; quantiles that cross are sorted."""
    low, median, high = np.sort(quantiles, axis=1).T
    return median, (median - low) / OUTER_Z, (high - median) / OUTER_Z


def central_hits(y: FloatArray, quantiles: FloatArray, level: float) -> BoolArray:
    """Whether the outcome lies within the central interval of a level, bounds included.

    Parameters
    ----------
    y
        Outcomes, log returns, shape ``(n,)``.
    quantiles
        Quantiles 0.1, 0.5 and 0.9, log returns, shape ``(n, 3)``.
    level
        Probability of the interval, such as 0.5.
    """
    median, below, above = _widths(quantiles)
    z = NormalDist().inv_cdf(0.5 + level / 2)
    return np.asarray((y >= median - z * below) & (y <= median + z * above))


def crps(y: FloatArray, quantiles: FloatArray) -> FloatArray:
    """Continuous ranked probability score of the interpolated distribution.

    With u the distance of the outcome from the median, s the standard deviation on its side of it,
    s' that on the other and ``a = u / s``: ``u (2 Phi(a) - 1) + s (2 phi(a) - 1/sqrt(pi) - c) +
    s' c``, with c the integral of ``Phi^2`` below zero, ``1/sqrt(2 pi) - 1/(2 sqrt(pi))``. With
    ``s = s'`` that is the score of the normal distribution (Gneiting and Raftery 2007, eq. 21).

    Parameters
    ----------
    y
        Outcomes, log returns, shape ``(n,)``.
    quantiles
        Quantiles 0.1, 0.5 and 0.9, log returns, shape ``(n, 3)``.

    Returns
    -------
    Array of shape ``(n,)``
        Log returns; the absolute error where all three quantiles are equal. Twice the mean pinball
        loss over all levels.
    """
    # Half a second to import, and every command would pay for it.
    from scipy import special

    median, below, above = _widths(quantiles)
    own, other = np.where(y < median, (below, above), (above, below))
    distance = np.abs(y - median)
    with np.errstate(divide="ignore", invalid="ignore"):
        a = np.where(distance > 0, distance / own, 0.0)
    density = np.exp(-0.5 * a**2) / math.sqrt(2.0 * math.pi)
    inner = 2.0 * density - 1.0 / math.sqrt(math.pi) - _AT_MEDIAN
    score = distance * (2.0 * special.ndtr(a) - 1.0) + own * inner + other * _AT_MEDIAN
    return np.asarray(score, dtype=np.float64)
