"""Nodes of the evaluate stage: scores, tracked runs, summary."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console

from soyoil.market.instruments import get_instrument
from soyoil.metrics.evaluate import Evaluation, evaluate
from soyoil.models.config import ENGINE_CONFIGS, EngineConfig, FitConfig, TFTConfig
from soyoil.models.registry import ABLATIONS
from soyoil.models.report import FitReport
from soyoil.params import Profile, WeightsConfig
from soyoil.pipelines.fit.nodes import feature_names
from soyoil.pipelines.grid import engine_of
from soyoil.regimes.table import regime_hash
from soyoil.reports.plots import cone_plot, importance_plot, split_plan_plot
from soyoil.reports.terminal import result_line, skill_table
from soyoil.splits.plan import SplitConfig, plan_from_frame
from soyoil.splits.snapshot import Snapshot
from soyoil.targets.horizons import Horizon
from soyoil.tracking.record import RunRecord

logger = logging.getLogger(__name__)

Scores = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """One horizon x model of the grid."""

    horizon: Horizon
    model: str


@dataclass(frozen=True)
class Inputs:
    """What a cell is scored from.

    Attributes
    ----------
    predictions, random_walk, vol_cone
        Scored rows of the model and of the two references.
    split_plan, weight_report
        Tables of the split stage.
    report
        Fit report of an engine; None for a baseline.
    """

    snapshot: Snapshot
    predictions: pd.DataFrame
    random_walk: pd.DataFrame
    vol_cone: pd.DataFrame
    split_plan: pd.DataFrame
    weight_report: pd.DataFrame
    report: FitReport | None


def _evaluate(cell: Cell, inputs: Inputs) -> Evaluation:
    references = {"random_walk": inputs.random_walk, "vol_cone": inputs.vol_cone}
    return evaluate(inputs.predictions, references, cell.horizon.sessions)


def _tags(cell: Cell, inputs: Inputs, evaluation: Evaluation, scheme: str) -> dict[str, str]:
    snapshot, horizon = inputs.snapshot, cell.horizon
    plan = plan_from_frame(
        inputs.split_plan, snapshot.matrix["data_date"], horizon.name, horizon.sessions
    )
    return {
        "symbol": snapshot.symbol,
        "horizon": horizon.name,
        "horizon_sessions": str(horizon.sessions),
        "model": cell.model,
        "target": horizon.target,
        "weighting": _weighting(cell, inputs, scheme),
        "engine": engine_of(cell.model),
        "verdict": evaluation.verdicts["skill_pinball"],
        "verdict_mae": evaluation.verdicts["skill_mae"],
        "hindsight_weights": "true",
        "provenance": snapshot.provenance,
        "snapshot": snapshot.content_hash,
        "split_plan": plan.content_hash,
        "regimes": regime_hash(snapshot.regimes),
        "scored_rows_hash": evaluation.scored_rows_hash,
        "device": "cpu" if inputs.report is None else " ".join(inputs.report.devices),
    }


def _target_summary(predictions: pd.DataFrame) -> dict[str, float]:
    y = predictions["y"].to_numpy(dtype="float64")
    return {"mean": float(np.mean(y)), "sd": float(np.std(y, ddof=1)), "n": float(len(y))}


def _weighting(cell: Cell, inputs: Inputs, scheme: str) -> str:
    if inputs.report is None:
        return "none"
    return "uniform" if cell.model in ABLATIONS else scheme


def _fit_metrics(
    report: FitReport | None, weight_report: pd.DataFrame
) -> list[tuple[str, int, float]]:
    metrics: list[tuple[str, int, float]] = []
    for row in weight_report.to_dict("records"):
        step = int(row["fold"])
        metrics.append(("fold.train.rows", step, float(row["rows"])))
        metrics.append(("fold.train.effective_n", step, float(row["effective_n"])))
        metrics.append(("fold.train.independent_n", step, float(row["independent_n"])))
    if report is not None:
        for row in report.folds.to_dict("records"):
            step = int(row["fold"])
            metrics.append(("fold.train.rounds", step, float(row["rounds"])))
            for factor in ("shrink_location", "shrink_spread"):
                metrics.append((f"fold.train.{factor}", step, float(row[factor])))
            metrics.append(("fold.train.seconds", step, float(row["seconds"])))
    return metrics


def _scores(cell: Cell, inputs: Inputs, evaluation: Evaluation) -> Scores:
    return {
        "horizon": cell.horizon.name,
        "model": cell.model,
        "provenance": inputs.snapshot.provenance,
        "seconds": inputs.report.seconds if inputs.report else 0.0,
        "scored_rows_hash": evaluation.scored_rows_hash,
        "verdict": evaluation.verdicts["skill_pinball"],
        **{k: v for k, v in evaluation.metrics.items() if k.count(".") == 2},
    }


def _record(
    cell: Cell, inputs: Inputs, evaluation: Evaluation, params: dict[str, Any]
) -> RunRecord:
    report, horizon = inputs.report, cell.horizon
    figures = {
        "cone.png": cone_plot(
            inputs.predictions,
            f"{inputs.snapshot.symbol} {horizon.name} {cell.model}, out of sample, "
            f"{inputs.snapshot.provenance} data",
            get_instrument(inputs.snapshot.symbol).unit,
        ),
        "split_plan.png": split_plan_plot(
            inputs.split_plan, inputs.snapshot.regimes, f"Split plan, horizon {horizon.name}"
        ),
    }
    tables = {
        "predictions.parquet": inputs.predictions,
        "split_plan.parquet": inputs.split_plan,
        "weight_report.csv": inputs.weight_report,
        "regimes.csv": inputs.snapshot.regimes,
    }
    files: dict[str, bytes] = {}
    metrics = dict(evaluation.metrics)
    if report is not None:
        importance = pd.DataFrame(report.importance.items(), columns=["feature", "share"])
        tables["importance.csv"] = importance.sort_values("share", ascending=False)
        tables["folds.csv"] = report.folds
        figures["importance.png"] = importance_plot(report.importance)
        files = {f"models/{name}": content for name, content in report.models.items()}
        metrics["fit.seconds"] = report.seconds
        metrics["fit.peak_rss_mb"] = float(report.folds["peak_rss_mb"].max())
    scheme = str(params["weights"]["scheme"])
    fit_metrics = _fit_metrics(report, inputs.weight_report)
    return RunRecord(
        run_name=f"{inputs.snapshot.symbol.lower()}_{horizon.name}_{cell.model}",
        tags=_tags(cell, inputs, evaluation, scheme),
        params={**params, "target": _target_summary(inputs.predictions)},
        metrics=metrics,
        fold_metrics=(*evaluation.fold_metrics, *fit_metrics),
        tables=tables,
        figures=figures,
        files=files,
    )


def _finish(cell: Cell, inputs: Inputs, params: dict[str, Any]) -> tuple[RunRecord, Scores]:
    evaluation = _evaluate(cell, inputs)
    record = _record(cell, inputs, evaluation, params)
    scores = _scores(cell, inputs, evaluation)
    logger.info(result_line(scores))
    return record, scores


def _plan_params(split: SplitConfig, profile: Profile, weights: WeightsConfig) -> dict[str, Any]:
    return {
        "profile": profile,
        "split": split.for_profile(profile).model_dump(mode="json"),
        "weights": weights.model_dump(mode="json"),
    }


def baseline_evaluation_node(cell: Cell) -> Callable[..., tuple[RunRecord, Scores]]:
    """Node function that scores a baseline."""

    def evaluate_baseline(
        snapshot: Snapshot,
        predictions: pd.DataFrame,
        random_walk: pd.DataFrame,
        vol_cone: pd.DataFrame,
        split_plan: pd.DataFrame,
        weight_report: pd.DataFrame,
        split: SplitConfig,
        profile: Profile,
        weights: WeightsConfig,
    ) -> tuple[RunRecord, Scores]:
        inputs = Inputs(
            snapshot, predictions, random_walk, vol_cone, split_plan, weight_report, None
        )
        return _finish(cell, inputs, _plan_params(split, profile, weights))

    return evaluate_baseline


def fitted_evaluation_node(cell: Cell) -> Callable[..., tuple[RunRecord, Scores]]:
    """Node function that scores a fitted model."""
    engine = engine_of(cell.model)

    def evaluate_fitted(
        snapshot: Snapshot,
        predictions: pd.DataFrame,
        random_walk: pd.DataFrame,
        vol_cone: pd.DataFrame,
        split_plan: pd.DataFrame,
        weight_report: pd.DataFrame,
        report: FitReport,
        split: SplitConfig,
        profile: Profile,
        weights: WeightsConfig,
        fit: FitConfig,
        config: EngineConfig,
    ) -> tuple[RunRecord, Scores]:
        inputs = Inputs(
            snapshot, predictions, random_walk, vol_cone, split_plan, weight_report, report
        )
        features = config.features if isinstance(config, TFTConfig) else feature_names()
        params = {
            **_plan_params(split, profile, weights),
            "fit": fit.model_dump(mode="json"),
            engine: config.model_dump(mode="json"),
            "features": " ".join(features),
        }
        if cell.model in ABLATIONS:
            params["weights"] = {"scheme": "uniform"}
        return _finish(cell, inputs, params)

    # Kedro validates a parameter against the annotation of its argument.
    evaluate_fitted.__annotations__["config"] = ENGINE_CONFIGS[engine]
    return evaluate_fitted


def summarise(*scores: Scores) -> pd.DataFrame:
    """One row per horizon and model; printed as a table at the end of a run."""
    provenances = {str(row["provenance"]) for row in scores}
    Console().print(skill_table(list(scores), " and ".join(sorted(provenances))))
    return pd.DataFrame(list(scores))
