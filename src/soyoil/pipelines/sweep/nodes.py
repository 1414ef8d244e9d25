"""Nodes of a sweep: trials as they end, then what they are worth."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

from soyoil.base.errors import ConfigError
from soyoil.models.arrays import feature_names, horizon_arrays
from soyoil.models.champion import ChampionConfig
from soyoil.models.cones.implied import implied_vol
from soyoil.models.config import FitConfig
from soyoil.models.engines import ENGINES
from soyoil.models.selection import check_groups
from soyoil.params import Profile
from soyoil.regimes.weights import WeightsConfig
from soyoil.reports.sweep import sweep_page
from soyoil.reports.terminal import progress_bar
from soyoil.sources.base import SourceConfig
from soyoil.splits.plan import SplitConfig
from soyoil.splits.snapshot import Snapshot
from soyoil.sweep.config import SweepConfig, Value
from soyoil.sweep.inner import TrainingSpan, cut_before_test, inner_plan, stops_early
from soyoil.sweep.ledger import StudyKey, Trial, TrialKey
from soyoil.sweep.space import TrialConfig, searches_groups
from soyoil.sweep.study import StudySpec, objective_of, study_name
from soyoil.sweep.summary import (
    StudySummary,
    conf_text,
    summarise_study,
    train_command,
    trial_table,
)
from soyoil.sweep.worker import journal_path, run_studies
from soyoil.targets.horizons import HORIZONS, Horizon
from soyoil.targets.labels import build_labels, check_target_columns
from soyoil.tracking.sweep import SweepReport, study_tags
from soyoil.warehouse.guard import forbid_warehouse

logger = logging.getLogger(__name__)

FORBIDDEN = "a sweep reads the snapshot only"
LEDGER = "ledger"


@dataclass(frozen=True)
class SweepInputs:
    """What a sweep is set up from.

    Attributes
    ----------
    snapshot
        Rows.
    folder
        Folder of journals and ledger.
    split
        Outer plan.
    base
        Configuration as it stands, for the model of the sweep.
    sweep
        What to search.
    """

    snapshot: Snapshot
    folder: Path
    split: SplitConfig
    base: TrialConfig
    sweep: SweepConfig


def training_span(visible: Snapshot, horizon: Horizon) -> TrainingSpan:
    """Arrays of one horizon on a snapshot that ends before the first outer test origin."""
    sessions = visible.sessions()
    labels = build_labels(sessions, horizon)
    check_target_columns(labels.columns, horizon, f"the label table of {horizon.name}")
    matrix = visible.matrix
    return TrainingSpan(
        horizon=horizon,
        arrays=horizon_arrays(
            matrix, labels[horizon.target].to_numpy(dtype="float64"), horizon.sessions
        ),
        returns=visible.returns,
        hourly_vol=visible.hourly_vol,
        implied_vol=implied_vol(matrix, visible.symbol),
        dates=matrix["data_date"],
        regime_names=matrix["regime.name"].to_numpy(dtype="object"),
        regime_weights=matrix["regime.weight"].to_numpy(dtype="float64"),
        regimes=visible.regimes,
        content_hash=visible.content_hash,
    )


def make_studies(inputs: SweepInputs) -> tuple[list[StudySpec], list[TrainingSpan]]:
    """Studies of a sweep, one per horizon, and the rows that each may see.

    Raises
    ------
    ConfigError
        If the search space is empty or names an unknown feature group.
    SplitError
        If the training span of a horizon has no room for inner folds.
    """
    sweep, base = inputs.sweep, inputs.base
    if not sweep.dimensions:
        raise ConfigError(
            f"sweep.space.{sweep.model} is empty: there is nothing to search. Name keys and ranges "
            "as in conf/base/parameters_sweep.yml."
        )
    check_groups(feature_names(), searches_groups(sweep.dimensions))
    visible = cut_before_test(inputs.snapshot, inputs.split)
    snapshot = inputs.snapshot.content_hash
    deadline = None if sweep.timeout_s is None else time.time() + sweep.timeout_s
    specs, spans = [], []
    for name in sweep.horizons:
        span = training_span(visible, HORIZONS[name])
        plan = inner_plan(span, inputs.split, sweep.inner)
        study = study_name(span, sweep, base, plan)
        key = StudyKey(
            name=study,
            horizon=name,
            sessions=span.horizon.sessions,
            model=sweep.model,
            snapshot=snapshot,
            training_span=span.content_hash,
            objective=objective_of(sweep).name,
            reproducible=sweep.reproducible,
        )
        journal = journal_path(inputs.folder, span.content_hash, study)
        ledger = inputs.folder / LEDGER
        specs.append(StudySpec(key, sweep, base, plan, journal, ledger, deadline))
        spans.append(span)
        if inputs.split.valid_sessions and not stops_early(plan):
            logger.warning(
                "%s: the training span has no room for an early-stopping block. Trials use all "
                "their rounds and are not shrunk; a later split.first_origin makes room",
                name,
            )
    return specs, spans


def _inputs(
    snapshot: Snapshot,
    folder: Path,
    split: SplitConfig,
    parts: tuple[SweepConfig, FitConfig, WeightsConfig],
    engines: Mapping[str, Any],
) -> SweepInputs:
    sweep, fit, weights = parts
    # Kedro types the arguments that a node names, and these are named by the registry.
    engine = ENGINES[sweep.model].config.model_validate(engines[sweep.model])
    base = TrialConfig(sweep.model, engine, fit, weights)
    return SweepInputs(snapshot, folder, split, base, sweep)


def search_space(
    snapshot: Snapshot,
    folder: Path,
    sweep: SweepConfig,
    split: SplitConfig,
    fit: FitConfig,
    weights: WeightsConfig,
    **engines: Any,
) -> Iterator[Trial]:
    """Search the studies of a sweep; yields their trials as they end, for tracking."""
    with forbid_warehouse(FORBIDDEN):
        inputs = _inputs(snapshot, folder, split, (sweep, fit, weights), engines)
        specs, spans = make_studies(inputs)
    label = f"sweep {sweep.horizon} {sweep.model}"
    total = sweep.trials * len(specs)
    with progress_bar(label, total) as advance:
        for number, trial in enumerate(run_studies(specs, spans), start=1):
            advance(min(number, total), total)
            yield trial


def report_sweep(
    tracked: tuple[TrialKey, ...],
    snapshot: Snapshot,
    folder: Path,
    sweep: SweepConfig,
    split: SplitConfig,
    fit: FitConfig,
    weights: WeightsConfig,
    source: SourceConfig,
    profile: Profile,
    champion: ChampionConfig,
    **engines: Any,
) -> tuple[pd.DataFrame, SweepReport]:
    """Judge the best trial of each study against luck and write it down for use."""
    with forbid_warehouse(FORBIDDEN):
        inputs = _inputs(snapshot, folder, split, (sweep, fit, weights), engines)
        specs, spans = make_studies(inputs)
        summaries = [
            summarise_study(spec, span, champion) for spec, span in zip(specs, spans, strict=True)
        ]
    logger.info("%d trials of this sweep are tracked", len(set(tracked)))
    others = _same_data(source, profile)
    page = f"sweep_{sweep.model}_{'_'.join(sweep.horizons)}.html"
    files = {page: sweep_page(summaries, sweep.dimensions, snapshot)}
    for summary in summaries:
        if summary.best is not None:
            files[f"{summary.key.name}.yml"] = conf_text(summary, inputs.base, others)
    report = SweepReport(
        files=files,
        tags={
            **study_tags([s.key for s in summaries]),
            "provenance": snapshot.provenance,
            "rolls": snapshot.rolls,
        },
        metrics=_metrics(summaries),
    )
    _print(summaries, inputs.base, others)
    return trial_table(summaries), report


def _metrics(summaries: list[StudySummary]) -> dict[str, float]:
    out: dict[str, float] = {}
    for summary in summaries:
        luck, horizon = summary.luck, summary.key.horizon
        out[f"sweep.{horizon}.champion"] = summary.champion
        if luck is not None:
            out[f"sweep.{horizon}.best_skill"] = luck.best
            out[f"sweep.{horizon}.luck"] = luck.expected
            out[f"sweep.{horizon}.trials"] = float(luck.trials)
            out[f"sweep.{horizon}.p_value"] = luck.p_value
            out[f"sweep.{horizon}.deflated"] = luck.deflated
            out[f"sweep.{horizon}.overfit"] = luck.overfit
    return out


def _same_data(source: SourceConfig, profile: Profile) -> dict[str, Value]:
    """Parameters that name the data of the sweep; the synthetic market is the default."""
    if source.kind == "synthetic" or source.path is None:
        return {"profile": profile}
    return {
        "profile": profile,
        "source.kind": source.kind,
        "source.path": source.path,
        "source.symbols": "+".join(source.symbols),
    }


def _print(summaries: list[StudySummary], base: TrialConfig, others: Mapping[str, Value]) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for summary in summaries:
        console.print(summary.details)
        if summary.best is not None:
            console.print(f"to train it: {train_command(summary, base, others)}")
    for summary in summaries:
        console.print(summary.line)
