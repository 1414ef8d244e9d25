"""The outer training span and the folds inside it: all that a sweep may see.

A trial that is picked by its score on rows that the outer folds test has been trained on the
test. The sessions from the first outer test origin on are therefore cut off before anything
else happens, so that labels which end there do not exist.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from soyoil.base.arrays import FloatArray, IntArray
from soyoil.base.errors import SplitError
from soyoil.models.base import FoldTask, HorizonArrays
from soyoil.models.selection import thinned
from soyoil.regimes.weights import RoleRows, WeightsConfig, sample_weights
from soyoil.splits.plan import (
    Fold,
    SplitConfig,
    SplitPlan,
    check_purged,
    check_scoreable,
    span_text,
    usable_rows,
)
from soyoil.splits.snapshot import Snapshot
from soyoil.splits.walkforward import walk_forward
from soyoil.sweep.config import InnerConfig
from soyoil.sweep.space import TrialConfig
from soyoil.targets.horizons import Horizon


@dataclass(frozen=True)
class TrainingSpan:
    """Rows of one horizon before the first outer test origin.

    Attributes
    ----------
    horizon
        Horizon of the labels.
    arrays
        Features, labels and scale; a label that would end at the first outer test origin or
        later is NaN.
    returns
        Roll-free daily log returns, shape ``(n,)``.
    hourly_vol
        Annualised volatility of each session's hourly returns, NaN where none, shape ``(n,)``.
    implied_vol
        Implied volatility of the target, annualised, as a fraction, NaN where none, shape ``(n,)``.
    dates
        Session dates, shape ``(n,)``.
    regime_names
        Regime at each session, shape ``(n,)``.
    regime_weights
        Its weight in the regime table, to score with, shape ``(n,)``.
    regimes
        Regime table, to weight training rows with.
    content_hash
        Hash of the snapshot cut off at the end of the span.
    """

    horizon: Horizon
    arrays: HorizonArrays
    returns: FloatArray
    hourly_vol: FloatArray
    implied_vol: FloatArray
    dates: pd.Series
    regime_names: npt.NDArray[np.object_]
    regime_weights: FloatArray
    regimes: pd.DataFrame
    content_hash: str


def cut_before_test(snapshot: Snapshot, split: SplitConfig) -> Snapshot:
    """The snapshot without the sessions from the first outer test origin on.

    Raises
    ------
    SplitError
        If nothing is left.
    """
    key, first = split.scored_from
    matrix = snapshot.matrix
    kept = matrix["data_date"] < pd.Timestamp(first)
    if not kept.any():
        days = matrix["data_date"].to_numpy(dtype="datetime64[us]")
        raise SplitError(
            f"No session stands before split.{key}={first}; the data covers {span_text(days)}. "
            f"Set split.{key} later."
        )
    return replace(snapshot, matrix=matrix[kept].reset_index(drop=True))


def _first_block(usable: IntArray, need: int, gap: int) -> int | None:
    """First session that has so many usable rows before a gap of so many sessions."""
    return int(usable[need - 1]) + 1 + gap if len(usable) >= need else None


def inner_plan(span: TrainingSpan, split: SplitConfig, config: InnerConfig) -> SplitPlan:
    """Purged walk-forward folds inside the training span.

    The test blocks start as soon as `min_train_rows` rows can be trained on and share the rest
    of the span evenly.

    Parameters
    ----------
    span
        Rows that may be seen.
    split
        Outer plan: warm-up, origins, window and early-stopping block are taken from it.
    config
        Number of folds and least training rows.

    Raises
    ------
    SplitError
        If less than one horizon is left to test on, with the counts.
    """
    h = span.horizon.sessions
    days = span.dates.to_numpy(dtype="datetime64[us]")
    labelled = np.isfinite(span.arrays.y)
    usable = np.flatnonzero(usable_rows(days, labelled, split))
    usable = usable[usable >= split.warm_up].astype("int64")
    wanted = split.valid_sessions if config.valid_sessions is None else config.valid_sessions
    optional = config.valid_sessions is None and wanted > 0
    room = 0
    for valid in (wanted, 0) if optional else (wanted,):
        gap = 2 * h + valid if valid else h
        start = _first_block(usable, config.min_train_rows, gap)
        room = max(int(usable[-1]) - start + 1, 0) if start is not None else 0
        if start is not None and room >= h:
            break
    else:
        raise SplitError(
            f"Horizon {span.horizon.name}: the training span {span_text(days)} holds "
            f"{len(usable)} labelled rows after warm-up {split.warm_up}; "
            f"sweep.inner.min_train_rows={config.min_train_rows} and a purge of {h} sessions at "
            f"each boundary leave {room} sessions to test on, less than one horizon. Set "
            "split.first_origin later, lower sweep.inner.min_train_rows, or leave this horizon out."
        )
    inner = SplitConfig(
        origins=split.origins,
        warm_up=split.warm_up,
        min_train_rows=config.min_train_rows,
        first_origin=pd.Timestamp(days[start]).date(),
        refit_every=-(-room // config.folds),
        valid_sessions=valid,
        window=split.window,
        train_sessions=split.train_sessions,
    )
    plan = walk_forward(span.dates, labelled, (span.horizon.name, h), inner)
    check_purged(plan)
    check_scoreable(plan)
    return plan


def stops_early(plan: SplitPlan) -> bool:
    """Whether the folds have an early-stopping block."""
    return all(len(fold.valid) for fold in plan.folds)


def _weights(span: TrainingSpan, fold: Fold, rows: IntArray, config: WeightsConfig) -> FloatArray:
    if len(rows) == 0:
        return np.empty(0)
    role = RoleRows(
        dates=span.dates.iloc[rows],
        positions=rows,
        cutoff=fold.cutoff,
        cutoff_date=span.dates.iloc[fold.cutoff],
        sessions=span.horizon.sessions,
    )
    halflife = config.decay_halflife_sessions if config.decays else None
    return sample_weights(role, span.regimes, config.scheme, halflife)


def inner_task(span: TrainingSpan, fold: Fold, config: TrialConfig) -> FoldTask:
    """Rows, weights and seed of one fold for one configuration.

    The seed depends on the fold alone, so that trials differ by their configuration only.
    """
    entropy = [config.fit.seed, span.horizon.sessions, fold.number]
    task = FoldTask(
        fold=fold.number,
        train=fold.train,
        valid=fold.valid,
        test=fold.test,
        train_weight=_weights(span, fold, fold.train, config.weights),
        valid_weight=_weights(span, fold, fold.valid, config.weights),
        seed=int(np.random.SeedSequence(entropy).generate_state(1)[0] & 0x7FFFFFFF),
    )
    return thinned(task, config.fit.stride(span.horizon.sessions))
