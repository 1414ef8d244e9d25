"""Work beside the main thread that nobody has to wait for."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any


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
