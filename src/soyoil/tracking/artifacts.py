"""Files of a pipeline run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from soyoil.tracking.active import current
from soyoil.tracking.mlflow_store import open_client


def attach(paths: Iterable[Path]) -> None:
    """Log files as artifacts of the tracked pipeline run; nothing if none is tracked."""
    parent = current()
    if parent is None:
        return
    client = open_client()
    for path in paths:
        client.log_artifact(parent.run_id, str(path))
