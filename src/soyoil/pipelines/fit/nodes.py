"""Nodes of the fit stage: out-of-sample predictions, nothing read but the snapshot."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from soyoil.base.handover import MadeFrom, check_handover, stamp_of, stamped
from soyoil.models.arrays import horizon_arrays
from soyoil.models.baselines import baseline_quantiles, vol_cone_sigma
from soyoil.models.champion import CONES, ChampionConfig, ExpertForecasts, in_order, mix
from soyoil.models.cones.implied import implied_quantiles, implied_vol
from soyoil.models.config import EngineConfig, FitConfig
from soyoil.models.engines import ENGINES, engine_of, is_ablation
from soyoil.models.registry import BASELINES
from soyoil.models.report import FitReport
from soyoil.models.walkforward import Job, run_walk_forward
from soyoil.params import Profile, WeightsConfig
from soyoil.pipelines.fit.tasks import fit_report
from soyoil.pipelines.grid import bound
from soyoil.pipelines.origins import (
    FIT_AGAIN,
    SplitFrames,
    champion_parameters,
    fit_parameters,
    split_parameters,
    weight_parameters,
)
from soyoil.reports.terminal import progress_bar
from soyoil.serving.final import FinalModel, refit
from soyoil.serving.tasks import fold_task, fold_tasks
from soyoil.splits.final import final_plan
from soyoil.splits.forecasts import on_dates, prediction_frame
from soyoil.splits.plan import SplitConfig, plan_from_frame
from soyoil.splits.snapshot import Snapshot
from soyoil.splits.weights import weigh_plan
from soyoil.targets.horizons import Horizon
from soyoil.targets.labels import check_target_columns
from soyoil.warehouse.guard import forbid_warehouse

FORBIDDEN = "fitting reads the snapshot only"

BaselineNode = Callable[[Snapshot, pd.DataFrame, pd.DataFrame], tuple[pd.DataFrame, ...]]


def predict_baselines(
    snapshot: Snapshot, labels: pd.DataFrame, split_plan: pd.DataFrame, *, horizon: Horizon
) -> tuple[pd.DataFrame, ...]:
    """Forecast by the baselines, in the order of `BASELINES`."""
    with forbid_warehouse(FORBIDDEN):
        check_target_columns(labels.columns, horizon, f"the label table of {horizon.name}")
        made_from = MadeFrom(SplitFrames(snapshot, labels, split_plan).check(horizon, {}))
        plan = plan_from_frame(split_plan, labels["data_date"], horizon.name, horizon.sessions)
        numbers, position = plan.test_rows()
        quantiles = baseline_quantiles(snapshot.returns, snapshot.hourly_vol, horizon.sessions)
        return tuple(
            stamped(
                prediction_frame(
                    snapshot,
                    labels,
                    horizon.target,
                    (numbers, position, quantiles[name][position]),
                ),
                made_from,
            )
            for name in BASELINES
        )


def baseline_node(horizon: Horizon) -> BaselineNode:
    """Node function of the baselines of a horizon, in the order of `BASELINES`."""
    return bound(predict_baselines, horizon=horizon)


def mix_experts(
    snapshot: Snapshot,
    labels: pd.DataFrame,
    split_plan: pd.DataFrame,
    config: ChampionConfig,
    *,
    horizon: Horizon,
    **forecasts: pd.DataFrame,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Mix the forecasts of the experts, by name, and say what each of them weighed."""
    with forbid_warehouse(FORBIDDEN):
        check_target_columns(labels.columns, horizon, f"the label table of {horizon.name}")
        hashes = SplitFrames(snapshot, labels, split_plan).check(horizon, {})
        plan = plan_from_frame(split_plan, labels["data_date"], horizon.name, horizon.sessions)
        numbers, position = plan.test_rows()
        dates = labels["data_date"].iloc[position]
        of_experts = {
            f"{name}.predictions": check_handover(
                frame, f"{horizon.name}.{name}.predictions", MadeFrom(hashes), FIT_AGAIN
            )
            for name, frame in forecasts.items()
        }
        quantiles = {name: on_dates(frame, dates) for name, frame in forecasts.items()}
        implied = implied_vol(snapshot.matrix, snapshot.symbol)[position]
        quantiles |= implied_quantiles(implied, horizon.sessions, quantiles[CONES[0]])
        mixed = mix(
            ExpertForecasts(
                session=position,
                y=labels[horizon.target].to_numpy(dtype="float64")[position],
                sigma=vol_cone_sigma(snapshot.returns, horizon.sessions)[position],
                quantiles=in_order(quantiles),
            ),
            horizon.sessions,
            config,
        )
    made_from = MadeFrom(hashes | of_experts, champion_parameters(config))
    rows = (numbers, position, mixed.quantiles)
    frame = stamped(prediction_frame(snapshot, labels, horizon.target, rows), made_from)
    experts = mixed.experts.assign(data_date=dates.to_numpy())
    content = stamp_of(frame)["content"]
    return frame, stamped(experts, made_from, predictions=content)


def champion_node(horizon: Horizon) -> Callable[..., tuple[pd.DataFrame, pd.DataFrame]]:
    """Node function of the champion of a horizon; experts are given by name, the cones first."""
    return bound(mix_experts, horizon=horizon)


def fit_model(
    snapshot: Snapshot,
    labels: pd.DataFrame,
    split_plan: pd.DataFrame,
    sample_weights: pd.DataFrame,
    profile: Profile,
    fit: FitConfig,
    config: EngineConfig,
    *,
    horizon: Horizon,
    model: str,
) -> tuple[pd.DataFrame, FitReport]:
    """Run a fitted model over the folds of a horizon."""
    engine = engine_of(model)
    with forbid_warehouse(FORBIDDEN):
        check_target_columns(labels.columns, horizon, f"the label table of {horizon.name}")
        frames = SplitFrames(snapshot, labels, split_plan, sample_weights)
        made_from = MadeFrom(
            frames.check(horizon, {}), fit_parameters(profile, fit, engine, config)
        )
        plan = plan_from_frame(split_plan, labels["data_date"], horizon.name, horizon.sessions)
        equal = is_ablation(model)
        tasks = fold_tasks(plan, sample_weights, profile, fit, config, equal=equal)
        y = labels[horizon.target].to_numpy(dtype="float64")
        arrays = horizon_arrays(snapshot.matrix, y, horizon.sessions)
        started = time.perf_counter()
        with progress_bar(f"{horizon.name} {model}", len(tasks)) as advance:
            results = run_walk_forward(
                Job(engine, fit, config), arrays, tasks, lambda done: advance(done, len(tasks))
            )
        seconds = time.perf_counter() - started
    numbers = np.concatenate([np.full(len(r.test), r.fold) for r in results])
    position = np.concatenate([r.test for r in results])
    quantiles = np.concatenate([r.quantiles for r in results])
    rows = (numbers, position, quantiles)
    frame = stamped(prediction_frame(snapshot, labels, horizon.target, rows), made_from)
    report = fit_report(tasks, results, seconds)
    return frame, replace(report, predictions=stamp_of(frame)["content"])


def engine_node(horizon: Horizon, model: str) -> Callable[..., tuple[pd.DataFrame, FitReport]]:
    """Node function that runs a fitted model over the folds of a horizon."""
    return bound(
        fit_model, {"config": ENGINES[engine_of(model)].config}, horizon=horizon, model=model
    )


def refit_model(
    snapshot: Snapshot,
    labels: pd.DataFrame,
    split_plan: pd.DataFrame,
    split: SplitConfig,
    weights: WeightsConfig,
    profile: Profile,
    fit: FitConfig,
    config: EngineConfig,
    *,
    horizon: Horizon,
    engine: str,
) -> FinalModel:
    """Fit an engine on every label there is, by the rule of the folds that are scored."""
    with forbid_warehouse(FORBIDDEN):
        check_target_columns(labels.columns, horizon, f"the label table of {horizon.name}")
        made_with = split_parameters(split, profile)
        SplitFrames(snapshot, labels, split_plan).check(horizon, made_with)
        y = labels[horizon.target].to_numpy(dtype="float64")
        dates = snapshot.matrix["data_date"]
        plan = final_plan(dates, ~np.isnan(y), (horizon.name, horizon.sessions), split)
        values, _ = weigh_plan(plan, dates, snapshot.regimes, weights)
        task = fold_task(plan.folds[0], values, (fit.seed, horizon.sessions, len(dates)))
        with progress_bar(f"{horizon.name} {engine} for use", 1) as advance:
            model = refit(
                snapshot, y, horizon, Job(engine, fit, config), task, lambda done: advance(done, 1)
            )
    parameters = made_with | weight_parameters(weights)
    return replace(model, parameters=parameters | fit_parameters(profile, fit, engine, config))


def refit_node(horizon: Horizon, engine: str) -> Callable[..., FinalModel]:
    """Node function that fits an engine on every label of a horizon."""
    return bound(refit_model, {"config": ENGINES[engine].config}, horizon=horizon, engine=engine)
