"""Contributions add up to the forecast, and importance is pooled over folds."""

import importlib
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import pytest

from soyoil.models.base import CONTRIBUTION, GAIN, SELECTION, FoldResult, FoldTask, HorizonArrays
from soyoil.models.config import LightGBMConfig, XGBoostConfig
from soyoil.models.engines import ENGINES
from soyoil.models.report import importance_frame, pool_importance

NAMES = ("m.a", "m.b", "m.dead")
Case = tuple[np.ndarray, np.ndarray, Mapping[str, float], Mapping[str, float]]


def arrays() -> HorizonArrays:
    """Labels that follow one feature up and another down; the third is constant."""
    rng = np.random.default_rng(3)
    features = rng.normal(size=(300, 3))
    features[:, 2] = 1.0
    y = features[:, 0] - 0.5 * features[:, 1] + 0.3 * rng.normal(size=300)
    features[rng.random((300, 3)) < 0.02] = np.nan
    dates = np.datetime64("2019-01-01") + np.arange(300)
    return HorizonArrays(features, y, np.ones(300), dates, NAMES)


def task(test: np.ndarray) -> FoldTask:
    train, valid = np.arange(200), np.arange(205, 245)
    return FoldTask(0, train, valid, test, np.linspace(0.5, 1.5, 200), np.ones(40), 5)


def lightgbm_case(test: np.ndarray) -> Case:
    import lightgbm as lgb

    from soyoil.models.lightgbm import contributions, fit_fold

    config = LightGBMConfig(n_estimators=30, min_data_in_leaf=10, early_stopping_rounds=10)
    fit = fit_fold(arrays(), task(test), 1, config)
    boosters = [lgb.Booster(model_str=text.decode()) for text in fit.models.values()]
    parts = [contributions(b, arrays().X[test], b.num_trees()) for b in boosters]
    importance = fit.importance
    return np.stack(parts, axis=1), fit.quantiles, importance[CONTRIBUTION], importance[GAIN]


def xgboost_case(test: np.ndarray) -> Case:
    import xgboost as xgb

    from soyoil.models.xgboost import contributions, fit_fold

    config = XGBoostConfig(n_estimators=30, min_child_weight=10, early_stopping_rounds=10)
    fit = fit_fold(arrays(), task(test), 1, config)
    (content,) = fit.models.values()
    booster = xgb.Booster(model_file=bytearray(content))
    data = xgb.DMatrix(arrays().X[test], feature_names=list(NAMES))
    importance = fit.importance
    return contributions(booster, data), fit.quantiles, importance[CONTRIBUTION], importance[GAIN]


@pytest.mark.parametrize("case", [lightgbm_case, xgboost_case])
def test_contributions_and_bias_add_up_to_the_forecast(case: Callable[..., Case]) -> None:
    parts, quantiles, contribution, gain = case(np.arange(250, 300))
    assert parts.shape == (50, 3, 4)
    np.testing.assert_allclose(parts.sum(axis=2), quantiles, rtol=0, atol=2e-5)
    mean = np.abs(parts[:, :, :-1]).mean(axis=(0, 1))
    np.testing.assert_allclose(list(contribution.values()), mean, rtol=1e-6)
    assert contribution["m.a"] > contribution["m.b"] > 0
    assert (contribution["m.dead"], gain["m.dead"]) == (0.0, 0.0), "no split, no contribution"


@pytest.mark.parametrize("engine", ["lightgbm", "xgboost"])
def test_without_test_rows_nothing_contributes(engine: str) -> None:
    module = importlib.import_module(f"soyoil.models.{engine}")
    config = ENGINES[engine].config(n_estimators=5)
    fit = module.fit_fold(arrays(), task(np.empty(0, dtype="int64")), 1, config)
    assert set(fit.importance[CONTRIBUTION].values()) == {0.0}


def result(fold: int, rows: int, importance: dict[str, dict[str, float]]) -> FoldResult:
    return FoldResult(fold, np.arange(rows), np.zeros((rows, 3)), importance=importance)


def test_gain_is_a_share_and_contributions_are_means_over_rows() -> None:
    folds = [
        result(0, 10, {GAIN: {"a": 6.0, "b": 0.0}, CONTRIBUTION: {"a": 0.4, "b": 0.1}}),
        result(1, 30, {GAIN: {"a": 0.0, "b": 2.0}, CONTRIBUTION: {"a": 0.0, "b": 0.5}}),
    ]
    pooled = pool_importance(folds)
    assert pooled[GAIN] == {"a": 0.75, "b": 0.25}
    assert pooled[CONTRIBUTION] == pytest.approx({"a": 0.1, "b": 0.4})
    table = importance_frame(pooled)
    assert table.columns.tolist() == ["feature", CONTRIBUTION, GAIN]
    assert table["feature"].tolist() == ["b", "a"], "contributions decide the order"


def test_importance_of_nothing() -> None:
    assert pool_importance([result(0, 5, {})]) == {}
    assert importance_frame({}).empty
    idle = pool_importance([result(0, 0, {GAIN: {"a": 0.0}, SELECTION: {"a": 0.0}})])
    assert idle == {GAIN: {"a": 0.0}, SELECTION: {"a": 0.0}}
    assert isinstance(importance_frame(idle), pd.DataFrame)
