"""Nodes of the explanation of a change between two tracked runs."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from soyoil.base.errors import ConfigError, SplitError
from soyoil.compare.boards import ScoredRun, TrackedRun
from soyoil.compare.diff import pair, resolve
from soyoil.explain.change import (
    Pair,
    Planned,
    check_pair,
    expected_seconds,
    explain_pair,
    plan_pair,
)
from soyoil.explain.config import ExplainConfig
from soyoil.explain.fits import Fitter
from soyoil.explain.result import ExplainResult, metrics_of, parts_table, scores_table
from soyoil.explain.settings import Sides, read_settings
from soyoil.models.config import FitConfig
from soyoil.models.engines import ENGINES, engine_of
from soyoil.panel.store import ResultStore
from soyoil.params import TrackingConfig
from soyoil.reports.compare.explain import explain_page, explain_view, plan_view
from soyoil.reports.terminal import progress_bar
from soyoil.splits.snapshot import Snapshot, read_kept
from soyoil.tracking.active import current
from soyoil.tracking.artifacts import RunReport
from soyoil.tracking.query import finished_runs, fit_seconds, read_parameters, read_predictions
from soyoil.warehouse.guard import forbid_warehouse

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class FoundRuns:
    """What the tracking store holds of both runs.

    Attributes
    ----------
    pairs
        A and B with their forecasts, by horizon and model.
    parameters
        Whole configuration by pipeline run.
    seconds
        Time of one fit by horizon and engine, as far as it is known: the longer of both runs.
    now
        Code and machine of this run, as tags.
    """

    pairs: list[tuple[ScoredRun, ScoredRun]]
    parameters: Mapping[str, Mapping[str, Any]]
    seconds: Mapping[tuple[str, str], float]
    now: Mapping[str, str]


def _chosen(pairs: list[Pair], explain: ExplainConfig) -> list[Pair]:
    kept = [
        (a, b)
        for a, b in pairs
        if (not explain.horizon or a.horizon in explain.horizon)
        and (not explain.model or a.model in explain.model)
    ]
    if not kept:
        there = ", ".join(f"{a.horizon} {a.model}" for a, _ in pairs)
        raise ConfigError(
            "explain.horizon and explain.model leave nothing of the two runs, which have in "
            f"common: {there}."
        )
    for a, b in kept:
        check_pair(a, b)
    return kept


def _seconds(pairs: list[Pair], runs: list[TrackedRun]) -> dict[tuple[str, str], float]:
    parents = {run.parent_id for both in pairs for run in both}
    horizons = {a.horizon for a, _ in pairs}
    fitted = [
        run
        for run in runs
        if run.parent_id in parents and run.horizon in horizons and engine_of(run.model) in ENGINES
    ]
    took = fit_seconds(fitted)
    longest: dict[tuple[str, str], float] = {}
    for run in fitted:
        key = (run.horizon, engine_of(run.model))
        if run.run_id in took:
            longest[key] = max(longest.get(key, 0.0), took[run.run_id])
    return longest


def find_pairs(explain: ExplainConfig, tracking: TrackingConfig) -> FoundRuns:
    """The two runs, by horizon and model, with what they were made with.

    Raises
    ------
    ConfigError
        No runs are named or found, they do not compare, or their artifacts are gone.
    """
    if not explain.runs:
        raise ConfigError(
            "explain.runs names no runs. Give two: kedro run --pipeline=explain "
            "--params=explain.runs=<A>+<B>. `kedro run --pipeline=compare` lists runs."
        )
    runs = finished_runs(explain.experiment or (tracking.experiment,))
    first, second = (resolve(name, runs, "explain.runs") for name in explain.runs)
    pairs = _chosen(pair(first, second, "explain.runs"), explain)
    wanted = [run for both in pairs for run in both]
    found = read_predictions(sorted({run.run_id for run in wanted}))
    gone = [run for run in wanted if run.run_id not in found]
    if gone:
        raise ConfigError(
            f"explain.runs: the predictions of {gone[0].label} are gone from the artifacts of the "
            "store, so there is no score to explain."
        )
    parent = current()
    return FoundRuns(
        pairs=[(ScoredRun(a, found[a.run_id]), ScoredRun(b, found[b.run_id])) for a, b in pairs],
        parameters={i: read_parameters(i) for i in sorted({run.parent_id for run in wanted})},
        seconds=_seconds(pairs, runs),
        now=parent.tags if parent else {},
    )


def _sides(found: FoundRuns, snapshots: Path) -> dict[tuple[str, str, str, str], Sides]:
    """Settings of both runs, by what pairs share: pipeline runs and snapshots."""
    read: dict[str, Snapshot] = {}
    sides: dict[tuple[str, str, str, str], Sides] = {}
    for pair_ in found.pairs:
        runs = [scored.run for scored in pair_]
        key = _key(runs[0], runs[1])
        if key in sides:
            continue
        both = []
        for run in runs:
            name = run.tags.get("snapshot", "")
            if name not in read:
                try:
                    read[name] = read_kept(snapshots, name)
                except SplitError as error:
                    what = f"explain.runs: {run.label} cannot be fitted again. {error}"
                    raise SplitError(what) from error
            both.append(read_settings(found.parameters[run.parent_id], read[name], run.label))
        sides[key] = Sides(both[0], both[1])
    return sides


def _key(a: TrackedRun, b: TrackedRun) -> tuple[str, str, str, str]:
    return a.parent_id, a.tags.get("snapshot", ""), b.parent_id, b.tags.get("snapshot", "")


def explain_change(
    found: FoundRuns, snapshots: Path, folder: Path, explain: ExplainConfig, fit: FitConfig
) -> ExplainResult:
    """Say what will be fitted, fit it, and split the change of every horizon and model.

    Raises
    ------
    ConfigError
        A run cannot be fitted again, or too few rows are common to all fits.
    SplitError
        A snapshot is not there any more.
    """
    sides = _sides(found, snapshots)
    own = [(both, sides[_key(both[0].run, both[1].run)]) for both in found.pairs]
    plans: list[Planned] = [
        plan_pair((both[0].run, both[1].run), side, explain) for both, side in own
    ]
    seconds = expected_seconds(plans, found.seconds)
    Console(highlight=False).print(plan_view(plans, seconds))
    fitter = Fitter(ResultStore(folder), fit.workers)
    cells = []
    if not explain.plan_only:
        total = len({one for plan in plans for one in plan.fits})
        with (
            forbid_warehouse("fitting reads the snapshots only"),
            progress_bar("explain", total) as bar,
        ):
            fitter.on_fit = lambda _: bar(fitter.fitted + fitter.kept, total)
            for both, side in own:
                cells.append(explain_pair(both, side, fitter, explain, found.now))
                logger.info(cells[-1].sentence())
    return ExplainResult(cells, explain.metric, fitter.fitted, fitter.kept)


def report_change(result: ExplainResult, explain: ExplainConfig) -> RunReport:
    """Tables and page; printed, and as files of a tracked run."""
    tags = {"kind": "explain", "runs": "+".join(explain.runs), "metric": result.metric}
    if not result.cells:
        return RunReport(files={}, tags={**tags, "plan_only": "true"})
    Console(highlight=False).print(explain_view(result))
    return RunReport(
        files={
            "explain.html": explain_page(result),
            "explain.csv": parts_table(result.cells).to_csv(index=False),
            "explain_scores.csv": scores_table(result.cells).to_csv(index=False),
        },
        tags={
            **tags,
            "fits": str(result.fitted),
            "repeats": " ".join(sorted({cell.repeats for cell in result.cells})),
            "provenance": " and ".join(
                sorted({cell.a.tags.get("provenance", "unknown") for cell in result.cells})
            ),
        },
        metrics=metrics_of(result.cells),
    )
