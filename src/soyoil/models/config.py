"""Configuration of fits and engines."""

from __future__ import annotations

import os
from typing import Literal

from pydantic import Field

from soyoil.config import Config
from soyoil.errors import ConfigError

TargetKind = Literal["vol_scaled", "log_return"]


def available_cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class FitConfig(Config):
    """How folds are fitted, whatever the engine.

    Attributes
    ----------
    seed
        Root of every fold's seed.
    workers
        Processes that fit folds at the same time; 0 takes as many as the cores allow.
    threads
        Threads of one fit. Fixed, because the number of threads changes floating-point sums.
    target_kind
        ``vol_scaled``: engines learn the label divided by the vol cone's sigma at the origin,
        inverted exactly afterwards, so that the vol cone is the zero forecast. ``log_return``:
        the label itself.
    """

    seed: int = Field(default=20240131, ge=0)
    workers: int = Field(default=0, ge=0)
    threads: int = Field(default=1, ge=1)
    target_kind: TargetKind = "vol_scaled"

    def worker_count(self, tasks: int) -> int:
        """Processes to start for so many tasks.

        Raises
        ------
        ConfigError
            If workers x threads exceed the cores.
        """
        cores = available_cores()
        workers = self.workers or max(1, cores // self.threads)
        if workers * self.threads > cores:
            raise ConfigError(
                f"fit.workers={self.workers} x fit.threads={self.threads} need more than the "
                f"{cores} cores of this machine. Lower one of them, or set fit.workers=0."
            )
        return max(1, min(workers, tasks))


class LightGBMConfig(Config):
    """LightGBM's parameters under its own names, one booster per quantile.

    The defaults suit a few thousand overlapping rows: small trees, many rows per leaf.

    Attributes
    ----------
    n_estimators
        Most boosting rounds.
    learning_rate, num_leaves, min_data_in_leaf, lambda_l2, feature_fraction, bagging_fraction
        As LightGBM documents them; rows are drawn anew every round.
    early_stopping_rounds
        Rounds without a better weighted pinball loss on the early-stopping rows; 0 for none.
    """

    n_estimators: int = Field(default=300, ge=1)
    learning_rate: float = Field(default=0.03, gt=0, le=1)
    num_leaves: int = Field(default=7, ge=2)
    min_data_in_leaf: int = Field(default=150, ge=1)
    lambda_l2: float = Field(default=20.0, ge=0)
    feature_fraction: float = Field(default=0.7, gt=0, le=1)
    bagging_fraction: float = Field(default=0.7, gt=0, le=1)
    early_stopping_rounds: int = Field(default=30, ge=0)
