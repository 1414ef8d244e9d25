"""LightGBM: one booster per quantile, native pinball objective."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import lightgbm as lgb
import numpy as np

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
from soyoil.models.config import LightGBMConfig


def _dataset(
    arrays: HorizonArrays, rows: np.ndarray, weight: np.ndarray, reference: lgb.Dataset | None
) -> lgb.Dataset:
    data = lgb.Dataset(
        arrays.X[rows],
        label=arrays.y[rows],
        weight=weight,
        reference=reference,
        feature_name=[name.replace(".", "_") for name in arrays.feature_names],
        free_raw_data=False,
    )
    return data


def _ending(quantile: float) -> str:
    return f"q{quantile * 100:.0f}.lightgbm.txt"


def _forecast(booster: lgb.Booster, features: FloatArray, rounds: int) -> FloatArray:
    if len(features) == 0:
        return np.empty(0)
    return np.asarray(booster.predict(features, num_iteration=rounds), dtype=np.float64)


def contributions(booster: lgb.Booster, features: FloatArray, rounds: int) -> FloatArray:
    """Contribution of every feature to a forecast, and the bias; they sum up to the forecast.

    Returns
    -------
    FloatArray
        Shape ``(n, p + 1)``, the bias last.
    """
    if len(features) == 0:
        return np.zeros((0, features.shape[1] + 1))
    found = booster.predict(features, num_iteration=rounds, pred_contrib=True)
    return np.asarray(found, dtype=np.float64)


def booster_params(config: LightGBMConfig, seed: int, threads: int) -> dict[str, Any]:
    """Parameters of every booster of a fold, without the quantile."""
    return {
        "objective": "quantile",
        "metric": "quantile",
        "learning_rate": config.learning_rate,
        "num_leaves": config.num_leaves,
        "min_data_in_leaf": config.min_data_in_leaf,
        "lambda_l2": config.lambda_l2,
        "feature_fraction": config.feature_fraction,
        "bagging_fraction": config.bagging_fraction,
        "bagging_freq": 1 if config.bagging_fraction < 1 else 0,
        "seed": seed,
        "num_threads": threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }


def fit_fold(
    arrays: HorizonArrays, task: FoldTask, threads: int, config: LightGBMConfig
) -> EngineFit:
    """Fit the three quantiles of one fold; see `soyoil.models.base.Engine`."""
    params = booster_params(config, task.seed, threads)
    train = _dataset(arrays, task.train, task.train_weight, None)
    stop = config.early_stopping_rounds > 0 and len(task.valid) > 0
    valid = _dataset(arrays, task.valid, task.valid_weight, train) if stop else None
    names = arrays.feature_names
    gains, moved = np.zeros(len(names)), np.zeros(len(names))
    models: dict[str, bytes] = {}
    forecasts, valid_forecasts, rounds = [], [], []
    for quantile in QUANTILES:
        callbacks: list[Callable[..., Any]] = (
            [lgb.early_stopping(config.early_stopping_rounds, verbose=False)] if stop else []
        )
        booster = lgb.train(
            {**params, "alpha": quantile},
            train,
            num_boost_round=config.n_estimators,
            valid_sets=[valid] if valid is not None else None,
            callbacks=callbacks,
        )
        used = booster.best_iteration if stop else booster.current_iteration()
        forecasts.append(_forecast(booster, arrays.X[task.test], used))
        valid_forecasts.append(_forecast(booster, arrays.X[task.valid], used))
        text = booster.model_to_string(num_iteration=used)
        models[f"fold_{task.fold:02d}.{_ending(quantile)}"] = text.encode()
        gains += booster.feature_importance("gain", iteration=used)
        parts = contributions(booster, arrays.X[task.test], used)[:, :-1]
        moved += np.abs(parts).sum(axis=0) / (len(QUANTILES) * max(len(parts), 1))
        rounds.append(used)
    return EngineFit(
        quantiles=np.column_stack(forecasts),
        valid_quantiles=np.column_stack(valid_forecasts),
        models=models,
        importance={
            kind: dict(zip(names, values.tolist(), strict=True))
            for kind, values in ((GAIN, gains), (CONTRIBUTION, moved))
        },
        rounds=float(np.mean(rounds)),
    )


def forecast_rows(
    models: Mapping[str, bytes], arrays: HorizonArrays, rows: IntArray, threads: int
) -> RowForecast:
    """Forecast rows by stored boosters; see `soyoil.models.base.Forecaster`.

    A stored booster keeps the threads that it was fitted with; `threads` is not looked at.
    """
    quantiles, median = [], None
    for quantile in QUANTILES:
        text = next(text for name, text in models.items() if name.endswith(_ending(quantile)))
        booster = lgb.Booster(model_str=text.decode())
        quantiles.append(_forecast(booster, arrays.X[rows], booster.current_iteration()))
        median = booster if quantile == MEDIAN else median
    drivers: dict[str, float] = {}
    if median is not None and len(rows):
        parts = contributions(median, arrays.X[rows[-1:]], median.current_iteration())[0, :-1]
        drivers = dict(zip(arrays.feature_names, parts.tolist(), strict=True))
    return RowForecast(np.column_stack(quantiles), drivers)
