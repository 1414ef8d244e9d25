"""Joblib's Ray backend: a cluster that is there, or one of processes of this machine."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from soyoil.base.errors import ConfigError
from soyoil.models.backends.fleet import Work

PER_ACTOR: Final = 2
"""Calls that are handed over at once, for each actor."""


def _resolved(function: Callable[..., Any], reference: Any, item: Work) -> Any:
    import ray

    return function(ray.get(reference[0]), *item)


class RayFleet:
    """Actors of a Ray cluster.

    Parameters
    ----------
    run
        Name of this run.
    address
        Address of the cluster, or ``auto``; None starts one here.
    workers, threads
        Actors of a cluster that is started here, and the CPUs of each.

    Raises
    ------
    ConfigError
        No cluster answers at the address.
    """

    takes_several = False

    def __init__(self, run: str, address: str | None, workers: int, threads: int) -> None:
        # It reads the environment when it is loaded, and asks for usage statistics.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        import ray
        from ray.exceptions import RayActorError
        from ray.util.joblib import register_ray

        self.lost: tuple[type[BaseException], ...] = (RayActorError,)
        self._ray = ray
        self._run = run
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        if address is None:
            options |= {"num_cpus": workers * threads, "include_dashboard": False}
        try:
            ray.init(address or "local", **options)
        except (ConnectionError, OSError, RuntimeError, ValueError) as error:
            raise ConfigError(
                f"fit.cluster={address}: no Ray cluster answers there ({error}). Start it (ray "
                "start --head), or leave fit.cluster out for processes of this machine."
            ) from None
        register_ray()
        cpus = int(ray.cluster_resources().get("CPU", 0))
        self.workers = max(1, cpus // threads)
        self._threads = threads
        self._parallel: Any = None
        self.renew()

    def spread(
        self, function: Callable[..., Any], shared: Any, items: Sequence[Work]
    ) -> Iterator[Any]:
        """Results of ``function(shared, *item)``, a few at a time; `shared` is stored once.

        Joblib's backend of Ray gives its results back as a whole, so that what is handed over at
        once is what progress is counted in, and what a lost actor costs.
        """
        import joblib

        # In a list, for Ray would replace it by its value in each call.
        reference = [self._ray.put(shared)]
        step = PER_ACTOR * self.workers
        for start in range(0, len(items), step):
            yield from self._parallel(
                joblib.delayed(_resolved)(function, reference, item)
                for item in items[start : start + step]
            )

    def renew(self) -> None:
        """Start new actors in the place of those that there are."""
        import joblib

        self._end_actors()
        # Actors that take CPUs are spread over the machines.
        with joblib.parallel_config("ray", ray_remote_args={"num_cpus": self._threads}):
            self._parallel = joblib.Parallel(
                n_jobs=self.workers,
                batch_size=1,
                pre_dispatch="all",
            )
        self._parallel.__enter__()

    def _end_actors(self) -> None:
        if self._parallel is not None:
            with contextlib.suppress(*self.lost):
                self._parallel.__exit__(None, None, None)
            self._parallel = None

    def close(self, *, kill: bool) -> None:
        """Let go of the cluster; end it if it was started here."""
        if not kill:
            self._end_actors()
        self._ray.shutdown()
