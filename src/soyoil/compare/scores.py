"""Scores of a board: losses, skills and differences on the common rows.

All runs of a board are scored on the same rows, so the bootstrap gives them the same resamples:
differences are paired.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
import pandas as pd

from soyoil.base.arrays import FloatArray
from soyoil.compare.boards import Board, Refusal, ScoredRun
from soyoil.metrics.bootstrap import MIN_INDEPENDENT, Interval, skill_interval, verdict
from soyoil.metrics.evaluate import LOSS_COLUMNS, REFERENCES, skill
from soyoil.metrics.losses import row_losses, weighted_mean
from soyoil.metrics.significance import NO_TEST, loss_test
from soyoil.models.registry import CHAMPION

Metric = Literal["pinball", "mae"]

MEANS: Final = {
    "mae": "absolute",
    "pinball": "pinball",
    "coverage_80": "covered",
    "width_80": "width",
    "direction": "direction",
    "bias": "error",
}
"""Row loss behind each metric."""


DIFFERS: Final = ("worse", "better")
"""Words of `difference_verdict` for a difference that is beyond the noise."""


def relative_difference(
    loss: FloatArray, reference: FloatArray, sessions: int
) -> tuple[float, Interval]:
    """Mean loss over that of the reference, less one, with its paired bootstrap interval.

    Parameters
    ----------
    loss, reference
        Losses of the same rows in time order, shape ``(n,)``.
    sessions
        Horizon in sessions; stretches of two horizons on average are resampled.

    Returns
    -------
    tuple
        The difference, negative if `loss` is smaller, and its interval. NaN if the reference's
        loss is zero.
    """
    if np.array_equal(loss, reference):
        return 0.0, Interval(0.0, 0.0)
    uniform = np.ones(len(loss))
    interval = skill_interval(loss, reference, uniform, sessions)
    point = 0.0 - skill(float(loss.mean()), float(reference.mean()))
    return point, Interval(0.0 - interval.high, 0.0 - interval.low)


def run_metrics(losses: pd.DataFrame) -> dict[str, float]:
    """Uniform means of the row losses by metric."""
    uniform = np.ones(len(losses))
    return {
        metric: weighted_mean(losses[column].to_numpy(dtype="float64"), uniform)
        for metric, column in MEANS.items()
    }


def _reference(runs: Sequence[ScoredRun], model: str) -> int | None:
    return next((i for i, scored in enumerate(runs) if scored.run.model == model), None)


def _skills(
    losses: Sequence[pd.DataFrame], run: int, references: dict[str, int | None], sessions: int
) -> dict[str, float]:
    out: dict[str, float] = {}
    for metric, reference in references.items():
        point, interval = float("nan"), Interval(float("nan"), float("nan"))
        test = NO_TEST
        if reference is not None:
            column = LOSS_COLUMNS[metric]
            own, other = (losses[i][column].to_numpy(dtype="float64") for i in (run, reference))
            test = loss_test(own, other, sessions)
            point, against = relative_difference(own, other, sessions)
            point, interval = 0.0 - point, Interval(0.0 - against.high, 0.0 - against.low)
        out |= {
            f"skill_{metric}": point,
            f"skill_{metric}_low": interval.low,
            f"skill_{metric}_high": interval.high,
            f"dm_p_{metric}": test.p,
        }
    return out


def difference_verdict(interval: Interval, independent: float) -> str:
    """What can be said of a relative difference of losses.

    Parameters
    ----------
    interval
        Of the loss over that of the other run, less one.
    independent
        Common rows over the horizon.

    Returns
    -------
    str
        ``unprovable`` with too few independent labels, ``worse``, ``better``, or ``not told apart``
        if the interval holds zero.
    """
    if independent < MIN_INDEPENDENT:
        return "unprovable"
    return "worse" if interval.low > 0 else "better" if interval.high < 0 else "not told apart"


def _skill_verdict(skills: dict[str, float], metric: Metric, independent: float) -> str:
    low = skills[f"skill_{metric}_low"]
    if math.isnan(low):
        return "no reference"
    return verdict(low, skills[f"dm_p_{metric}"], independent)


def board_table(board: Board, metric: Metric) -> pd.DataFrame:
    """Ranking of one board.

    Parameters
    ----------
    board
        Runs on their common rows.
    metric
        Loss to rank by.

    Returns
    -------
    DataFrame
        One row per run, the champion's first, then best first: ``rank``, ``model``, ``run``, ids,
        the metrics of `MEANS`, both skills with intervals and ``dm_p_`` (NaN without their
        reference on the board) and verdict, and ``delta`` with interval: the loss over that of the
        best run, less one.
    """
    sessions = board.runs[0].run.sessions
    losses = [row_losses(scored.rows) for scored in board.runs]
    references = {name: _reference(board.runs, model) for name, model in REFERENCES.items()}
    column = LOSS_COLUMNS[metric]
    best = min(range(len(losses)), key=lambda i: float(losses[i][column].mean()))
    independent = board.n / sessions
    rows: list[dict[str, object]] = []
    for i, scored in enumerate(board.runs):
        run = scored.run
        skills = _skills(losses, i, references, sessions)
        own, first = (losses[k][column].to_numpy(dtype="float64") for k in (i, best))
        delta, interval = relative_difference(own, first, sessions)
        symbol, horizon, target, provenance = run.group
        rows.append(
            {
                "symbol": symbol,
                "horizon": horizon,
                "target": target,
                "provenance": provenance,
                "n": board.n,
                "independent_n": independent,
                "scored_rows_hash": board.scored_rows_hash,
                "first": scored.rows["data_date"].iloc[0],
                "last": scored.rows["data_date"].iloc[-1],
                "model": run.model,
                "run": run.name,
                "run_id": run.run_id,
                "parent_run_id": run.parent_id,
                "started": run.started,
                "snapshot": run.tags.get("snapshot", ""),
                "split_plan": run.tags.get("split_plan", ""),
                **run_metrics(losses[i]),
                **skills,
                "verdict": _skill_verdict(skills, metric, independent),
                "delta": delta,
                "delta_low": interval.low,
                "delta_high": interval.high,
                "against_best": "best" if i == best else difference_verdict(interval, independent),
            }
        )
    table = pd.DataFrame(rows).sort_values([metric, "model", "run_id"], kind="stable")
    table.insert(0, "rank", table[metric].rank(method="min").astype("int64"))
    challenger = table["model"] != CHAMPION
    return table.loc[challenger.sort_values(kind="stable").index].reset_index(drop=True)


def leaderboard(boards: Sequence[Board], metric: Metric) -> pd.DataFrame:
    """Rankings of all boards, one below the other, numbered in column ``board``."""
    tables = [board_table(board, metric).assign(board=i) for i, board in enumerate(boards, start=1)]
    if not tables:
        return pd.DataFrame({"board": pd.Series(dtype="int64")})
    table = pd.concat(tables, ignore_index=True)
    return table[["board", *table.columns.drop("board")]]


def refusal_table(refusals: Sequence[Refusal]) -> pd.DataFrame:
    """Runs that are not ranked: ``horizon``, ``model``, ``run``, ``run_id``, ``reason``."""
    rows = [(r.run.horizon, r.run.model, r.run.name, r.run.run_id, r.reason) for r in refusals]
    return pd.DataFrame(rows, columns=["horizon", "model", "run", "run_id", "reason"])
