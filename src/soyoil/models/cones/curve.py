"""The futures curve as a forecast: the price of the contract that ends with the horizon."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import FloatArray
from soyoil.market.conventions import QUANTILE_COLUMNS
from soyoil.market.instruments import TARGET_ROOT

COLUMN: Final = "curve.log_price_"
"""Begins the matrix columns of the curve by horizon: log of that contract's price over the front's,
both of one session, the newest that the decision knows."""


def curve_centre(matrix: pd.DataFrame, symbol: str, horizon: str) -> FloatArray:
    """Log return that the curve names for a horizon, at the decision of each row.

    Parameters
    ----------
    matrix
        Rows of one symbol.
    symbol
        Whose rows they are.
    horizon
        Name of the horizon.

    Returns
    -------
    Array of shape ``(n,)``, NaN where no curve is known.
    """
    name = f"{COLUMN}{horizon}"
    if symbol != TARGET_ROOT or name not in matrix:
        return np.full(len(matrix), np.nan)
    return matrix[name].to_numpy(dtype="float64", na_value=np.nan)


def curve_forecast(
    vol_cone: pd.DataFrame, matrix: pd.DataFrame, symbol: str, horizon: str
) -> pd.DataFrame | None:
    """Forecasts of the curve on the scored rows: the vol cone about what the curve names.

    The front is expected to come to the price at which the contract trades today that ends nearest
    to the end of the horizon. The label is the return of a position that is rolled, of which an
    unbiased curve expects nothing: this forecast gains on the vol cone only where returns followed
    the slope of the curve, and loses where they did not, most where carry was earned.

    Parameters
    ----------
    vol_cone
        Forecasts of the vol cone as they are scored.
    matrix
        Rows of the target, with ``data_date``.
    symbol
        Target.
    horizon
        Name of the horizon.

    Returns
    -------
    The same rows with ``q10``, ``q50`` and ``q90`` moved, those without a curve as they are; None
    where no scored row has one.
    """
    centre = pd.Series(curve_centre(matrix, symbol, horizon), index=matrix["data_date"])
    moved = centre.reindex(vol_cone["data_date"]).to_numpy(dtype="float64")
    if not np.isfinite(moved).any():
        return None
    by = np.where(np.isfinite(moved), moved, 0.0)
    return vol_cone.assign(**{name: vol_cone[name] + by for name in QUANTILE_COLUMNS})
