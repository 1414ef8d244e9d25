"""Nodes of the evaluate stage: scores, tracked runs, summary."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import pandas as pd

from soyoil.base.handover import refusal, text_hash
from soyoil.features.outside import present
from soyoil.market.rolls import data_text
from soyoil.metrics.champion import PREFIX
from soyoil.metrics.evaluate import Evaluation, evaluate
from soyoil.metrics.keys import is_over_all_rows
from soyoil.models.arrays import feature_names
from soyoil.models.champion import ChampionConfig
from soyoil.models.cones.curve import curve_forecast
from soyoil.models.config import EngineConfig, FitConfig
from soyoil.models.engines import ENGINES, engine_of, is_ablation
from soyoil.models.registry import FUTURES_CURVE
from soyoil.models.selection import group_columns
from soyoil.params import Profile, WeightsConfig
from soyoil.pipelines.evaluate.inputs import RunOf, check_inputs
from soyoil.pipelines.grid import bound
from soyoil.pipelines.origins import (
    FIT_AGAIN,
    champion_parameters,
    fit_parameters,
    split_parameters,
    weight_parameters,
)
from soyoil.reports.figures import skill_card
from soyoil.reports.terminal import result_line
from soyoil.splits.plan import SplitConfig
from soyoil.splits.snapshot import Snapshot
from soyoil.tracking.content import Cell, Inputs, run_record
from soyoil.tracking.record import RunRecord

logger = logging.getLogger(__name__)

Scores = dict[str, Any]
MADE_FROM: Final = "made_from"
"""Key of the stamp in a cell's scores; no column of the skill table."""
BESIDE: Final = "beside"
"""Key of scores of a forecast that is made of a cell's own; a further row of the skill table."""
CURVE_OF: Final = "vol_cone"
"""Model about whose centre the futures curve is scored."""


def _evaluate(cell: Cell, inputs: Inputs) -> Evaluation:
    references = {"random_walk": inputs.random_walk, "vol_cone": inputs.vol_cone}
    return evaluate(inputs.predictions, references, cell.horizon.sessions)


def _scores(cell: Cell, inputs: Inputs, evaluation: Evaluation, record: RunRecord) -> Scores:
    return {
        "horizon": cell.horizon.name,
        "model": cell.model,
        "provenance": inputs.snapshot.provenance,
        "rolls": inputs.snapshot.rolls,
        "seconds": inputs.report.seconds if inputs.report else 0.0,
        "scored_rows_hash": evaluation.scored_rows_hash,
        "verdict": evaluation.verdicts["skill_pinball"],
        **{k: v for k, v in evaluation.metrics.items() if is_over_all_rows(k)},
        **{k: v for k, v in record.metrics.items() if k.startswith(PREFIX)},
    }


def _finish(
    cell: Cell, inputs: Inputs, run: RunOf, params: dict[str, Any]
) -> tuple[RunRecord, Scores]:
    hashes = check_inputs(cell, inputs, run)
    evaluation = _evaluate(cell, inputs)
    record = run_record(cell, inputs, evaluation, params)
    scores = _scores(cell, inputs, evaluation, record)
    logger.info(result_line(scores))
    if cell.model == CURVE_OF:
        record, scores = _with_curve(cell, inputs, record, scores)
    return record, _stamped(scores, hashes)


def _with_curve(
    cell: Cell, inputs: Inputs, record: RunRecord, scores: Scores
) -> tuple[RunRecord, Scores]:
    """Record and scores with those of the futures curve, where a scored row has one."""
    snapshot, horizon = inputs.snapshot, cell.horizon.name
    forecasts = curve_forecast(inputs.predictions, snapshot.matrix, snapshot.symbol, horizon)
    if forecasts is None:
        return record, scores
    references = {"random_walk": inputs.random_walk, "vol_cone": inputs.vol_cone}
    found = evaluate(forecasts, references, cell.horizon.sessions)
    own = {
        **{key: scores[key] for key in ("horizon", "provenance", "rolls", "scored_rows_hash")},
        "model": FUTURES_CURVE,
        "seconds": 0.0,
        "verdict": found.verdicts["skill_pinball"],
        **{k: v for k, v in found.metrics.items() if is_over_all_rows(k)},
    }
    logger.info(result_line(own))
    tables = {
        **record.tables,
        f"{FUTURES_CURVE}.parquet": forecasts,
        f"{FUTURES_CURVE}_scores.csv": pd.DataFrame(
            found.metrics.items(), columns=["metric", "value"]
        ),
    }
    return replace(record, tables=tables), {**scores, BESIDE: own}


def _stamped(scores: Scores, hashes: Mapping[str, str]) -> Scores:
    made_from = {name: hashes[name] for name in ("snapshot", "split_plan", "predictions")}
    made_from |= {name: content for name, content in hashes.items() if "." in name}
    return {**scores, MADE_FROM: {**made_from, "content": text_hash(scores)}}


def _checked(scores: Scores, snapshot: Snapshot, plans: dict[str, str]) -> Scores:
    """Scores without their stamp, if they are of this snapshot and of the plan of the others.

    Parameters
    ----------
    plans
        Hash of the split plan by horizon, as far as scores were seen; added to.
    """
    plain = {name: value for name, value in scores.items() if name != MADE_FROM}
    stamp = scores.get(MADE_FROM) or {}
    name = f"{scores.get('horizon')}.{scores.get('model')}.scores"
    plan = plans.setdefault(str(scores.get("horizon")), str(stamp.get("split_plan")))
    problems = []
    if stamp.get("content") != text_hash(plain):
        problems.append("they were changed after they were written, or are of an earlier version")
    elif stamp["snapshot"] != snapshot.content_hash:
        problems.append("they are of another snapshot")
    elif stamp["split_plan"] != plan:
        problems.append("they are of another split plan than those of other models")
    if problems:
        raise refusal(name, problems, "Run the evaluate stage of this cell again.")
    return plain


def _rows(scores: Scores) -> list[Scores]:
    """Rows of the skill table: the cell's own, and what is scored beside it."""
    own = {name: value for name, value in scores.items() if name != BESIDE}
    return [own, *([scores[BESIDE]] if BESIDE in scores else [])]


def _check_experts(found: Sequence[Scores]) -> None:
    """Check that every champion was mixed from the forecasts that are scored beside it."""
    scored = {(row["horizon"], row["model"]): row[MADE_FROM]["predictions"] for row in found}
    for row in found:
        for name, content in row[MADE_FROM].items():
            model, _, kind = name.partition(".")
            if kind and scored[row["horizon"], model] != content:
                where = f"{row['horizon']}.{row['model']}.predictions"
                problem = f"they were mixed from other forecasts of {model} than those scored here"
                raise refusal(where, [problem], FIT_AGAIN)


def _plan_params(split: SplitConfig, profile: Profile, weights: WeightsConfig) -> dict[str, Any]:
    return {
        "profile": profile,
        "split": split.for_profile(profile).model_dump(mode="json"),
        "weights": weights.model_dump(mode="json"),
    }


def _split_run(split: SplitConfig, profile: Profile, weights: WeightsConfig) -> dict[str, Any]:
    return {**split_parameters(split, profile), **weight_parameters(weights)}


def evaluate_baseline(
    split: SplitConfig, profile: Profile, weights: WeightsConfig, *, cell: Cell, **frames: Any
) -> tuple[RunRecord, Scores]:
    """Score a baseline; the frames are the fields of `Inputs`."""
    inputs = Inputs(**frames)
    run = RunOf(_split_run(split, profile, weights), {})
    return _finish(cell, inputs, run, _plan_params(split, profile, weights))


def baseline_evaluation_node(cell: Cell) -> Callable[..., tuple[RunRecord, Scores]]:
    """Node function that scores a baseline; the frames it takes are the fields of `Inputs`."""
    return bound(evaluate_baseline, cell=cell)


def evaluate_fitted(
    split: SplitConfig,
    profile: Profile,
    weights: WeightsConfig,
    fit: FitConfig,
    config: EngineConfig,
    *,
    cell: Cell,
    **frames: Any,
) -> tuple[RunRecord, Scores]:
    """Score a fitted model; the frames are the fields of `Inputs`."""
    engine = engine_of(cell.model)
    inputs = Inputs(**frames)
    run = RunOf(
        _split_run(split, profile, weights),
        fit_parameters(profile, fit, engine, config),
        config.last_folds(profile),
    )
    names = present(feature_names(), inputs.snapshot.matrix)
    offered = tuple(names[i] for i in group_columns(names, fit.feature_groups))
    own = config.own_columns()
    params = {
        **_plan_params(split, profile, weights),
        "fit": fit.model_dump(mode="json"),
        engine: config.model_dump(mode="json"),
        "features": " ".join(offered if own is None else own),
    }
    if is_ablation(cell.model):
        params["weights"] = {"scheme": "uniform"}
    return _finish(cell, inputs, run, params)


def fitted_evaluation_node(cell: Cell) -> Callable[..., tuple[RunRecord, Scores]]:
    """Node function that scores a fitted model."""
    return bound(evaluate_fitted, {"config": ENGINES[engine_of(cell.model)].config}, cell=cell)


def evaluate_champion(
    split: SplitConfig,
    profile: Profile,
    weights: WeightsConfig,
    config: ChampionConfig,
    *,
    cell: Cell,
    **frames: Any,
) -> tuple[RunRecord, Scores]:
    """Score the champion; the frames are the fields of `Inputs`."""
    run = RunOf(_split_run(split, profile, weights), champion_parameters(config))
    params = {**_plan_params(split, profile, weights), **champion_parameters(config)}
    return _finish(cell, Inputs(**frames), run, params)


def champion_evaluation_node(cell: Cell) -> Callable[..., tuple[RunRecord, Scores]]:
    """Node function that scores the champion."""
    return bound(evaluate_champion, cell=cell)


def summarise(snapshot: Snapshot, *found: Scores) -> tuple[pd.DataFrame, object]:
    """One row per horizon and model, which the end of a run shows, and its figure.

    Raises
    ------
    HandoverError
        Scores were changed, or are of other data than the rest, or a champion was mixed from other
        forecasts than those that are scored.
    """
    plans: dict[str, str] = {}
    scores = [part for row in found for part in _rows(_checked(row, snapshot, plans))]
    _check_experts(found)
    provenance = " and ".join(sorted({str(row["provenance"]) for row in scores}))
    table = pd.DataFrame(scores)
    title = f"Skill out of sample, {data_text(provenance, snapshot.rolls)}"
    return table, skill_card(table, title)
