"""Shrink forecasts toward the vol cone by factors chosen on rows that did not train.

In a few thousand overlapping rows a model finds more than there is. The median is therefore
shrunk toward zero, and the distances of the outer quantiles from it toward those of the vol
cone; both factors are chosen by the pinball loss on the purged early-stopping rows, and may be
zero. With both at zero the forecast is the vol cone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from soyoil.base.arrays import FloatArray
from soyoil.market.conventions import QUANTILES

GRID: Final = np.linspace(0.0, 1.0, 11)
"""Factors that are tried."""

LEVELS: Final = np.array(QUANTILES)
CONE_Z: Final = 1.2816
"""90 % point of the standard normal law, as frozen in the vol cone."""


@dataclass(frozen=True)
class Shrink:
    """Factors of one fold.

    Attributes
    ----------
    location
        Factor on the median.
    spread
        Share of the model's own distances between median and outer quantiles; the rest is
        the vol cone's.
    """

    location: float = 1.0
    spread: float = 1.0


def shrink(quantiles: FloatArray, sigma: FloatArray, factors: Shrink) -> FloatArray:
    """Apply factors.

    Parameters
    ----------
    quantiles
        Log returns, shape ``(n, 3)``, ascending along each row.
    sigma
        Sigma of the vol cone, shape ``(n,)``.
    factors
        Location and spread.

    Returns
    -------
    FloatArray
        In the shape of `quantiles`, ascending along each row again.
    """
    median = quantiles[:, 1]
    cone = CONE_Z * sigma
    below = factors.spread * (median - quantiles[:, 0]) + (1.0 - factors.spread) * cone
    above = factors.spread * (quantiles[:, 2] - median) + (1.0 - factors.spread) * cone
    centre = factors.location * median
    return np.column_stack([centre - below, centre, centre + above])


def _loss(y: FloatArray, quantiles: FloatArray, weights: FloatArray) -> float:
    error = y[:, None] - quantiles
    pinball = np.maximum(LEVELS * error, (LEVELS - 1.0) * error).sum(axis=1)
    return float(np.dot(weights, pinball))


def choose(y: FloatArray, quantiles: FloatArray, sigma: FloatArray, weights: FloatArray) -> Shrink:
    """Factors with the least weighted pinball loss on rows that did not train.

    The loss of the median depends on the location only, so location is chosen first, by the
    median alone; then the spread with that location. Ties go to the smaller factor.

    Parameters
    ----------
    y
        Outcomes, log returns, shape ``(n,)``.
    quantiles, sigma, weights
        Forecasts ``(n, 3)``, sigma of the vol cone and weights ``(n,)`` of the same rows.

    Returns
    -------
    Shrink
        Factors of 1 (the model as it is) if there is no row to choose by.
    """
    if len(y) == 0:
        return Shrink()
    median = quantiles[:, 1]
    by_location = [float(np.dot(weights, np.abs(y - c * median))) for c in GRID]
    location = float(GRID[int(np.argmin(by_location))])
    by_spread = [_loss(y, shrink(quantiles, sigma, Shrink(location, s)), weights) for s in GRID]
    return Shrink(location, float(GRID[int(np.argmin(by_spread))]))
