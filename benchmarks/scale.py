"""The folds of one walk-forward on 1 and 2 workers of each backend: seconds, bytes, equality.

Workers are started and warmed by one fit each before the clock runs; how long that took stands
beside it. Bytes are those of pickles, as a cluster is sent them.

Needs the extras of the backends named: pip install "soyoil[dask]".

Usage: python benchmarks/scale.py [folds] [backend ...]
"""

from __future__ import annotations

import pickle
import sys
import time

import numpy as np

from soyoil.models import executors
from soyoil.models.backends.machines import available_cores
from soyoil.models.base import FoldResult, FoldTask, HorizonArrays
from soyoil.models.config import FitConfig, LightGBMConfig
from soyoil.models.walkforward import Job, run_walk_forward

ROWS = 3000
COLUMNS = 178
FIRST_TEST = 1200
SESSIONS = 21
WORKERS = (1, 2)


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


def timed(
    job: Job, arrays: HorizonArrays, tasks: list[FoldTask]
) -> tuple[float, float, list[FoldResult]]:
    """Seconds to start, seconds of all folds, and the folds."""
    started = time.perf_counter()
    run_walk_forward(job, arrays, tasks[: job.fit.workers], lambda done: None)
    ready = time.perf_counter()
    results = run_walk_forward(job, arrays, tasks, lambda done: None)
    return ready - started, time.perf_counter() - ready, results


def same(one: list[FoldResult], other: list[FoldResult]) -> bool:
    """Whether forecasts and models are equal to the bit."""
    return all(
        np.array_equal(a.quantiles, b.quantiles) and a.models == b.models
        for a, b in zip(one, other, strict=True)
    )


def main() -> None:
    """Print a line per backend and number of workers."""
    folds = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    backends = sys.argv[2:] or ["local", "dask"]
    arrays, tasks = market(folds)
    first: list[FoldResult] | None = None
    for backend in backends:
        for workers in WORKERS:
            if workers > available_cores():
                continue
            fit = FitConfig.model_validate({"backend": backend, "workers": workers})
            job = Job("lightgbm", fit, LightGBMConfig())
            start, seconds, results = timed(job, arrays, tasks)
            first = first or results
            mean = float(np.mean([r.seconds for r in results]))
            print(
                f"{backend}, {workers} workers: {folds} folds {seconds:.1f} s, a fit {mean:.2f} s, "
                f"start and first fits {start:.1f} s, equal {same(results, first)}",
                flush=True,
            )
            executors.shutdown()
    assert first is not None
    sizes = {"arrays": arrays, "a task": tasks[-1], "a result": first[-1]}
    print({name: f"{len(pickle.dumps(part, 5)) / 1e6:.2f} MB" for name, part in sizes.items()})


if __name__ == "__main__":
    main()
