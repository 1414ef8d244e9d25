"""Nodes of the evaluate stage: scores, tracked runs, summary."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pandas as pd
from rich.console import Console

from soyoil.metrics.evaluate import Evaluation, evaluate
from soyoil.models.config import ENGINE_CONFIGS, EngineConfig, FitConfig, TFTConfig
from soyoil.models.registry import ABLATIONS
from soyoil.models.report import FitReport
from soyoil.models.selection import group_columns
from soyoil.params import Profile, WeightsConfig
from soyoil.pipelines.evaluate.record import Cell, Inputs, run_record
from soyoil.pipelines.fit.nodes import feature_names
from soyoil.pipelines.grid import engine_of
from soyoil.reports.figures import skill_card
from soyoil.reports.terminal import result_line, skill_table
from soyoil.splits.plan import SplitConfig
from soyoil.splits.snapshot import Snapshot
from soyoil.tracking.record import RunRecord

logger = logging.getLogger(__name__)

Scores = dict[str, Any]


def _evaluate(cell: Cell, inputs: Inputs) -> Evaluation:
    references = {"random_walk": inputs.random_walk, "vol_cone": inputs.vol_cone}
    return evaluate(inputs.predictions, references, cell.horizon.sessions)


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


def _finish(cell: Cell, inputs: Inputs, params: dict[str, Any]) -> tuple[RunRecord, Scores]:
    evaluation = _evaluate(cell, inputs)
    record = run_record(cell, inputs, evaluation, params)
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
        names = feature_names()
        kept = tuple(names[i] for i in group_columns(names, fit.feature_groups))
        features = config.features if isinstance(config, TFTConfig) else kept
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


def summarise(*scores: Scores) -> tuple[pd.DataFrame, object]:
    """One row per horizon and model, printed at the end of a run, and its figure."""
    provenance = " and ".join(sorted({str(row["provenance"]) for row in scores}))
    Console().print(skill_table(list(scores), provenance))
    table = pd.DataFrame(list(scores))
    return table, skill_card(table, f"Skill out of sample, {provenance} data")
