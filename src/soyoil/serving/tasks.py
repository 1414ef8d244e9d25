"""From a plan and its weights to the tasks of an engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from soyoil.models.base import FoldTask
from soyoil.models.config import EngineConfig, FitConfig
from soyoil.models.selection import thinned
from soyoil.splits.plan import Fold, SplitPlan


def fold_task(fold: Fold, weights: pd.DataFrame, seed: Sequence[int]) -> FoldTask:
    """Positions, weights and seed of one fold.

    Parameters
    ----------
    weights
        Rows of the fold: ``role``, ``weight``, in the order of the plan.
    seed
        Entropy of the fold: configured seed, horizon, fold number.
    """
    by_role = {
        role: rows["weight"].to_numpy(dtype="float64") for role, rows in weights.groupby("role")
    }
    empty = np.empty(0)
    return FoldTask(
        fold=fold.number,
        train=fold.train,
        valid=fold.valid,
        test=fold.test,
        train_weight=by_role.get("train", empty),
        valid_weight=by_role.get("valid", empty),
        seed=int(np.random.SeedSequence(list(seed)).generate_state(1)[0] & 0x7FFFFFFF),
    )


def uniform(task: FoldTask) -> FoldTask:
    """The task with equal weights: the ablation beside a weighted model."""
    return replace(
        task, train_weight=np.ones(len(task.train)), valid_weight=np.ones(len(task.valid))
    )


def kept_folds(plan: SplitPlan, profile: str, config: EngineConfig) -> tuple[Fold, ...]:
    """Folds that an engine fits."""
    count = config.last_folds(profile)
    return plan.folds if count is None else plan.folds[-count:]


def fold_tasks(
    plan: SplitPlan,
    sample_weights: pd.DataFrame,
    profile: str,
    fit: FitConfig,
    config: EngineConfig,
    *,
    equal: bool = False,
) -> list[FoldTask]:
    """Tasks of the folds of a plan that an engine fits.

    Parameters
    ----------
    plan
        Folds of one horizon.
    sample_weights
        As `soyoil.splits.weights.weigh_plan` gives them.
    profile
        ``quick`` or ``full``.
    fit
        Root of the seeds, and every how many training rows are used.
    config
        The engine's own configuration.
    equal
        Whether all rows weigh the same.
    """
    weights = dict(iter(sample_weights.groupby("fold")))
    tasks = [
        fold_task(f, weights[f.number], (fit.seed, plan.sessions, f.number))
        for f in kept_folds(plan, profile, config)
    ]
    if equal:
        tasks = [uniform(task) for task in tasks]
    return [thinned(task, fit.stride(plan.sessions)) for task in tasks]
