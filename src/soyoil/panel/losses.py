"""Losses of the baselines, the champion and engines on one root and horizon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal, Self

import numpy as np

from soyoil.base.arrays import BoolArray, DayArray, FloatArray, IntArray
from soyoil.market.conventions import QUANTILE_COLUMNS, QUANTILES
from soyoil.metrics.losses import pinball
from soyoil.models.baselines import baseline_quantiles
from soyoil.models.champion import CONES, ChampionConfig, cone_experts, mix
from soyoil.models.registry import BASELINES, CHAMPION
from soyoil.panel.roots import RootSeries, scored_rows
from soyoil.splits.plan import SplitConfig
from soyoil.targets.horizons import Horizon
from soyoil.targets.labels import forward_sums

MODELS: Final = (CHAMPION, *BASELINES)
REFERENCE: Final = CONES[0]
ALONE: Final = "cones"
"""The champion without the engines: the cones mixed alone under its rule."""

Status = Literal["scored", "too short", "flat price"]


@dataclass(frozen=True)
class PanelRules:
    """What decides the rows and the forecasts of a panel.

    Attributes
    ----------
    split
        Rows that are scored.
    champion
        How the champion weighs its experts.
    min_rows
        Fewer scored rows are too short a history.
    """

    split: SplitConfig
    champion: ChampionConfig
    min_rows: int


@dataclass(frozen=True)
class RootLosses:
    """One root and horizon.

    Attributes
    ----------
    symbol, horizon
        What is forecast.
    status
        ``too short``: fewer than the least number of scored rows, or less than one independent
        label; ``flat price``: the cone has no loss, so that there is no skill against it.
    dates
        Scored origins, ascending, shape ``(n,)``.
    hourly_share
        Share of the scored rows on which the hourly cone is not the vol cone, because there are
        hourly values. NaN without a scored row.
    pinball, covered
        By model: mean pinball loss over the quantiles (log return), and 1.0 where the outcome lay
        within the 80 % interval, shape ``(n,)``. Empty if too short. With engines `ALONE` is
        among them.
    engines
        The same of each engine and the reference on the rows that the engine has forecast, which
        are fewer where it fits the last folds alone.
    """

    symbol: str
    horizon: Horizon
    status: Status
    dates: DayArray
    hourly_share: float
    pinball: Mapping[str, FloatArray] = field(default_factory=dict)
    covered: Mapping[str, FloatArray] = field(default_factory=dict)
    engines: Mapping[str, Self] = field(default_factory=dict)

    def of(self, model: str) -> RootLosses:
        """Losses with those of a model; an engine without a forecast is too short."""
        if model in MODELS:
            return self
        nothing = RootLosses(self.symbol, self.horizon, self.status, self.dates[:0], float("nan"))
        if self.status == "scored":
            nothing = replace(nothing, status="too short")
        return self.engines.get(model, nothing)


def panel_quantiles(
    series: RootSeries,
    horizon: Horizon,
    rules: PanelRules,
    engines: Mapping[str, FloatArray] | None = None,
) -> tuple[IntArray, FloatArray, dict[str, FloatArray]]:
    """Forecasts of every model on the scored rows of one root.

    Parameters
    ----------
    series
        Sessions of the root.
    horizon
        Horizon.
    rules
        Rows and rates.
    engines
        Forecasts by engine on all sessions, log returns, shape ``(len(series.dates), 3)``, NaN
        where there is none: more experts of the champion.

    Returns
    -------
    Positions of the scored rows ``(n,)``, outcomes ``(n,)`` and, by the names of `MODELS`, of
    engines and, with engines, `ALONE`, quantiles ``(n, 3)``, log returns. Rows before every
    baseline has a forecast are not scored.
    """
    h = horizon.sessions
    y = forward_sums(series.returns, h)
    baselines = baseline_quantiles(series.returns, series.hourly_vol, h)
    forecast = np.logical_and.reduce([np.isfinite(q).all(axis=1) for q in baselines.values()])
    rows = scored_rows(series.dates, forecast & np.isfinite(y), rules.split)
    quantiles = {name: values[rows] for name, values in baselines.items()}
    of_engines = {name: values[rows] for name, values in (engines or {}).items()}
    experts = cone_experts(series.returns, baselines, y, rows, h)
    experts = replace(experts, quantiles={**experts.quantiles, **of_engines})
    mixed = mix(experts, h, rules.champion)
    quantiles[CHAMPION] = mixed.quantiles
    if of_engines:
        quantiles[ALONE] = mixed.experts[list(QUANTILE_COLUMNS)].to_numpy(dtype="float64")
    return rows, y[rows], quantiles | of_engines


def _losses(
    place: tuple[str, Horizon],
    dates: DayArray,
    y: FloatArray,
    quantiles: Mapping[str, FloatArray],
    rules: PanelRules,
    share: float,
) -> RootLosses:
    symbol, horizon = place
    if len(dates) < max(rules.min_rows, horizon.sessions):
        return RootLosses(symbol, horizon, "too short", dates, share)
    losses = {
        name: np.mean([pinball(y, q[:, i], level) for i, level in enumerate(QUANTILES)], axis=0)
        for name, q in quantiles.items()
    }
    covered = {
        name: ((y >= q[:, 0]) & (y <= q[:, -1])).astype("float64") for name, q in quantiles.items()
    }
    status: Status = "scored" if losses[REFERENCE].sum() > 0 else "flat price"
    return RootLosses(symbol, horizon, status, dates, share, losses, covered)


def _hourly_share(quantiles: Mapping[str, FloatArray], rows: BoolArray) -> float:
    own = (quantiles[CONES[1]] != quantiles[CONES[0]]).any(axis=1)[rows]
    return float(own.mean()) if len(own) else float("nan")


def root_losses(
    series: RootSeries,
    horizon: Horizon,
    rules: PanelRules,
    engines: Mapping[str, FloatArray] | None = None,
) -> RootLosses:
    """Losses of every model on one root and horizon; nothing is fitted.

    Parameters
    ----------
    series
        Sessions of the root.
    horizon
        Horizon.
    rules
        Rows and rates.
    engines
        Forecasts by engine as in `panel_quantiles`.
    """
    rows, y, quantiles = panel_quantiles(series, horizon, rules, engines)
    dates, place = series.dates[rows], (series.symbol, horizon)
    own = {name: q for name, q in quantiles.items() if name in (*MODELS, ALONE)}
    share = _hourly_share(quantiles, np.ones(len(rows), dtype=bool))
    found = _losses(place, dates, y, own, rules, share)
    if found.status != "scored":
        return found
    parts = {}
    for name in engines or {}:
        at = np.asarray(np.isfinite(quantiles[name]).all(axis=1))
        both = {key: quantiles[key][at] for key in (name, REFERENCE)}
        share = _hourly_share(quantiles, at)
        parts[name] = _losses(place, dates[at], y[at], both, rules, share)
    return replace(found, engines=parts)
