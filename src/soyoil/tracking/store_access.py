"""What MLflow and its libraries raise, as one message; servers that do not answer, in seconds."""

from __future__ import annotations

import functools
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

from soyoil.base.errors import TrackingError
from soyoil.base.redact import redact
from soyoil.tracking import store_file

if TYPE_CHECKING:
    from mlflow import MlflowClient

CONNECT_S: Final = 5.0
"""Patience with a server that is asked for the first time."""
ANSWER_S: Final = 10
PATIENCE: Final = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3", "MLFLOW_HTTP_REQUEST_TIMEOUT": "30"}
"""Later requests, unless the user has set these: a server that restarts is waited for, and one
that has gone for good is given up within a minute or two, not half an hour."""
_FIRST: Final = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": str(ANSWER_S),
}
_PORTS: Final = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}
_QUIET: Final = {
    # Lines about new tables say nothing to a newcomer.
    "alembic": logging.WARNING,
    # These tell, with a traceback, what is raised as well.
    "mlflow.store.db": logging.CRITICAL,
    "urllib3.connectionpool": logging.ERROR,
}
_REMEDIES: Final = {
    "readonly": "Make the file and its folder writable.",
    "disk is full": "Make room on the disk.",
    "no space left": "Make room on the disk.",
    "permission denied": "Give yourself access to it.",
    "locked": "Another process holds it: wait for it or end it.",
    "malformed": "It is damaged: restore it from a backup, or move it away for a new one.",
    "not a database": "It is damaged: restore it from a backup, or move it away for a new one.",
    "out-of-date": "Take a backup, then do as MLflow says.",
    "not a directory": "Move the file away that stands in the place of a folder.",
    "file exists": "Move the file away that stands in the place of a folder.",
    "unsupported uri": "Correct MLFLOW_TRACKING_URI, or unset it to track in mlflow.db in the "
    "project's root.",
}
_SERVER: Final = (
    "Start it, correct MLFLOW_TRACKING_URI, or unset that to track in mlflow.db in the project's "
    "root."
)


def open_store(uri: str) -> MlflowClient:
    """Client of a tracking store that was seen to work; a new one gets its tables.

    Parameters
    ----------
    uri
        Address as MLflow takes it.

    Returns
    -------
    MlflowClient
        A client whose methods raise `TrackingError` where the store fails.

    Raises
    ------
    TrackingError
        The store does not answer within seconds, or cannot be used.
    """
    for name, level in _QUIET.items():
        logging.getLogger(name).setLevel(level)
    path = sqlite_path(uri)
    if path is not None:
        store_file.prepare(path)
    else:
        reach(uri)
    from mlflow import MlflowClient

    with failures(uri, opening=True):
        client = MlflowClient(tracking_uri=uri)
        with _environment(_FIRST):
            client.search_experiments(max_results=1)
    for name, value in PATIENCE.items():
        os.environ.setdefault(name, value)
    return cast("MlflowClient", _Checked(client, uri))


def sqlite_path(uri: str) -> Path | None:
    """File of a SQLite address, absolute; None for other addresses and for memory."""
    if not uri.startswith("sqlite"):
        return None
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        name = make_url(uri).database
    except ArgumentError:
        return None
    return Path(name).absolute() if name and name != ":memory:" else None


@contextmanager
def failures(uri: str, *, opening: bool = False) -> Iterator[None]:
    """Turn what the libraries raise about a failing store into a `TrackingError`.

    Errors that tell of a wrong call, and anything else, are bugs and come through. While the
    store is opened, the only argument that can be wrong is its address.
    """
    from mlflow.exceptions import MlflowException
    from requests.exceptions import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except MlflowException as error:
        if error.error_code == "INVALID_PARAMETER_VALUE" and not opening:
            raise
        raise _explained(uri, error) from error
    except (SQLAlchemyError, RequestException, OSError, ModuleNotFoundError) as error:
        raise _explained(uri, error) from error


def error_code(error: TrackingError) -> str:
    """MLflow's code of the error behind another one; empty if there is none."""
    return str(getattr(error.__cause__, "error_code", ""))


def _explained(uri: str, error: Exception) -> TrackingError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = (lines or [type(error).__name__])[0].rstrip(".")
    found = (remedy for words, remedy in _REMEDIES.items() if words in str(error).lower())
    if isinstance(error, ModuleNotFoundError):
        remedy = "Install the driver of that database."
    else:
        remedy = next(found, _SERVER if sqlite_path(uri) is None else "")
    return TrackingError(f"The tracking store {redact(uri)} failed: {reason}. {remedy}".strip())


def reach(uri: str) -> None:
    """See that the server of an address takes connections.

    MLflow's own attempts at a database that is not there take minutes.
    """
    parts = urlsplit(uri)
    scheme = parts.scheme.partition("+")[0]
    try:
        host, port = parts.hostname, parts.port or _PORTS.get(scheme)
    except ValueError as error:
        raise TrackingError(
            f"The tracking store {redact(uri)} cannot be used: {error}. Correct "
            "MLFLOW_TRACKING_URI."
        ) from None
    if host is None or port is None:
        return
    try:
        socket.create_connection((host, port), timeout=CONNECT_S).close()
    except OSError as error:
        reason = "no answer" if isinstance(error, TimeoutError) else error.strerror or str(error)
        raise TrackingError(
            f"The tracking store {redact(uri)} does not answer: {reason}. {_SERVER}"
        ) from error


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class _Checked:
    """Client whose calls raise `TrackingError` where the store fails."""

    def __init__(self, client: MlflowClient, uri: str) -> None:
        self._client = client
        self._uri = uri

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not callable(found):
            return found

        @functools.wraps(found)
        def call(*args: Any, **kwargs: Any) -> Any:
            with failures(self._uri):
                return found(*args, **kwargs)

        return call
