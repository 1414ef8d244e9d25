"""The tracking store as it is, looked at without a change: no table is made, no run is closed."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from soyoil.base.errors import TrackingError
from soyoil.base.redact import redact
from soyoil.tracking.liveness import host_name
from soyoil.tracking.mlflow_store import HOST_TAG, LOCK_TAG
from soyoil.tracking.store_access import failures, open_store, reach, sqlite_path
from soyoil.tracking.store_file import newest_version

_VERSION: Final = "SELECT version_num FROM alembic_version"
_COUNT: Final = "SELECT COUNT(*) FROM runs"
_RUNNING: Final = f"""
    SELECT runs.name, locks.value, hosts.value FROM runs
    JOIN tags AS locks ON locks.run_uuid = runs.run_uuid AND locks.key = '{LOCK_TAG}'
    JOIN tags AS hosts ON hosts.run_uuid = runs.run_uuid AND hosts.key = '{HOST_TAG}'
    WHERE runs.status = 'RUNNING'"""

Rows = Callable[[str], Sequence[Sequence[Any]]]


@dataclass(frozen=True)
class StoreLook:
    """What a tracking store is.

    Attributes
    ----------
    state
        ``missing``: it is made by the first run. ``old``: its tables are of another version of
        MLflow. ``ready``: it can be used.
    place
        Where it is, without secrets.
    runs
        Number of runs; None where a server does not count them.
    writable
        Whether its file can be written; True for servers, which tell only when asked to write.
    alive, dead
        Names of runs that are RUNNING, of processes of this machine that live or were killed.
    """

    state: Literal["missing", "old", "ready"]
    place: str
    runs: int | None = None
    writable: bool = True
    alive: tuple[str, ...] = ()
    dead: tuple[str, ...] = ()


def look_at_store(uri: str) -> StoreLook:
    """Look at a tracking store.

    Parameters
    ----------
    uri
        Address as MLflow takes it.

    Raises
    ------
    TrackingError
        It does not answer, is damaged, or is no tracking store.
    """
    path = sqlite_path(uri)
    if path is not None:
        return _look_at_file(path)
    if uri.startswith(("http://", "https://")):
        client = open_store(uri)
        client.search_experiments(max_results=1)
        return StoreLook("ready", redact(uri))
    reach(uri)
    with failures(uri, opening=True):
        from sqlalchemy import create_engine, inspect, text

        engine = create_engine(uri)
        try:
            with engine.connect() as connection:
                if not inspect(connection).has_table("alembic_version"):
                    return StoreLook("missing", redact(uri))
                return _look(
                    lambda query: connection.execute(text(query)).fetchall(), redact(uri), True
                )
        finally:
            engine.dispose()


def _look_at_file(path: Path) -> StoreLook:
    if not path.exists() or not path.stat().st_size:
        return StoreLook("missing", str(path), writable=_is_writable(path))
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5)) as opened:
            tables = {row[0] for row in opened.execute("SELECT name FROM sqlite_master")}
            if not {"runs", "experiments", "alembic_version"} <= tables:
                raise TrackingError(
                    f"The tracking store {path} is the database of another program, or was left "
                    "unfinished. Move it away, or restore it: kedro restore FOLDER --replace."
                )
            return _look(
                lambda query: opened.execute(query).fetchall(), str(path), _is_writable(path)
            )
    except sqlite3.Error as error:
        raise TrackingError(
            f"The tracking store {path} cannot be read: {error}. If another process holds it, end "
            "that; else restore it from a backup: kedro restore FOLDER --replace."
        ) from error


def _is_writable(path: Path) -> bool:
    folder = next(p for p in path.parents if p.exists())
    return os.access(folder, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))


def _look(rows: Rows, place: str, writable: bool) -> StoreLook:
    versions = [row[0] for row in rows(_VERSION)]
    if versions != [newest_version()]:
        return StoreLook("old", place, int(rows(_COUNT)[0][0]), writable)
    running = [
        (str(name), Path(lock)) for name, lock, host in rows(_RUNNING) if host == host_name()
    ]
    dead = {name for name, lock in running if _is_free(lock)}
    return StoreLook(
        "ready",
        place,
        int(rows(_COUNT)[0][0]),
        writable,
        tuple(sorted({name for name, _ in running} - dead)),
        tuple(sorted(dead)),
    )


def _is_free(lock: Path) -> bool:
    """Whether nobody holds a run's lock; a lock that is gone says nothing."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # Shared: others that look at the same moment see the same.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)
