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


def implied_sigma(implied: FloatArray, sessions: int) -> FloatArray:
    """Standard deviation of the next h-session log return that option prices imply.

    ``sigma_h = implied sqrt(h / 252)``: each session has the same variance, within the 30 days
    that the options speak of and beyond. Nothing is taken off for what their sellers are paid.

    Parameters
    ----------
    implied
        Annualised, as a fraction, shape ``(n,)``.
    sessions
        Horizon h.

    Examples
    --------
    >>> implied_sigma(np.array([0.24]), 63).tolist()
    [0.12]
    """
    return np.asarray(implied * np.sqrt(sessions / TRADING_DAYS), dtype=np.float64)


def implied_quantiles(implied: FloatArray, sessions: int) -> dict[str, FloatArray]:
    """The implied cone as an expert of the champion: median 0, interval ``1.2816 sigma_h``.

    Parameters
    ----------
    implied
        As `implied_vol` gives it.
    sessions
        Horizon h.

    Returns
    -------
    dict
        Quantiles of shape ``(n, 3)``, log returns, by the name of the expert, NaN where there is no
        implied volatility; empty where there is none at all.
    """
    if not np.isfinite(implied).any():
        return {}
    step = np.array([-CONE_Z, 0.0, CONE_Z])
    return {IMPLIED: implied_sigma(implied, sessions)[:, None] * step}
