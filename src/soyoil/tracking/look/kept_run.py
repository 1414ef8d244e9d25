"""Whether a finished run is still in MLflow's store as it was.

The store is asked directly: importing MLflow takes longer than everything else that is looked at.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from soyoil.base.handover import text_hash

_SQLITE: Final = "sqlite:///"
_RUNS: Final = """
    SELECT run_uuid, status, lifecycle_stage, artifact_uri FROM runs
    WHERE run_uuid = :run OR run_uuid IN
        (SELECT run_uuid FROM tags
         WHERE key IN ('pipeline_run', 'mlflow.parentRunId') AND value = :run)
    ORDER BY run_uuid"""
_OF_RUN: Final = (
    "SELECT key, value FROM params WHERE run_uuid = ? ORDER BY key",
    "SELECT key, value, is_nan FROM latest_metrics WHERE run_uuid = ? ORDER BY key",
)
_OF_MODEL: Final = (
    "SELECT alias, version FROM registered_model_aliases WHERE name = ? ORDER BY alias",
    "SELECT version, run_id, source FROM model_versions WHERE name = ? ORDER BY version",
)


def kept_state(uri: str | None, run_id: str, models: Sequence[str]) -> str | None:
    """Hash of what a store holds of a finished run, its children and of registered models.

    Parameters
    ----------
    uri
        Address of the store.
    run_id
        The parent run.
    models
        Names of registered models.

    Returns
    -------
    str or None
        SHA-256 (hex) of status, parameters, metrics, names and sizes of artifacts, versions and
        aliases. None if the run is not there, deleted, or did not finish, and for any store but a
        SQLite file, of which it cannot be told in a moment.
    """
    if uri is None or not uri.startswith(_SQLITE) or "?" in uri or "%" in uri:
        return None
    path = Path(uri.removeprefix(_SQLITE)).absolute()
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as store:
            found = store.execute(_RUNS, {"run": run_id}).fetchall()
            if not any(row[0] == run_id for row in found):
                return None
            if any(row[1:3] != ("FINISHED", "active") for row in found):
                return None
            told: list[Any] = [*map(list, found)]
            for run, *_ in found:
                told += [store.execute(query, (run,)).fetchall() for query in _OF_RUN]
            for name in models:
                told += [store.execute(query, (name,)).fetchall() for query in _OF_MODEL]
                told += [_artifacts(str(version[2])) for version in told[-1]]
        told += [_artifacts(str(row[3])) for row in found]
    except (sqlite3.Error, OSError):
        return None
    return text_hash(told)


def _artifacts(uri: str) -> list[tuple[str, int]]:
    """Names and sizes of the files of a run, where they lie on this machine."""
    parts = urlsplit(uri)
    if parts.scheme not in ("", "file"):
        return []
    folder = Path(unquote(parts.path))
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(str(path.relative_to(folder)), path.stat().st_size) for path in files]
