"""Losses per row and their weighted summaries."""

from __future__ import annotations

import numpy as np
import pandas as pd

from soyoil.base.arrays import FloatArray
from soyoil.market.conventions import QUANTILE_COLUMNS
from soyoil.metrics.density import central_hits, crps


def pinball(y: FloatArray, forecast: FloatArray, quantile: float) -> FloatArray:
    """Pinball loss of one quantile, shape ``(n,)`` (Koenker and Bassett 1978)."""
    error = y - forecast
    return np.maximum(quantile * error, (quantile - 1.0) * error)


def row_losses(rows: pd.DataFrame) -> pd.DataFrame:
    """Losses of each scored row.

    Parameters
    ----------
    rows
        ``y`` and the columns of `QUANTILE_COLUMNS`, log returns.

    Returns
    -------
    DataFrame
        ``absolute`` error of the median, ``pinball`` (mean over the three quantiles),
        ``error`` (median less outcome), ``covered`` (outcome within [q10, q90]), ``covered_50``
        and ``covered_90`` (within the interpolated central intervals), ``crps`` of the
        interpolated distribution, ``width`` (q90 - q10) and ``direction`` (1 if the sign of the
        median was right, 0 if wrong, NaN where the median or the outcome is zero: no direction
        was called or came).
    """
    y = rows["y"].to_numpy(dtype="float64")
    q = {name: rows[name].to_numpy(dtype="float64") for name in QUANTILE_COLUMNS}
    losses = [pinball(y, q[name], level) for name, level in QUANTILE_COLUMNS.items()]
    three = np.column_stack(list(q.values()))
    called = np.sign(q["q50"]) * np.sign(y)
    return pd.DataFrame(
        {
            "absolute": np.abs(y - q["q50"]),
            "pinball": np.mean(losses, axis=0),
            "error": q["q50"] - y,
            "covered": ((y >= q["q10"]) & (y <= q["q90"])).astype("float64"),
            "covered_50": central_hits(y, three, 0.5).astype("float64"),
            "covered_90": central_hits(y, three, 0.9).astype("float64"),
            "crps": crps(y, three),
            "width": q["q90"] - q["q10"],
            "direction": np.where(called == 0, np.nan, (called > 0).astype("float64")),
        },
        index=rows.index,
    )


def weighted_mean(values: FloatArray, weights: FloatArray) -> float:
    """Weighted mean over the values that are there; NaN if none is."""
    there = ~np.isnan(values)
    total = float(weights[there].sum())
    return float(np.dot(values[there], weights[there]) / total) if total > 0 else float("nan")
