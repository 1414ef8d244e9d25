"""The champion: a daily mix of the cones and the engines by what their forecasts have cost.

The vol cone holds most of the prior weight, so that an expert that loses to it loses its weight
before it costs much; one that wins gains weight with its evidence. A label counts from the session
after it ended. The rule is the exponentially weighted average of experts (Vovk; Cesa-Bianchi and
Lugosi, Prediction, Learning, and Games, chapter 2) with delayed and discounted losses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from soyoil.base.arrays import BoolArray, FloatArray, IntArray
from soyoil.base.config import Config
from soyoil.base.errors import ModelError
from soyoil.market.conventions import EXPERT_WEIGHT, QUANTILE_COLUMNS
from soyoil.models.baselines import vol_cone_sigma
from soyoil.models.registry import IMPLIED
from soyoil.models.shrinkage import LEVELS

CONES: Final = ("vol_cone", "hourly_cone")
"""Experts without a fit; losses count against the first."""

ALL_CONES: Final[tuple[str, ...]] = (*CONES, IMPLIED)
"""The same with the one that only some markets have."""

_WEEK: Final = 5
_MONTH: Final = 21


class ChampionConfig(Config):
    """How the champion weighs its experts.

    Attributes
    ----------
    eta
        Learning rate per independent label; 0 keeps the prior weights.
    memory_sessions
        Half-life of the evidence, in matured labels, which are sessions.
    hourly_prior
        Prior weight of the hourly cone at one week; at h sessions ``(5 / h) ** (1 / 3)`` of it.
    engine_prior
        Prior weight of all engines together up to one month; beyond it falls as ``21 / h``.
    implied_prior
        Share of the vol cone's prior weight that the implied cone takes up to one month, which is
        what its options speak of; beyond it falls as ``21 / h``. Used where there is one.
    """

    eta: float = Field(default=1.0, ge=0, le=10)
    memory_sessions: float = Field(default=504.0, ge=1, le=100_000)
    hourly_prior: float = Field(default=0.5, ge=0, lt=1)
    engine_prior: float = Field(default=0.05, ge=0, lt=1)
    implied_prior: float = Field(default=0.5, ge=0, lt=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.hourly_prior + self.engine_prior >= 1:
            raise ValueError(
                f"hourly_prior={self.hourly_prior} and engine_prior={self.engine_prior} leave "
                "nothing for the vol cone: their sum must be below 1"
            )
        return self

    def deciding(self, experts: Iterable[str]) -> dict[str, Any]:
        """Plain data of what decides a mix of some experts."""
        unused = set() if IMPLIED in experts else {"implied_prior"}
        return self.model_dump(mode="json", exclude=unused)


@dataclass(frozen=True)
class ExpertForecasts:
    """Forecasts of one horizon by all experts, on rows in the order of time.

    Attributes
    ----------
    session
        Position of each row in the session index of the target, ascending, shape ``(n,)``.
    y
        Outcome of each row, log return, NaN where it is not known yet, shape ``(n,)``.
    sigma
        Sigma of the vol cone, log return, shape ``(n,)``.
    quantiles
        Log returns by name of the expert, shape ``(n, 3)``; the first is the vol cone. A row of
        NaN means that the expert has no forecast there.
    """

    session: IntArray
    y: FloatArray
    sigma: FloatArray
    quantiles: Mapping[str, FloatArray]

    def stacked(self) -> FloatArray:
        """All forecasts, shape ``(n, experts, 3)``; the cone's where an expert has none."""
        if next(iter(self.quantiles), None) != CONES[0]:
            raise ModelError(f"the first expert of a champion is {CONES[0]}")
        values = np.stack(list(self.quantiles.values()), axis=1)
        missing: BoolArray = np.asarray(~np.isfinite(values).all(axis=2))
        if missing[:, 0].any():
            raise ModelError(f"{CONES[0]} has no forecast on {int(missing[:, 0].sum())} rows")
        return np.where(missing[:, :, None], values[:, :1], values)


def prior_weights(
    sessions: int, engines: int, config: ChampionConfig, *, implied: bool = False
) -> FloatArray:
    """Weights before any label has ended: vol cone, hourly cone, implied cone, then the engines.

    Parameters
    ----------
    sessions
        Horizon h.
    engines
        Number of engines; none gives their share to the vol cone.
    config
        ``hourly_prior``, ``engine_prior`` and ``implied_prior``.
    implied
        Whether there is an implied cone. Its weight is the vol cone's, which stands for it where
        it says nothing: until it speaks the mix is what it is without it.

    Returns
    -------
    Array of shape ``(2 + engines,)``, or ``(3 + engines,)`` with the implied cone, with sum 1.

    Examples
    --------
    >>> prior_weights(21, 1, ChampionConfig()).round(3).tolist()
    [0.64, 0.31, 0.05]
    """
    hourly = config.hourly_prior * min(1.0, _WEEK / sessions) ** (1 / 3)
    together = config.engine_prior * min(1.0, _MONTH / sessions) if engines else 0.0
    cones = [1 - hourly - together, hourly]
    if implied:
        share = config.implied_prior * min(1.0, _MONTH / sessions)
        cones = [cones[0] * (1 - share), hourly, cones[0] * share]
    return np.array([*cones, *[together / max(engines, 1)] * engines])


def _losses(forecasts: ExpertForecasts, stacked: FloatArray) -> FloatArray:
    """Mean pinball loss in units of the cone's sigma, shape ``(n, experts)``."""
    error = forecasts.y[:, None, None] - stacked
    pinball: FloatArray = np.maximum(LEVELS * error, (LEVELS - 1.0) * error).mean(axis=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return pinball / forecasts.sigma[:, None]


def aggregate(
    forecasts: ExpertForecasts, sessions: int, prior: FloatArray, config: ChampionConfig
) -> tuple[FloatArray, FloatArray]:
    """Mix the experts, session by session, by the losses of labels that had ended before.

    For each label that ended strictly before a row's session, oldest first, ``A <- f A + loss``
    and ``n <- f n + 1`` with ``f = 0.5 ** (1 / memory_sessions)``; then
    ``log w_k = log prior_k + eta (n / h) (1 - A_k / A_cone)``, normalised, and the forecast is
    the weighted mean of the experts' quantiles. ``n / h`` is the number of labels that do not
    overlap.

    Parameters
    ----------
    forecasts
        Rows and experts.
    sessions
        Horizon h: the label of session t ends at session t + h.
    prior
        Weights at the start, shape ``(experts,)``.
    config
        ``eta`` and ``memory_sessions``.

    Returns
    -------
    Quantiles of shape ``(n, 3)``, ascending along each row where those of the experts are, and
    weights of shape ``(n, experts)``. A row's forecast depends on no outcome of the last h + 1
    sessions up to it, nor on later ones.

    Raises
    ------
    ModelError
        The vol cone is not the first expert or has no forecast on a row, or rows are not in the
        order of time.
    """
    from scipy.signal import lfilter

    if (np.diff(forecasts.session) <= 0).any():
        raise ModelError("rows of a champion must be in the order of time, one per session")
    stacked = forecasts.stacked()
    losses = _losses(forecasts, stacked)
    known = np.isfinite(losses).all(axis=1)
    keep = 0.5 ** (1.0 / config.memory_sessions)
    terms = np.column_stack([losses[known], np.ones(int(known.sum()))])
    sums = np.zeros((len(terms) + 1, terms.shape[1]))
    sums[1:] = lfilter([1.0], [1.0, -keep], terms, axis=0)
    ended = np.searchsorted(forecasts.session[known] + sessions, forecasts.session, side="left")
    total, count = sums[ended, :-1], sums[ended, -1:]
    cone = total[:, :1]
    with np.errstate(divide="ignore", invalid="ignore"):
        skill = np.where(cone > 0, 1.0 - total / cone, 0.0)
        log_weight = np.log(prior) + config.eta * count / sessions * skill
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    weight /= weight.sum(axis=1, keepdims=True)
    return (weight[:, :, None] * stacked).sum(axis=1), weight


def in_order(quantiles: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Forecasts by expert in the order that a champion takes: cones, then engines."""
    cones = [name for name in ALL_CONES if name in quantiles]
    return {name: quantiles[name] for name in dict.fromkeys((*cones, *quantiles))}


def cone_experts(
    returns: FloatArray,
    quantiles: Mapping[str, FloatArray],
    y: FloatArray,
    rows: IntArray,
    sessions: int,
) -> ExpertForecasts:
    """The cones as the only experts, on some rows.

    Parameters
    ----------
    returns
        Roll-free daily log returns of all sessions, shape ``(n,)``.
    quantiles
        Forecasts of the baselines on all sessions, shape ``(n, 3)`` each, and of the implied cone
        where there is one.
    y
        Outcomes of all sessions, NaN where not known, shape ``(n,)``.
    rows
        Positions of the rows, ascending.
    sessions
        Horizon h.
    """
    sigma = vol_cone_sigma(returns, sessions)[rows]
    names = [name for name in ALL_CONES if name in quantiles]
    return ExpertForecasts(rows, y[rows], sigma, {name: quantiles[name][rows] for name in names})


@dataclass(frozen=True)
class Mixed:
    """The champion of one horizon.

    Attributes
    ----------
    quantiles
        Log returns, shape ``(n, 3)``.
    experts
        On the same rows: ``weight.<expert>`` for each, and ``q10``, ``q50``, ``q90`` of the mix of
        the cones alone under the same rule.
    """

    quantiles: FloatArray
    experts: pd.DataFrame


def _among(forecasts: ExpertForecasts, names: Iterable[str]) -> ExpertForecasts:
    return replace(forecasts, quantiles={name: forecasts.quantiles[name] for name in names})


def _weighed(
    forecasts: ExpertForecasts, sessions: int, config: ChampionConfig
) -> tuple[FloatArray, FloatArray]:
    """Quantiles and weights, those of an implied cone only where it speaks."""
    names = list(forecasts.quantiles)
    implied = IMPLIED in names
    engines = sum(name not in ALL_CONES for name in names)
    prior = prior_weights(sessions, engines, config, implied=implied)
    quantiles, weights = aggregate(forecasts, sessions, prior, config)
    if not implied:
        return quantiles, weights
    place = names.index(IMPLIED)
    speaks = np.isfinite(forecasts.quantiles[IMPLIED]).all(axis=1)
    weights[:, 0] += np.where(speaks, 0.0, weights[:, place])
    weights[:, place] = np.where(speaks, weights[:, place], 0.0)
    # Sums of more terms round otherwise: what is known only later must not change an earlier bit.
    before = ~np.maximum.accumulate(speaks)
    others = [name for name in names if name != IMPLIED]
    plain, without = _weighed(_among(forecasts, others), sessions, config)
    quantiles[before] = plain[before]
    weights[before] = np.insert(without, place, 0.0, axis=1)[before]
    return quantiles, weights


def mix(forecasts: ExpertForecasts, sessions: int, config: ChampionConfig) -> Mixed:
    """Mix the cones and the engines, and the cones alone to tell what the engines add.

    Parameters
    ----------
    forecasts
        The experts are the cones, in the order of `ALL_CONES`, then engines. On a row where the
        implied cone is NaN the vol cone has its weight; on those before its first forecast the
        mix is to the bit what it is without it.
    sessions
        Horizon h.
    config
        Rates and priors.
    """
    names = list(forecasts.quantiles)
    quantiles, weights = _weighed(forecasts, sessions, config)
    cones = quantiles
    if any(name not in ALL_CONES for name in names):
        alone = _among(forecasts, [name for name in names if name in ALL_CONES])
        cones, _ = _weighed(alone, sessions, config)
    columns = [*(f"{EXPERT_WEIGHT}{name}" for name in names), *QUANTILE_COLUMNS]
    return Mixed(quantiles, pd.DataFrame(np.column_stack([weights, cones]), columns=columns))
