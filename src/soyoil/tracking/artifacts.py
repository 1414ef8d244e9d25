"""Files, tags and metrics of a pipeline run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from soyoil.tracking import mlflow_store as store
from soyoil.tracking.active import current
from soyoil.tracking.mlflow_store import open_client
from soyoil.tracking.record import TAG_LIMIT, shorten


@dataclass(frozen=True)
class RunReport:
    """What a pipeline without child runs leaves on its own run.

    Attributes
    ----------
    files
        Texts by file name.
    tags
        Texts to filter runs by; they replace those that the run started with.
    metrics
        Values by key; NaN means unknown.
    """

    files: Mapping[str, str]
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)


def attach(paths: Iterable[Path]) -> None:
    """Log files as artifacts of the tracked pipeline run; nothing if none is tracked."""
    parent = current()
    if parent is None:
        return
    client = open_client()
    for path in paths:
        client.log_artifact(parent.run_id, str(path))


def describe_run(report: RunReport) -> None:
    """Log tags and metrics on the tracked pipeline run; nothing if none is tracked."""
    parent = current()
    if parent is None:
        return
    for name, value in report.tags.items():
        parent.client.set_tag(parent.run_id, name, shorten(value, TAG_LIMIT))
    metrics = ((key, 0, value) for key, value in report.metrics.items())
    store.log_values(parent.client, parent.run_id, {}, metrics)
