"""Forecasts of any model with the settings of either run, kept by what they were made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from soyoil.base.arrays import FloatArray, IntArray
from soyoil.base.handover import text_hash
from soyoil.explain.settings import Settings, experts_of
from soyoil.market.conventions import QUANTILE_COLUMNS
from soyoil.models.baselines import baseline_quantiles, vol_cone_sigma
from soyoil.models.champion import ALL_CONES, ExpertForecasts, mix
from soyoil.models.cones.implied import implied_quantiles, implied_vol
from soyoil.models.engines import is_ablation
from soyoil.models.registry import BASELINES, CHAMPION
from soyoil.panel.engines import EngineRules, PlannedRoot, fit_root, plan_root
from soyoil.panel.store import ResultStore
from soyoil.splits.forecasts import on_dates
from soyoil.targets.horizons import Horizon


@dataclass(eq=False)
class Fitter:
    """Makes forecasts, and fits an engine only if they are not kept.

    Attributes
    ----------
    store
        Where finished fits are kept.
    workers
        Processes that fit folds at the same time, as in ``fit.workers``.
    on_fit
        Told of each fit that is there: whether it was kept.
    fitted, kept
        How many fits were made and how many read.
    """

    store: ResultStore
    workers: int = 0
    on_fit: Callable[[bool], None] | None = None
    fitted: int = 0
    kept: int = 0
    _planned: dict[str, PlannedRoot] = field(default_factory=dict)
    _found: dict[str, pd.DataFrame] = field(default_factory=dict)

    def forecasts(self, settings: Settings, horizon: Horizon, model: str) -> pd.DataFrame:
        """Out-of-sample forecasts of a model, as a run with these settings would track them.

        Returns
        -------
        DataFrame
            ``data_date``, and ``q10``, ``q50``, ``q90`` in log returns; one row per scored origin,
            ascending.

        Raises
        ------
        SplitError
            The rows do not suffice for the plan.
        ModelError
            An engine fails.
        ConfigError
            The rows have no column of a feature group.
        """
        planned = self._plan(settings, horizon)
        if experts_of(model) and model != CHAMPION:
            return self._fit(planned, settings, model)
        _, position = planned.plan.test_rows()
        cones = baseline_quantiles(
            settings.snapshot.returns, settings.snapshot.hourly_vol, horizon.sessions
        )
        if model in BASELINES:
            return _frame(planned, position, cones[model][position])
        return _frame(planned, position, self._mixed(planned, settings, position, cones))

    def _plan(self, settings: Settings, horizon: Horizon) -> PlannedRoot:
        parts = [settings.snapshot.content_hash, horizon.name]
        parts += [settings.split.model_dump_json(), settings.weights.model_dump_json()]
        key = text_hash(parts)
        if key not in self._planned:
            self._planned[key] = plan_root(
                settings.snapshot, horizon, settings.split, settings.weights
            )
        return self._planned[key]

    def _fit(self, planned: PlannedRoot, settings: Settings, model: str) -> pd.DataFrame:
        engine = experts_of(model)[0]
        fit = settings.fit.model_copy(update={"workers": self.workers})
        equal = is_ablation(model)
        configs = {engine: settings.engines[engine]}
        rules = EngineRules(settings.profile, settings.weights, fit, configs, equal)
        key = text_hash(
            [
                planned.inputs,
                planned.horizon.name,
                settings.profile,
                fit.model_dump(mode="json"),
                {engine: configs[engine].model_dump(mode="json")},
                equal,
            ]
        )
        if key not in self._found:
            frame, was_kept = fit_root(planned, engine, rules, self.store)
            self.kept, self.fitted = self.kept + was_kept, self.fitted + (not was_kept)
            self._found[key] = frame[["data_date", *QUANTILE_COLUMNS]]
            if self.on_fit is not None:
                self.on_fit(was_kept)
        return self._found[key]

    def _mixed(
        self,
        planned: PlannedRoot,
        settings: Settings,
        position: IntArray,
        cones: dict[str, FloatArray],
    ) -> FloatArray:
        """The champion, mixed as in the fit stage."""
        dates = planned.labels["data_date"].iloc[position]
        snapshot, sessions = settings.snapshot, planned.horizon.sessions
        implied = implied_vol(snapshot.matrix, snapshot.symbol)
        cones = cones | implied_quantiles(implied, sessions, cones[ALL_CONES[0]])
        names = [name for name in ALL_CONES if name in cones]
        quantiles = {name: cones[name][position] for name in names}
        for engine in experts_of(CHAMPION):
            quantiles[engine] = on_dates(self._fit(planned, settings, engine), dates)
        forecasts = ExpertForecasts(
            session=position,
            y=planned.labels[planned.horizon.target].to_numpy(dtype="float64")[position],
            sigma=vol_cone_sigma(snapshot.returns, sessions)[position],
            quantiles=quantiles,
        )
        return mix(forecasts, sessions, settings.champion).quantiles


def _frame(planned: PlannedRoot, position: IntArray, quantiles: FloatArray) -> pd.DataFrame:
    dates = planned.labels["data_date"].to_numpy()[position]
    columns = {name: np.asarray(quantiles[:, i]) for i, name in enumerate(QUANTILE_COLUMNS)}
    return pd.DataFrame({"data_date": dates, **columns})
