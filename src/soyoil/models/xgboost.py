"""XGBoost: one booster for all quantiles, native multi-quantile pinball objective."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xgboost as xgb

from soyoil.base.arrays import FloatArray, IntArray
from soyoil.market.conventions import MEDIAN, QUANTILES
from soyoil.models.base import (
    CONTRIBUTION,
    GAIN,
    EngineFit,
    FoldTask,
    HorizonArrays,
    RowForecast,
)
from soyoil.models.config import XGBoostConfig


def booster_params(config: XGBoostConfig, seed: int, threads: int) -> dict[str, Any]:
    """Parameters of the booster of a fold."""
    return {
        "objective": "reg:quantileerror",
        "quantile_alpha": list(QUANTILES),
        "eval_metric": "quantile",
        "tree_method": "hist",
        "learning_rate": config.learning_rate,
        "max_depth": config.max_depth,
        "min_child_weight": config.min_child_weight,
        "reg_lambda": config.reg_lambda,
        "colsample_bytree": config.colsample_bytree,
        "subsample": config.subsample,
        "seed": seed,
        "nthread": threads,
        "verbosity": 0,
    }


def contributions(booster: xgb.Booster, data: xgb.DMatrix) -> FloatArray:
    """Contribution of every feature to each quantile's forecast, and the bias.

    Returns
    -------
    FloatArray
        Shape ``(n, 3, p + 1)``, the bias last; sums over the last axis are the forecasts.
    """
    return np.asarray(booster.predict(data, pred_contribs=True), dtype=np.float64)


def fit_fold(
    arrays: HorizonArrays, task: FoldTask, threads: int, config: XGBoostConfig
) -> EngineFit:
    """Fit the three quantiles of one fold; see `soyoil.models.base.Engine`."""

    def matrix(rows: IntArray, weight: FloatArray | None = None) -> xgb.DMatrix:
        return xgb.DMatrix(
            arrays.X[rows],
            label=None if weight is None else arrays.y[rows],
            weight=weight,
            feature_names=list(arrays.feature_names),
            nthread=threads,
        )

    train = matrix(task.train, task.train_weight)
    stop = config.early_stopping_rounds > 0 and len(task.valid) > 0
    booster = xgb.train(
        booster_params(config, task.seed, threads),
        train,
        num_boost_round=config.n_estimators,
        evals=[(matrix(task.valid, task.valid_weight), "valid")] if stop else None,
        early_stopping_rounds=config.early_stopping_rounds if stop else None,
        verbose_eval=False,
    )
    used = booster.best_iteration + 1 if stop else booster.num_boosted_rounds()
    kept = booster[:used]

    def forecast(rows: IntArray) -> FloatArray:
        if len(rows) == 0:
            return np.empty((0, len(QUANTILES)))
        return np.asarray(kept.predict(matrix(rows)), dtype=np.float64)

    gains: dict[str, Any] = kept.get_score(importance_type="total_gain")
    moved = np.zeros(len(arrays.feature_names))
    if len(task.test):
        parts = contributions(kept, matrix(task.test))[:, :, :-1]
        moved = np.abs(parts).mean(axis=(0, 1))
    return EngineFit(
        quantiles=forecast(task.test),
        valid_quantiles=forecast(task.valid),
        models={f"fold_{task.fold:02d}.xgboost.ubj": bytes(kept.save_raw("ubj"))},
        importance={
            GAIN: {name: float(gains.get(name, 0.0)) for name in arrays.feature_names},
            CONTRIBUTION: dict(zip(arrays.feature_names, moved.tolist(), strict=True)),
        },
        rounds=float(used),
    )


def forecast_rows(
    models: Mapping[str, bytes], arrays: HorizonArrays, rows: IntArray, threads: int
) -> RowForecast:
    """Forecast rows by a stored booster; see `soyoil.models.base.Forecaster`."""
    booster = xgb.Booster({"nthread": threads})
    (content,) = models.values()
    booster.load_model(bytearray(content))

    def matrix(positions: IntArray) -> xgb.DMatrix:
        names = list(arrays.feature_names)
        return xgb.DMatrix(arrays.X[positions], feature_names=names, nthread=threads)

    drivers: dict[str, float] = {}
    if len(rows):
        parts = contributions(booster, matrix(rows[-1:]))[0, QUANTILES.index(MEDIAN), :-1]
        drivers = dict(zip(arrays.feature_names, parts.tolist(), strict=True))
    quantiles = np.asarray(booster.predict(matrix(rows)), dtype=np.float64)
    return RowForecast(quantiles.reshape(len(rows), len(QUANTILES)), drivers)
