"""Fit the folds of a plan in worker processes of one engine."""

from __future__ import annotations

import importlib
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path

from soyoil.base.arrays import FloatArray
from soyoil.base.leftovers import scratch
from soyoil.base.process import peak_memory_mb
from soyoil.models.backends.failures import told_apart
from soyoil.models.backends.fleet import spread
from soyoil.models.backends.shared import load_arrays, save_arrays
from soyoil.models.base import (
    Engine,
    EngineFit,
    FoldResult,
    FoldTask,
    HorizonArrays,
    blinded,
    unscaled,
)
from soyoil.models.config import EngineConfig, FitConfig
from soyoil.models.engines import ENGINES, libraries
from soyoil.models.executors import ExecutorSpec, executor_for, shutdown
from soyoil.models.selection import with_groups
from soyoil.models.shrinkage import Shrink, choose, shrink


@dataclass(frozen=True)
class Job:
    """What all folds of a walk-forward share.

    Attributes
    ----------
    engine
        Name in `ENGINES`.
    fit
        Seed, threads, target and shrinkage.
    config
        The engine's own configuration.
    """

    engine: str
    fit: FitConfig
    config: EngineConfig


def _forecast(
    job: Job, arrays: HorizonArrays, task: FoldTask, fit: EngineFit
) -> tuple[FloatArray, Shrink]:
    where, kind = f"fold {task.fold}", job.fit.target_kind
    sigma = arrays.scale[task.test]
    test = unscaled(fit.quantiles, sigma, kind, where)
    if not job.fit.shrink:
        return test, Shrink()
    valid_sigma = arrays.scale[task.valid]
    valid = unscaled(fit.valid_quantiles, valid_sigma, kind, f"{where}, early-stopping rows")
    factors = choose(arrays.y[task.valid], valid, valid_sigma, task.valid_weight)
    return shrink(test, sigma, factors), factors


def fit_one(job: Job, arrays: HorizonArrays, task: FoldTask) -> FoldResult:
    """Fit one fold in this process.

    Raises
    ------
    ModelError
        If labels or forecasts are not what they must be.
    """
    engine: Engine = importlib.import_module(ENGINES[job.engine].module).fit_fold
    started = time.perf_counter()
    if job.config.own_columns() is None:
        arrays = with_groups(arrays, job.fit.feature_groups)
    fit = engine(blinded(arrays, task, job.fit.target_kind), task, job.fit.threads, job.config)
    quantiles, factors = _forecast(job, arrays, task, fit)
    return FoldResult(
        fold=task.fold,
        test=task.test,
        quantiles=quantiles,
        models=fit.models,
        importance=fit.importance,
        rounds=fit.rounds,
        shrink=factors,
        device=fit.device,
        libraries=tuple(name for name in libraries() if name in sys.modules),
        seconds=time.perf_counter() - started,
        peak_rss_mb=peak_memory_mb(),
    )


def _work(job: Job, folder: Path, task: FoldTask) -> FoldResult:
    return fit_one(job, load_arrays(folder), task)


def run_walk_forward(
    job: Job, arrays: HorizonArrays, tasks: Sequence[FoldTask], on_done: Callable[[int], None]
) -> list[FoldResult]:
    """Fit every fold in worker processes.

    The workers stay for the next call with the same engine; `executors.shutdown` ends them.

    Parameters
    ----------
    job
        Engine and configuration.
    arrays
        Rows of the horizon.
    tasks
        Folds.
    on_done
        Called with the number of folds finished so far.

    Returns
    -------
    list of FoldResult
        In the order of `tasks`, whatever the order in which they finished.

    Raises
    ------
    ModelError
        If the engine fails for a reason that the user can mend; names the fold.
    """
    results: dict[int, FoldResult] = {}
    fits = _fits(job, arrays, tasks)
    try:
        for number, result in fits:
            results[number] = result
            on_done(len(results))
    except BaseException:
        # Fits of other threads are ended by whoever waits for all of them.
        if threading.current_thread() is threading.main_thread():
            shutdown(kill=True)
        raise
    finally:
        fits.close()
    return [results[number] for number in range(len(tasks))]


def _fits(
    job: Job, arrays: HorizonArrays, tasks: Sequence[FoldTask]
) -> Generator[tuple[int, FoldResult]]:
    """Position of a task and its result, as they are finished."""
    names = [f"{job.engine}, fold {task.fold}" for task in tasks]
    if job.fit.backend != "local":
        work = [(name, (job, task)) for name, task in zip(names, tasks, strict=True)]
        yield from spread(job.fit, job.engine, fit_shared, arrays, work)
        return
    workers = job.fit.worker_count(single=ENGINES[job.engine].single_worker)
    with scratch() as folder:
        save_arrays(arrays, folder)
        executor = executor_for(ExecutorSpec(job.engine, workers, job.fit.threads))
        futures = {executor.submit(_work, job, folder, task): n for n, task in enumerate(tasks)}
        for future in as_completed(futures):
            with told_apart(names[futures[future]]):
                result = future.result()
            yield futures[future], result


def fit_shared(arrays: HorizonArrays, job: Job, task: FoldTask) -> FoldResult:
    """`fit_one` with the arrays first, as a cluster shares them."""
    return fit_one(job, arrays, task)
