"""Signals that end a run: all of them as Ctrl-C does, so that the run can close what it opened."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

EXIT_CODE: Final = 130
"""Exit code of a run that was interrupted."""
SIGNALS: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
GRACE_S: Final = 2.0
"""Signals that follow the first so soon belong to it: a closing terminal sends several."""

_first: float | None = None


def received() -> bool:
    """Whether this process was told to end while `as_ctrl_c` was in force.

    Libraries turn the interrupt into errors of their own, DuckDB into a ``RuntimeError`` for
    example, so that the error alone does not tell.
    """
    return _first is not None


def raise_again() -> None:
    """Raise the interrupt again if one was swallowed, by a callback of a library for example."""
    if received():
        raise KeyboardInterrupt


@contextmanager
def as_ctrl_c() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise ``KeyboardInterrupt`` as SIGINT does, and remember it.

    A signal that the parent process ignores (``nohup``) stays ignored. A second signal ends the
    process at once.
    """
    global _first
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _first = None
    before: dict[Any, Any] = {}
    for number in SIGNALS:
        handler = signal.getsignal(number)
        if handler is not signal.SIG_IGN:
            before[number] = handler
            signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _first = None


def _interrupt(number: int, frame: FrameType | None) -> None:
    global _first
    now = time.monotonic()
    if _first is None:
        _first = now
        raise KeyboardInterrupt
    if now - _first > GRACE_S:
        os._exit(EXIT_CODE)
