"""Fit the folds of a plan in worker processes of one engine.

Engines never meet in one process: LightGBM and torch bring two OpenMP runtimes that crash
together on macOS. Each call has an executor of its own, shut down before it returns.
"""

from __future__ import annotations

import importlib
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from typing import Any

from joblib.externals.loky import ProcessPoolExecutor

from soyoil.errors import ModelError
from soyoil.models.base import Engine, FoldResult, FoldTask, HorizonArrays, blinded, unscaled
from soyoil.models.config import FitConfig, TargetKind
from soyoil.models.registry import ENGINES
from soyoil.process import peak_memory_mb
from soyoil.warehouse.guard import WAREHOUSE_FORBIDDEN

WATCH_SECONDS = 1.0
"""How often a worker looks whether the process that started it is still there."""


@dataclass(frozen=True)
class Job:
    """What all folds of a walk-forward share.

    Attributes
    ----------
    engine
        Name in `ENGINES`.
    arrays
        Rows of the horizon.
    threads
        Threads of one fit.
    kind
        Whether labels are scaled.
    config
        The engine's own configuration.
    """

    engine: str
    arrays: HorizonArrays
    threads: int
    kind: TargetKind
    config: Any


_job: list[Job] = []


def _end_with(parent: int) -> None:
    """End this process when its parent is gone: a killed parent tells nobody."""
    while os.getppid() == parent:
        time.sleep(WATCH_SECONDS)
    os._exit(1)


def _start_worker(job: Job, parent: int) -> None:
    # Ctrl-C reaches the whole process group; the parent alone decides what ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _job[:] = [job]


def fit_one(job: Job, task: FoldTask) -> FoldResult:
    """Fit one fold in this process.

    Raises
    ------
    ModelError
        If labels or forecasts are not what they must be.
    """
    engine: Engine = importlib.import_module(ENGINES[job.engine]).fit_fold
    started = time.perf_counter()
    fit = engine(blinded(job.arrays, task, job.kind), task, job.threads, job.config)
    return FoldResult(
        fold=task.fold,
        test=task.test,
        quantiles=unscaled(fit.quantiles, job.arrays, task, job.kind),
        models=fit.models,
        importance=fit.importance,
        rounds=fit.rounds,
        seconds=time.perf_counter() - started,
        peak_rss_mb=peak_memory_mb(),
    )


def _work(task: FoldTask) -> FoldResult:
    return fit_one(_job[0], task)


def run_walk_forward(
    job: Job, tasks: Sequence[FoldTask], fit: FitConfig, on_done: Callable[[int], None]
) -> list[FoldResult]:
    """Fit every fold in worker processes.

    Parameters
    ----------
    job
        Engine, arrays and configuration.
    tasks
        Folds.
    fit
        Number of workers.
    on_done
        Called with the number of folds finished so far.

    Returns
    -------
    list of FoldResult
        In the order of `tasks`, whatever the order in which they finished.

    Raises
    ------
    ModelError
        If the engine fails; names the fold.
    """
    threads = str(job.threads)
    executor = ProcessPoolExecutor(
        max_workers=fit.worker_count(len(tasks)),
        initializer=_start_worker,
        initargs=(job, os.getpid()),
        env={
            **dict.fromkeys(
                ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads
            ),
            WAREHOUSE_FORBIDDEN: "fitting reads the snapshot only",
        },
    )
    results: dict[int, FoldResult] = {}
    finished = False
    try:
        futures = {executor.submit(_work, task): task.fold for task in tasks}
        for future in as_completed(futures):
            try:
                results[futures[future]] = future.result()
            except ModelError:
                raise
            except Exception as error:
                raise ModelError(
                    f"{job.engine} failed in fold {futures[future]}: "
                    f"{type(error).__name__}: {error}"
                ) from error
            on_done(len(results))
        finished = True
    finally:
        executor.shutdown(wait=True, kill_workers=not finished)
    return [results[task.fold] for task in tasks]
