"""A small market, an engine without a library, and studies over both."""

from __future__ import annotations

import sys
import types
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from soyoil.base.errors import ModelError
from soyoil.contracts.contract import load_contract
from soyoil.models.base import EngineFit, FoldTask, HorizonArrays
from soyoil.models.config import FitConfig, LightGBMConfig
from soyoil.models.engines import ENGINES
from soyoil.pipelines.sweep.nodes import SweepInputs
from soyoil.regimes.table import RegimeConfig, regime_frame
from soyoil.regimes.weights import WeightsConfig, label_regimes
from soyoil.splits.plan import SplitConfig
from soyoil.splits.snapshot import Snapshot
from soyoil.sweep.config import SweepConfig
from soyoil.sweep.space import TrialConfig

FIRST_TEST = pd.Timestamp("2018-07-02")
SPLIT = SplitConfig(first_origin=FIRST_TEST.date(), warm_up=40, valid_sessions=40)
SPACE = {
    "lightgbm": {
        "lightgbm": {
            "num_leaves": {"kind": "int", "low": 2, "high": 12},
            "lambda_l2": {"kind": "float", "low": 1.0, "high": 100.0, "log": True},
            "feature_fraction": {"kind": "float", "low": 0.1, "high": 1.0},
        },
        "fit": {
            "shrink": {"kind": "choice", "values": [True, False]},
            "rows_per_label": {"kind": "choice", "values": [0, 2]},
        },
        "weights": {"scheme": {"kind": "choice", "values": ["uniform", "regime_uniqueness"]}},
    }
}


def sweep_config(**changes: object) -> SweepConfig:
    """A sweep of the small market."""
    content = {
        "horizon": "1w",
        "trials": 12,
        "startup_trials": 4,
        "inner": {"folds": 3, "min_train_rows": 120},
        "space": SPACE,
        **changes,
    }
    return SweepConfig.model_validate(content)


def regimes() -> pd.DataFrame:
    """Three regimes, two of them before the first outer test origin."""
    spans = [
        ("calm", "2000-01-01", "2017-09-01", 100),
        ("war", "2017-09-01", "2018-10-01", 300),
        ("later", "2018-10-01", None, 600),
    ]
    return regime_frame(
        [
            RegimeConfig.model_validate(
                {"name": name, "start": start, "end": end, "weight": weight, "description": name}
            )
            for name, start, end, weight in spans
        ]
    )


def make_snapshot(seed: int = 5, signal: float = 0.0) -> Snapshot:
    """Weekdays of three years; with a signal the second feature says the next week's return."""
    days = pd.Series(pd.bdate_range("2016-01-04", "2019-03-29").as_unit("us"))
    n = len(days)
    rng = np.random.default_rng(seed)
    names = load_contract("features.daily_ml_matrix").feature_columns()
    returns = rng.normal(0, 0.01, n)
    features = rng.normal(size=(n, len(names)))
    ahead = np.convolve(returns, np.ones(5))[4:][1:]
    features[: len(ahead), 1] += signal * ahead / 0.02
    table = label_regimes(days, regimes())
    drawn = pd.DataFrame(features, columns=list(names))
    frame = drawn.assign(
        **{
            "symbol": "ZL",
            "data_date": days,
            "provenance": "synthetic",
            "market_data.close": 40.0 * np.exp(np.cumsum(returns)),
            "market_data.roll_free_return": returns,
            "market_data.is_roll": False,
            "regime.name": table["name"],
            "regime.weight": table["weight"],
            # No volatility: options of this market are not quoted.
            "implied.zl_30d": -np.abs(drawn["implied.zl_30d"]),
        }
    )
    return Snapshot(frame, regimes(), "ZL", "synthetic", {"features.daily_ml_matrix": "x"})


def make_inputs(folder: Path, snapshot: Snapshot | None = None, **changes: object) -> SweepInputs:
    """Inputs of a sweep over the small market."""
    base = TrialConfig("lightgbm", LightGBMConfig(), FitConfig(), WeightsConfig())
    return SweepInputs(snapshot or make_snapshot(), folder, SPLIT, base, sweep_config(**changes))


def poisoned(snapshot: Snapshot) -> Snapshot:
    """Every feature, return and regime from the first outer test origin on replaced by noise."""
    matrix = snapshot.matrix.copy()
    late = matrix["data_date"] >= FIRST_TEST
    rng = np.random.default_rng(99)
    for column in matrix.select_dtypes("number").columns:
        noise = rng.normal(0, 50, int(late.sum()))
        matrix[column] = matrix[column].astype("float64").where(~late, 0.0)
        matrix.loc[late, column] = np.where(rng.random(len(noise)) < 0.3, np.nan, noise)
    return replace(snapshot, matrix=matrix)


def _fit_fold(
    arrays: HorizonArrays, task: FoldTask, threads: int, config: LightGBMConfig
) -> EngineFit:
    """A ridge on one feature; every key of the search space changes the forecast."""
    if config.num_leaves == 12:
        raise ModelError("no twelve leaves")
    if config.num_leaves == 13:
        raise KeyError("a bug with thirteen leaves")
    weight = task.train_weight / task.train_weight.sum()
    x, y = arrays.X[:, 1], arrays.y
    cross = float(np.dot(weight, x[task.train] * y[task.train]))
    slope = config.feature_fraction * cross / (1.0 + config.lambda_l2 / 100.0)
    width = np.sqrt(float(np.dot(weight, y[task.train] ** 2))) * (0.8 + 0.1 * config.num_leaves)

    def forecast(rows: np.ndarray) -> np.ndarray:
        return slope * x[rows][:, None] + width * np.array([-1.0, 0.0, 1.0])

    return EngineFit(forecast(task.test), forecast(task.valid), {}, {}, 1.0)


def install_engine() -> None:
    """Put the engine without a library in the place of LightGBM, in this process."""
    module = types.ModuleType("soyoil_test_engine")
    module.fit_fold = _fit_fold  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    ENGINES["lightgbm"] = replace(ENGINES["lightgbm"], module=module.__name__)
