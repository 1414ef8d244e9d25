"""Whether an interval has left its coverage, told at any time without asking too often.

A ledger is looked at every day. A band for a fixed number of outcomes, looked at every day, is
left by a calibrated interval sooner or later; a bet against it is not won (Ville 1939; test
martingales by betting: Waudby-Smith and Ramdas 2024, *Estimating means of bounded random variables
by betting*).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from soyoil.base.arrays import FloatArray
from soyoil.metrics.evaluate import NOMINAL_COVERAGE

BETS: Final = (-2.0, -1.0, -0.5, 0.5, 1.0)
"""Stakes on an outcome inside the interval; a negative one wins when too many are outside."""

ALARM: Final = 0.05
"""Probability of an alarm, ever, for an interval that is calibrated."""


def anytime_p(covered: FloatArray, sessions: int) -> float:
    """P-value against a calibrated interval that holds whenever it is looked at.

    Outcomes of neighbouring origins overlap, so each h-th row is a sequence of its own: of every
    sequence a p-value is one over the largest wealth that the bets ever had, and twice their mean
    is one for all of them, however they hang together (Rüschendorf 1982).

    Parameters
    ----------
    covered
        Whether each outcome was inside the interval, 0 or 1, origins ascending, shape ``(n,)``.
    sessions
        Horizon h.

    Returns
    -------
    float
        At most 1; 1 without outcomes.

    Examples
    --------
    >>> anytime_p(np.zeros(8), 1) < 0.05
    True
    >>> anytime_p(np.ones(5), 1)
    1.0
    """
    largest = []
    for phase in range(min(sessions, len(covered))):
        surprise = covered[phase::sessions] - NOMINAL_COVERAGE
        wealth = np.cumprod(1.0 + np.outer(surprise, BETS), axis=0).mean(axis=1)
        largest.append(max(1.0, float(wealth.max())))
    return min(1.0, 2.0 * float(np.mean(1.0 / np.array(largest)))) if largest else 1.0
