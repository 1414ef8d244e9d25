"""Rows of one horizon as arrays that an engine can take."""

from __future__ import annotations

import numpy as np
import pandas as pd

from soyoil.base.arrays import FloatArray
from soyoil.contracts.contract import load_contract
from soyoil.features.outside import present
from soyoil.models.base import HorizonArrays
from soyoil.models.baselines import vol_cone_sigma


def feature_names() -> tuple[str, ...]:
    """Matrix columns that a model may see: regime names and weights are not among them."""
    return load_contract("features.daily_ml_matrix").feature_columns()


def horizon_arrays(matrix: pd.DataFrame, y: FloatArray, sessions: int) -> HorizonArrays:
    """Feature matrix, labels and volatility scale of one horizon.

    Parameters
    ----------
    matrix
        Rows of the target, ascending by ``data_date``.
    y
        Labels of the same rows, log returns, NaN where there is none.
    sessions
        Horizon in sessions.
    """
    names = present(feature_names(), matrix)
    features = matrix[list(names)].to_numpy(dtype="float64", na_value=np.nan)
    returns = matrix["market_data.roll_free_return"].to_numpy(dtype="float64")
    return HorizonArrays(
        X=np.ascontiguousarray(features),
        y=y,
        scale=vol_cone_sigma(returns, sessions),
        dates=matrix["data_date"].to_numpy(dtype="datetime64[D]"),
        feature_names=names,
    )
