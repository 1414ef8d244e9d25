"""From a plan and its weights to the tasks of an engine, and from their results to a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from soyoil.models.base import FoldResult, FoldTask
from soyoil.models.config import EngineConfig
from soyoil.models.report import FitReport, pool_importance
from soyoil.params import Profile
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


def fit_report(
    tasks: Sequence[FoldTask], results: Sequence[FoldResult], seconds: float
) -> FitReport:
    """What the fits of all folds took and gave."""
    folds = pd.DataFrame(
        {
            "fold": [r.fold for r in results],
            "train_rows": [len(t.train) for t in tasks],
            "valid_rows": [len(t.valid) for t in tasks],
            "test_rows": [len(t.test) for t in tasks],
            "rounds": [r.rounds for r in results],
            "shrink_location": [r.shrink.location for r in results],
            "shrink_spread": [r.shrink.spread for r in results],
            "device": [r.device for r in results],
            "libraries": [" ".join(r.libraries) for r in results],
            "seconds": [r.seconds for r in results],
            "peak_rss_mb": [r.peak_rss_mb for r in results],
        }
    )
    return FitReport(
        folds=folds,
        importance=pool_importance(results),
        models={name: content for r in results for name, content in r.models.items()},
        seconds=seconds,
    )


def uniform(task: FoldTask) -> FoldTask:
    """The task with equal weights: the ablation beside a weighted model."""
    return replace(
        task, train_weight=np.ones(len(task.train)), valid_weight=np.ones(len(task.valid))
    )


def kept_folds(plan: SplitPlan, profile: Profile, config: EngineConfig) -> tuple[Fold, ...]:
    """Folds that an engine fits."""
    count = config.last_folds(profile)
    return plan.folds if count is None else plan.folds[-count:]
