"""Which tracked runs can be ranked together, and on which rows.

Runs are ranked on the intersection of their scored rows only. A scored row is an origin with
its outcome: where two runs hold different outcomes for one origin, they did not forecast the
same thing, and the row is not common to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import BoolArray
from soyoil.base.errors import ConfigError
from soyoil.base.suggest import did_you_mean
from soyoil.compare.config import CompareConfig
from soyoil.metrics.evaluate import REFERENCES, scored_rows_hash

OUTCOME_DECIMALS: Final = 12
"""Outcomes that agree so far are equal: sums of the same returns may differ in the last bits."""

ROW: Final = ["data_date", "label_end_date", "y"]


@dataclass(frozen=True, eq=False)
class TrackedRun:
    """A finished child run: one horizon and model.

    Attributes
    ----------
    run_id, name
        Id given by MLflow, and name as in a command.
    parent_id, parent_name
        Pipeline run that it belongs to.
    started
        Start of the pipeline run, UTC.
    tags
        Its tags; those of the pipeline run where it has none of that name.
    params
        Flattened configuration.
    shown
        Name on MLflow's pages.
    """

    run_id: str
    name: str
    parent_id: str
    parent_name: str
    started: pd.Timestamp
    tags: Mapping[str, str]
    params: Mapping[str, str]
    shown: str = ""

    @property
    def horizon(self) -> str:
        """Name of the horizon."""
        return self.tags["horizon"]

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.tags["model"]

    @property
    def sessions(self) -> int:
        """Horizon in sessions."""
        return int(self.tags["horizon_sessions"])

    @property
    def group(self) -> tuple[str, str, str, str]:
        """Runs of one group forecast the same target: symbol, horizon, target, data.

        Returns with the jumps between contracts in them are another target.
        """
        names = ("symbol", "horizon", "target", "provenance")
        symbol, horizon, target, provenance = (self.tags.get(name, "unknown") for name in names)
        if self.tags.get("rolls") == "unknown":
            provenance += ", rolls unknown,"
        return symbol, horizon, target, provenance

    @property
    def label(self) -> str:
        """Name with the beginning of its id: names are not unique."""
        return f"{self.name} ({self.run_id[:7]})"


@dataclass(frozen=True, eq=False)
class ScoredRun:
    """A tracked run with its out-of-sample forecasts, ascending by ``data_date``."""

    run: TrackedRun
    rows: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Board:
    """Runs that are ranked together, cut to their common rows.

    Attributes
    ----------
    runs
        Every one holds exactly the common rows, in date order.
    n, scored_rows_hash
        Number and hash of the common rows.
    widest
        Rows of the run that had most.
    limited_by
        Run that had fewest.
    """

    runs: tuple[ScoredRun, ...]
    n: int
    scored_rows_hash: str
    widest: int
    limited_by: TrackedRun


@dataclass(frozen=True, eq=False)
class Refusal:
    """A run that is not ranked, with the reason."""

    run: TrackedRun
    reason: str


def select(runs: Sequence[TrackedRun], config: CompareConfig) -> list[TrackedRun]:
    """Runs to be ranked, newest first.

    Parameters
    ----------
    runs
        All finished child runs.
    config
        Filters. The reference models pass the filter of models.

    Raises
    ------
    ConfigError
        If no run is left; says what there is.
    """
    newest = sorted(runs, key=lambda run: (run.started, run.run_id), reverse=True)
    if config.latest:
        parents = list(dict.fromkeys(run.parent_id for run in newest))[: config.latest]
        newest = [run for run in newest if run.parent_id in parents]
    else:
        seen: dict[tuple[str, ...], TrackedRun] = {}
        for run in newest:
            plan = (run.tags.get("snapshot", ""), run.tags.get("split_plan", ""))
            seen.setdefault((*run.group, run.model, *plan), run)
        newest = list(seen.values())
    there = sorted({run.model for run in newest})
    unknown = [name for name in config.model if name not in there]
    if newest and unknown:
        hint = did_you_mean(unknown[0], there)
        raise ConfigError(
            f"No finished run of model {unknown[0]!r} is tracked.{hint} There are runs of: "
            f"{', '.join(there)}."
        )
    models = {*config.model, *REFERENCES.values()} if config.model else set(there)
    chosen = [
        run
        for run in newest
        if run.model in models and (not config.horizon or run.horizon in config.horizon)
    ]
    if not chosen:
        horizons = ", ".join(sorted({run.horizon for run in newest})) or "none"
        raise ConfigError(
            "No finished run is left to compare. Horizons with finished runs: "
            f"{horizons}. Track some with `kedro run --pipeline=train`, or widen compare.horizon."
        )
    return chosen


def filter_rows(rows: pd.DataFrame, config: CompareConfig) -> pd.DataFrame:
    """Scored rows within the dates and regimes asked for, in date order.

    Parameters
    ----------
    rows
        Forecasts: ``data_date``, ``regime_name``, ...
    config
        ``regime``, ``date_from``, ``date_to``.
    """
    keep = pd.Series(True, index=rows.index)
    if config.date_from:
        keep &= rows["data_date"] >= pd.Timestamp(config.date_from)
    if config.date_to:
        keep &= rows["data_date"] <= pd.Timestamp(config.date_to)
    if config.regime:
        keep &= rows["regime_name"].isin(config.regime)
    return rows[keep].sort_values("data_date").reset_index(drop=True)


class RowIndex:
    """Which of all scored rows each run holds.

    Parameters
    ----------
    runs
        Runs of one group.

    Attributes
    ----------
    holds
        Shape ``(runs, rows)``; rows in date order.
    """

    def __init__(self, runs: Sequence[ScoredRun]) -> None:
        keys = pd.concat([scored.rows[ROW] for scored in runs], ignore_index=True)
        keys["y"] = keys["y"].round(OUTCOME_DECIMALS)
        number = np.repeat(np.arange(len(runs)), [len(scored.rows) for scored in runs])
        code = keys.groupby(ROW, sort=True).ngroup().to_numpy()
        self.holds: BoolArray = np.zeros((len(runs), int(code.max(initial=-1)) + 1), dtype=bool)
        self.holds[number, code] = True
        self._code = np.split(code, np.cumsum([len(scored.rows) for scored in runs])[:-1])

    def common(self) -> BoolArray:
        """Rows that every run holds."""
        return np.asarray(self.holds.all(axis=0))

    def cut(self, run: int, scored: ScoredRun, common: BoolArray) -> ScoredRun:
        """A run cut to some of the rows."""
        rows = scored.rows[common[self._code[run]]].reset_index(drop=True)
        return ScoredRun(scored.run, rows)


def _shortfall(n: int, widest: int, sessions: int, config: CompareConfig) -> str | None:
    if n < config.min_rows:
        return f"{n} common rows, fewer than compare.min_rows={config.min_rows}"
    if n / sessions < config.min_independent:
        return (
            f"{n} common rows are {n / sessions:.2f} independent labels, fewer than "
            f"compare.min_independent={config.min_independent:g}"
        )
    if n < config.min_share * widest:
        return (
            f"{n} of {widest} rows in common, less than the share compare.min_share="
            f"{config.min_share:g}"
        )
    return None


def _grow(
    pending: Sequence[int],
    helpers: Sequence[int],
    index: RowIndex,
    sessions: int,
    config: CompareConfig,
) -> tuple[list[int], BoolArray, dict[int, str]]:
    """Take runs in order as long as enough common rows are left.

    The share of rows that is kept is measured against the pending runs: helpers have a board
    already, on which their other rows count.
    """
    taken: list[int] = []
    refused: dict[int, str] = {}
    common: BoolArray = np.ones(index.holds.shape[1], dtype=bool)
    widest = 0
    for run in (*pending, *helpers):
        narrower = common & index.holds[run]
        most = widest if run in helpers else max(widest, int(index.holds[run].sum()))
        reason = _shortfall(int(narrower.sum()), most, sessions, config)
        if reason is None:
            taken.append(run)
            common, widest = narrower, most
        else:
            refused[run] = reason
    return taken, common, refused


def _boards_of_group(
    runs: Sequence[ScoredRun], config: CompareConfig
) -> tuple[list[Board], list[Refusal]]:
    index = RowIndex(runs)
    counts = index.holds.sum(axis=1)
    # Stable: of runs with as many rows the newest comes first.
    order = [int(i) for i in np.argsort(-counts, kind="stable")]
    boards: list[Board] = []
    refusals: list[Refusal] = []
    reasons: dict[int, str] = {}
    pending = order
    while pending:
        helpers = [run for run in order if run not in pending]
        taken, common, refused = _grow(pending, helpers, index, runs[0].run.sessions, config)
        reasons = refused | reasons
        if pending[0] not in taken or (boards and len(taken) == 1):
            refusals.append(Refusal(runs[pending[0]].run, reasons[pending[0]]))
            pending = pending[1:]
            continue
        cut = tuple(index.cut(run, runs[run], common) for run in taken)
        boards.append(
            Board(
                runs=cut,
                n=int(common.sum()),
                scored_rows_hash=scored_rows_hash(cut[0].rows["data_date"]),
                widest=int(counts[taken].max()),
                limited_by=runs[min(taken, key=lambda run: int(counts[run]))].run,
            )
        )
        pending = [run for run in pending if run in refused]
    return boards, refusals


def _defect(rows: pd.DataFrame) -> str | None:
    if rows.empty:
        return "none of its rows lies within the dates and regimes asked for"
    if rows["data_date"].duplicated().any():
        return "it scores an origin more than once"
    return None


def make_boards(
    runs: Sequence[ScoredRun], config: CompareConfig
) -> tuple[list[Board], list[Refusal]]:
    """Put runs that share enough rows on boards.

    Within a group (one symbol, horizon, target and provenance) runs are taken from the one with
    most rows down, the newest first among equals; one that would leave too few common rows waits
    for a narrower board, where those that fit may stand again beside it. A run that fits on none
    is refused.

    Parameters
    ----------
    runs
        Newest first.
    config
        Filters of rows, and how few common rows are too few.

    Returns
    -------
    tuple
        Boards, the widest first in each group, and the runs that are on none.
    """
    groups: dict[tuple[str, ...], list[ScoredRun]] = {}
    refusals: list[Refusal] = []
    for scored in runs:
        rows = filter_rows(scored.rows, config)
        reason = _defect(rows)
        if reason is not None:
            refusals.append(Refusal(scored.run, reason))
            continue
        groups.setdefault(scored.run.group, []).append(ScoredRun(scored.run, rows))
    boards: list[Board] = []
    for group in sorted(groups, key=lambda key: (groups[key][0].run.sessions, key)):
        found, refused = _boards_of_group(groups[group], config)
        boards += found
        refusals += refused
    return boards, refusals
