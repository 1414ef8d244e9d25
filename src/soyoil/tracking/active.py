"""The tracked pipeline run of this process and its children.

A process tracks one pipeline run at a time; the workers of its nodes track nothing.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from soyoil.base.errors import SoyoilError
from soyoil.base.leftovers import scratch
from soyoil.base.redact import redact_values
from soyoil.tracking import mlflow_store as store
from soyoil.tracking.liveness import FOLDER, RunLock, host_name
from soyoil.tracking.pages import (
    NOTE_TAG,
    PIPELINE_TAG,
    key_in_mlflow,
    leading_metrics,
    models_link,
    run_link,
    show_models,
    title,
)
from soyoil.tracking.pages.dataset import log_dataset
from soyoil.tracking.record import TAG_LIMIT, RunRecord, shorten

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger(__name__)

FROM_CHILDREN: Final = ("provenance", "rolls", "snapshot")
"""Tags of the children that hold for the whole pipeline run."""

ORDER_PER_HORIZON: Final = 20
"""Milliseconds between the starts that runs of two horizons are given, one session apart: as many
models stand in their order."""


@dataclass(frozen=True)
class ParentSpec:
    """What a tracked pipeline run starts with.

    Attributes
    ----------
    root
        Root of the project; artifacts go to ``mlruns`` below it.
    experiment
        Name of the MLflow experiment of models; pipeline runs are in one beside it.
    run_name
        Name shown by MLflow.
    tags
        Tags of the pipeline run.
    inherited
        Names of the tags that every child gets too.
    params
        Nested plain configuration.
    description
        Markdown that MLflow shows with the run; empty for none.
    """

    root: Path
    experiment: str
    run_name: str
    tags: Mapping[str, str]
    inherited: tuple[str, ...]
    params: Mapping[str, Any]
    description: str = ""


def _note(text: str) -> dict[str, str]:
    return {NOTE_TAG: shorten(text, TAG_LIMIT)} if text else {}


class ParentRun:
    """The tracked pipeline run of this process.

    Parameters
    ----------
    client
        Open client of the tracking store.
    experiments
        Where this run and those of its models go.
    spec
        What the run starts with.

    Attributes
    ----------
    run_id
        Id given by MLflow.
    pid
        The one process that may write below this run.
    tags
        Tags that it started with: code and machine among them.
    """

    def __init__(
        self, client: MlflowClient, experiments: store.Experiments, spec: ParentSpec
    ) -> None:
        self._client = client
        self._experiments = experiments
        self.spec = spec
        self._models: dict[tuple[str, str], str] = {}
        self._horizons: dict[str, int] = {}
        self._has_dataset = False
        self._inherited = {k: spec.tags[k] for k in spec.inherited if k in spec.tags}
        self._from_children: dict[str, str] = {}
        self._lock = RunLock.acquire(store.artifacts_folder(spec.root) / FOLDER)
        self.pid = os.getpid()
        life = {
            store.HOST_TAG: host_name(),
            store.PID_TAG: str(self.pid),
            store.LOCK_TAG: str(self._lock.path),
        }
        tags = {k: shorten(v, TAG_LIMIT) for k, v in spec.tags.items()} | life
        tags |= _note(spec.description)
        try:
            run = client.create_run(experiments.pipelines, run_name=spec.run_name, tags=tags)
        except BaseException:
            self._lock.release()
            raise
        self.run_id: str = run.info.run_id
        self._started = int(run.info.start_time)
        self.name = spec.run_name
        self.command = spec.tags.get("command", "")
        self.tags = dict(spec.tags)

    def describe(self, text: str) -> None:
        """Replace the description, Markdown; it begins with the link to the models of this run."""
        link = models_link(self._experiments.models, self.run_id)
        for name, value in _note(f"**[Models of this run]({link})**\n\n{text}").items():
            self._client.set_tag(self.run_id, name, value)

    def tag(self, tags: Mapping[str, str]) -> None:
        """Add tags."""
        for name, value in tags.items():
            self._client.set_tag(self.run_id, name, shorten(value, TAG_LIMIT))

    @property
    def client(self) -> MlflowClient:
        """Client of the tracking store."""
        return self._client

    @property
    def experiments(self) -> store.Experiments:
        """Where this run and those of its models are."""
        return self._experiments

    def model_run(self, horizon: str, model: str) -> str | None:
        """Id of the run of a horizon and model below this pipeline run, if there is one."""
        return self._models.get((horizon, model))

    @property
    def inherited(self) -> Mapping[str, str]:
        """Tags that every child gets too."""
        return self._inherited

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log the configuration flattened, and whole as ``parameters.json``."""
        store.log_values(self._client, self.run_id, params)
        self._client.log_dict(self.run_id, redact_values(params), "parameters.json")

    def log_table(self, frame: pd.DataFrame, name: str) -> None:
        """Log a frame as an artifact; the suffix of the name is the format."""
        with scratch() as folder:
            store.write_table(frame, folder / name)
            self._client.log_artifacts(self.run_id, str(folder))

    def touch(self) -> None:
        """Give a sign of life: the end that a killed run is given."""
        self._lock.touch()

    def log_child(self, record: RunRecord) -> str:
        """Write a record as a run of a model that belongs to this pipeline run.

        Returns
        -------
        str
            Id of the new run. It is FAILED after an error, KILLED after an interrupt.
        """
        link = run_link(self._experiments.pipelines, self.run_id)
        note = f"{record.description}\n\nPipeline run: [{self.name}]({link})\n"
        tags = {
            **self._inherited,
            **{k: shorten(v, TAG_LIMIT) for k, v in record.tags.items()},
            **_note(note if record.description else ""),
            "kind": "model",
            PIPELINE_TAG: self.run_id,
        }
        start = self._start_of(record)
        child = self._client.create_run(
            self._experiments.models,
            start_time=start,
            run_name=title(record.tags) or record.run_name,
            tags=tags,
        )
        run_id = str(child.info.run_id)
        try:
            self._fill(run_id, record)
        except BaseException as error:
            status: store.Status = "FAILED" if isinstance(error, Exception) else "KILLED"
            store.end_run(self._client, run_id, store.Ending(status, describe(error)))
            raise
        seconds = float(record.metrics.get("fit.seconds", 0.0))
        end = start + (int(seconds * 1000) if seconds == seconds else 0)
        self._client.set_terminated(run_id, "FINISHED", end)
        self._adopt(run_id, record)
        return run_id

    def _start_of(self, record: RunRecord) -> int:
        """Start of a model's run: that of the pipeline run, less an order within it.

        MLflow lists the newest first: the shortest horizon, and in it what was written last, the
        champion, come first. All are within seconds of the start of the pipeline run.
        """
        horizon = record.tags.get("horizon", "")
        before = sum(1 for other, _ in self._models if other == horizon)
        last = ORDER_PER_HORIZON - 1
        place = int(record.tags.get("horizon_sessions", 0)) * ORDER_PER_HORIZON
        return self._started - place - (last - min(before, last))

    def _fill(self, run_id: str, record: RunRecord) -> None:
        sessions = int(record.tags.get("horizon_sessions", 0))
        metrics = {key_in_mlflow(key): value for key, value in record.metrics.items()}
        metrics |= leading_metrics(record.metrics, sessions)
        pooled = ((key, 0, value) for key, value in metrics.items())
        folds = ((key_in_mlflow(key), step, value) for key, step, value in record.fold_metrics)
        store.log_values(self._client, run_id, record.params, (*pooled, *folds))
        if record.dataset is not None:
            log_dataset(self._client, run_id, record.dataset)
        with scratch() as folder:
            store.write_artifacts(record, folder)
            self._client.log_artifacts(run_id, str(folder))

    def _adopt(self, run_id: str, record: RunRecord) -> None:
        horizon, model = (record.tags.get(name) for name in ("horizon", "model"))
        if horizon and model:
            self._models[horizon, model] = run_id
            self._horizons[horizon] = int(record.tags.get("horizon_sessions", 0))
        if record.dataset is not None and not self._has_dataset:
            log_dataset(self._client, self.run_id, record.dataset)
            self._has_dataset = True
        for name in FROM_CHILDREN:
            value = record.tags.get(name)
            if value is not None and self._from_children.get(name) != value:
                self._client.set_tag(self.run_id, name, value)
                self._from_children[name] = value

    def end(
        self,
        status: store.Status,
        error: str | None = None,
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        """Close this run and whatever of its models still runs, all with one status.

        The views of the experiment of models show the models of the newest run that has finished.
        """
        client, name = self._client, self.spec.experiment
        store.log_values(client, self.run_id, {}, ((k, 0, v) for k, v in (metrics or {}).items()))
        if status == "FINISHED" and self._horizons:
            show_models(client, name, (self._experiments.models, self.run_id), self._horizons)
        ids = store.family(client, name)
        store.end_tree(client, ids, self.run_id, store.Ending(status, error))

    def release(self) -> None:
        """Free the lock that says this run's process lives."""
        self._lock.release()


_parent: ParentRun | None = None


def describe(error: BaseException) -> str:
    """Kind and message of an error, without a traceback."""
    return f"{type(error).__name__}: {error}".removesuffix(": ")


def current() -> ParentRun | None:
    """The tracked pipeline run of this process, if there is one."""
    return _parent if _parent is not None and _parent.pid == os.getpid() else None


def require_current() -> ParentRun:
    """The tracked pipeline run of this process.

    Raises
    ------
    SoyoilError
        In a worker process, and outside a pipeline run.
    """
    parent = current()
    if parent is not None:
        return parent
    if _parent is not None or multiprocessing.parent_process() is not None:
        raise SoyoilError(
            "A worker process tried to track a run; only the process of the pipeline run may. "
            "Use --runner=SequentialRunner (the default): engines fit in parallel by themselves."
        )
    raise SoyoilError(
        "No pipeline run is being tracked, so a run record has no parent to be written under. "
        "Save it from a pipeline run, for example `kedro run --pipeline=evaluate`."
    )


def start(spec: ParentSpec) -> ParentRun:
    """Open the store, close what dead processes left, and start the tracked pipeline run.

    Raises
    ------
    ConfigError
        If the experiment is deleted, or the tracking store cannot be used.
    """
    global _parent
    close_interrupted()
    logger.info("opening the MLflow tracking store")
    client = store.open_client()
    experiments = store.open_experiments(client, spec.experiment, spec.root)
    store.close_stale(client, store.family(client, spec.experiment))
    _parent = ParentRun(client, experiments, spec)
    try:
        _parent.log_params(spec.params)
    except Exception as error:
        abandon("FAILED", describe(error))
        raise
    logger.info("tracking run %r in MLflow experiment %r", spec.run_name, spec.experiment)
    return _parent


def finish(
    status: store.Status, error: str | None = None, metrics: Mapping[str, float] | None = None
) -> None:
    """End the tracked pipeline run of this process, if there is one."""
    global _parent
    parent = current()
    if parent is not None:
        parent.end(status, error, metrics)
        _parent = None
        parent.release()


def abandon(status: store.Status, error: str, metrics: Mapping[str, float] | None = None) -> None:
    """End the tracked pipeline run after an error or interrupt.

    A store that fails now must not hide what went wrong before: that is logged only, and the
    next start closes the run.
    """
    try:
        finish(status, error, metrics)
    except SoyoilError as failure:
        logger.warning("the %s run could not be closed in MLflow: %s", status, failure)
    except Exception:
        logger.warning("the %s run could not be closed in MLflow", status, exc_info=True)


def close_interrupted() -> None:
    """Close a tracked run that an interrupt left open, as KILLED.

    Kedro tells its hooks of errors, not of interrupts.
    """
    abandon("KILLED", "interrupted")
