"""A whole walk-forward of an engine against a bare loop over the same fits.

The bare side calls the engine's own training function on ready arrays in as many plain worker
processes, one engine per process, and does nothing else: no scaling, no shrinkage, no report.
Both sides run in one call; run them on a quiet machine.

Usage: python benchmarks/walkforward.py [lightgbm|xgboost|tft] [horizon ...]
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from soyoil.models import executors
from soyoil.models.base import EngineFit, FoldTask, HorizonArrays, blinded
from soyoil.models.config import ENGINE_CONFIGS, EngineConfig, FitConfig
from soyoil.models.registry import ENGINES
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
    names = ENGINE_CONFIGS["tft"]().features
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


def bare(engine: str, config: EngineConfig, arrays: HorizonArrays, task: FoldTask) -> EngineFit:
    """One fit on ready arrays."""
    fit: EngineFit = importlib.import_module(ENGINES[engine]).fit_fold(arrays, task, 1, config)
    return fit


def main() -> None:
    """Print seconds of both sides and their ratio."""
    engine = sys.argv[1] if len(sys.argv) > 1 else "lightgbm"
    horizons = sys.argv[2:] or list(HORIZONS)
    config, fit = ENGINE_CONFIGS[engine](), FitConfig()
    cases = {name: market(HORIZONS[name].sessions) for name in horizons}
    ready = {
        name: [(blinded(arrays, task, fit.target_kind), task) for task in tasks]
        for name, (arrays, tasks) in cases.items()
    }
    os.environ.update(dict.fromkeys(executors.THREAD_VARIABLES, "1"))
    started = time.perf_counter()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(fit.worker_count(engine), mp_context=spawn) as pool:
        futures = [
            pool.submit(bare, engine, config, arrays, task)
            for pairs in ready.values()
            for arrays, task in pairs
        ]
        for future in futures:
            future.result()
    plain = time.perf_counter() - started
    started = time.perf_counter()
    for arrays, tasks in cases.values():
        run_walk_forward(Job(engine, fit, config), arrays, tasks, lambda done: None)
    executors.shutdown()
    ours = time.perf_counter() - started
    fits = sum(len(tasks) for _, tasks in cases.values())
    print(
        f"{engine}, {len(horizons)} horizons, {fits} folds, {fit.worker_count(engine)} workers: "
        f"soyoil {ours:.1f} s, bare {plain:.1f} s, ratio {ours / plain:.3f}"
    )


if __name__ == "__main__":
    main()
