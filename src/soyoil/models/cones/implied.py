"""The cone of option prices: implied volatility of the target, scaled to the horizon."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import FloatArray
from soyoil.market.conventions import TRADING_DAYS
from soyoil.market.instruments import TARGET_ROOT
from soyoil.models.registry import IMPLIED
from soyoil.models.shrinkage import CONE_Z

COLUMN: Final = "implied.zl_30d"
"""Matrix column of the implied volatility of `TARGET_ROOT`, 30 calendar days ahead, in percent per
year: the newest that the decision knows, NULL where that is too old."""

PERCENT: Final = 100.0
MONTH: Final = 21
"""Sessions in the 30 calendar days that the options speak of."""


def implied_vol(matrix: pd.DataFrame, symbol: str) -> FloatArray:
    """Implied volatility of the target's own options at the decision of each row.

    Parameters
    ----------
    matrix
        Rows of one symbol, `COLUMN` among the columns where the matrix has the group.
    symbol
        Whose rows they are. The column stands on the rows of every root, and speaks of one.

    Returns
    -------
    Array of shape ``(n,)``, annualised, as a fraction; NaN where there is none.
    """
    if symbol != TARGET_ROOT or COLUMN not in matrix:
        return np.full(len(matrix), np.nan)
    percent = matrix[COLUMN].to_numpy(dtype="float64", na_value=np.nan)
    return np.where(percent > 0, percent, np.nan) / PERCENT


def implied_sigma(implied: FloatArray, sessions: int, cone: FloatArray) -> FloatArray:
    """Standard deviation of the next h-session log return that option prices imply.

    ``sigma_h**2 = implied**2 min(h, 21) / 252 + cone**2 max(0, 1 - 21 / h)``: the month that the
    options speak of has their variance, and what comes after it that of the vol cone, for variances
    of times that follow each other add up. Nothing is taken off for what sellers of options are
    paid.

    Parameters
    ----------
    implied
        Annualised, as a fraction, shape ``(n,)``.
    sessions
        Horizon h.
    cone
        Sigma of the vol cone of the same horizon, shape ``(n,)``.

    Examples
    --------
    >>> implied_sigma(np.array([0.24]), 63, np.array([0.06])).round(6).tolist()
    [0.084853]
    """
    month = implied**2 * (min(sessions, MONTH) / TRADING_DAYS)
    after = cone**2 * max(0.0, 1.0 - MONTH / sessions)
    return np.asarray(np.sqrt(month + after), dtype=np.float64)


def implied_quantiles(
    implied: FloatArray, sessions: int, cone: FloatArray
) -> dict[str, FloatArray]:
    """The implied cone as an expert of the champion: median 0, interval ``1.2816 sigma_h``.

    Parameters
    ----------
    implied
        As `implied_vol` gives it.
    sessions
        Horizon h.
    cone
        Quantiles of the vol cone on the same rows, shape ``(n, 3)``, log returns.

    Returns
    -------
    dict
        Quantiles of shape ``(n, 3)``, log returns, by the name of the expert, NaN where there is no
        implied volatility; empty where there is none at all.
    """
    if not np.isfinite(implied).any():
        return {}
    step = np.array([-CONE_Z, 0.0, CONE_Z])
    sigma = implied_sigma(implied, sessions, (cone[:, 2] - cone[:, 1]) / CONE_Z)
    return {IMPLIED: sigma[:, None] * step}
