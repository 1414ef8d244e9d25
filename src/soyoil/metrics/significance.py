"""Whether a model's losses are smaller than a reference's by more than chance would have it.

The test of Diebold and Mariano (1995) with a long-run variance that is the mean of the lowest
cosine terms of the loss difference, and Student's t with as many degrees of freedom as there
are terms: equal-weighted cosines, fixed-b (Lazarus, Lewis, Stock and Watson 2018).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from soyoil.base.arrays import FloatArray

SIZE: Final = 0.05
"""One-sided size at which the test finds a model better."""

POWER: Final = 0.8
"""Probability with which the detectable skill is found."""

MIN_PERIOD: Final = 252
"""Shortest period of a cosine term, sessions: the time between two fits."""


@dataclass(frozen=True)
class LossTest:
    """A test of equal expected losses against a smaller one of the model.

    Attributes
    ----------
    p
        One-sided p-value: how often a difference as favourable comes about if the model is no
        better. NaN where there is no test.
    detectable
        Skill that a test of size `SIZE` finds with probability `POWER`, at the long-run variance
        that was found. NaN where there is no test.
    """

    p: float
    detectable: float


NO_TEST: Final = LossTest(float("nan"), float("nan"))


def cosine_terms(n: int, sessions: int) -> int:
    """Number of cosine terms behind the long-run variance, its degrees of freedom.

    The least of three. ``0.4 n^(2/3)`` is the rule of Lazarus, Lewis, Stock and Watson (2018).
    ``n / (2 h)``: losses of labels that overlap over h sessions have a spectrum that falls from
    frequency zero to nothing at a period of h, and terms out there would make the variance too
    small; periods of 4 h and longer have lost 7 % of a rectangle's power on average.
    ``n / 126``: what an engine gets wrong it gets wrong until it is fitted again, which periods
    shorter than `MIN_PERIOD` do not see. ``benchmarks/verdicts.py`` has the rates of error.

    Parameters
    ----------
    n
        Number of rows.
    sessions
        Horizon h in sessions.

    Returns
    -------
    int
        Zero for fewer than 2 h or 126 rows: then there is no test.
    """
    return min(int(0.4 * n ** (2 / 3)), n // max(2 * sessions, MIN_PERIOD // 2))


@lru_cache(maxsize=8)
def _cosines(n: int, terms: int) -> FloatArray:
    """Cosines of 1 to `terms` half periods over n rows, of unit length, shape ``(terms, n)``."""
    steps = (np.arange(n) + 0.5) / n
    waves = np.cos(math.pi * np.arange(1, terms + 1)[:, None] * steps)
    return np.asarray(math.sqrt(2.0 / n) * waves, dtype=np.float64)


def long_run_variance(values: FloatArray, terms: int) -> float:
    """Equal-weighted cosine estimate of the variance of ``sqrt(n)`` times the mean.

    Parameters
    ----------
    values
        One value per row in time order, shape ``(n,)``; the mean does not matter.
    terms
        Number of cosine terms, at least one.
    """
    return float(np.mean((_cosines(len(values), terms) @ values) ** 2))


@lru_cache(maxsize=64)
def _detectable_t(terms: int) -> float:
    """Mean of the t statistic, in standard errors, with which it is found (`SIZE`, `POWER`)."""
    # Half a second to import, and every command would pay for it.
    from scipy import special

    return float(special.nctdtrinc(terms, 1.0 - POWER, special.stdtrit(terms, 1.0 - SIZE)))


def loss_test(loss: FloatArray, reference: FloatArray, sessions: int) -> LossTest:
    """Test whether the expected loss is below that of the reference.

    With d the reference's loss less the model's, B = `cosine_terms` and V = `long_run_variance`
    of d, ``sqrt(n) mean(d) / sqrt(V)`` is held against Student's t with B degrees of freedom. The
    detectable skill is ``delta sqrt(V / n) / mean(reference)``, with delta the noncentrality at
    which the noncentral t with B degrees of freedom exceeds the critical value with
    probability `POWER`; for large B about 1.64 + 0.84.

    Parameters
    ----------
    loss, reference
        One value per scored row in time order, shape ``(n,)``.
    sessions
        Horizon in sessions.

    Returns
    -------
    LossTest
        NaN for fewer than 2 h or 126 rows, for a difference that does not vary (a model that is
        the reference), and for a reference without loss.
    """
    difference = reference - loss
    terms = cosine_terms(len(difference), sessions)
    scale = float(np.mean(reference))
    if terms < 1 or not scale > 0 or np.ptp(difference) <= 1e-12 * scale:
        return NO_TEST
    from scipy import special

    error = math.sqrt(long_run_variance(difference, terms) / len(difference))
    statistic = float(np.mean(difference)) / error
    return LossTest(
        p=float(special.stdtr(terms, -statistic)),
        detectable=_detectable_t(terms) * error / scale,
    )
