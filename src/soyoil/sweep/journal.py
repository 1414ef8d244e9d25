"""Optuna's journal of a study: one file, appended to, safe to kill at any time."""

from __future__ import annotations

import fcntl
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from soyoil.base.errors import SoyoilError

if TYPE_CHECKING:
    from optuna import Study


ATTEMPTS: Final = 3
WAIT_SECONDS: Final = 0.5
_CREATE_STUDY: Final = 0
"""Optuna's code of the operation that begins every journal."""


class FileLock:
    """Exclusive lock of a file beside the one it guards.

    The kernel frees it however its process ends. Optuna's own locks are files that a killed
    process leaves behind, and the next one waits half a minute for.

    Parameters
    ----------
    path
        Lock file; made if missing, never removed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self, *, wait: bool = True) -> bool:
        """Take the lock; without waiting, False if another process holds it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Free the lock."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def cut_torn_line(path: Path) -> None:
    """Remove a last line that was not written whole; the caller holds the journal's lock."""
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)


def open_journal(path: Path, name: str) -> Study:
    """The study that a journal file holds; an empty one if the file is new.

    Parameters
    ----------
    path
        Journal file.
    name
        Name of the study.

    Raises
    ------
    SoyoilError
        The file is damaged; names the line, and says what is kept.
    """
    import optuna
    from optuna.storages.journal import JournalFileBackend

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_suffix(".append.lock"))
    lock.acquire()
    try:
        cut_torn_line(path)
        _check_lines(path)
    finally:
        lock.release()
    backend = JournalFileBackend(str(path), lock_obj=lock)  # type: ignore[arg-type]
    try:
        storage = optuna.storages.JournalStorage(backend)
        return optuna.create_study(
            study_name=name, storage=storage, direction="maximize", load_if_exists=True
        )
    except (KeyError, ValueError, TypeError, optuna.exceptions.OptunaError) as error:
        raise damaged(path, f"its lines contradict each other ({error!r})") from error


def _check_lines(path: Path) -> None:
    if not path.exists():
        return
    for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], start=1):
        try:
            operation = json.loads(line)["op_code"]
        except (ValueError, KeyError, TypeError):
            operation = None
        if not isinstance(operation, int):
            what = "cannot be read" if line.strip() else "is blank"
            raise damaged(path, f"line {number} {what}; the {number - 1} before it are whole")
        if number == 1 and operation != _CREATE_STUDY:
            raise damaged(path, "its first line is not the one that begins a study")


def damaged(path: Path, problem: str) -> SoyoilError:
    """Error about a journal file that is not as Optuna wrote it."""
    return SoyoilError(
        f"The journal of a study, {path}, is damaged: {problem}. Every trial that ended is kept in "
        "the ledger. Restore the file from a backup; or move it away and run again: the study "
        "begins anew, and no trial is counted twice."
    )


def open_database(address: str, name: str) -> Study:
    """The study of that name in a database.

    Raises
    ------
    SoyoilError
        If the database cannot be used.
    """
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    attempt = 1
    while True:
        try:
            return optuna.create_study(
                study_name=name, storage=address, direction="maximize", load_if_exists=True
            )
        except (optuna.exceptions.OptunaError, SQLAlchemyError, ImportError, ValueError) as error:
            if attempt == ATTEMPTS:
                # The address may hold a password.
                raise SoyoilError(
                    f"The database of sweep.storage cannot be used ({type(error).__name__}). "
                    "Check the address, that the server runs, and that the driver is installed: "
                    'pip install "soyoil[postgres]".'
                ) from None
        # Workers that start together in an empty database all try to make its tables.
        time.sleep(attempt * WAIT_SECONDS)
        attempt += 1


def hold_study(path: Path, name: str) -> FileLock:
    """Hold a study for this process until the lock is released.

    Raises
    ------
    SoyoilError
        If another process searches it.
    """
    lock = FileLock(path.with_suffix(".lock"))
    if not lock.acquire(wait=False):
        raise SoyoilError(
            f"Study {name} is being searched by another process. Wait until it has ended, or "
            "search it together: --params=sweep.shared_workers=2."
        )
    return lock
