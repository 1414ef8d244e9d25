"""Forecasts without a fit: the bars that every engine must clear."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import FloatArray
from soyoil.market.conventions import TRADING_DAYS, VOLATILITY_HALFLIFE
from soyoil.models.registry import BASELINES
from soyoil.models.shrinkage import CONE_Z

DECAY: Final = 126

_LOADINGS: Final = {
    5: (0.41, 0.30, 0.10, 0.04),
    21: (0.30, 0.30, 0.17, 0.03),
    63: (0.24, 0.25, 0.29, 0.03),
    126: (0.18, 0.13, 0.36, 0.03),
    252: (0.13, 0.13, 0.53, 0.04),
}
"""By horizon, what the hourly cone makes of the last 5 and 21 sessions and of all sessions, and
the constant of its log sigma: pooled ridge regression of the log realised variance of the horizon
on 36 other futures roots, soybean oil left out, labels ended by 2022."""

_MIN_HOURLY: Final = 2
_FLOOR: Final = 1e-3
_CAP: Final = 1.5


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


def _loadings(sessions: int) -> tuple[float, ...]:
    """Loadings of a horizon; between those that were measured linear in the log of it."""
    horizons = np.log(list(_LOADINGS))
    columns = np.array(list(_LOADINGS.values())).T
    return tuple(float(np.interp(np.log(sessions), horizons, column)) for column in columns)


def hourly_cone_sigma(returns: FloatArray, hourly_vol: FloatArray, sessions: int) -> FloatArray:
    """Vol cone that also looks at the hourly variance of the last 5 and 21 sessions.

    ``sigma = sigma_cone exp(clip(b5 ln(m5 / c) + b21 ln(m21 / c) + bS ln(S / c), +-1.5) / 2 + a)``
    with ``c = sigma_cone^2 / h``, S the expanding mean of squared returns, and m5, m21 rolling
    means (of 2 values or more, at least S / 1000) of the hourly variance, brought to the level of
    S by its own expanding mean. A heterogeneous autoregression of realised variance (Corsi 2009)
    with fixed loadings.

    Parameters
    ----------
    returns
        Roll-free daily log returns, shape ``(n,)``, NaN where missing.
    hourly_vol
        Realised volatility of the hourly returns of each session, annualised, shape ``(n,)``,
        NaN where missing.
    sessions
        Horizon h.

    Returns
    -------
    Array of shape ``(n,)``: the vol cone's sigma where hourly values are missing. Nothing is
    fitted; entry t uses sessions up to t only.
    """
    cone = vol_cone_sigma(returns, sessions)
    per_session = cone**2 / sessions
    long_run = (pd.Series(returns) ** 2).expanding(min_periods=1).mean()
    hourly = pd.Series(hourly_vol) ** 2 / TRADING_DAYS
    with np.errstate(divide="ignore", invalid="ignore"):
        level = hourly * long_run / hourly.expanding(min_periods=1).mean()
        week, month = (
            np.maximum(level.rolling(n, min_periods=_MIN_HOURLY).mean(), _FLOOR * long_run)
            for n in (5, 21)
        )
        b_week, b_month, b_long, constant = _loadings(sessions)
        log_ratio = (
            b_week * np.log(week / per_session)
            + b_month * np.log(month / per_session)
            + b_long * np.log(long_run / per_session)
        )
        sigma = cone * np.exp(np.clip(log_ratio, -_CAP, _CAP) / 2.0 + constant)
    return np.where(np.isfinite(sigma), sigma, cone)


def baseline_quantiles(
    returns: FloatArray, hourly_vol: FloatArray, sessions: int
) -> dict[str, FloatArray]:
    """Quantiles 0.1, 0.5, 0.9 of the next h-session log return by each baseline.

    ``random_walk``: median 0, ``drift``: h times the mean of all returns so far; both with the
    normal interval of all squared deviations so far. ``vol_cone`` and ``hourly_cone``: median 0,
    interval ``1.2816 sigma_h``.

    Parameters
    ----------
    returns
        Roll-free daily log returns, shape ``(n,)``.
    hourly_vol
        Realised volatility of the hourly returns of each session, annualised, shape ``(n,)``.
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
        "hourly_cone": (zero, hourly_cone_sigma(returns, hourly_vol, sessions)),
    }
    step = np.array([-CONE_Z, 0.0, CONE_Z])
    return {name: shapes[name][0][:, None] + shapes[name][1][:, None] * step for name in BASELINES}
