"""Sample weights: regime known at the cutoff, uniqueness of labels, age."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import pandas as pd
from pydantic import model_validator

from soyoil.base.arrays import FloatArray, IntArray
from soyoil.base.config import SESSIONS, Config, bounded
from soyoil.regimes.table import regime_positions

DOMINANT_SHARE = 0.40


class WeightsConfig(Config):
    """How training rows are weighted.

    Attributes
    ----------
    scheme
        ``uniform``, or the product of what the name lists: ``regime`` (as known at each
        fold's cutoff), ``uniqueness`` (of the label among the rows of its role), ``decay``.
    decay_halflife_sessions
        Age at which the decay halves a weight; for schemes with decay.
    """

    scheme: Literal[
        "uniform", "regime", "regime_uniqueness", "regime_decay", "regime_uniqueness_decay"
    ] = "regime"
    decay_halflife_sessions: int = bounded(504, ge=1, **SESSIONS)

    @model_validator(mode="after")
    def _check(self) -> Self:
        default = type(self).model_fields["decay_halflife_sessions"].default
        if not self.decays and self.decay_halflife_sessions != default:
            raise ValueError(
                "weights.decay_halflife_sessions is for weights.scheme=regime_decay or "
                f"regime_uniqueness_decay, but weights.scheme is {self.scheme}"
            )
        return self

    @property
    def decays(self) -> bool:
        """Whether older rows weigh less."""
        return self.scheme.endswith("_decay")


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


@dataclass(frozen=True)
class RoleRows:
    """Rows of one role of a fold, as left by the purge.

    Attributes
    ----------
    dates
        Origin dates, shape ``(n,)``.
    positions
        Origins in the session index, ascending, shape ``(n,)``.
    cutoff
        Position of the session at whose close the fold is fitted.
    cutoff_date
        Date of that session.
    sessions
        Horizon in sessions.
    """

    dates: pd.Series
    positions: IntArray
    cutoff: int
    cutoff_date: pd.Timestamp
    sessions: int


def label_uniqueness(positions: IntArray, sessions: int) -> FloatArray:
    """Mean over a label's sessions of 1 / number of labels that hold the session.

    Average uniqueness of Lopez de Prado (2018), Advances in Financial Machine Learning,
    ch. 4. The label of origin p holds the returns of sessions p + 1 ... p + h.

    Parameters
    ----------
    positions
        Origins in the session index, ascending, shape ``(n,)``.
    sessions
        Horizon h.

    Returns
    -------
    FloatArray
        Shape ``(n,)`` with values in [1 / h, 1]. Their sum is the number of sessions that
        some label holds, divided by h.
    """
    if len(positions) == 0:
        return np.empty(0)
    start = positions - positions[0]
    steps = np.zeros(int(start[-1]) + sessions + 2)
    np.add.at(steps, start + 1, 1.0)
    np.add.at(steps, start + sessions + 1, -1.0)
    concurrent = np.cumsum(steps)[:-1]
    share = np.divide(1.0, concurrent, out=np.zeros_like(concurrent), where=concurrent > 0.5)
    total = np.cumsum(share)
    return np.asarray((total[start + sessions] - total[start]) / sessions, dtype=np.float64)


def time_decay(positions: IntArray, cutoff: int, halflife: int) -> FloatArray:
    """0.5 ** (age / half-life), the age in sessions from the cutoff."""
    return np.asarray(0.5 ** ((cutoff - positions) / halflife), dtype=np.float64)


def sample_weights(
    rows: RoleRows, frame: pd.DataFrame, scheme: str = "regime", halflife: int | None = None
) -> FloatArray:
    """Weights of the rows of one role, mean 1, as they could have been set at the cutoff.

    Parameters
    ----------
    rows
        The role's rows.
    frame
        Regime table sorted by start.
    scheme
        ``uniform``, or factors joined by underscores: ``regime`` (weight known at the cutoff),
        ``uniqueness`` (`label_uniqueness` among these rows), ``decay`` (`time_decay`).
    halflife
        Half-life of the decay in sessions.

    Returns
    -------
    FloatArray
        Shape ``(n,)`` with mean 1 (empty for no rows).

    Raises
    ------
    ValueError
        If a factor is unknown or the decay has no half-life.
    """
    raw = np.ones(len(rows.positions))
    for factor in scheme.split("_"):
        if factor == "regime":
            known = known_weights(frame, rows.cutoff_date)
            raw = raw * known[regime_positions(rows.dates, frame)]
        elif factor == "uniqueness":
            raw = raw * label_uniqueness(rows.positions, rows.sessions)
        elif factor == "decay" and halflife is not None:
            raw = raw * time_decay(rows.positions, rows.cutoff, halflife)
        elif factor != "uniform":
            raise ValueError(f"no weights for {factor!r} in {scheme!r}, half-life {halflife}")
    return raw / raw.mean() if len(raw) else raw


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
    uniqueness_sum
        Sum of `label_uniqueness` over the rows, unweighted: sessions that some label holds,
        divided by the horizon.
    dominant
        Regimes whose share exceeds 40 %.
    unused
        Regimes of the table without a training row; their weight does nothing in this fold.
    """

    shares: dict[str, float]
    effective_n: float
    independent_n: float
    uniqueness_sum: float
    dominant: tuple[str, ...]
    unused: tuple[str, ...]


def weight_report(rows: RoleRows, weights: FloatArray, frame: pd.DataFrame) -> WeightReport:
    """Shares per regime and effective sample size of weighted rows."""
    names = frame["regime_name"].to_numpy()
    by_regime = pd.Series(weights).groupby(names[regime_positions(rows.dates, frame)]).sum()
    shares = (by_regime / by_regime.sum()).to_dict()
    n = effective_n(weights)
    return WeightReport(
        shares={str(k): float(v) for k, v in shares.items()},
        effective_n=n,
        independent_n=n / rows.sessions,
        uniqueness_sum=float(label_uniqueness(rows.positions, rows.sessions).sum()),
        dominant=tuple(str(k) for k, v in shares.items() if v > DOMINANT_SHARE),
        unused=tuple(str(name) for name in names if name not in shares),
    )


def label_regimes(dates: pd.Series, frame: pd.DataFrame) -> pd.DataFrame:
    """Name and table weight of the regime in force on each date.

    Returns
    -------
    DataFrame
        ``name`` and ``weight`` on the index of `dates`. The weight is the table's
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


def with_regimes(features: pd.DataFrame, regimes: pd.DataFrame) -> pd.DataFrame:
    """Rows of the matrix completed with the regime in force on each ``data_date``."""
    labels = label_regimes(features["data_date"], regimes.sort_values("start_date"))
    added = {
        "regime_name": labels["name"],
        "regime.name": labels["name"],
        "regime.weight": labels["weight"],
    }
    # Joined at once: a matrix of many nullable columns is in many blocks.
    return pd.concat([features, pd.DataFrame(added, index=features.index)], axis=1)
