"""Configuration of fits and engines."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field, field_validator, model_validator

from soyoil.base.config import SESSIONS, Config, bounded
from soyoil.models.backends.machines import (
    MACHINES,
    Backend,
    check_cluster,
    may_have_accelerator,
    process_count,
)

TargetKind = Literal["vol_scaled", "log_return"]
ALL_GROUPS: Final = "all"
"""Stands for every feature group in ``fit.feature_groups``."""


class FitConfig(Config):
    """How folds are fitted, whatever the engine.

    Attributes
    ----------
    seed
        Root of every fold's seed.
    workers
        Processes that fit folds at the same time; 0 takes as many as the cores allow.
    backend, cluster
        Who runs the fits, and where: without an address, `workers` processes of this machine.
    threads
        Threads of one fit. Fixed, because the number of threads changes floating-point sums.
    shrink
        Whether forecasts are shrunk toward the vol cone by factors chosen on the purged
        early-stopping rows (`soyoil.models.shrinkage`).
    target_kind
        ``vol_scaled``: engines learn the label divided by the vol cone's sigma at the origin,
        inverted exactly afterwards, so that the vol cone is the zero forecast. ``log_return``:
        the label itself.
    rows_per_label
        Training rows are thinned to about so many per label of the horizon, because neighbouring
        labels overlap; 0 keeps all.
    feature_groups
        Groups of matrix columns that trees are given (``market_data``, ``cross_asset``, ...);
        empty, or ``all``, gives every group but ``calendar``. A network names its columns in
        ``tft.features``.
    """

    seed: int = bounded(20240131, ge=0, le=2**32 - 1, why="the engines take seeds of 32 bits")
    workers: int = bounded(0, ge=0, le=1_024, why="each worker is a process")
    backend: Backend = "local"
    cluster: str | None = None
    threads: int = bounded(1, ge=1, le=256, why="no machine has more cores to use")
    target_kind: TargetKind = "vol_scaled"
    shrink: bool = True
    rows_per_label: int = bounded(0, ge=0, **SESSIONS)
    feature_groups: tuple[str, ...] = ()

    @field_validator("feature_groups", mode="before")
    @classmethod
    def _split_groups(cls, value: object) -> object:
        # `--params=fit.feature_groups=market_data+pivots`: Kedro's own list separator.
        if isinstance(value, str):
            return () if value == ALL_GROUPS else tuple(value.split("+"))
        return value

    @model_validator(mode="after")
    def _check_cluster(self) -> FitConfig:
        check_cluster(self.backend, self.cluster, self.workers)
        return self

    def deciding(self) -> dict[str, Any]:
        """Plain data of what decides a forecast: where it is fitted is none of it."""
        return self.model_dump(mode="json", exclude=set(MACHINES))

    def stride(self, sessions: int) -> int:
        """Every how many training rows of a horizon of so many sessions are used."""
        return max(1, sessions // self.rows_per_label) if self.rows_per_label else 1

    def worker_count(self, *, single: bool = False) -> int:
        """Processes to start for an engine.

        Parameters
        ----------
        single
            Whether it has one where there may be an accelerator, for there is one of these.

        Raises
        ------
        ConfigError
            If workers x threads exceed the cores.
        """
        alone = single and may_have_accelerator()
        return process_count(self.workers, self.threads, alone=alone)


class EngineConfig(Config):
    """Configuration of one engine; a section of the parameters under the engine's name."""

    def own_columns(self) -> tuple[str, ...] | None:
        """Columns that it names itself, in ``features``; None for ``fit.feature_groups``."""
        return None

    def last_folds(self, profile: str) -> int | None:
        """How many folds are fitted in a profile, the last ones; None for all."""
        return None

    @property
    def lookback(self) -> int:
        """Sessions that a forecast looks at, the origin among them."""
        return 1


class LightGBMConfig(EngineConfig):
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

    n_estimators: int = bounded(300, ge=1, le=100_000, why="more trees than rows fit noise")
    learning_rate: float = Field(default=0.03, gt=0, le=1)
    num_leaves: int = bounded(7, ge=2, le=131_072, why="LightGBM allows no more")
    min_data_in_leaf: int = bounded(150, ge=1, le=1_000_000, why="no training set has more rows")
    lambda_l2: float = bounded(20.0, ge=0, le=1e9, why="the leaves would be zero")
    feature_fraction: float = Field(default=0.7, gt=0, le=1)
    bagging_fraction: float = Field(default=0.7, gt=0, le=1)
    early_stopping_rounds: int = bounded(30, ge=0, le=100_000, why="there are no more trees")


class XGBoostConfig(EngineConfig):
    """XGBoost's parameters under its own names, one booster for all quantiles.

    Attributes
    ----------
    n_estimators
        Most boosting rounds.
    learning_rate, max_depth, min_child_weight, reg_lambda, colsample_bytree, subsample
        As XGBoost documents them. A row's hessian is its weight, so `min_child_weight` counts
        weighted rows per leaf.
    early_stopping_rounds
        Rounds without a better weighted pinball loss on the early-stopping rows; 0 for none.
    """

    n_estimators: int = bounded(300, ge=1, le=100_000, why="more trees than rows fit noise")
    learning_rate: float = Field(default=0.03, gt=0, le=1)
    max_depth: int = bounded(3, ge=1, le=64, why="a deeper tree has more leaves than rows")
    min_child_weight: float = bounded(150.0, ge=0, le=1e9, why="no training set has more rows")
    reg_lambda: float = bounded(20.0, ge=0, le=1e9, why="the leaves would be zero")
    colsample_bytree: float = Field(default=0.7, gt=0, le=1)
    subsample: float = Field(default=0.7, gt=0, le=1)
    early_stopping_rounds: int = bounded(30, ge=0, le=100_000, why="there are no more trees")


class TFTConfig(EngineConfig):
    """Temporal Fusion Transformer (Lim et al. 2021) as pytorch-forecasting builds it.

    Attributes
    ----------
    features
        Columns of the matrix that it is given; a network of this size drowns in hundreds.
    encoder_length
        Sessions that it looks back on.
    hidden_size, hidden_continuous_size, attention_heads, dropout
        Size of the network.
    train_stride
        Every so many training rows are used: neighbouring labels overlap, and a network pays
        for each row.
    learning_rate, batch_size, gradient_clip
        Of Adam; the gradient's norm is clipped.
    max_epochs, patience
        Most epochs, and epochs without a better weighted loss on the early-stopping rows.
    device
        ``auto`` takes MPS, then CUDA, then CPU, the first that passes a check against the CPU.
    quick_folds
        Folds that are fitted in profile ``quick``: the last so many.
    """

    features: tuple[str, ...] = (
        "market_data.return_1d",
        "market_data.return_5d",
        "market_data.return_21d",
        "market_data.ma_21_log_ratio",
        "market_data.ma_63_log_ratio",
        "market_data.rsi_14",
        "market_data.volatility_21d",
        "regime.vol_percentile",
    )
    encoder_length: int = bounded(42, ge=2, le=2_520, why="that is ten years of sessions")
    hidden_size: int = bounded(16, ge=2, le=1_024, why="more does not fit in memory")
    hidden_continuous_size: int = bounded(8, ge=1, le=1_024, why="more does not fit in memory")
    attention_heads: int = bounded(2, ge=1, le=64, why="more than the hidden size allows")
    dropout: float = Field(default=0.1, ge=0, lt=1)
    train_stride: int = bounded(3, ge=1, **SESSIONS)
    learning_rate: float = bounded(0.005, gt=0, le=1, why="steps would overshoot")
    batch_size: int = bounded(64, ge=1, le=65_536, why="no training set has more rows")
    gradient_clip: float = bounded(1.0, gt=0, le=1e6, why="nothing would be clipped")
    max_epochs: int = bounded(15, ge=1, le=10_000, why="training would not end")
    patience: int = bounded(4, ge=1, le=10_000, why="there are no more epochs")
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    quick_folds: int = bounded(2, ge=1, le=1_000, why="there are no more folds")

    def own_columns(self) -> tuple[str, ...]:
        """Those of ``features``."""
        return self.features

    @property
    def lookback(self) -> int:
        """``encoder_length``."""
        return self.encoder_length

    def last_folds(self, profile: str) -> int | None:
        """A few in profile ``quick``, for a network takes its time."""
        return self.quick_folds if profile == "quick" else None

    @model_validator(mode="after")
    def _check(self) -> TFTConfig:
        if self.hidden_size % self.attention_heads:
            raise ValueError(
                f"hidden_size={self.hidden_size} must be a multiple of "
                f"attention_heads={self.attention_heads}"
            )
        if not self.features:
            raise ValueError("features is empty; name at least one column of the matrix")
        return self
