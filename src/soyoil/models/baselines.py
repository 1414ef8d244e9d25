"""Forecasts without a fit: the bars that every engine must clear."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import FloatArray
from soyoil.market.conventions import VOLATILITY_HALFLIFE
from soyoil.models.registry import BASELINES
from soyoil.models.shrinkage import CONE_Z

DECAY: Final = 126


def vol_cone_sigma(returns: FloatArray, sessions: int) -> FloatArray:
    """Standard deviation of the next h-session log return, as known at each session.

    ``sigma_h^2 = h (k EWMA + (1 - k) S)`` with the EWMA of squared returns (half-life 42
    sessions, unadjusted), their expanding mean S, and ``k = 126 (1 - exp(-h / 126)) / h``, the
    mean weight over h sessions of a variance that returns to S with a time constant of 126.

    Parameters
    ----------
    returns
        Roll-free daily log returns, shape ``(n,)``, NaN where missing.
    sessions
        Horizon h.

    Returns
    -------
    FloatArray
        Shape ``(n,)``, NaN before the first return. Nothing is fitted; entry t uses
        returns up to t only.
    """
    squared = pd.Series(returns) ** 2
    recent = squared.ewm(halflife=VOLATILITY_HALFLIFE, adjust=False).mean()
    long_run = squared.expanding(min_periods=1).mean()
    k = DECAY * (1.0 - np.exp(-sessions / DECAY)) / sessions
    variance = sessions * (k * recent + (1.0 - k) * long_run)
    return np.asarray(np.sqrt(variance), dtype=np.float64)


def baseline_quantiles(returns: FloatArray, sessions: int) -> dict[str, FloatArray]:
    """Quantiles 0.1, 0.5, 0.9 of the next h-session log return by each baseline.

    ``random_walk``: median 0, ``drift``: h times the mean of all returns so far; both with the
    normal interval of all squared deviations so far. ``vol_cone``: median 0, interval
    ``1.2816 sigma_h``.

    Parameters
    ----------
    returns
        Roll-free daily log returns, shape ``(n,)``.
    sessions
        Horizon h.

    Returns
    -------
    dict of FloatArray
        Arrays of shape ``(n, 3)`` by the names of `BASELINES`.
    """
    daily = pd.Series(returns)
    mean = sessions * daily.expanding(min_periods=1).mean().to_numpy()
    about_zero = np.sqrt(sessions * (daily**2).expanding(min_periods=1).mean().to_numpy())
    about_mean = np.sqrt(sessions) * daily.expanding(min_periods=2).std(ddof=1).to_numpy()
    zero = np.zeros(len(daily))
    shapes = {
        "random_walk": (zero, about_zero),
        "drift": (mean, about_mean),
        "vol_cone": (zero, vol_cone_sigma(returns, sessions)),
    }
    step = np.array([-CONE_Z, 0.0, CONE_Z])
    return {name: shapes[name][0][:, None] + shapes[name][1][:, None] * step for name in BASELINES}
