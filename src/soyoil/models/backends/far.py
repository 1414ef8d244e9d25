"""What a cluster's worker runs: it asks a child of its own and loads no engine itself."""

from __future__ import annotations

import contextlib
import logging
import platform
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from soyoil.base.errors import ConfigError, ModelError
from soyoil.models.backends.child import Child, ChildEndedError
from soyoil.models.backends.failures import told_apart
from soyoil.models.backends.versions import installation

logger = logging.getLogger(__name__)

TRIES: Final = 3
"""How often a fit is begun before a child, or a worker, that ends each time is an error."""


@dataclass(frozen=True)
class FarCall:
    """A function for children of one engine.

    Attributes
    ----------
    run
        Name of the run that asks; its children end with it.
    key
        Name of the shared first argument.
    engine
        Name in `ENGINES`; a child serves one engine only.
    threads
        Threads of the engine.
    function
        Function of a module of soyoil: of the shared argument and its own.
    expected
        `installation` of the machine that asks.
    """

    run: str
    key: str
    engine: str
    threads: int
    function: Callable[..., Any]
    expected: Mapping[str, str]


# A worker with several threads has a child for each.
_local = threading.local()
_living: dict[Child, str] = {}


def checked(shared: Any, call: FarCall, what: str, args: tuple[Any, ...]) -> Any:
    """Run a call in this process, a child, if its installation is the one that asks.

    Raises
    ------
    ConfigError
        A version differs, which might change a number unseen.
    ModelError
        The engine fails for a reason that the user can mend.
    """
    mine = installation(call.engine)
    other = [
        f"{name} {mine.get(name, 'none')} there, {wanted} here"
        for name, wanted in call.expected.items()
        if mine.get(name) != wanted
    ]
    if other:
        raise ConfigError(
            f"A worker of the cluster on {platform.node()} has another installation: "
            f"{'; '.join(other)}. Install the same versions everywhere (constraints.txt), or "
            "forecasts would depend on where they were fitted."
        )
    with told_apart(what):
        return call.function(shared, *args)


def _child(call: FarCall) -> Child:
    wanted = (call.run, call.engine, call.threads)
    child: Child | None = getattr(_local, "child", None)
    if child is not None and (_local.serves != wanted or child not in _living):
        _living.pop(child, None)
        child.close()
        child = None
    if child is None:
        child = Child(call.threads)
        _local.child, _local.serves = child, wanted
        _living[child] = call.run
    return child


def call_far(shared: Any, call: FarCall, what: str, args: tuple[Any, ...]) -> Any:
    """Run a call in the child of this thread; a child that is lost is replaced.

    Parameters
    ----------
    shared
        First argument of the function.
    call
        Function, and what serves it.
    what
        What is done, for messages: ``lightgbm, fold 3``.
    args
        The function's other arguments.

    Raises
    ------
    ModelError
        The child ended each time.
    """
    for attempt in range(TRIES):
        child = _child(call)
        try:
            return child.call(checked, call.key, shared, (call, what, args))
        except ChildEndedError as error:
            if _living.pop(child, None) is None:
                break  # it was ended with its run
            last = str(error)
            logger.warning("%s: process %d ended (%s), try %d", what, child.pid, last, attempt + 1)
    else:
        raise ModelError(
            f"{what}: its process on {platform.node()} ended {TRIES} times before its work was "
            f"done ({last}), mostly because memory ran out. Give the cluster fewer workers per "
            "machine or larger machines."
        )
    raise ModelError(f"{what}: its run was ended")


def children_of(run: str) -> list[int]:
    """Numbers of the processes that serve a run here."""
    return [child.pid for child, owner in list(_living.items()) if owner == run]


def end_children(run: str) -> None:
    """End the children of a run in this process, in the middle of their work."""
    for child, owner in list(_living.items()):
        if owner == run:
            _living.pop(child, None)
            with contextlib.suppress(OSError):
                child.close(kill=True)
