"""Nodes of the fit stage: out-of-sample predictions, nothing read but the snapshot."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from soyoil.base.handover import MadeFrom, stamp_of, stamped
from soyoil.contracts.contract import load_contract
from soyoil.models.base import FoldResult, FoldTask, HorizonArrays
from soyoil.models.baselines import baseline_quantiles, vol_cone_sigma
from soyoil.models.config import EngineConfig, FitConfig
from soyoil.models.engines import ENGINES, engine_of, is_ablation
from soyoil.models.registry import BASELINES
from soyoil.models.report import FitReport, pool_importance
from soyoil.models.selection import thinned
from soyoil.models.walkforward import Job, run_walk_forward
from soyoil.params import Profile
from soyoil.pipelines.origins import SplitFrames, fit_parameters
from soyoil.reports.terminal import progress_bar
from soyoil.splits.plan import Fold, SplitPlan, plan_from_frame
from soyoil.splits.snapshot import Snapshot
from soyoil.targets.horizons import Horizon
from soyoil.targets.labels import check_target_columns
from soyoil.warehouse.guard import forbid_warehouse

FORBIDDEN = "fitting reads the snapshot only"

BaselineNode = Callable[
    [Snapshot, pd.DataFrame, pd.DataFrame], tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]
]


def returns_of(snapshot: Snapshot) -> np.ndarray:
    """Roll-free daily log returns of the target, shape ``(n,)``."""
    return snapshot.matrix["market_data.roll_free_return"].to_numpy(dtype="float64")


def feature_names() -> tuple[str, ...]:
    """Matrix columns that a model may see: regime names and weights are not among them."""
    return load_contract("features.daily_ml_matrix").feature_columns()


def prediction_frame(
    snapshot: Snapshot,
    labels: pd.DataFrame,
    horizon: Horizon,
    rows: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> pd.DataFrame:
    """Assemble scored rows.

    Parameters
    ----------
    rows
        Fold number of each row, position in the session index, quantiles ``(m, 3)``.
    """
    fold, position, quantiles = rows
    matrix = snapshot.matrix.iloc[position]
    label = labels.iloc[position]
    return pd.DataFrame(
        {
            "data_date": matrix["data_date"].to_numpy(),
            "fold": np.asarray(fold, dtype="int64"),
            "label_end_date": label["label_end_date"].to_numpy(),
            "q10": quantiles[:, 0],
            "q50": quantiles[:, 1],
            "q90": quantiles[:, 2],
            "y": label[horizon.target].to_numpy(),
            "close": matrix["market_data.close"].to_numpy(),
            "regime_name": matrix["regime.name"].to_numpy(),
            "regime_weight": matrix["regime.weight"].to_numpy(),
        }
    )


def test_rows(plan: SplitPlan) -> tuple[np.ndarray, np.ndarray]:
    """Fold number and position of every test row, in time order."""
    numbers = np.concatenate([np.full(len(f.test), f.number) for f in plan.folds])
    return numbers, np.concatenate([f.test for f in plan.folds])


def baseline_node(horizon: Horizon) -> BaselineNode:
    """Node function of the three baselines of a horizon, in the order of `BASELINES`."""

    def predict_baselines(
        snapshot: Snapshot, labels: pd.DataFrame, split_plan: pd.DataFrame
    ) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        with forbid_warehouse(FORBIDDEN):
            check_target_columns(labels.columns, horizon, f"the label table of {horizon.name}")
            made_from = MadeFrom(SplitFrames(snapshot, labels, split_plan).check(horizon, {}))
            plan = plan_from_frame(split_plan, labels["data_date"], horizon.name, horizon.sessions)
            numbers, position = test_rows(plan)
            quantiles = baseline_quantiles(returns_of(snapshot), horizon.sessions)
            first, second, third = (
                stamped(
                    prediction_frame(
                        snapshot, labels, horizon, (numbers, position, quantiles[name][position])
                    ),
                    made_from,
                )
                for name in BASELINES
            )
            return first, second, third

    return predict_baselines


def fold_task(fold: Fold, weights: pd.DataFrame, seed: Sequence[int]) -> FoldTask:
    """Positions, weights and seed of one fold.

    Parameters
    ----------
    weights
        Rows of the fold: ``role``, ``weight``, in the order of the plan.
    seed
        Entropy of the fold: configured seed, horizon, fold number.
    """
    by_role = {
        role: rows["weight"].to_numpy(dtype="float64") for role, rows in weights.groupby("role")
    }
    empty = np.empty(0)
    return FoldTask(
        fold=fold.number,
        train=fold.train,
        valid=fold.valid,
        test=fold.test,
        train_weight=by_role.get("train", empty),
        valid_weight=by_role.get("valid", empty),
        seed=int(np.random.SeedSequence(list(seed)).generate_state(1)[0] & 0x7FFFFFFF),
    )


def horizon_arrays(snapshot: Snapshot, labels: pd.DataFrame, horizon: Horizon) -> HorizonArrays:
    """Feature matrix, labels and volatility scale of one horizon."""
    names = feature_names()
    features = snapshot.matrix[list(names)].to_numpy(dtype="float64", na_value=np.nan)
    return HorizonArrays(
        X=np.ascontiguousarray(features),
        y=labels[horizon.target].to_numpy(dtype="float64"),
        scale=vol_cone_sigma(returns_of(snapshot), horizon.sessions),
        dates=labels["data_date"].to_numpy(dtype="datetime64[D]"),
        feature_names=names,
    )


def _report(tasks: Sequence[FoldTask], results: Sequence[FoldResult], seconds: float) -> FitReport:
    folds = pd.DataFrame(
        {
            "fold": [r.fold for r in results],
            "train_rows": [len(t.train) for t in tasks],
            "valid_rows": [len(t.valid) for t in tasks],
            "test_rows": [len(t.test) for t in tasks],
            "rounds": [r.rounds for r in results],
            "shrink_location": [r.shrink.location for r in results],
            "shrink_spread": [r.shrink.spread for r in results],
            "device": [r.device for r in results],
            "libraries": [" ".join(r.libraries) for r in results],
            "seconds": [r.seconds for r in results],
            "peak_rss_mb": [r.peak_rss_mb for r in results],
        }
    )
    return FitReport(
        folds=folds,
        importance=pool_importance(results),
        models={name: content for r in results for name, content in r.models.items()},
        seconds=seconds,
    )


def uniform(task: FoldTask) -> FoldTask:
    """The task with equal weights: the ablation beside a weighted model."""
    return replace(
        task, train_weight=np.ones(len(task.train)), valid_weight=np.ones(len(task.valid))
    )


def kept_folds(plan: SplitPlan, profile: Profile, config: EngineConfig) -> tuple[Fold, ...]:
    """Folds that an engine fits."""
    count = config.last_folds(profile)
    return plan.folds if count is None else plan.folds[-count:]


def engine_node(horizon: Horizon, model: str) -> Callable[..., tuple[pd.DataFrame, FitReport]]:
    """Node function that runs a fitted model over the folds of a horizon."""
    engine = engine_of(model)

    def fit_model(
        snapshot: Snapshot,
        labels: pd.DataFrame,
        split_plan: pd.DataFrame,
        sample_weights: pd.DataFrame,
        profile: Profile,
        fit: FitConfig,
        config: EngineConfig,
    ) -> tuple[pd.DataFrame, FitReport]:
        with forbid_warehouse(FORBIDDEN):
            check_target_columns(labels.columns, horizon, f"the label table of {horizon.name}")
            frames = SplitFrames(snapshot, labels, split_plan, sample_weights)
            made_from = MadeFrom(
                frames.check(horizon, {}), fit_parameters(profile, fit, engine, config)
            )
            plan = plan_from_frame(split_plan, labels["data_date"], horizon.name, horizon.sessions)
            weights = dict(iter(sample_weights.groupby("fold")))
            tasks = [
                fold_task(f, weights[f.number], (fit.seed, horizon.sessions, f.number))
                for f in kept_folds(plan, profile, config)
            ]
            if is_ablation(model):
                tasks = [uniform(task) for task in tasks]
            tasks = [thinned(task, fit.stride(horizon.sessions)) for task in tasks]
            arrays = horizon_arrays(snapshot, labels, horizon)
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
        frame = stamped(prediction_frame(snapshot, labels, horizon, rows), made_from)
        report = _report(tasks, results, seconds)
        return frame, replace(report, predictions=stamp_of(frame)["content"])

    # Kedro validates a parameter against the annotation of its argument.
    fit_model.__annotations__["config"] = ENGINES[engine].config
    return fit_model
