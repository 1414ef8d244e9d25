"""Joblib's Dask backend: a scheduler that is there, or a cluster of processes of this machine."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from soyoil.base.errors import ConfigError
from soyoil.models.backends.far import end_children
from soyoil.models.backends.fleet import Work
from soyoil.models.backends.shared import ARRAYS
from soyoil.models.base import HorizonArrays

CONNECT_SECONDS: Final = 15
WORKER_SECONDS: Final = 60
END_SECONDS: Final = 10
KILL_SECONDS: Final = 2


def _size(arrays: HorizonArrays) -> int:
    """Bytes of arrays, from which joblib tells what to send once."""
    return sum(getattr(arrays, name).nbytes for name in ARRAYS)


class DaskFleet:
    """Workers of a Dask cluster.

    Parameters
    ----------
    run
        Name of this run.
    address
        Scheduler; None starts a cluster here.
    workers
        Processes of a cluster that is started here.

    Raises
    ------
    ConfigError
        No scheduler answers at the address, or it has no worker.
    """

    takes_several = True

    def __init__(self, run: str, address: str | None, workers: int) -> None:
        # The extra may be missing where this module is only read.
        from dask.sizeof import sizeof
        from distributed import Client, LocalCluster
        from distributed.client import FutureCancelledError
        from distributed.comm import CommClosedError
        from distributed.scheduler import KilledWorker

        sizeof.register(HorizonArrays, _size)
        self.lost: tuple[type[BaseException], ...] = (
            KilledWorker,
            FutureCancelledError,
            CommClosedError,
        )
        self._run = run
        self._cluster: Any = None
        # Its workers and its scheduler log what is our own retry's to say.
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
        if address is None:
            # Nothing listens to the network; a worker's own memory says nothing of its child's.
            self._cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                memory_limit=0,
                silence_logs=logging.CRITICAL,
            )
        try:
            self._client = Client(
                self._cluster or address, timeout=CONNECT_SECONDS, set_as_default=False
            )
            self.renew()
        except (OSError, TimeoutError) as error:
            if self._cluster is not None:
                self._cluster.close()
            raise ConfigError(
                f"fit.cluster={address}: no Dask scheduler with a worker answers there ({error}). "
                "Start it (dask scheduler, dask worker --nthreads 1), or leave fit.cluster out "
                "for processes of this machine."
            ) from None

    @property
    def workers(self) -> int:
        """Fits that can run at the same time."""
        threads: dict[str, int] = self._client.nthreads()
        return max(1, sum(threads.values()))

    def spread(
        self, function: Callable[..., Any], shared: Any, items: Sequence[Work]
    ) -> Iterator[Any]:
        """Results of ``function(shared, *item)`` as they come; `shared` is sent once.

        To every worker where there is work for all of them. On a larger cluster joblib sends it
        to one, from which those that are given an item fetch it.
        """
        import joblib

        scatter = [shared] if self.workers <= len(items) else None
        with joblib.parallel_config("dask", client=self._client, scatter=scatter):
            parallel = joblib.Parallel(
                n_jobs=-1, batch_size=1, pre_dispatch="all", return_as="generator_unordered"
            )
        yield from parallel(joblib.delayed(function)(shared, *item) for item in items)

    def renew(self) -> None:
        """Wait until there is a worker: nannies start lost ones again."""
        self._client.wait_for_workers(1, timeout=WORKER_SECONDS)

    def close(self, *, kill: bool) -> None:
        """Let go of the cluster; end it if it was started here."""
        seconds = KILL_SECONDS if kill else END_SECONDS
        with contextlib.suppress(OSError, TimeoutError):
            if self._client.status == "running":
                self._client.run(end_children, self._run, on_error="ignore")
        with contextlib.suppress(OSError, TimeoutError):
            self._client.close(timeout=seconds)
        if self._cluster is None:
            return
        workers = [nanny.pid for nanny in self._cluster.workers.values() if nanny.pid]
        with contextlib.suppress(OSError, TimeoutError):
            self._cluster.close(timeout=seconds)
        for pid in workers:
            # One that did not end in time; its children end with it.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
