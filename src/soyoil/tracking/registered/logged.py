"""Models as MLflow lists them with the run that made them (*logged models*)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from soyoil.tracking.active import ParentRun

if TYPE_CHECKING:
    from mlflow import MlflowClient

STEP: Final = 0


@dataclass(frozen=True)
class Made:
    """Which run a model is listed with.

    Attributes
    ----------
    horizon, model
        What was fitted: the run of this horizon and model of the pipeline run, or the pipeline
        run itself, where it scored none.
    """

    horizon: str
    model: str

    def run(self, parent: ParentRun) -> tuple[str, str]:
        """Ids of the experiment and of the run."""
        found = parent.model_run(self.horizon, self.model)
        if found is None:
            return parent.experiments.pipelines, parent.run_id
        return parent.experiments.models, found


def log_model(
    parent: ParentRun, made: Made, folder: Path, tags: Mapping[str, str]
) -> tuple[str, str]:
    """Keep a saved model as a logged model of the run that scored it.

    Parameters
    ----------
    parent
        The tracked pipeline run.
    made
        What was fitted.
    folder
        Folder of the model as MLflow saves it.
    tags
        Tags of the model.

    Returns
    -------
    tuple of str
        Its id and the address of its files.
    """
    client = parent.client
    experiment_id, run_id = made.run(parent)
    name = f"{tags['symbol'].lower()} {made.horizon} {made.model}"
    _drop_unfinished(client, experiment_id, name)
    logged = client.create_logged_model(
        experiment_id, name, run_id, dict(tags), model_type=made.model
    )
    try:
        client.log_model_artifacts(logged.model_id, str(folder))
    except BaseException:
        client.finalize_logged_model(logged.model_id, "FAILED")
        raise
    client.finalize_logged_model(logged.model_id, "READY")
    list_model(parent, made, logged.model_id)
    return str(logged.model_id), str(logged.artifact_location)


def list_model(parent: ParentRun, made: Made, model_id: str) -> None:
    """List a logged model, maybe of an earlier run, among what a run gave."""
    from mlflow.entities import LoggedModelOutput

    _, run_id = made.run(parent)
    outputs = parent.client.get_run(run_id).outputs
    there = {output.model_id for output in (outputs.model_outputs if outputs else ())}
    if model_id not in there:
        parent.client.log_outputs(run_id, [LoggedModelOutput(model_id, STEP)])


def _drop_unfinished(client: MlflowClient, experiment_id: str, name: str) -> None:
    """Take models off the list that a killed process had only begun."""
    found: Any = client.search_logged_models([experiment_id], f"name = '{name}'")
    for model in found:
        if str(model.status) == "PENDING":
            run = client.get_run(model.source_run_id)
            if run.info.status != "RUNNING":
                client.delete_logged_model(model.model_id)
