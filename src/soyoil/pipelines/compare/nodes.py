"""Nodes of the comparison of tracked runs."""

from __future__ import annotations

import logging

from rich.console import Console

from soyoil.base.errors import ConfigError
from soyoil.compare.boards import Refusal, ScoredRun, TrackedRun, make_boards, select
from soyoil.compare.config import CompareConfig
from soyoil.compare.diff import diff_table, pair, resolve, run_diff, seed_siblings
from soyoil.compare.scores import leaderboard
from soyoil.params import TrackingConfig
from soyoil.reports.compare.page import diff_page, leaderboard_page
from soyoil.reports.compare.terminal import diff_view, diffs_view, leaderboard_view
from soyoil.tracking.query import finished_runs, read_predictions

logger = logging.getLogger(__name__)

Files = dict[str, str]


def find_runs(compare: CompareConfig, tracking: TrackingConfig) -> list[TrackedRun]:
    """Finished child runs of the experiments asked for."""
    return finished_runs(compare.experiment or (tracking.experiment,))


def _filters(compare: CompareConfig) -> str:
    given = compare.model_dump(mode="json", exclude_defaults=True, exclude={"runs", "metric"})
    words = [
        f"{name} {'+'.join(value) if isinstance(value, list) else value}"
        for name, value in given.items()
    ]
    return ", ".join(words) or "none"


def _rank(runs: list[TrackedRun], compare: CompareConfig) -> Files:
    chosen = select(runs, compare)
    found = read_predictions([run.run_id for run in chosen])
    lost = [Refusal(r, "its predictions are gone") for r in chosen if r.run_id not in found]
    scored = [ScoredRun(r, found[r.run_id]) for r in chosen if r.run_id in found]
    boards, refusals = make_boards(scored, compare)
    refusals = [*refusals, *lost]
    table = leaderboard(boards, compare.metric)
    Console().print(leaderboard_view(boards, table, refusals, compare.metric))
    page = leaderboard_page(boards, table, refusals, compare.metric, _filters(compare))
    return {"leaderboard.html": page, "leaderboard.csv": table.to_csv(index=False)}


def _difference(runs: list[TrackedRun], compare: CompareConfig) -> Files:
    first, second = (resolve(name, runs) for name in compare.runs)
    diffs = []
    for a, b in pair(first, second):
        siblings = seed_siblings(a, runs)
        if len(siblings) < 2:
            siblings = seed_siblings(b, runs)
        found = read_predictions(sorted({r.run_id for r in (a, b, *siblings)}))
        gone = [run for run in (a, b) if run.run_id not in found]
        if gone:
            raise ConfigError(
                f"compare.runs: the predictions of {gone[0].label} are gone from the artifacts of "
                "the store, so there is nothing to compare."
            )
        scored = [ScoredRun(r, found[r.run_id]) for r in siblings if r.run_id in found]
        diffs.append(run_diff(ScoredRun(a, found[a.run_id]), ScoredRun(b, found[b.run_id]), scored))
    one = len(diffs) == 1
    Console().print(diff_view(diffs[0]) if one else diffs_view(diffs, compare.metric))
    return {
        "run_diff.html": diff_page(diffs),
        "run_diff.csv": diff_table(diffs).to_csv(index=False),
    }


def compare_runs(tracked_runs: list[TrackedRun], compare: CompareConfig) -> Files:
    """Leaderboard, or the difference of the two runs that are named; printed, and as files."""
    if compare.runs:
        return _difference(tracked_runs, compare)
    return _rank(tracked_runs, compare)
