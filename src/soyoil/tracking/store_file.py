"""The file of the tracking store: made whole or not at all, and known when it is not whole.

MLflow makes its tables in some fifty steps, and a file that was left between two of them is
refused by every later start. So a new file is made in a folder of its own and linked into place,
under a lock that two first starts take in turn.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import enum
import fcntl
import logging
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from soyoil.base.errors import TrackingError

logger = logging.getLogger(__name__)

WAIT_S: Final = 120.0
"""Patience with another process that makes the file; it takes some seconds."""
QUIET_S: Final = 3.0
"""A file that was written to more recently may still be in the making, by ``mlflow ui`` say."""
_POLL_S: Final = 0.1
_HEADER: Final = b"SQLite format 3\0"
_VERSION: Final = "SELECT version_num FROM alembic_version"
_OWN_TABLES: Final = frozenset({"experiments", "runs", "alembic_version"})


class State(enum.Enum):
    """What is at the path of a tracking store."""

    MISSING = "missing"
    UNFINISHED = "unfinished"
    """MLflow was killed while it made it; it holds no run."""
    READY = "ready"


def prepare(path: Path) -> None:
    """See that there is a file which MLflow can open; makes it if it is missing.

    Parameters
    ----------
    path
        SQLite file, absolute.

    Raises
    ------
    TrackingError
        It is no tracking store, damaged, held by another process, or cannot be made.
    """
    if state(path) is State.READY:
        return
    with _turn(path):
        deadline = time.monotonic() + WAIT_S
        while state(path) is State.UNFINISHED and time.monotonic() < deadline:
            if time.time() - path.stat().st_mtime > QUIET_S:
                set_aside(path)
            time.sleep(_POLL_S)
        if state(path) is State.MISSING:
            _make(path)


def state(path: Path) -> State:
    """What is at a path.

    Raises
    ------
    TrackingError
        Something that is no tracking store, or cannot be read.
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(len(_HEADER))
    except FileNotFoundError:
        return State.MISSING
    except OSError as error:
        problem = error.strerror or str(error)
        raise _refused(path, problem, "Move it away, or give yourself access.") from error
    if not start:
        return State.UNFINISHED
    if start != _HEADER:
        raise _refused(path, "it is no SQLite database", _MOVE)
    tables = _tables(path)
    if tables and not tables & _OWN_TABLES:
        shown = ", ".join(sorted(tables)[:4])
        raise _refused(path, f"it is the database of another program (tables {shown})", _MOVE)
    versions = [row[0] for row in _rows(path, _VERSION)] if "alembic_version" in tables else []
    nothing = holds_nothing(path)
    # What holds runs and has an older version is for MLflow to refuse, which tells how to upgrade.
    if tables >= _OWN_TABLES and (versions == [newest_version()] if nothing else versions):
        return State.READY
    if nothing:
        return State.UNFINISHED
    raise _refused(path, "tables are missing, and it holds runs", _RESTORE)


def holds_nothing(path: Path) -> bool:
    """Whether no run and no experiment beside MLflow's own is in a file."""
    tables = _tables(path)
    runs = _count(path, "runs") if "runs" in tables else 0
    experiments = _count(path, "experiments") if "experiments" in tables else 0
    return not runs and experiments <= 1


def set_aside(path: Path) -> None:
    """Rename a file that holds no run."""
    now = dt.datetime.now(dt.UTC)
    other = path.with_name(f"{path.name}.unfinished-{now:%Y%m%dT%H%M%S%f}")
    for suffix in ("", "-journal", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(other.with_name(other.name + suffix))
    logger.warning(
        "%s was left unfinished by a process that was killed and holds no run: it is now %s, and a "
        "new one is made",
        path,
        other.name,
    )


def newest_version() -> str | None:
    """Version that MLflow gives to the tables it makes."""
    import mlflow.store.db_migrations
    from alembic.script import ScriptDirectory

    (folder,) = mlflow.store.db_migrations.__path__
    head: str | None = ScriptDirectory(folder).get_current_head()
    return head


def _tables(path: Path) -> set[str]:
    return {str(row[0]) for row in _rows(path, "SELECT name FROM sqlite_master WHERE type='table'")}


def _count(path: Path, table: str) -> int:
    return int(_rows(path, f'SELECT COUNT(*) FROM "{table}"')[0][0])


def _rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    try:
        # Not read-only: what a killed process left in the journal has to be taken back first.
        with contextlib.closing(
            sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=WAIT_S / 4)
        ) as connection:
            return list(connection.execute(query).fetchall())
    except sqlite3.Error as error:
        if "locked" in str(error):
            raise _refused(path, "another process holds it", "Wait for it or end it.") from error
        raise _refused(path, str(error), _RESTORE) from error


_MOVE: Final = (
    "Move it away and run again, which makes a new one, or name another store with "
    "MLFLOW_TRACKING_URI."
)
_RESTORE: Final = f"Restore it from a backup. Without one: {_MOVE[0].lower()}{_MOVE[1:]}"


def _refused(path: Path, problem: str, remedy: str) -> TrackingError:
    return TrackingError(f"The tracking store {path} cannot be used: {problem}. {remedy}")


@contextlib.contextmanager
def _turn(path: Path) -> Iterator[None]:
    """Hold the lock on making the file; the kernel frees it however the process ends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(
            path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644
        )
    except OSError as error:
        problem = f"its folder cannot be written ({error.strerror})"
        raise _refused(path, problem, "Give yourself access, or name another store.") from error
    try:
        _take(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path) -> None:
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                problem = f"another process has been making it for {WAIT_S:g} s"
                raise _refused(path, problem, "Wait for it or end it.") from None
            time.sleep(_POLL_S)
        except OSError:
            logger.warning("%s takes no file locks: start no second run now", path.parent)
            return
        else:
            return


def _make(path: Path) -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
    from sqlalchemy.exc import SQLAlchemyError

    # Under the lock nobody else makes one, so these are of processes that were killed.
    for left in path.parent.glob(f".{path.name}.new-*"):
        shutil.rmtree(left, ignore_errors=True)
    try:
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.new-", dir=path.parent) as folder:
            fresh = Path(folder) / path.name
            make: Any = SqlAlchemyStore
            make(f"sqlite:///{fresh.as_posix()}", str(path.parent / "mlruns")).engine.dispose()
            try:
                # A link fails where a file has appeared meanwhile; a rename would undo it.
                os.link(fresh, path)
            except FileExistsError:
                return
            except OSError:
                fresh.rename(path)  # a file system without links
    except (OSError, MlflowException, SQLAlchemyError) as error:
        problem = f"it cannot be made ({str(error).splitlines()[0]})"
        raise _refused(path, problem, "Make room, and give yourself access.") from error
