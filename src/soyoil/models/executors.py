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
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from joblib.externals.loky import ProcessPoolExecutor

from soyoil.models.backends.machines import THREAD_VARIABLES as THREAD_VARIABLES
from soyoil.models.backends.machines import worker_environment

WATCH_SECONDS: Final = 1.0
"""How often a worker looks whether the process that started it is still there."""


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

CLOSERS: Final[list[Callable[[bool], None]]] = []
"""What else ends with the executors, told whether in the middle of its work."""


def _end_with(parent: int) -> None:
    """End this process when its parent is gone: a killed parent tells nobody."""
    while os.getppid() == parent:
        time.sleep(WATCH_SECONDS)
    os._exit(1)


def start_worker(parent: int) -> None:
    """Make this process one that its parent alone ends, and that ends with it."""
    # Ctrl-C, and a terminal that closes, reach the whole process group; the parent alone decides
    # what ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def executor_for(spec: ExecutorSpec) -> Any:
    """The running executor of an engine; any other is shut down first."""
    if spec not in _current:
        _end_executors(kill=False)
        _current[spec] = ProcessPoolExecutor(
            max_workers=spec.workers,
            initializer=start_worker,
            initargs=(os.getpid(),),
            env=worker_environment(spec.threads),
        )
    return _current[spec]


def _end_executors(*, kill: bool) -> None:
    while _current:
        _, executor = _current.popitem()
        executor.shutdown(wait=True, kill_workers=kill)


def shutdown(*, kill: bool = False) -> None:
    """Shut the running executor down, if there is one, and let go of the cluster.

    Parameters
    ----------
    kill
        Whether to end its workers in the middle of their tasks.
    """
    _end_executors(kill=kill)
    for close in CLOSERS:
        close(kill)


atexit.register(shutdown, kill=True)
