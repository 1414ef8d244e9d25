"""What an engine is given for a fold and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

import numpy as np

from soyoil.base.arrays import DayArray, FloatArray, IntArray
from soyoil.base.errors import ModelError
from soyoil.market.conventions import QUANTILES
from soyoil.models.config import TargetKind
from soyoil.models.shrinkage import Shrink

Importance = Mapping[str, Mapping[str, float]]
"""Value per feature, by the kind of importance."""

GAIN: Final = "gain"
"""Loss that the splits on a feature saved in training, summed over trees."""

CONTRIBUTION: Final = "contribution"
"""Mean over test rows and quantiles of a feature's absolute contribution to the forecast (SHAP
values of Lundberg et al. 2020 for trees), in the units of the labels that an engine was given."""

SELECTION: Final = "selection"
"""Mean over test rows and encoder steps of a network's variable selection weights; sums to 1."""


@dataclass(frozen=True)
class HorizonArrays:
    """Rows of one horizon, one per session of the target's index.

    Attributes
    ----------
    X
        Features, shape ``(n, p)``, NaN where missing.
    y
        Labels, log returns, shape ``(n,)``, NaN where there is none.
    scale
        Sigma of the vol cone at each origin, shape ``(n,)``.
    dates
        Session dates, ``datetime64[D]``, shape ``(n,)``.
    feature_names
        Columns of `X`, length p.
    """

    X: FloatArray
    y: FloatArray
    scale: FloatArray
    dates: DayArray
    feature_names: tuple[str, ...]


@dataclass(frozen=True)
class FoldTask:
    """Rows, weights and seed of one fold; positions count sessions.

    Attributes
    ----------
    fold
        Number of the fold.
    train, valid, test
        Positions of training, early-stopping and scored rows.
    train_weight, valid_weight
        Weights of those rows, mean 1 each.
    seed
        Seed of everything random in the fold.
    """

    fold: int
    train: IntArray
    valid: IntArray
    test: IntArray
    train_weight: FloatArray
    valid_weight: FloatArray
    seed: int

    def __post_init__(self) -> None:
        # LightGBM takes a weight array of any length without a word.
        pairs = ((self.train, self.train_weight), (self.valid, self.valid_weight))
        for (rows, weight), role in zip(pairs, ("training", "early-stopping"), strict=True):
            if len(rows) != len(weight):
                raise ModelError(
                    f"fold {self.fold}: {len(weight)} weights for {len(rows)} {role} rows"
                )


@dataclass(frozen=True)
class EngineFit:
    """What an engine made of one fold, in the units of the labels it was given.

    Attributes
    ----------
    quantiles
        Forecasts of the test rows, shape ``(m, 3)``, columns as `QUANTILES`.
    valid_quantiles
        Forecasts of the early-stopping rows, shape ``(v, 3)``.
    models
        Native model files by name.
    importance
        Importance per feature, by kind: `GAIN` and `CONTRIBUTION`, or `SELECTION`. Those that
        are means over test rows are 0 if there are none.
    rounds
        Boosting rounds or epochs used, mean over the quantiles.
    device
        Where it was fitted, and why there.
    """

    quantiles: FloatArray
    valid_quantiles: FloatArray
    models: Mapping[str, bytes]
    importance: Importance
    rounds: float
    device: str = "cpu"

    def __post_init__(self) -> None:
        """Check the parts: what is wrong here would only be seen when a run is tracked.

        Raises
        ------
        TypeError, ValueError
            Naming the part; an engine that returns it has a bug.
        """
        for name in ("quantiles", "valid_quantiles"):
            shape = np.shape(getattr(self, name))
            if len(shape) != 2 or shape[1] != len(QUANTILES):
                raise ValueError(
                    f"{name} must have shape (rows, {len(QUANTILES)}), a column per quantile of "
                    f"{QUANTILES}; got shape {shape}"
                )
        for name, content in self.models.items():
            if not isinstance(content, bytes):
                raise TypeError(
                    f"models[{name!r}] must be the bytes of a file, not {type(content)}"
                )
        for kind, values in self.importance.items():
            if kind not in (GAIN, CONTRIBUTION, SELECTION):
                raise ValueError(
                    f"importance[{kind!r}]: kinds are {GAIN!r}, {CONTRIBUTION!r} and {SELECTION!r}"
                )
            if not isinstance(values, Mapping):
                raise TypeError(
                    f"importance[{kind!r}] must hold a number per feature name, not {type(values)}"
                )


@dataclass(frozen=True)
class RowForecast:
    """What an engine's stored models say of some rows, in the units of its labels.

    Attributes
    ----------
    quantiles
        Shape ``(m, 3)``, columns as `QUANTILES`.
    drivers
        Of the last row, per feature: its signed contribution to the median (trees), or its
        selection weight (a network).
    """

    quantiles: FloatArray
    drivers: Mapping[str, float]


class Forecaster(Protocol):
    """``forecast_rows`` of an engine's module."""

    def __call__(
        self,
        models: Mapping[str, bytes],
        arrays: HorizonArrays,
        rows: IntArray,
        threads: int,
    ) -> RowForecast:
        """Forecast rows by the native files of one fold, as `EngineFit.models` holds them."""


class Engine(Protocol):
    """``fit_fold`` of an engine's module."""

    def __call__(
        self, arrays: HorizonArrays, task: FoldTask, threads: int, config: Any
    ) -> EngineFit:
        """Fit on the training rows, stop early on the validation rows, forecast the test rows.

        ``arrays.y`` is NaN outside the training and early-stopping rows: an engine cannot see
        a label that it is scored on.
        """


@dataclass(frozen=True)
class FoldResult:
    """Forecasts of one fold.

    Attributes
    ----------
    fold
        Number of the fold.
    test
        Positions of the scored rows.
    quantiles
        Log returns, shape ``(len(test), 3)``, ascending along each row.
    models
        Native model files by name.
    importance
        Importance per feature, by kind.
    rounds
        Boosting rounds or epochs.
    shrink
        Factors on location and spread that were chosen on the early-stopping rows.
    device
        Where it was fitted.
    libraries
        Engine libraries that the worker process had loaded.
    seconds
        Wall time of the fit.
    peak_rss_mb
        Largest resident set of the worker so far, MiB.
    """

    fold: int
    test: IntArray
    quantiles: FloatArray
    models: Mapping[str, bytes] = field(default_factory=dict)
    importance: Importance = field(default_factory=dict)
    rounds: float = 0.0
    shrink: Shrink = field(default_factory=Shrink)
    device: str = "cpu"
    libraries: tuple[str, ...] = ()
    seconds: float = 0.0
    peak_rss_mb: float = 0.0


def blinded(arrays: HorizonArrays, task: FoldTask, kind: TargetKind) -> HorizonArrays:
    """Arrays as an engine may see them: scaled labels, and none outside its own rows.

    Raises
    ------
    ModelError
        If a label or scale that the fold needs is missing, or a scale is not positive.
    """
    rows = np.concatenate([task.train, task.valid])
    if not np.isfinite(arrays.y[rows]).all():
        raise ModelError(f"fold {task.fold}: a training or early-stopping row has no label")
    y = np.full(len(arrays.y), np.nan)
    y[rows] = arrays.y[rows]
    if kind == "vol_scaled":
        used = arrays.scale[np.concatenate([rows, task.test])]
        if not (used > 0).all():
            raise ModelError(
                f"fold {task.fold}: the vol cone's sigma is missing or zero on "
                f"{int((~(used > 0)).sum())} rows; prices must move before a label can be scaled. "
                "Raise split.warm_up, or set fit.target_kind=log_return."
            )
        y[rows] /= arrays.scale[rows]
    return replace(arrays, y=y)


def unscaled(quantiles: FloatArray, scale: FloatArray, kind: TargetKind, where: str) -> FloatArray:
    """Quantiles of log returns from those of the label an engine was given, ascending per row.

    Separately fitted quantiles can cross; sorting them never raises the pinball loss
    (Chernozhukov, Fernández-Val and Galichon 2010).

    Parameters
    ----------
    quantiles
        Shape ``(m, 3)``.
    scale
        Sigma of the vol cone, shape ``(m,)``.
    kind
        What the labels were.
    where
        Names the rows in an error.

    Raises
    ------
    ModelError
        If a forecast is not finite or the shape is wrong.
    """
    if quantiles.shape != (len(scale), len(QUANTILES)) or not np.isfinite(quantiles).all():
        raise ModelError(
            f"{where}: forecasts must be finite, shape ({len(scale)}, {len(QUANTILES)}); got "
            f"shape {quantiles.shape} with {int((~np.isfinite(quantiles)).sum())} values that "
            "are not finite"
        )
    ordered = np.sort(np.asarray(quantiles, dtype=np.float64), axis=1)
    return ordered * scale[:, None] if kind == "vol_scaled" else ordered
