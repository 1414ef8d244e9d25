"""The data folder of a run, and the lock that lets one writer at a time into it."""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import json
import logging
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from soyoil.base.errors import ConfigError, SoyoilError
from soyoil.base.process import lives

logger = logging.getLogger(__name__)

VARIABLE: Final = "SOYOIL_DATA"
"""Environment variable that names another data folder, relative to the project's root."""
DEFAULT: Final = "data"
LOCK_FILE: Final = ".lock"
_TEXT_WAIT_S: Final = 1.0
_POLL_S: Final = 0.02


class DataFolderBusyError(SoyoilError):
    """Another run writes to the data folder."""


def data_folder_name() -> str:
    """Data folder as the configuration spells it: `VARIABLE`, or `DEFAULT`."""
    return os.environ.get(VARIABLE) or DEFAULT


def data_folder(root: Path) -> Path:
    """Data folder of a project, absolute.

    Parameters
    ----------
    root
        Root of the project.

    Raises
    ------
    ConfigError
        `VARIABLE` names a file, the project's root or a folder around it, or has characters that
        no path in the configuration may have.
    """
    name = data_folder_name()
    folder = Path(os.path.normpath(root.absolute() / name))
    problem = None
    if name != name.strip() or any(c in name for c in "\0\n\r<>{}$"):
        problem = "the name must be a plain path, without spaces around it and without <>{}$"
    elif name.startswith("~"):
        problem = "~ is not expanded here: write the path in full"
    elif folder == root.absolute() or folder in root.absolute().parents:
        problem = "it would be the project itself or a folder around it"
    elif folder.exists() and not folder.is_dir():
        problem = "that is a file"
    if problem:
        raise ConfigError(
            f"{VARIABLE}={name!r}: {problem}. Name a folder of its own, for example "
            f"{VARIABLE}=data-2; without the variable it is {root / DEFAULT}."
        )
    return folder


@dataclass(frozen=True)
class Holder:
    """Who holds a data folder."""

    pid: int
    command: str
    host: str
    since: str

    @property
    def is_gone(self) -> bool:
        """Whether the text is that of a process of this machine that has ended."""
        return self.host == platform.node() and not lives(self.pid)


_held: Final[set[int]] = set()
"""Descriptors of the locks of this process."""


def _give_back() -> None:
    """In a forked process: its copies of the locks must not outlive the run."""
    while _held:
        with contextlib.suppress(OSError):
            os.close(_held.pop())


os.register_at_fork(after_in_child=_give_back)


class DataLock:
    """The held lock of a data folder.

    The kernel frees it however the process ends, and no other process has a copy: those that are
    started do not inherit it, those that are forked give it back.

    Parameters
    ----------
    descriptor
        Open file that holds the lock.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        _held.add(descriptor)

    def release(self) -> None:
        """Free the folder; the lock's file stays, as another process may wait at it."""
        if self._descriptor not in _held:
            return
        _held.discard(self._descriptor)
        with contextlib.suppress(OSError):
            os.truncate(self._descriptor, 0)
        os.close(self._descriptor)


def acquire(folder: Path, command: str) -> DataLock:
    """Take the lock of a data folder, which is made if it is missing.

    Parameters
    ----------
    folder
        The folder.
    command
        What is run, for the message to whoever comes second.

    Raises
    ------
    DataFolderBusyError
        Another process holds it; names its PID and command.
    ConfigError
        The folder cannot be written.
    """
    path = folder / LOCK_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise ConfigError(
            f"the data folder {folder} cannot be written ({error.strerror}). Give it to the user "
            f"that runs this, or name another folder: {VARIABLE}=<folder>."
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise _busy(folder, _holder(path)) from None
    except OSError as error:
        logger.warning(
            "%s takes no file locks (%s): see yourself that no other run writes there",
            folder,
            error,
        )
    _describe(descriptor, command)
    return DataLock(descriptor)


@contextmanager
def locked(folder: Path, command: str) -> Iterator[None]:
    """Hold the lock of a data folder; see `acquire`."""
    lock = acquire(folder, command)
    try:
        yield
    finally:
        lock.release()


def _describe(descriptor: int, command: str) -> None:
    """Leave a text for whoever is refused; a disk that is full is no reason not to run."""
    now = dt.datetime.now(dt.UTC)
    text: dict[str, Any] = {
        "pid": os.getpid(),
        "command": command,
        "host": platform.node(),
        "since": f"{now:%Y-%m-%d %H:%M:%S} UTC",
    }
    with contextlib.suppress(OSError):
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, (json.dumps(text) + "\n").encode(), 0)


def current_holder(folder: Path) -> Holder | None:
    """Who says to hold a data folder, without a touch of the lock; None if nobody does.

    A holder that `Holder.is_gone` was killed and holds nothing.
    """
    return _text_of(folder / LOCK_FILE)


def _text_of(path: Path) -> Holder | None:
    try:
        return Holder(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _holder(path: Path) -> Holder | None:
    """Who holds the lock; the text follows the lock by a moment, so it is waited for."""
    deadline = time.monotonic() + _TEXT_WAIT_S
    while True:
        holder = _text_of(path)
        if holder is not None and not holder.is_gone:
            return holder
        if time.monotonic() >= deadline:
            return None
        time.sleep(_POLL_S)


def _busy(folder: Path, holder: Holder | None) -> DataFolderBusyError:
    who = "another process"
    if holder is not None:
        where = "" if holder.host == platform.node() else f" on {holder.host}"
        who = f"PID {holder.pid}{where} since {holder.since}: {holder.command}"
    return DataFolderBusyError(
        f"the data folder {folder} is in use, and two runs would mix their data. It is held by "
        f"{who}\nWait for it or end it. To run side by side, give each run its own data folder: "
        f"{VARIABLE}=data-2 kedro run ..."
    )
