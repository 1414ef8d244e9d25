"""Where fits run: cores of this machine, or a cluster and its address."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from pathlib import Path
from typing import Final, Literal

from soyoil.base.errors import ConfigError
from soyoil.warehouse.guard import WAREHOUSE_FORBIDDEN

Backend = Literal["local", "dask", "ray"]

MACHINES: Final = frozenset({"workers", "backend", "cluster"})
"""Keys of ``fit`` that say where fits run and are no part of what decides a forecast."""

THREAD_VARIABLES: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

_LIBRARIES: Final = {"dask": "distributed", "ray": "ray"}

_ADDRESSES: Final = {
    "dask": (r"(tcp|tls|ws|wss)://[\w.\-]+:\d+", "tcp://host:8786 or tls://host:8786"),
    "ray": (r"auto|(ray://)?[\w.\-]+:\d+", "auto, host:6379 or ray://host:10001"),
}


def available_cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def may_have_accelerator() -> bool:
    """Whether a torch process may find MPS or CUDA; told without loading torch."""
    return sys.platform == "darwin" or Path("/proc/driver/nvidia/version").exists()


def process_count(workers: int, threads: int, *, alone: bool) -> int:
    """Processes to start on this machine.

    Parameters
    ----------
    workers, threads
        As configured: processes, 0 for as many as the cores allow, and threads of each.
    alone
        Whether there is one where none are configured.

    Raises
    ------
    ConfigError
        If workers x threads exceed the cores.
    """
    cores = available_cores()
    count = workers or (1 if alone else max(1, cores // threads))
    if count * threads > cores:
        raise ConfigError(
            f"fit.workers={workers} x fit.threads={threads} need more than the "
            f"{cores} cores of this machine. Lower one of them, or set fit.workers=0."
        )
    return count


def worker_environment(threads: int) -> dict[str, str]:
    """What a worker's environment says before the library of its engine is loaded."""
    return {
        **dict.fromkeys(THREAD_VARIABLES, str(threads)),
        WAREHOUSE_FORBIDDEN: "fitting reads the snapshot only",
    }


def check_cluster(backend: Backend, cluster: str | None, workers: int) -> None:
    """Refuse an address that its backend does not know.

    Raises
    ------
    ValueError
        Saying what is allowed.
    """
    if cluster is None:
        return
    if backend == "local":
        raise ValueError("cluster is an address of backend=dask or backend=ray")
    form, examples = _ADDRESSES[backend]
    if not re.fullmatch(form, cluster):
        raise ValueError(f"cluster is no address of backend={backend}: write {examples}")
    if workers:
        raise ValueError(
            "workers counts processes of this machine, and a cluster has the workers that it "
            "has: leave workers at 0, or cluster at null"
        )


def check_installed(backend: Backend) -> None:
    """Refuse a backend whose library is not here.

    Raises
    ------
    ValueError
        Naming the extra.
    """
    library = _LIBRARIES.get(backend)
    if library is not None and importlib.util.find_spec(library) is None:
        raise ValueError(
            f"fit.backend={backend} needs what is not installed: pip install "
            f'"soyoil[{backend}]", or leave fit.backend at local'
        )
