"""A process of one engine beside a cluster's worker.

A worker of a cluster serves whatever comes, and engines may not meet in one process. The worker
therefore loads none: it hands each fit to a child that serves one engine and ends before a child
of another engine starts. The child is a program of its own, because workers of a cluster may be
daemons, to which `multiprocessing` allows no children, and because the number of threads of an
engine is read from the environment when its library is loaded.

Messages are pickles between two processes of this program, over pipes that nobody else holds.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import IO, Any, Final

from soyoil.models.backends.machines import worker_environment
from soyoil.models.executors import start_worker

IDLE_SECONDS: Final = 600.0
"""A child that is asked nothing for so long ends: its run may have been killed elsewhere."""
END_SECONDS: Final = 5.0

_SHARED: Final = "shared"


class ChildEndedError(Exception):
    """A child ended before it answered; mostly because memory ran out."""


class Child:
    """Runs functions in a process of its own, one at a time.

    Parameters
    ----------
    threads
        Threads of the engine.
    """

    def __init__(self, threads: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **worker_environment(threads)},
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout
        self._sent: str | None = None

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def call(self, function: Callable[..., Any], key: str, shared: Any, args: Any) -> Any:
        """Result of ``function(shared, *args)``.

        Parameters
        ----------
        function
            Function of a module of soyoil.
        key, shared
            First argument, and its name: it is sent once while the name stays the same.
        args
            The others.

        Raises
        ------
        ChildEndedError
            The process ended before it answered.
        Exception
            Whatever the function raised, with the lines of the child in a note.
        """
        try:
            if self._sent != key:
                _send(self._in, (_SHARED, shared))
                self._sent = key
            _send(self._in, (function, args))
            done, value = pickle.load(self._out)
        except (OSError, EOFError, pickle.UnpicklingError, ValueError) as error:
            # A pipe that another thread has closed, which ended the run, is a ValueError.
            if isinstance(error, ValueError) and not (self._in.closed or self._out.closed):
                raise
            code = self.close(kill=True)
            raise ChildEndedError(f"exit code {code}") from error
        if not done:
            raise value
        return value

    def close(self, *, kill: bool = False) -> int | None:
        """End the process; returns its exit code, None if it does not end.

        Parameters
        ----------
        kill
            Whether to end it in the middle of its work.
        """
        if kill:
            self._process.kill()
        with contextlib.suppress(OSError):
            self._in.close()
        try:
            code: int | None = self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            if not kill:
                return self.close(kill=True)
            code = None
        self._out.close()
        return code


def _send(pipe: IO[bytes], message: Any) -> None:
    pickle.dump(message, pipe, protocol=pickle.HIGHEST_PROTOCOL)
    pipe.flush()


def _answer(function: Callable[..., Any], shared: Any, args: Any) -> bytes:
    try:
        return pickle.dumps((True, function(shared, *args)), protocol=pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other side raises it
        error.add_note("In a process of its own:\n" + traceback.format_exc())
        try:
            answer = pickle.dumps((False, error))
            pickle.loads(answer)
        except Exception:  # noqa: BLE001 - as pickle says, any
            text = f"{type(error).__name__}: {error}"
            answer = pickle.dumps((False, RuntimeError(text)))
        return answer


class _Idle:
    """Ends the process when nobody asks it anything."""

    def __init__(self) -> None:
        self.since: float | None = time.monotonic()

    def watch(self) -> None:
        while True:
            time.sleep(1.0)
            since = self.since
            if since is not None and time.monotonic() - since > IDLE_SECONDS:
                os._exit(0)


def main() -> None:
    """Answer calls from standard input until it is closed."""
    start_worker(int(sys.argv[1]))
    # What a library prints must not end up among the answers.
    pipe_in, pipe_out = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    idle = _Idle()
    threading.Thread(target=idle.watch, daemon=True).start()
    shared: Any = None
    while True:
        try:
            function, args = pickle.load(pipe_in)
        except EOFError:
            return
        idle.since = None
        if function == _SHARED:
            shared = args
        else:
            pipe_out.write(_answer(function, shared, args))
            pipe_out.flush()
        idle.since = time.monotonic()


if __name__ == "__main__":
    main()
