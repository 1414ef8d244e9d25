"""The folds of one walk-forward as tasks of a Dask cluster, through joblib's backend.

The route to a cluster: the fits of `soyoil.models.walkforward` are plain functions of plain
arguments, so joblib hands them to whatever backend is set. Here the cluster is two processes of
this machine; on a real one only the address of `Client` changes. The forecasts are compared with
those of the same fits in this process.

Needs the extra: pip install "soyoil[dask]".

Usage: python benchmarks/dask_fits.py [folds]
"""

from __future__ import annotations

import os
import sys
import time

import joblib
import numpy as np

from soyoil.models.base import FoldResult, FoldTask, HorizonArrays
from soyoil.models.config import FitConfig, LightGBMConfig
from soyoil.models.executors import THREAD_VARIABLES
from soyoil.models.walkforward import Job, fit_one

ROWS = 3000
COLUMNS = 144
FIRST_TEST = 1200
SESSIONS = 21


def market(folds: int) -> tuple[HorizonArrays, list[FoldTask]]:
    """Random features and labels in the shape of the real matrix."""
    rng = np.random.default_rng(3)
    scale = np.exp(rng.normal(-3, 0.2, ROWS))
    arrays = HorizonArrays(
        X=rng.normal(size=(ROWS, COLUMNS)),
        y=scale * rng.normal(size=ROWS),
        scale=scale,
        dates=np.arange(np.datetime64("2010-06-07"), np.datetime64("2010-06-07") + ROWS),
        feature_names=tuple(f"market_data.x_{i}" for i in range(COLUMNS)),
    )
    tasks = []
    for fold, start in enumerate(np.linspace(FIRST_TEST, ROWS - 200, folds).astype(int)):
        valid = np.arange(start - SESSIONS - 126, start - SESSIONS)
        train = np.arange(252, valid[0] - SESSIONS)
        ones = (np.ones(len(train)), np.ones(len(valid)))
        tasks.append(FoldTask(fold, train, valid, np.arange(start, start + 126), *ones, 7 + fold))
    return arrays, tasks


def main() -> None:
    """Print the seconds of both ways and whether the forecasts are equal."""
    folds = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    from distributed import Client, LocalCluster

    arrays, tasks = market(folds)
    job = Job("lightgbm", FitConfig(workers=1), LightGBMConfig())
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with cluster, Client(cluster):
        started = time.perf_counter()
        # The arrays are sent to each worker once.
        with joblib.parallel_backend("dask", scatter=[arrays]):
            far: list[FoldResult] = joblib.Parallel()(
                joblib.delayed(fit_one)(job, arrays, task) for task in tasks
            )
        seconds = time.perf_counter() - started
    started = time.perf_counter()
    near = [fit_one(job, arrays, task) for task in tasks]
    equal = all(np.array_equal(a.quantiles, b.quantiles) for a, b in zip(far, near, strict=True))
    print(
        f"{folds} folds: Dask, 2 workers {seconds:.1f} s; this process "
        f"{time.perf_counter() - started:.1f} s; forecasts equal: {equal}"
    )


if __name__ == "__main__":
    main()
