"""What a tracked run of one horizon and model holds, made from its scores and inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from soyoil.market.instruments import get_instrument
from soyoil.metrics.breakdown import coverage_table, regime_scores
from soyoil.metrics.champion import champion_metrics
from soyoil.metrics.evaluate import Evaluation
from soyoil.metrics.events import event_metrics, event_scores
from soyoil.models.base import CONTRIBUTION, GAIN, SELECTION
from soyoil.models.engines import engine_of, is_ablation
from soyoil.models.registry import REFERENCES
from soyoil.models.report import FitReport, importance_frame
from soyoil.regimes.table import regime_hash
from soyoil.reports.plots import (
    cone_plot,
    coverage_plot,
    expert_weights_plot,
    ranked_plot,
    split_plan_plot,
    weight_shares_plot,
)
from soyoil.reports.png import png_once
from soyoil.reports.words import RunFacts, run_note
from soyoil.splits.plan import plan_from_frame
from soyoil.splits.snapshot import Snapshot
from soyoil.targets.horizons import Horizon
from soyoil.tracking.pages import dataset_use
from soyoil.tracking.record import RunRecord

if TYPE_CHECKING:
    from soyoil.reports.chart import Chart

REFERENCE: Final = "reference"
UNITS: Final = {"vol_scaled": "units of the vol cone's sigma", "log_return": "log return"}


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
    labels, split_plan, sample_weights, weight_report
        Tables of the split stage.
    report
        Fit report of an engine; None for a model without a fit.
    experts
        Weights of the champion's experts on the scored rows, and the forecast of the cones alone
        (`soyoil.models.champion.Mixed`); None for another model.
    """

    snapshot: Snapshot
    predictions: pd.DataFrame
    random_walk: pd.DataFrame
    vol_cone: pd.DataFrame
    labels: pd.DataFrame
    split_plan: pd.DataFrame
    sample_weights: pd.DataFrame
    weight_report: pd.DataFrame
    report: FitReport | None = None
    experts: pd.DataFrame | None = None


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
        "verdict": _verdict(cell, evaluation),
        "verdict_mae": evaluation.verdicts["skill_mae"],
        "hindsight_weights": "true",
        "provenance": snapshot.provenance,
        "rolls": snapshot.rolls,
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
    if inputs.experts is not None:
        return "by matured losses"
    if inputs.report is None:
        return "none"
    return "uniform" if is_ablation(cell.model) else scheme


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


def _importance(
    report: FitReport, target_kind: str, what: str
) -> tuple[dict[str, pd.DataFrame], dict[str, Chart]]:
    """Table and figure by file name; a network's variable selection is not called importance."""
    table = importance_frame(report.importance)
    if SELECTION in report.importance:
        labels = {SELECTION: "mean selection weight in the encoder"}
        figure = ranked_plot(table, labels, f"Variable selection, {what}")
        return {"variable_selection.csv": table}, {"variable_selection.png": figure}
    labels = {
        CONTRIBUTION: f"mean |contribution| on scored rows, {UNITS[target_kind]}",
        GAIN: "share of total gain in training",
    }
    labels = {kind: label for kind, label in labels.items() if kind in report.importance}
    if not labels:
        return {}, {}
    figure = ranked_plot(table, labels, f"Feature importance, {what}")
    return {"importance.csv": table}, {"importance.png": figure}


def _verdict(cell: Cell, evaluation: Evaluation) -> str:
    """Verdict on a model; of one that skill is measured by, nothing is asked."""
    return REFERENCE if cell.model in REFERENCES else evaluation.verdicts["skill_pinball"]


def _facts(cell: Cell, inputs: Inputs, evaluation: Evaluation, weighting: str) -> RunFacts:
    scored = inputs.predictions["data_date"]
    return RunFacts(
        symbol=inputs.snapshot.symbol,
        horizon=cell.horizon.name,
        sessions=cell.horizon.sessions,
        model=cell.model,
        target=cell.horizon.target,
        weighting=weighting,
        provenance=inputs.snapshot.provenance,
        rolls=inputs.snapshot.rolls,
        snapshot=inputs.snapshot.content_hash,
        verdict=_verdict(cell, evaluation),
        metrics=evaluation.metrics,
        first=scored.min(),
        last=scored.max(),
    )


def run_record(
    cell: Cell, inputs: Inputs, evaluation: Evaluation, params: dict[str, Any]
) -> RunRecord:
    """Everything that MLflow is to keep of one horizon and model.

    Parameters
    ----------
    cell
        Horizon and model.
    inputs
        What was scored.
    evaluation
        Its scores.
    params
        Nested plain configuration; ``weights.scheme`` and, for a fitted model,
        ``fit.target_kind`` are read.
    """
    report, horizon, snapshot = inputs.report, cell.horizon, inputs.snapshot
    what = f"{snapshot.symbol} {horizon.name} {cell.model}, {snapshot.data_text}"
    coverage = coverage_table(inputs.predictions, horizon.sessions)
    figures = {
        "cone.png": cone_plot(
            inputs.predictions,
            f"{snapshot.symbol} {horizon.name} {cell.model}, out of sample, {snapshot.data_text}",
            get_instrument(snapshot.symbol).unit,
        ),
        "coverage.png": coverage_plot(coverage, f"Coverage of the 80 % interval, {what}"),
    }
    files = {
        "split_plan.png": png_once(
            split_plan_plot, f"Split plan, horizon {horizon.name}",
            inputs.split_plan, snapshot.regimes,
        ),
        "weight_shares.png": png_once(
            weight_shares_plot, f"Training weight by regime, horizon {horizon.name}",
            inputs.weight_report,
        ),
    }  # fmt: skip
    tables = {
        "predictions.parquet": inputs.predictions,
        "split_plan.parquet": inputs.split_plan,
        "weight_report.csv": inputs.weight_report,
        "regimes.csv": snapshot.regimes,
        "regime_scores.csv": regime_scores(evaluation.metrics),
        "coverage.csv": coverage,
    }
    metrics = dict(evaluation.metrics)
    references = {"random_walk": inputs.random_walk, "vol_cone": inputs.vol_cone}
    events = event_scores(inputs.predictions, references, snapshot.matrix, horizon.sessions)
    if len(events):
        tables["event_scores.csv"] = events
        metrics |= event_metrics(events)
    if report is not None:
        more_tables, more_figures = _importance(report, params["fit"]["target_kind"], what)
        tables |= {**more_tables, "folds.csv": report.folds}
        figures |= more_figures
        files |= {f"models/{name}": content for name, content in report.models.items()}
        metrics["fit.seconds"] = report.seconds
        metrics["fit.peak_rss_mb"] = float(report.folds["peak_rss_mb"].max())
    if inputs.experts is not None:
        tables["expert_weights.parquet"] = inputs.experts
        figures["expert_weights.png"] = expert_weights_plot(
            inputs.experts, f"Weights of the experts, {what}"
        )
        metrics |= champion_metrics(inputs.experts, inputs.predictions)
    tags = _tags(cell, inputs, evaluation, str(params["weights"]["scheme"]))
    return RunRecord(
        run_name=f"{snapshot.symbol.lower()}_{horizon.name}_{cell.model}",
        tags=tags,
        params={**params, "target": _target_summary(inputs.predictions)},
        metrics=metrics,
        fold_metrics=(*evaluation.fold_metrics, *_fit_metrics(report, inputs.weight_report)),
        tables=tables,
        figures=figures,
        files=files,
        description=run_note(_facts(cell, inputs, evaluation, tags["weighting"])),
        dataset=dataset_use(snapshot),
    )
