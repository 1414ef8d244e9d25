"""Servers that a command starts, waits for, and ends with itself."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from soyoil.base.errors import SoyoilError
from soyoil.base.redact import redact

HOST: Final = "127.0.0.1"
_PORTS: Final = 200
"""Ports that are tried from the usual one on."""
_POLL_S: Final = 0.2
_END_S: Final = 10.0
_SHOWN_LINES: Final = 12


class ServerError(SoyoilError):
    """A server does not start, or has ended by itself."""


@dataclass(frozen=True)
class Server:
    """A server on this machine.

    Attributes
    ----------
    name
        For messages.
    command
        Its command line, port included.
    port
        Where it listens.
    ready
        Path that answers once it can be used.
    environment
        Added to this process's.
    """

    name: str
    command: Sequence[str]
    port: int
    ready: str = "/"
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Address for a browser."""
        return f"http://{HOST}:{self.port}"


def free_port(usual: int, taken: Sequence[int] = ()) -> int:
    """The usual port, or the next one that nothing listens on.

    Parameters
    ----------
    usual
        Number to begin with.
    taken
        Ports that are promised already.

    Raises
    ------
    ServerError
        None of many is free.
    """
    for port in range(usual, usual + _PORTS):
        with socket.socket() as probe, suppress(OSError):
            # As servers do: a port whose last connections still linger is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            if port not in taken:
                return port
    raise ServerError(f"no free port from {usual} to {usual + _PORTS - 1}: end what holds them")


@contextmanager
def running(servers: Sequence[Server], folder: Path, timeout_s: float) -> Iterator[Running]:
    """Start servers, wait until all answer, and end them and all that they started.

    Parameters
    ----------
    servers
        All are started at once.
    folder
        Their working directory.
    timeout_s
        Time for the slowest to answer.

    Yields
    ------
    Running
        The servers at work.

    Raises
    ------
    ServerError
        One ended, or did not answer in time; with the last lines that it wrote.
    """
    with ExitStack() as stack:
        found = Running([stack.enter_context(_started(server, folder)) for server in servers])
        found.wait_until_ready(time.monotonic() + timeout_s)
        yield found


@dataclass
class _Process:
    server: Server
    process: subprocess.Popen[bytes]
    log: IO[bytes]

    def last_lines(self) -> str:
        self.log.seek(0)
        text = self.log.read().decode(errors="replace").rstrip()
        return redact("\n".join(text.splitlines()[-_SHOWN_LINES:]))

    def check(self) -> None:
        code = self.process.poll()
        if code is not None:
            raise ServerError(
                f"{self.server.name} has ended with exit code {code}. Its last lines:\n"
                f"{self.last_lines()}"
            )


class Running:
    """Servers at work.

    Parameters
    ----------
    processes
        One per server.
    """

    def __init__(self, processes: Sequence[_Process]) -> None:
        self._processes = processes

    def wait_until_ready(self, deadline: float) -> None:
        """Wait until all answer; `deadline` is one of `time.monotonic`."""
        waiting = list(self._processes)
        while waiting:
            for one in self._processes:
                one.check()
            waiting = [one for one in waiting if not _answers(one.server)]
            if waiting and time.monotonic() > deadline:
                one = waiting[0]
                raise ServerError(
                    f"{one.server.name} does not answer at {one.server.address}. Its last lines:\n"
                    f"{one.last_lines()}"
                )
            time.sleep(_POLL_S if waiting else 0)

    def watch(self) -> None:
        """Wait until a server ends by itself, or the process is interrupted.

        Raises
        ------
        ServerError
            One has ended.
        KeyboardInterrupt
            The process was interrupted.
        """
        while True:
            for one in self._processes:
                one.check()
            time.sleep(_POLL_S)


def _answers(server: Server) -> bool:
    try:
        urllib.request.urlopen(server.address + server.ready, timeout=5).close()
    except urllib.error.HTTPError:
        return False
    except (OSError, http.client.HTTPException):
        return False
    return True


@contextmanager
def _started(server: Server, folder: Path) -> Iterator[_Process]:
    with tempfile.TemporaryFile() as log:
        # A group of its own: Ctrl-C comes to this process alone, which then ends the whole group.
        process = subprocess.Popen(
            list(server.command),
            cwd=folder,
            env={**os.environ, **server.environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield _Process(server, process, log)
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and its group; what stays is killed."""
    for number, patience in ((signal.SIGTERM, _END_S), (signal.SIGKILL, _END_S)):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=patience)
            if not _group_lives(process.pid, patience):
                return


def _group_lives(group: int, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except (ProcessLookupError, PermissionError):
            return False
        time.sleep(0.05)
    return True
