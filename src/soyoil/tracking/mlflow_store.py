"""Runs, metrics and artifacts in MLflow, through `MlflowClient` alone.

MLflow takes seconds to import, so it is imported in functions, and its global active run is
never set.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

import pandas as pd

from soyoil.base.errors import ConfigError, TrackingError
from soyoil.tracking.liveness import RunLock, host_name
from soyoil.tracking.pages import (
    PIPELINE_TAG,
    dress,
    pipelines_experiment,
    sweeps_experiment,
)
from soyoil.tracking.record import TAG_LIMIT, FoldMetric, RunRecord, flatten_params, shorten
from soyoil.tracking.store_access import error_code, open_store

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment, Run

logger = logging.getLogger(__name__)

Status = Literal["FINISHED", "FAILED", "KILLED"]

ARTIFACTS: Final = "mlruns"
PARENT_TAG: Final = "mlflow.parentRunId"
"""What runs of models and trials of older versions have in place of `PIPELINE_TAG`."""
HOST_TAG: Final = "soyoil.host"
PID_TAG: Final = "soyoil.pid"
LOCK_TAG: Final = "soyoil.lock"
UNKNOWN_METRICS_TAG: Final = "unknown_metrics"


def artifacts_folder(root: Path) -> Path:
    """Folder of the artifacts of a project's runs, absolute.

    ``mlruns`` may be a link to another disk or into a container's volume; it leads on also where
    nothing is there yet.
    """
    return (root / ARTIFACTS).resolve()


def open_client() -> MlflowClient:
    """Client of the store that ``MLFLOW_TRACKING_URI`` names; makes its tables if it is new.

    Raises
    ------
    TrackingError
        That store does not answer, or cannot be used; so do the methods of the client.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        import mlflow

        uri = mlflow.get_tracking_uri()
    return open_store(uri)


def _check_active(experiment: Experiment) -> str:
    if experiment.lifecycle_stage == "deleted":
        raise ConfigError(
            f"The MLflow experiment {experiment.name!r} is deleted. Restore it with "
            f"`mlflow experiments restore --experiment-id {experiment.experiment_id}`, or track "
            "in another one: --params=tracking.experiment=NAME."
        )
    return str(experiment.experiment_id)


def _warn_if_elsewhere(experiment: Experiment, location: str | None) -> None:
    # Locations in the store are absolute, so a copy of a project would write to the original.
    stored = str(experiment.artifact_location)
    if location is not None and stored.startswith("file:") and stored != location:
        logger.warning(
            "experiment %r keeps its artifacts in %s, outside this project. Was the project moved "
            "or copied? A new experiment (--params=tracking.experiment=NAME) keeps them in %s",
            experiment.name,
            stored,
            location,
        )


@dataclass(frozen=True)
class Experiments:
    """Ids of the experiments that runs are written to.

    Attributes
    ----------
    models, pipelines
        Of runs of models, and of pipeline runs.
    """

    models: str
    pipelines: str


def open_experiments(client: MlflowClient, name: str, root: Path) -> Experiments:
    """Experiments of models and of pipeline runs, made and described if they are new.

    A description that was edited is kept.

    Parameters
    ----------
    client
        Open client.
    name
        Name of the experiment of models.
    root
        Root of the project.

    Raises
    ------
    ConfigError
        If one of them is deleted.
    """
    # MLflow's first page lists the newest first, and the models are what is looked for.
    pipelines = experiment_id_of(client, pipelines_experiment(name), root)
    found = Experiments(experiment_id_of(client, name, root), pipelines)
    dress(client, name, (found.models, found.pipelines))
    return found


def family(client: MlflowClient, name: str) -> list[str]:
    """Ids of the experiments of models, pipeline runs and trials, those that there are.

    In stores of older versions all of them are runs of the first.
    """
    names = (name, pipelines_experiment(name), sweeps_experiment(name))
    found = (client.get_experiment_by_name(each) for each in names)
    return [str(experiment.experiment_id) for experiment in found if experiment is not None]


def experiment_id_of(client: MlflowClient, name: str, root: Path) -> str:
    """Id of the experiment of that name, created if it is missing.

    Parameters
    ----------
    client
        Open client.
    name
        Name of the experiment.
    root
        Root of the project: a new experiment keeps its artifacts in ``mlruns`` below it, unless
        a tracking server decides that itself.

    Raises
    ------
    ConfigError
        If an experiment of that name is deleted.
    """
    remote = urlsplit(client.tracking_uri).scheme in ("http", "https", "databricks")
    location = None if remote else artifacts_folder(root).as_uri()
    found = client.get_experiment_by_name(name)
    if found is not None:
        _warn_if_elsewhere(found, location)
        return _check_active(found)
    try:
        return str(client.create_experiment(name, location))
    except TrackingError as error:
        # Another process was faster.
        found = client.get_experiment_by_name(name)
        if error_code(error) != "RESOURCE_ALREADY_EXISTS" or found is None:
            raise
        return _check_active(found)


def _running(client: MlflowClient, ids: Sequence[str], condition: str) -> list[Run]:
    query = f"attributes.status = 'RUNNING' and {condition}"
    return list(client.search_runs(list(ids), query))


@dataclass(frozen=True)
class Ending:
    """How a run ends.

    Attributes
    ----------
    status
        Final status.
    error
        Text of the tag ``error``; None for no tag.
    time_ms
        End, milliseconds since the epoch; None for now.
    """

    status: Status
    error: str | None = None
    time_ms: int | None = None


def end_run(client: MlflowClient, run_id: str, ending: Ending) -> None:
    """End one run."""
    if ending.error is not None:
        client.set_tag(run_id, "error", shorten(ending.error, TAG_LIMIT))
    client.set_terminated(run_id, ending.status, ending.time_ms)


def end_tree(client: MlflowClient, ids: Sequence[str], run_id: str, ending: Ending) -> None:
    """End a pipeline run and the runs of its models and trials that still run."""
    # These first: one is RUNNING only while its pipeline run is, so none is overlooked.
    for tag in (PIPELINE_TAG, PARENT_TAG):
        for child in _running(client, ids, f"tags.`{tag}` = '{run_id}'"):
            end_run(client, child.info.run_id, ending)
    end_run(client, run_id, ending)


def close_stale(client: MlflowClient, ids: Sequence[str]) -> int:
    """Close the runs that dead processes of this machine left RUNNING, as KILLED.

    Runs of other machines and of living processes are left alone.

    Parameters
    ----------
    client
        Open client.
    ids
        Experiments of pipeline runs, models and trials.

    Returns
    -------
    int
        Number of pipeline runs that were closed.
    """
    closed = 0
    for run in _running(client, ids, f"tags.`{HOST_TAG}` = '{host_name()}'"):
        tags, run_id = run.data.tags, run.info.run_id
        lock = RunLock.take_over(Path(tags.get(LOCK_TAG, "")))
        if lock is None:
            continue
        try:
            # Its process may have ended it between the search and the release of the lock.
            if client.get_run(run_id).info.status == "RUNNING":
                error = f"process {tags.get(PID_TAG)} ended without closing this run"
                ending = Ending("KILLED", error, max(lock.last_sign_ms(), run.info.start_time))
                end_tree(client, ids, run_id, ending)
                logger.warning("closed run %r as KILLED: its %s", run.info.run_name, error)
                closed += 1
        finally:
            lock.release()
    return closed


def log_values(
    client: MlflowClient,
    run_id: str,
    params: Mapping[str, Any],
    metrics: Iterable[FoldMetric] = (),
) -> None:
    """Log parameters, flattened, and metrics.

    A metric that is NaN is unknown: it is not sent, its key is listed in the tag
    ``unknown_metrics``.

    Parameters
    ----------
    client
        Open client.
    run_id
        Run to log to.
    params
        Nested plain configuration.
    metrics
        (key, step, value).
    """
    from mlflow.entities import Metric, Param, RunTag

    now = int(time.time() * 1000)
    values = list(metrics)
    known = [Metric(k, v, now, step) for k, step, v in values if v == v]
    unknown = sorted({k for k, _, v in values if v != v})
    tags = []
    if unknown:
        tags = [RunTag(UNKNOWN_METRICS_TAG, shorten(" ".join(unknown), TAG_LIMIT))]
    flat = [Param(k, v) for k, v in flatten_params(params).items()]
    # The client itself keeps to the store's limits per batch.
    client.log_batch(run_id, metrics=known, params=flat, tags=tags)


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame as Parquet or CSV, by the suffix of the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False)


def write_artifacts(record: RunRecord, folder: Path) -> None:
    """Write tables, figures and files of a record below a folder."""
    for name, frame in record.tables.items():
        write_table(frame, folder / name)
    for name, figure in record.figures.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(figure.png())
    for name, content in record.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
