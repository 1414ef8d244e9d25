"""Forecast of one horizon from the last session of a snapshot."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import FloatArray
from soyoil.base.errors import ModelError
from soyoil.market.calendar import expected_sessions
from soyoil.market.conventions import EXPERT_WEIGHT, QUANTILE_COLUMNS
from soyoil.metrics.bootstrap import Verdict, skill_interval, verdict
from soyoil.metrics.evaluate import skill
from soyoil.metrics.losses import row_losses
from soyoil.metrics.significance import loss_test
from soyoil.models.baselines import baseline_quantiles
from soyoil.models.champion import ChampionConfig, cone_experts, mix
from soyoil.models.cones.implied import implied_quantiles, implied_vol
from soyoil.models.shrinkage import CONE_Z
from soyoil.splits.plan import SplitConfig
from soyoil.splits.snapshot import Snapshot
from soyoil.targets.horizons import HORIZONS, Horizon
from soyoil.targets.labels import forward_sums

DAYS_PER_SESSION: Final = 1.6
"""More calendar days than a session takes on average, to find its date in the calendar."""
MARGIN_DAYS: Final = 14


@dataclass(frozen=True)
class Record:
    """How the same rule did on labels that had ended by the origin.

    Attributes
    ----------
    n, independent_n
        Scored rows, and the same over the horizon.
    coverage
        Share of outcomes inside the 80 % interval.
    skill, low, high
        Pinball skill against the vol cone, with its interval.
    verdict
        What can be said of it.
    """

    n: int
    independent_n: float
    coverage: float
    skill: float
    low: float
    high: float
    verdict: Verdict


@dataclass(frozen=True)
class Outlook:
    """What is expected of one horizon.

    Attributes
    ----------
    horizon
        The horizon.
    origin, target_date
        Session from which it is made, and the session on which it comes due.
    close
        Price at the origin, quoted units.
    quantiles, vol_cone, hourly_cone
        P10, P50, P90 of the champion and of both cones, log returns.
    weights
        Weight of each expert.
    record
        How the rule did so far.
    """

    horizon: Horizon
    origin: dt.date
    target_date: dt.date
    close: float
    quantiles: tuple[float, float, float]
    vol_cone: tuple[float, float, float]
    hourly_cone: tuple[float, float, float]
    weights: Mapping[str, float]
    record: Record

    @property
    def probability_higher(self) -> float:
        """Probability that a rolled position gains."""
        return probability_above(0.0, self.quantiles)

    def price(self, level: int) -> float:
        """P10, P50 or P90 (0, 1, 2) in quoted units, of a position rolled from this contract."""
        return self.close * float(np.exp(self.quantiles[level]))


def probability_above(value: float, quantiles: tuple[float, float, float]) -> float:
    """Probability of an outcome above a value.

    The law between the quantiles is the one whose normal scores are linear there, and in the tails
    go on with the slope of their side: exactly normal for a cone.

    Parameters
    ----------
    value
        Log return.
    quantiles
        P10, P50, P90, ascending.

    Examples
    --------
    >>> probability_above(0.0, (-0.1, 0.0, 0.1))
    0.5
    """
    from scipy import stats

    low, median, high = quantiles
    width = median - low if value < median else high - median
    if width <= 0:
        return 0.5 if value == median else float(value < median)
    return float(stats.norm.sf(CONE_Z * (value - median) / width))


def session_ahead(symbol: str, origin: dt.date, sessions: int) -> dt.date:
    """Date of the h-th session after a date, by the exchange's calendar.

    Parameters
    ----------
    symbol
        Root.
    origin
        A trade date.
    sessions
        Horizon h.
    """
    last = origin + dt.timedelta(days=int(DAYS_PER_SESSION * sessions) + MARGIN_DAYS)
    days = expected_sessions(symbol, origin + dt.timedelta(days=1), last)
    found: dt.date = days[sessions - 1].astype(object)
    return found


def missing_sessions(symbol: str, last: dt.date, today: dt.date) -> int:
    """Sessions that ended after the last one in the data and before today."""
    day = dt.timedelta(days=1)
    return len(expected_sessions(symbol, last + day, today - day)) if today - day > last else 0


def first_row(snapshot: Snapshot, split: SplitConfig) -> int:
    """Position of the first session that the champion learns from: the first that is scored.

    Raises
    ------
    ModelError
        No session is left from it on.
    """
    dates = snapshot.matrix["data_date"]
    key, origin = split.scored_from
    first = max(int(dates.searchsorted(pd.Timestamp(origin))), split.warm_up)
    if first >= len(dates):
        raise ModelError(
            f"No session of {snapshot.symbol} stands at or after split.{key}={origin} "
            f"and behind the first {split.warm_up} (split.warm_up); the data ends at "
            f"{dates.iloc[-1]:%Y-%m-%d}. Set split.{key} earlier."
        )
    return first


def _record(y: FloatArray, mixed: FloatArray, cone: FloatArray, sessions: int) -> Record:
    nan = float("nan")
    if not len(y):
        return Record(0, 0.0, nan, nan, nan, nan, "unprovable")
    own, reference = (
        row_losses(pd.DataFrame(values, columns=list(QUANTILE_COLUMNS)).assign(y=y))
        for values in (mixed, cone)
    )
    loss, other = (frame["pinball"].to_numpy(dtype="float64") for frame in (own, reference))
    independent = len(y) / sessions
    interval = skill_interval(loss, other, np.ones(len(y)), sessions)
    covered = float(own["covered"].mean())
    p = loss_test(loss, other, sessions).p
    said = verdict(interval.low, p, independent)
    gain = skill(float(loss.mean()), float(other.mean()))
    return Record(len(y), independent, covered, gain, interval.low, interval.high, said)


def outlook(snapshot: Snapshot, horizon: Horizon, config: ChampionConfig, first: int) -> Outlook:
    """Forecast of the cones' champion from the last session of a snapshot.

    Parameters
    ----------
    snapshot
        Sessions up to the origin, which is the last.
    horizon
        Horizon.
    config
        Rates and priors of the champion.
    first
        Position of the first session that it learns from.

    Returns
    -------
    Outlook
        Depends on nothing but the sessions of the snapshot.
    """
    h = horizon.sessions
    returns = snapshot.returns
    y = forward_sums(returns, h)
    quantiles = baseline_quantiles(returns, snapshot.hourly_vol, h)
    implied = implied_vol(snapshot.matrix, snapshot.symbol)
    quantiles |= implied_quantiles(implied, h, quantiles["vol_cone"])
    rows = np.arange(first, len(returns))
    experts = cone_experts(returns, quantiles, y, rows, h)
    mixed = mix(experts, h, config)
    last = mixed.experts.iloc[-1]
    origin = snapshot.matrix["data_date"].iloc[-1].date()
    known = np.isfinite(y[first:])
    vol_cone = quantiles["vol_cone"]
    return Outlook(
        horizon=horizon,
        origin=origin,
        target_date=session_ahead(snapshot.symbol, origin, h),
        close=float(snapshot.matrix["market_data.close"].iloc[-1]),
        quantiles=_triple(mixed.quantiles[-1]),
        vol_cone=_triple(vol_cone[-1]),
        hourly_cone=_triple(quantiles["hourly_cone"][-1]),
        weights={name: float(last[f"{EXPERT_WEIGHT}{name}"]) for name in experts.quantiles},
        record=_record(y[first:][known], mixed.quantiles[known], vol_cone[first:][known], h),
    )


def outlooks(
    snapshot: Snapshot, split: SplitConfig, champion: ChampionConfig
) -> tuple[Outlook, ...]:
    """Forecasts of all horizons from the last session, shortest horizon first.

    Parameters
    ----------
    snapshot
        Sessions up to the origin.
    split
        Its first scored origin and ``warm_up``: from where on the champion learns.
    champion
        Rates and priors.

    Raises
    ------
    ModelError
        No session is left to learn from.
    """
    first = first_row(snapshot, split)
    return tuple(outlook(snapshot, horizon, champion, first) for horizon in HORIZONS.values())


def _triple(values: FloatArray) -> tuple[float, float, float]:
    low, median, high = (float(value) for value in values)
    return low, median, high
