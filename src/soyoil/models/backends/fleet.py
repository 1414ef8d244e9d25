"""The cluster of a run: connected to once, asked for every fit, let go of with the executors."""

from __future__ import annotations

import importlib
import logging
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from soyoil.base.errors import ModelError
from soyoil.models import executors
from soyoil.models.backends.versions import installation
from soyoil.models.engines import ENGINES

if TYPE_CHECKING:
    from soyoil.models.config import FitConfig

logger = logging.getLogger(__name__)

TRIES: Final = 3
"""How often what was lost with workers is begun again before it is an error."""

Work = tuple[Any, ...]
"""Arguments of one call."""


class Fleet(Protocol):
    """Workers of one cluster.

    Attributes
    ----------
    lost
        Errors that say that a worker, or what only it held, is gone.
    takes_several
        Whether several threads may spread at the same time.
    """

    lost: tuple[type[BaseException], ...]
    takes_several: bool

    @property
    def workers(self) -> int:
        """Fits that can run at the same time."""

    def spread(
        self, function: Callable[..., Any], shared: Any, items: Sequence[Work]
    ) -> Iterator[Any]:
        """Results of ``function(shared, *item)`` as they come."""

    def renew(self) -> None:
        """Have workers again."""

    def close(self, *, kill: bool) -> None:
        """Let go of the cluster; end it if it was started here."""


@dataclass(frozen=True)
class FleetSpec:
    """What sets a cluster apart.

    Attributes
    ----------
    backend
        ``dask`` or ``ray``.
    cluster
        Address; None for processes of this machine.
    workers, threads
        Of the processes of this machine.
    """

    backend: str
    cluster: str | None
    workers: int
    threads: int


_lock = threading.Lock()
_current: dict[FleetSpec, tuple[Fleet, str]] = {}


def _open(spec: FleetSpec, run: str) -> Fleet:
    # Clusters are slow to import, and most runs have none.
    module = importlib.import_module(f"soyoil.models.backends.{spec.backend}")
    where = spec.cluster or f"{spec.workers} processes of this machine"
    logger.info("fits are handed to %s: %s", spec.backend, where)
    fleet: Fleet
    if spec.backend == "dask":
        fleet = module.DaskFleet(run, spec.cluster, spec.workers)
    else:
        fleet = module.RayFleet(run, spec.cluster, spec.workers, spec.threads)
    return fleet


def fleet_for(fit: FitConfig, engine: str) -> tuple[Fleet, str]:
    """The cluster of a configuration, and the name of this run there; any other is let go of.

    Raises
    ------
    ConfigError
        The backend is not installed, or no cluster answers.
    """
    workers = 0
    if fit.cluster is None:
        workers = fit.worker_count(single=ENGINES[engine].single_worker)
    spec = FleetSpec(fit.backend, fit.cluster, workers, fit.threads)
    with _lock:
        if spec not in _current:
            _close(kill=False)
            run = uuid.uuid4().hex
            _current[spec] = _open(spec, run), run
        return _current[spec]


def spread(
    fit: FitConfig,
    engine: str,
    function: Callable[..., Any],
    shared: Any,
    work: Sequence[tuple[str, Work]],
) -> Iterator[tuple[int, Any]]:
    """Call a function on a cluster, in processes that serve one engine each.

    Parameters
    ----------
    fit
        Backend, address and threads.
    engine
        Name in `ENGINES`.
    function
        Function of a module of soyoil.
    shared
        Its first argument, sent once.
    work
        What each call is, for messages, and its other arguments.

    Yields
    ------
    (int, Any)
        Position in `work` and result, as they come. What is lost with a worker is done again.

    Raises
    ------
    ModelError
        Workers are lost each time, or the engine fails for a reason that the user can mend.
    ConfigError
        The backend or a worker is not installed as it must be, or no cluster answers.
    """
    from soyoil.models.backends.far import FarCall

    fleet, run = fleet_for(fit, engine)
    call = FarCall(run, uuid.uuid4().hex, engine, fit.threads, function, installation(engine))
    missing = list(range(len(work)))
    for attempt in range(TRIES):
        items = [(number, call, *work[number]) for number in missing]
        try:
            for number, value in fleet.spread(numbered, shared, items):
                missing.remove(number)
                yield number, value
        except fleet.lost as error:
            logger.warning(
                "%s: a worker was lost (%s), %d of %d are done again, try %d",
                engine, type(error).__name__, len(missing), len(work), attempt + 1,
            )  # fmt: skip
            fleet.renew()
        else:
            return
    raise ModelError(
        f"{work[missing[0]][0]}: workers of the {fit.backend} cluster were lost {TRIES} times "
        "before this was done, mostly because memory ran out. Look at the logs of its workers, "
        "or run with fit.backend=local."
    )


def numbered(shared: Any, number: int, call: Any, what: str, args: Work) -> tuple[int, Any]:
    """Run a call on a worker and say which it was."""
    from soyoil.models.backends.far import call_far

    return number, call_far(shared, call, what, args)


def _close(*, kill: bool) -> None:
    while _current:
        _, (fleet, _) = _current.popitem()
        fleet.close(kill=kill)


def _let_go(kill: bool) -> None:
    with _lock:
        _close(kill=kill)


executors.CLOSERS.append(_let_go)
