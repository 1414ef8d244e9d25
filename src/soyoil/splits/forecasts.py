"""The table of forecasts: what is scored, with what it is scored by."""

from __future__ import annotations

import numpy as np
import pandas as pd

from soyoil.base.arrays import FloatArray
from soyoil.market.conventions import QUANTILE_COLUMNS
from soyoil.splits.snapshot import Snapshot


def prediction_frame(
    snapshot: Snapshot,
    labels: pd.DataFrame,
    target: str,
    rows: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> pd.DataFrame:
    """Assemble scored rows.

    Parameters
    ----------
    snapshot, labels
        Rows of the target and their labels.
    target
        Column of the labels.
    rows
        Fold number of each row, position in the session index, quantiles ``(m, 3)``.
    """
    fold, position, quantiles = rows
    matrix = snapshot.matrix.iloc[position]
    label = labels.iloc[position]
    return pd.DataFrame(
        {
            "data_date": matrix["data_date"].to_numpy(),
            "fold": np.asarray(fold, dtype="int64"),
            "label_end_date": label["label_end_date"].to_numpy(),
            "q10": quantiles[:, 0],
            "q50": quantiles[:, 1],
            "q90": quantiles[:, 2],
            "y": label[target].to_numpy(),
            "close": matrix["market_data.close"].to_numpy(),
            "regime_name": matrix["regime.name"].to_numpy(),
            "regime_weight": matrix["regime.weight"].to_numpy(),
        }
    )


def on_dates(predictions: pd.DataFrame, dates: pd.Series) -> FloatArray:
    """Quantiles of a table of forecasts at dates, NaN where it has no row; shape ``(n, 3)``."""
    by_date = predictions.set_index("data_date")[list(QUANTILE_COLUMNS)]
    return by_date.reindex(dates).to_numpy(dtype="float64")
