"""A whole walk-forward of a tree engine against a bare loop over the same fits.

The bare side calls ``lightgbm.train`` or ``xgboost.train`` with the same parameters, weights and
early stopping on ready arrays in as many plain worker processes, forecasts the test rows, and
does nothing else: no shrinkage, no importance, no model file. Both sides run in one call. Wall time
says something on a quiet machine only; CPU time, of all processes, also on a busy one. For the
network there is ``tft.py``.

Usage: python benchmarks/walkforward.py [lightgbm|xgboost] [horizon ...]
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from soyoil.base.arrays import FloatArray
from soyoil.market.conventions import QUANTILES
from soyoil.models import executors
from soyoil.models.base import FoldTask, HorizonArrays, blinded, unscaled
from soyoil.models.config import (
    EngineConfig,
    FitConfig,
    LightGBMConfig,
    TFTConfig,
    XGBoostConfig,
)
from soyoil.models.engines import ENGINES
from soyoil.models.shrinkage import shrink
from soyoil.models.walkforward import Job, run_walk_forward
from soyoil.targets.horizons import HORIZONS

ROWS = 3400
COLUMNS = 144
FIRST_TEST = 1400
BLOCK = 126


def market(sessions: int) -> tuple[HorizonArrays, list[FoldTask]]:
    """Random features and labels in the shape of the real matrix, half-yearly refits."""
    rng = np.random.default_rng(sessions)
    features = rng.normal(size=(ROWS, COLUMNS))
    scale = np.exp(rng.normal(-3, 0.2, ROWS))
    names = TFTConfig().features
    columns = (*names, *(f"x_{i}" for i in range(COLUMNS - len(names))))
    dates = np.arange(np.datetime64("2010-06-07"), np.datetime64("2010-06-07") + ROWS)
    arrays = HorizonArrays(features, scale * rng.normal(size=ROWS), scale, dates, columns)
    tasks = []
    for fold, start in enumerate(range(FIRST_TEST, ROWS - sessions, BLOCK)):
        valid = np.arange(start - sessions - 126, start - sessions)
        train = np.arange(252, valid[0] - sessions)
        test = np.arange(start, min(start + BLOCK, ROWS - sessions))
        ones = (np.ones(len(train)), np.ones(len(valid)))
        tasks.append(FoldTask(fold, train, valid, test, *ones, 7 + fold))
    return arrays, tasks


def bare_lightgbm(config: LightGBMConfig, arrays: HorizonArrays, task: FoldTask) -> FloatArray:
    """Three boosters."""
    import lightgbm as lgb

    from soyoil.models.lightgbm import booster_params

    train = lgb.Dataset(
        arrays.X[task.train], arrays.y[task.train], weight=task.train_weight, free_raw_data=False
    )
    valid = lgb.Dataset(
        arrays.X[task.valid], arrays.y[task.valid], weight=task.valid_weight, reference=train
    )
    forecasts = []
    for alpha in QUANTILES:
        booster = lgb.train(
            {**booster_params(config, task.seed, 1), "alpha": alpha},
            train,
            num_boost_round=config.n_estimators,
            valid_sets=[valid],
            callbacks=[lgb.early_stopping(config.early_stopping_rounds, verbose=False)],
        )
        forecasts.append(booster.predict(arrays.X[task.test]))
    return np.column_stack(forecasts)


def bare_xgboost(config: XGBoostConfig, arrays: HorizonArrays, task: FoldTask) -> FloatArray:
    """One booster of three quantiles."""
    import xgboost as xgb

    from soyoil.models.xgboost import booster_params

    train, valid = (
        xgb.DMatrix(arrays.X[rows], arrays.y[rows], weight=weight, nthread=1)
        for rows, weight in ((task.train, task.train_weight), (task.valid, task.valid_weight))
    )
    booster = xgb.train(
        booster_params(config, task.seed, 1),
        train,
        num_boost_round=config.n_estimators,
        evals=[(valid, "valid")],
        early_stopping_rounds=config.early_stopping_rounds,
        verbose_eval=False,
    )
    kept = (0, booster.best_iteration + 1)
    test = xgb.DMatrix(arrays.X[task.test], nthread=1)
    return np.asarray(booster.predict(test, iteration_range=kept), dtype=np.float64)


def bare(config: EngineConfig, arrays: HorizonArrays, task: FoldTask) -> FloatArray:
    """Forecasts of one fold on ready arrays."""
    if isinstance(config, LightGBMConfig):
        return bare_lightgbm(config, arrays, task)
    if isinstance(config, XGBoostConfig):
        return bare_xgboost(config, arrays, task)
    raise SystemExit("lightgbm or xgboost; for the network there is tft.py")


def clocks() -> FloatArray:
    """Wall and CPU seconds, the latter of this process and of all that it has ended."""
    used = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return np.array([time.perf_counter(), sum(u.ru_utime + u.ru_stime for u in used)])


def main() -> None:
    """Print seconds of both sides and their ratio."""
    engine = sys.argv[1] if len(sys.argv) > 1 else "lightgbm"
    horizons = sys.argv[2:] or list(HORIZONS)
    config, fit = ENGINES[engine].config(), FitConfig()
    workers = fit.worker_count(single=ENGINES[engine].single_worker)
    cases = {name: market(HORIZONS[name].sessions) for name in horizons}
    ready = {
        name: [(blinded(arrays, task, fit.target_kind), task) for task in tasks]
        for name, (arrays, tasks) in cases.items()
    }
    os.environ.update(dict.fromkeys(executors.THREAD_VARIABLES, "1"))
    started = clocks()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn) as pool:
        futures = [
            pool.submit(bare, config, arrays, task)
            for given in ready.values()
            for arrays, task in given
        ]
        plainly = [future.result() for future in futures]
    plain = clocks() - started
    started = clocks()
    results = [
        result
        for arrays, tasks in cases.values()
        for result in run_walk_forward(Job(engine, fit, config), arrays, tasks, lambda done: None)
    ]
    executors.shutdown()
    ours = clocks() - started
    pairs = [pair for given in ready.values() for pair in given]
    for (arrays, task), quantiles, result in zip(pairs, plainly, results, strict=True):
        sigma = arrays.scale[task.test]
        same = shrink(unscaled(quantiles, sigma, fit.target_kind, "bare"), sigma, result.shrink)
        if not np.array_equal(same, result.quantiles):
            raise SystemExit(f"fold {task.fold}: the two sides forecast different numbers")
    print(f"{engine}, {len(horizons)} horizons, {len(pairs)} folds, {workers} workers")
    for name, mine, theirs in zip(("wall", "CPU"), ours, plain, strict=True):
        print(f"{name}: soyoil {mine:.1f} s, bare {theirs:.1f} s, ratio {mine / theirs:.2f}")


if __name__ == "__main__":
    main()
