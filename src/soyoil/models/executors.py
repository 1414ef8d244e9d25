"""Worker processes of one engine at a time.

Engines never meet in one process: LightGBM or XGBoost and torch bring two OpenMP runtimes that
crash together on macOS. The executor of an engine lives over the horizons that it fits and is
shut down before another engine's starts, so that workers x threads never exceed the cores.
"""

from __future__ import annotations

import atexit
import os
import signal
import threading
import time
from dataclasses import dataclass
from typing import Any, Final

from joblib.externals.loky import ProcessPoolExecutor

from soyoil.warehouse.guard import WAREHOUSE_FORBIDDEN

WATCH_SECONDS: Final = 1.0
"""How often a worker looks whether the process that started it is still there."""

THREAD_VARIABLES: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class ExecutorSpec:
    """What sets an executor apart.

    Attributes
    ----------
    engine
        Name of the engine whose library its workers load.
    workers, threads
        Processes, and threads of each.
    """

    engine: str
    workers: int
    threads: int


_current: dict[ExecutorSpec, Any] = {}


def _end_with(parent: int) -> None:
    """End this process when its parent is gone: a killed parent tells nobody."""
    while os.getppid() == parent:
        time.sleep(WATCH_SECONDS)
    os._exit(1)


def _start_worker(parent: int) -> None:
    # Ctrl-C, and a terminal that closes, reach the whole process group; the parent alone decides
    # what ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def executor_for(spec: ExecutorSpec) -> Any:
    """The running executor of an engine; any other is shut down first."""
    if spec not in _current:
        shutdown()
        _current[spec] = ProcessPoolExecutor(
            max_workers=spec.workers,
            initializer=_start_worker,
            initargs=(os.getpid(),),
            env={
                **dict.fromkeys(THREAD_VARIABLES, str(spec.threads)),
                WAREHOUSE_FORBIDDEN: "fitting reads the snapshot only",
            },
        )
    return _current[spec]


def shutdown(*, kill: bool = False) -> None:
    """Shut the running executor down, if there is one.

    Parameters
    ----------
    kill
        Whether to end its workers in the middle of their tasks.
    """
    while _current:
        _, executor = _current.popitem()
        executor.shutdown(wait=True, kill_workers=kill)


atexit.register(shutdown, kill=True)
