"""The difference between two tracked runs: scores on their common rows, causes, noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd

from soyoil.base.arrays import FloatArray
from soyoil.base.errors import ConfigError
from soyoil.compare.boards import RowIndex, ScoredRun, TrackedRun
from soyoil.compare.causes import SEED, Causes, explain, find_causes
from soyoil.compare.scores import Metric, relative_difference, run_metrics
from soyoil.metrics.bootstrap import LEVEL, Interval
from soyoil.metrics.evaluate import LOSS_COLUMNS, scored_rows_hash
from soyoil.metrics.losses import row_losses

METRICS: Final[tuple[Metric, ...]] = ("pinball", "mae")
FORECAST: Final = ["q10", "q50", "q90"]


@dataclass(frozen=True)
class Delta:
    """Change of one loss from A to B.

    Attributes
    ----------
    a, b
        Mean losses on the common rows, log returns.
    relative
        ``b / a - 1`` with its paired bootstrap interval.
    noise
        Half-width of the noise band of such a change, relative.
    """

    a: float
    b: float
    relative: float
    interval: Interval
    noise: float


@dataclass(frozen=True, eq=False)
class RunDiff:
    """Difference of two runs of one horizon.

    Attributes
    ----------
    a, b
        The runs.
    rows_a, rows_b, n
        Scored rows of each and in common.
    scored_rows_hash
        Hash of the common rows.
    deltas
        By metric.
    shares
        Other metrics of A and B, by name: coverage and width of the interval, bias.
    noise_source
        ``seeds``: from runs that differ in nothing but the seed; ``bootstrap``: the store holds
        none, so that the band is that of the sample of days.
    seeds
        Number of seeds behind the band.
    same_forecasts
        Whether the forecasts on the common rows are equal.
    causes, conclusion
        What differs, and what that says.
    """

    a: TrackedRun
    b: TrackedRun
    rows_a: int
    rows_b: int
    n: int
    scored_rows_hash: str
    deltas: Mapping[Metric, Delta]
    shares: Mapping[str, tuple[float, float]]
    noise_source: Literal["seeds", "bootstrap"]
    seeds: int
    same_forecasts: bool
    causes: Causes
    conclusion: str


def resolve(name: str, runs: Sequence[TrackedRun], key: str = "compare.runs") -> list[TrackedRun]:
    """Child runs that a name means: one, or all of a pipeline run.

    Parameters
    ----------
    name
        Id of a child or pipeline run, a beginning of it that is unique, or a name; of several
        runs of one name the newest is meant.
    runs
        All finished child runs.
    key
        Parameter that named it, for messages.

    Raises
    ------
    ConfigError
        If nothing or several runs match.
    """
    newest = sorted(runs, key=lambda run: (run.started, run.run_id), reverse=True)
    ids = sorted({i for run in newest for i in (run.run_id, run.parent_id) if i.startswith(name)})
    if len(ids) > 1 and name not in ids:
        raise ConfigError(
            f"{key}: {name!r} is the beginning of {len(ids)} run ids: {', '.join(ids[:5])}. "
            "Give more characters."
        )
    if ids:
        chosen = name if name in ids else ids[0]
    else:
        named = [run for run in newest if name in (run.name, run.shown, run.parent_name)]
        if not named:
            shown = ", ".join(f"{run.name} ({run.run_id[:7]})" for run in newest[:5]) or "none"
            raise ConfigError(
                f"{key}: no finished run has the id or name {name!r}. The newest: {shown}."
            )
        first = named[0]
        chosen = first.run_id if name in (first.name, first.shown) else first.parent_id
    return [run for run in newest if chosen in (run.run_id, run.parent_id)]


def pair(
    a: Sequence[TrackedRun], b: Sequence[TrackedRun], key: str = "compare.runs"
) -> list[tuple[TrackedRun, TrackedRun]]:
    """Runs to hold against each other.

    Two single runs must be of one horizon; pipeline runs are paired by horizon and model.

    Raises
    ------
    ConfigError
        If nothing can be paired.
    """
    if len(a) == 1 and len(b) == 1:
        if a[0].horizon != b[0].horizon:
            raise ConfigError(
                f"{key}: {a[0].label} is of horizon {a[0].horizon}, {b[0].label} of "
                f"{b[0].horizon}. Losses of different horizons do not compare."
            )
        return [(a[0], b[0])]
    other = {(run.horizon, run.model): run for run in b}
    pairs = [(run, other[run.horizon, run.model]) for run in a if (run.horizon, run.model) in other]
    if not pairs:
        raise ConfigError(f"{key}: the two runs have no horizon and model in common.")
    return sorted(pairs, key=lambda runs: (runs[0].sessions, runs[0].model))


def seed_siblings(run: TrackedRun, runs: Sequence[TrackedRun]) -> list[TrackedRun]:
    """Runs that differ from `run` in nothing that is logged but the seed, one per seed.

    The run itself is among them; of several runs with one seed the newest counts.
    """
    if SEED not in run.params:
        return []
    siblings: dict[str, TrackedRun] = {run.params[SEED]: run}
    for other in sorted(runs, key=lambda r: (r.started, r.run_id), reverse=True):
        same_cell = (other.group, other.model) == (run.group, run.model)
        if not same_cell or other.params.get(SEED) in (None, *siblings):
            continue
        found = find_causes(run, other, same_outcomes=True)
        dirty = run.tags.get("git_dirty") == other.tags.get("git_dirty")
        if set(found.differing) <= {"seed"} and dirty:
            siblings[other.params[SEED]] = other
    return list(siblings.values())


def seed_half_width(scores: FloatArray) -> float:
    """Half-width of the interval of a difference between two fits that differ in their seed.

    Parameters
    ----------
    scores
        One score per seed, at least two, shape ``(n,)``.
    """
    # Half a second to import, and every command would pay for it.
    from scipy import stats

    spread = float(scores.std(ddof=1))
    return float(stats.t.ppf(0.5 + LEVEL / 2, len(scores) - 1) * np.sqrt(2.0) * spread)


def _seed_noise(siblings: Sequence[ScoredRun], metric: Metric) -> float:
    """The same of a relative change between two tracked runs."""
    index = RowIndex(siblings)
    common = index.common()
    if not common.any():
        return float("nan")
    cut = [index.cut(i, scored, common).rows for i, scored in enumerate(siblings)]
    means = np.array([float(row_losses(rows)[LOSS_COLUMNS[metric]].mean()) for rows in cut])
    return seed_half_width(means) / float(means.mean())


def _same_outcomes(a: pd.DataFrame, b: pd.DataFrame) -> bool:
    both = a.merge(b, on="data_date", suffixes=("_a", "_b"))
    if len(both) < min(len(a), len(b)):
        return False
    return all(
        np.allclose(both[f"{name}_a"], both[f"{name}_b"], rtol=1e-12, atol=1e-12)
        for name in ("y", "close")
    )


def _delta(a: pd.DataFrame, b: pd.DataFrame, metric: Metric, sessions: int) -> Delta:
    first, second = (frame[LOSS_COLUMNS[metric]].to_numpy(dtype="float64") for frame in (a, b))
    relative, interval = relative_difference(second, first, sessions)
    half = (interval.high - interval.low) / 2
    return Delta(float(first.mean()), float(second.mean()), relative, interval, half)


def run_diff(a: ScoredRun, b: ScoredRun, siblings: Sequence[ScoredRun] = ()) -> RunDiff:
    """Difference of two runs on the rows that both scored.

    Parameters
    ----------
    a, b
        Runs of one horizon.
    siblings
        Runs that differ only in their seed, `seed_siblings` of A or B.

    Raises
    ------
    ConfigError
        If the runs have no scored row in common.
    """
    index = RowIndex([a, b])
    common = index.common()
    if not common.any():
        raise ConfigError(
            f"compare.runs: {a.run.label} and {b.run.label} have no scored row with the same "
            "outcome in common, so there is nothing to compare."
        )
    rows = [index.cut(i, scored, common).rows for i, scored in enumerate((a, b))]
    losses = [row_losses(frame) for frame in rows]
    deltas = {m: _delta(losses[0], losses[1], m, a.run.sessions) for m in METRICS}
    from_seeds = len(siblings) > 1
    if from_seeds:
        deltas = {
            m: Delta(d.a, d.b, d.relative, d.interval, _seed_noise(siblings, m))
            for m, d in deltas.items()
        }
    same_forecasts = bool(
        np.array_equal(rows[0][FORECAST].to_numpy(), rows[1][FORECAST].to_numpy())
    )
    causes = find_causes(a.run, b.run, same_outcomes=_same_outcomes(a.rows, b.rows))
    metrics = [run_metrics(frame) for frame in losses]
    return RunDiff(
        a=a.run,
        b=b.run,
        rows_a=len(a.rows),
        rows_b=len(b.rows),
        n=int(common.sum()),
        scored_rows_hash=scored_rows_hash(rows[0]["data_date"]),
        deltas=deltas,
        shares={m: (metrics[0][m], metrics[1][m]) for m in metrics[0] if m not in METRICS},
        noise_source="seeds" if from_seeds else "bootstrap",
        seeds=len(siblings),
        same_forecasts=same_forecasts,
        causes=causes,
        conclusion=explain(causes, same_forecasts=same_forecasts),
    )


def diff_table(diffs: Sequence[RunDiff]) -> pd.DataFrame:
    """One row per pair and metric, with everything that the report shows of it."""
    return pd.DataFrame(
        [
            {
                "horizon": diff.a.horizon,
                "model_a": diff.a.model,
                "model_b": diff.b.model,
                "run_a": diff.a.run_id,
                "run_b": diff.b.run_id,
                "metric": metric,
                "a": delta.a,
                "b": delta.b,
                "relative": delta.relative,
                "relative_low": delta.interval.low,
                "relative_high": delta.interval.high,
                "noise": delta.noise,
                "noise_source": diff.noise_source,
                "rows_a": diff.rows_a,
                "rows_b": diff.rows_b,
                "n": diff.n,
                "scored_rows_hash": diff.scored_rows_hash,
                "differing": " ".join(diff.causes.differing),
                "conclusion": diff.conclusion,
            }
            for diff in diffs
            for metric, delta in diff.deltas.items()
        ]
    )
