"""Sample weights from regimes, as they could have been set at a cutoff."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from soyoil.regimes.table import regime_positions

FloatArray = npt.NDArray[np.float64]
DOMINANT_SHARE = 0.40


def known_weights(frame: pd.DataFrame, cutoff: pd.Timestamp) -> FloatArray:
    """Weight of each regime as known at `cutoff`, one entry per row of the table.

    A regime whose ``known_at`` is later has the weight of the latest earlier regime that was
    known then. Later regimes never lend a weight to earlier ones.
    """
    known = frame["known_at"].to_numpy(dtype="datetime64[us]") <= np.datetime64(cutoff, "us")
    # The first regime stands for "normal": it is in force from the series' start.
    known[0] = True
    latest = np.maximum.accumulate(np.where(known, np.arange(len(frame)), 0))
    return frame["weight"].to_numpy(dtype="float64")[latest]


def sample_weights(
    dates: pd.Series, frame: pd.DataFrame, cutoff: pd.Timestamp, scheme: str = "regime"
) -> FloatArray:
    """Weights of rows, mean 1, as known at `cutoff`.

    Parameters
    ----------
    dates
        Origin dates of the rows left after the purge.
    frame
        Regime table sorted by start.
    cutoff
        Last session whose close is known when the fold is fitted.
    scheme
        ``regime`` or ``uniform``.

    Returns
    -------
    Array of shape ``(n,)`` with mean 1 (empty for no rows).
    """
    if scheme == "uniform" or len(dates) == 0:
        return np.ones(len(dates))
    raw = known_weights(frame, cutoff)[regime_positions(dates, frame)]
    return np.asarray(raw / raw.mean(), dtype=np.float64)


def effective_n(weights: FloatArray) -> float:
    """Kish's effective sample size, (sum w)^2 / sum w^2; 0 for no rows."""
    total = float(np.sum(weights))
    return total * total / float(np.sum(weights**2)) if len(weights) else 0.0


@dataclass(frozen=True)
class WeightReport:
    """Weights of one fold's training rows.

    Attributes
    ----------
    shares
        Share of the total weight per regime that has rows.
    effective_n
        Kish's effective sample size.
    independent_n
        `effective_n` divided by the horizon in sessions.
    dominant
        Regimes whose share exceeds 40 %.
    unused
        Regimes of the table that start by the cutoff but have no training row.
    """

    shares: dict[str, float]
    effective_n: float
    independent_n: float
    dominant: tuple[str, ...]
    unused: tuple[str, ...]


def weight_report(
    dates: pd.Series, weights: FloatArray, frame: pd.DataFrame, horizon_sessions: int
) -> WeightReport:
    """Shares per regime and effective sample size of weighted rows."""
    names = frame["regime_name"].to_numpy()
    rows = pd.Series(weights).groupby(names[regime_positions(dates, frame)]).sum()
    shares = (rows / rows.sum()).to_dict()
    n = effective_n(weights)
    return WeightReport(
        shares={str(k): float(v) for k, v in shares.items()},
        effective_n=n,
        independent_n=n / horizon_sessions,
        dominant=tuple(str(k) for k, v in shares.items() if v > DOMINANT_SHARE),
        unused=tuple(str(name) for name in names if name not in shares),
    )


def label_regimes(dates: pd.Series, frame: pd.DataFrame) -> pd.DataFrame:
    """Name and table weight of the regime in force on each date.

    Returns
    -------
    DataFrame with ``name`` and ``weight`` on the index of `dates`. The weight is the table's
    final one, set with hindsight: use it to slice and score, `sample_weights` to train.
    """
    position = regime_positions(dates, frame)
    return pd.DataFrame(
        {
            "name": frame["regime_name"].to_numpy()[position],
            "weight": frame["weight"].to_numpy(dtype="float64")[position],
        },
        index=dates.index,
    )
