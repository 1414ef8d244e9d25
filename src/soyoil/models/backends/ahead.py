"""Many walk-forwards at the same time, because the folds of one leave a cluster idle."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import Final, TypeVar

from soyoil.base.process import in_thread
from soyoil.models.backends.fleet import fleet_for
from soyoil.models.config import FitConfig
from soyoil.models.executors import shutdown

MOST: Final = 64
"""Most walk-forwards at the same time; each holds its arrays here."""
FOLDS: Final = 4
"""Fewest folds of a walk-forward that keep a worker each."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def at_once(fit: FitConfig, engine: str) -> int:
    """How many walk-forwards of an engine are begun before the first is finished.

    One on this machine and on Ray, whose pool of joblib serves one caller.
    """
    if fit.backend == "local":
        return 1
    fleet, _ = fleet_for(fit, engine)
    return min(MOST, fleet.workers // FOLDS + 2) if fleet.takes_several else 1


def in_order(
    fit: FitConfig, engine: str, function: Callable[[Item], Result], items: Iterable[Item]
) -> Iterator[tuple[Item, Result]]:
    """Items and results of a function that walks forward, in the order of the items.

    Parameters
    ----------
    fit
        Backend and address.
    engine
        Engine that the function fits.
    function
        Called in threads where several may run, and must change nothing that they share.
    items
        Taken one by one as there is room, in this thread.

    Raises
    ------
    Exception
        What the function raised for the first item that failed; the others are ended.
    """
    count = at_once(fit, engine)
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    try:
        for item in items:
            if count == 1:
                yield item, function(item)
                continue
            waiting.append((item, in_thread(function, item)))
            if len(waiting) >= count:
                first, found = waiting.popleft()
                yield first, found.result()
        while waiting:
            first, found = waiting.popleft()
            yield first, found.result()
    except BaseException:
        if waiting:
            shutdown(kill=True)
        raise
