"""Code and machine that a run came from, as tags."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from soyoil import __version__

UNKNOWN: Final = "unknown"
STORE_VARIABLE: Final = "MLFLOW_TRACKING_URI"
LOCAL: Final = "http://127.0.0.1:5000"
"""Where a bare ``mlflow ui`` listens."""
_GIT_TIMEOUT_S: Final = 10.0
_defaults: set[str] = set()


def server_of(store: str) -> str:
    """Address of MLflow's pages for a store, without user and password; empty if it has none.

    Examples
    --------
    >>> server_of("https://me:secret@mlflow.example/base/")
    'https://mlflow.example/base'
    >>> server_of("sqlite:///mlflow.db")
    'http://127.0.0.1:5000'
    """
    parts = urlsplit(store)
    if parts.scheme in ("http", "https"):
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
    return "" if parts.scheme.startswith("databricks") else LOCAL


def _git(root: Path, *args: str) -> str | None:
    command = ["git", "--no-optional-locks", "-C", str(root), *args]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_GIT_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def environment_tags(root: Path) -> dict[str, str]:
    """Tags that name the code and the machine.

    Parameters
    ----------
    root
        Root of the project.

    Returns
    -------
    dict of str
        ``git_sha`` (``unknown`` outside a repository or before its first commit), ``git_dirty``
        (``true`` with uncommitted or untracked files), ``soyoil_version``, ``python``,
        ``platform``.
    """
    tags = {
        "git_sha": _git(root, "rev-parse", "--verify", "HEAD") or UNKNOWN,
        "soyoil_version": __version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()}-{platform.machine()}",
    }
    if tags["git_sha"] != UNKNOWN:
        status = _git(root, "status", "--porcelain")
        tags["git_dirty"] = UNKNOWN if status is None else str(bool(status)).lower()
        # Read by MLflow's own pages.
        tags["mlflow.source.git.commit"] = tags["git_sha"]
    return tags


def use_default_store(root: Path) -> None:
    """Track in the project's own store if nothing else is asked for.

    A bare ``mlflow ui`` in the project's root reads that file; where the package lies and the
    working directory of the process must not decide where runs go.

    Parameters
    ----------
    root
        Root of the project of this session.
    """
    # A value of an earlier session of this process is no wish of the user.
    if os.environ.get(STORE_VARIABLE) in (None, *_defaults):
        own = f"sqlite:///{(root.resolve() / 'mlflow.db').as_posix()}"
        _defaults.add(own)
        os.environ[STORE_VARIABLE] = own
