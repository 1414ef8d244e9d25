"""Weights of tree engines: zero drops a row, two doubles it, on bins that are the same.

Features take few values, so that a row more or less moves no bin boundary.

XGBoost's fit is equal as a whole. LightGBM's is equal in every sum over gradients and hessians,
hence in its splits, and in early stopping. Three things of LightGBM are not, and no equality is
asserted of them:

- Leaf values, and the first constant score, are a percentile of the residuals in place of
  ``-G / (H + lambda)``. With weights it lies between the weighted quantile and the row below,
  which may be a row of weight zero; without weights, also when all are one, it interpolates
  between ranks. Both are the weighted quantile to within one row, and that is asserted.
- What follows from those values: the gradients of the second and later rounds.
- ``min_data_in_leaf`` counts rows, not weights: a row of weight zero counts, a doubled one
  counts twice. It is one here.
"""

import json
from dataclasses import replace
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import xgboost as xgb

from soyoil.market.conventions import QUANTILES
from soyoil.models import lightgbm as lightgbm_engine
from soyoil.models import xgboost as xgboost_engine
from soyoil.models.base import FoldTask, HorizonArrays
from soyoil.models.config import LightGBMConfig, XGBoostConfig

TRAIN, VALID, TEST = np.arange(400), np.arange(400, 500), np.arange(500, 560)
LIGHTGBM = LightGBMConfig(
    n_estimators=200,
    learning_rate=0.1,
    min_data_in_leaf=1,
    lambda_l2=3.0,
    feature_fraction=1.0,
    bagging_fraction=1.0,
    early_stopping_rounds=5,
)
XGBOOST = XGBoostConfig(
    n_estimators=200,
    learning_rate=0.1,
    min_child_weight=30.0,
    reg_lambda=3.0,
    colsample_bytree=1.0,
    subsample=1.0,
    early_stopping_rounds=5,
)
Trees = dict[str, np.ndarray]


def weights(rows: int, seed: int) -> np.ndarray:
    """As many zeros as twos, the rest ones."""
    values = np.ones(rows)
    values[: rows // 4] = 0.0
    values[rows // 4 : rows // 2] = 2.0
    return np.random.default_rng(seed).permutation(values)


def weighted() -> FoldTask:
    return FoldTask(0, TRAIN, VALID, TEST, weights(len(TRAIN), 1), weights(len(VALID), 2), 7)


def doubled(task: FoldTask) -> FoldTask:
    """The same sample written out: rows of weight zero dropped, those of weight two twice."""
    train = np.repeat(task.train, task.train_weight.astype("int64"))
    valid = np.repeat(task.valid, task.valid_weight.astype("int64"))
    return replace(
        task,
        train=train,
        valid=valid,
        train_weight=np.ones(len(train)),
        valid_weight=np.ones(len(valid)),
    )


def arrays() -> HorizonArrays:
    """Labels that follow one feature, and another where the weight is zero."""
    rng = np.random.default_rng(0)
    features = rng.integers(0, 8, size=(560, 3)).astype("float64")
    y = 0.2 * features[:, 0] + rng.normal(size=560)
    task = weighted()
    for rows, weight in ((task.train, task.train_weight), (task.valid, task.valid_weight)):
        dropped = rows[weight == 0]
        y[dropped] = 3.0 - features[dropped, 1] + rng.normal(size=len(dropped))
    dates = np.arange(np.datetime64("2019-01-01"), np.datetime64("2019-01-01") + 560)
    return HorizonArrays(features, y, np.ones(560), dates, ("m.a", "m.b", "m.c"))


def pinball_gradient(y: np.ndarray, score: float, alpha: float) -> np.ndarray:
    return np.where(y < score, 1.0 - alpha, -alpha)


def first_booster(task: FoldTask, alpha: float) -> lgb.Booster:
    """One round from a score of zero, on the bins of all rows."""
    data, everything = arrays(), np.arange(560)
    bins = lightgbm_engine._dataset(data, everything, np.ones(560), None)
    train = lightgbm_engine._dataset(data, task.train, task.train_weight, bins)
    params = lightgbm_engine.booster_params(LIGHTGBM, task.seed, 1)
    return lgb.train(
        {**params, "alpha": alpha, "boost_from_average": False}, train, num_boost_round=1
    )


def lightgbm_nodes(booster: lgb.Booster) -> pd.DataFrame:
    return booster.trees_to_dataframe().set_index("node_index").sort_index()


def refitted(booster: lgb.Booster, task: FoldTask) -> np.ndarray:
    """Leaf values ``-rate * G / (H + lambda)`` by LightGBM's own objective on given leaves."""
    data = arrays()
    again = booster.refit(
        data.X[task.train], data.y[task.train], decay_rate=0.0, weight=task.train_weight
    )
    return np.array([again.get_leaf_output(0, leaf) for leaf in range(leaves(booster))])


def leaves(booster: lgb.Booster) -> int:
    return int(booster.dump_model()["tree_info"][0]["num_leaves"])


@pytest.mark.parametrize("alpha", QUANTILES)
def test_lightgbm_splits_by_weighted_sums(alpha: float) -> None:
    task = weighted()
    mine, theirs = (lightgbm_nodes(first_booster(t, alpha)) for t in (task, doubled(task)))
    assert mine.index.tolist() == theirs.index.tolist()
    np.testing.assert_allclose(mine["weight"], theirs["weight"], rtol=1e-12)
    splits = mine["split_feature"].notna()
    assert splits.sum() >= 2
    chosen = ["left_child", "right_child", "split_feature", "threshold"]
    pd.testing.assert_frame_equal(mine.loc[splits, chosen], theirs.loc[splits, chosen])
    sums = ["split_gain", "value"]
    np.testing.assert_allclose(mine.loc[splits, sums], theirs.loc[splits, sums], rtol=1e-6)


@pytest.mark.parametrize("alpha", QUANTILES)
def test_lightgbm_leaf_sums_are_weighted_sums_of_pinball_gradients(alpha: float) -> None:
    task, data = weighted(), arrays()
    booster = first_booster(task, alpha)
    mine, theirs = refitted(booster, task), refitted(booster, doubled(task))
    np.testing.assert_allclose(mine, theirs, rtol=1e-6)
    leaf = booster.predict(data.X[task.train], pred_leaf=True).ravel()
    gradient = task.train_weight * pinball_gradient(data.y[task.train], 0.0, alpha)
    sums = np.bincount(leaf, gradient, minlength=leaves(booster))
    hessians = np.bincount(leaf, task.train_weight, minlength=leaves(booster))
    expected = -LIGHTGBM.learning_rate * sums / (hessians + LIGHTGBM.lambda_l2)
    np.testing.assert_allclose(mine, expected, rtol=1e-6)


@pytest.mark.parametrize("alpha", QUANTILES)
def test_lightgbm_leaf_values_are_weighted_quantiles_to_within_one_row(alpha: float) -> None:
    task, data = weighted(), arrays()
    for rows in (task, doubled(task)):
        booster = first_booster(rows, alpha)
        leaf = booster.predict(data.X[task.train], pred_leaf=True).ravel()
        for number in range(leaves(booster)):
            inside = leaf == number
            y, weight = data.y[task.train][inside], task.train_weight[inside]
            value = booster.get_leaf_output(0, number) / LIGHTGBM.learning_rate
            target, row = alpha * weight.sum(), weight.max()
            assert weight[y < value - 1e-6].sum() <= target + row
            assert weight[y <= value + 1e-6].sum() >= target - row


def test_lightgbm_stops_early_by_weighted_rows() -> None:
    plain, data = weighted(), arrays()
    written_out = doubled(plain)
    other = replace(plain, valid=written_out.valid, valid_weight=written_out.valid_weight)
    mine, theirs = (lightgbm_engine.fit_fold(data, task, 1, LIGHTGBM) for task in (plain, other))
    assert mine.rounds == theirs.rounds < LIGHTGBM.n_estimators
    assert mine.models == theirs.models
    np.testing.assert_array_equal(mine.quantiles, theirs.quantiles)
    even = replace(plain, valid_weight=np.ones(len(VALID)))
    assert lightgbm_engine.fit_fold(data, even, 1, LIGHTGBM).rounds != mine.rounds


def xgboost_trees(models: Any) -> list[Trees]:
    """Splits, sums and leaf values of all trees; ``base_weights`` is
    ``-rate * G / (H + lambda)``, untouched when leaf values become percentiles.
    """
    booster = xgb.Booster()
    booster.load_model(bytearray(next(iter(models.values()))))
    learner = json.loads(booster.save_raw("json"))["learner"]
    names = ("split_indices", "left_children", "split_conditions", "base_weights", "sum_hessian")
    trees = learner["gradient_booster"]["model"]["trees"]
    return [{name: np.array(tree[name]) for name in names} for tree in trees]


def test_xgboost_fits_the_same_model_with_the_same_early_stopping() -> None:
    task, data = weighted(), arrays()
    mine, theirs = (xgboost_engine.fit_fold(data, t, 1, XGBOOST) for t in (task, doubled(task)))
    assert mine.rounds == theirs.rounds < XGBOOST.n_estimators
    np.testing.assert_allclose(mine.quantiles, theirs.quantiles, rtol=1e-6, atol=1e-7)
    pairs = list(zip(xgboost_trees(mine.models), xgboost_trees(theirs.models), strict=True))
    assert len(pairs) == len(QUANTILES) * mine.rounds
    for ours, other in pairs:
        for name in ("split_indices", "left_children"):
            np.testing.assert_array_equal(ours[name], other[name], err_msg=name)
        for name in ("split_conditions", "base_weights", "sum_hessian"):
            np.testing.assert_allclose(ours[name], other[name], rtol=1e-5, atol=1e-7)
    even = replace(task, valid_weight=np.ones(len(VALID)))
    assert xgboost_engine.fit_fold(data, even, 1, XGBOOST).rounds != mine.rounds


def test_xgboost_leaf_sums_are_weighted_sums_of_pinball_gradients() -> None:
    task, data = weighted(), arrays()
    params = {**xgboost_engine.booster_params(XGBOOST, task.seed, 1), "base_score": 0.0}
    y, weight = data.y[task.train], task.train_weight
    matrix = xgb.DMatrix(data.X[task.train], label=y, weight=weight)
    booster = xgb.train(params, matrix, num_boost_round=1)
    leaf = booster.predict(matrix, pred_leaf=True).astype("int64")
    trees = xgboost_trees({"all": booster.save_raw("ubj")})
    for column, (alpha, tree) in enumerate(zip(QUANTILES, trees, strict=True)):
        gradient = weight * pinball_gradient(y, 0.0, alpha)
        size = len(tree["base_weights"])
        sums = np.bincount(leaf[:, column], gradient, minlength=size)
        hessians = np.bincount(leaf[:, column], weight, minlength=size)
        ends = tree["left_children"] == -1
        assert ends.sum() > 2
        np.testing.assert_allclose(tree["sum_hessian"][ends], hessians[ends], rtol=1e-6)
        expected = -XGBOOST.learning_rate * sums / (hessians + XGBOOST.reg_lambda)
        np.testing.assert_allclose(tree["base_weights"][ends], expected[ends], rtol=1e-5, atol=1e-8)
