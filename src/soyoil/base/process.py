"""Facts about the running process, and threads of it that nobody has to wait for."""

from __future__ import annotations

import contextvars
import os
import resource
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final

_STATUS: Final = Path("/proc/self/status")


def peak_memory_mb() -> float:
    """Largest resident set of this process so far, MiB."""
    if _STATUS.exists():
        # ru_maxrss of a started program begins with the size of the process that started it.
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return float(line.split()[1]) / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts KiB, macOS bytes.
    return float(peak) / (2**20 if sys.platform == "darwin" else 2**10)


def lives(pid: int) -> bool:
    """Whether there is a process of that number, of whatever user."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def in_thread(function: Callable[..., Any], *args: Any) -> Future[Any]:
    """Run a function in a thread of its own, with the context variables of this one.

    A daemon, unlike the threads of `concurrent.futures`: an interrupted command does not wait
    for it.

    Returns
    -------
    Future
        Of what the function returns or raises.
    """
    found: Future[Any] = Future()
    context = contextvars.copy_context()

    def work() -> None:
        try:
            found.set_result(context.run(function, *args))
        except BaseException as error:  # noqa: BLE001 - whoever asks for the result raises it
            found.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return found
