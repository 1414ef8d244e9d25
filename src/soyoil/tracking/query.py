"""Tracked runs read back from MLflow as plain data."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pandas as pd
import pyarrow as pa

from soyoil.base.errors import ConfigError, TrackingError
from soyoil.base.suggest import did_you_mean
from soyoil.compare.boards import TrackedRun
from soyoil.tracking.mlflow_store import PARENT_TAG, open_client
from soyoil.tracking.pages import PIPELINE_TAG, pipelines_experiment, title
from soyoil.tracking.store_access import error_code

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

logger = logging.getLogger(__name__)

PAGE: Final = 1000
"""Runs per request; the most that a store of MLflow gives."""

PREDICTIONS: Final = "predictions.parquet"
PARAMETERS: Final = "parameters.json"
SECONDS: Final = ("fit/seconds", "fit.seconds")
"""Keys of what a fit took, of this version and of older ones."""
COLUMNS: Final = (
    "data_date", "label_end_date", "q10", "q50", "q90", "y", "close", "regime_name",
)  # fmt: skip


def _experiment_ids(client: MlflowClient, names: Sequence[str]) -> list[str]:
    known = {e.name: str(e.experiment_id) for e in client.search_experiments()}
    unknown = [name for name in names if name not in known]
    if unknown:
        hint = did_you_mean(unknown[0], known)
        raise ConfigError(
            f"There is no MLflow experiment {unknown[0]!r}.{hint} Known: "
            f"{', '.join(sorted(known))}."
        )
    beside = (pipelines_experiment(name) for name in names)
    return [known[name] for name in dict.fromkeys((*names, *beside)) if name in known]


def _search(client: MlflowClient, ids: Sequence[str], query: str) -> Iterator[Run]:
    token: str | None = None
    while True:
        page = client.search_runs(list(ids), query, max_results=PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _name(run: Run) -> str:
    """Name that runs of every version have, or the one that a user gave it."""
    tags, shown = run.data.tags, str(run.info.run_name)
    if shown != title(tags):
        return shown
    return f"{tags['symbol'].lower()}_{tags['horizon']}_{tags['model']}"


def finished_runs(experiments: Sequence[str]) -> list[TrackedRun]:
    """Finished runs of models of finished pipeline runs.

    Their pipeline runs are in an experiment beside theirs; in stores of older versions they are
    in the same one, with the models nested below them.

    Parameters
    ----------
    experiments
        Names of MLflow experiments of models.

    Raises
    ------
    ConfigError
        If an experiment does not exist, or the tracking store cannot be used.
    """
    client = open_client()
    ids = _experiment_ids(client, experiments)
    done = "attributes.status = 'FINISHED'"
    parents = {
        run.info.run_id: run for run in _search(client, ids, f"{done} and tags.kind = 'pipeline'")
    }
    runs: list[TrackedRun] = []
    for run in _search(client, ids, f"{done} and tags.kind = 'model'"):
        tags = run.data.tags
        parent = parents.get(tags.get(PIPELINE_TAG) or tags.get(PARENT_TAG, ""))
        if parent is None:
            continue
        runs.append(
            TrackedRun(
                run_id=str(run.info.run_id),
                name=_name(run),
                parent_id=str(parent.info.run_id),
                parent_name=str(parent.info.run_name),
                started=pd.Timestamp(parent.info.start_time, unit="ms", tz="UTC"),
                tags={**parent.data.tags, **run.data.tags},
                params=dict(run.data.params),
                shown=str(run.info.run_name),
            )
        )
    return runs


def _artifact(client: MlflowClient, run_id: str, name: str) -> Path:
    where = urlsplit(str(client.get_run(run_id).info.artifact_uri))
    if where.scheme in ("", "file"):
        return Path(url2pathname(where.path)) / name
    return Path(client.download_artifacts(run_id, name))


def read_predictions(run_ids: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Out-of-sample forecasts of child runs.

    Parameters
    ----------
    run_ids
        Ids of child runs.

    Returns
    -------
    dict of DataFrame
        By run id, `COLUMNS` (log returns and quoted units), ascending by ``data_date``. A run
        whose artifact is gone or damaged is left out.
    """
    client = open_client()
    found: dict[str, pd.DataFrame] = {}
    for run_id in run_ids:
        try:
            rows = pd.read_parquet(_artifact(client, run_id, PREDICTIONS), columns=list(COLUMNS))
        except TrackingError as error:
            if error_code(error) != "RESOURCE_DOES_NOT_EXIST":
                raise
            logger.warning("run %s has lost its artifact %s", run_id, PREDICTIONS)
            continue
        except FileNotFoundError:
            logger.warning("run %s has lost its artifact %s", run_id, PREDICTIONS)
            continue
        except (OSError, pa.ArrowInvalid) as error:
            logger.warning("run %s: its artifact %s is damaged: %s", run_id, PREDICTIONS, error)
            continue
        found[run_id] = rows.sort_values("data_date").reset_index(drop=True)
    return found


def read_parameters(run_id: str) -> dict[str, Any]:
    """Whole configuration of a pipeline run, nested plain data.

    Parameters
    ----------
    run_id
        Id of the pipeline run, not of a child.

    Raises
    ------
    ConfigError
        Its artifact is gone or damaged.
    """
    client = open_client()
    problem = "is gone"
    try:
        found = json.loads(_artifact(client, run_id, PARAMETERS).read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return found
        problem = "is damaged"
    except TrackingError as error:
        if error_code(error) != "RESOURCE_DOES_NOT_EXIST":
            raise
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        problem = f"is damaged ({type(error).__name__})"
    raise ConfigError(
        f"The artifact {PARAMETERS} of run {run_id[:7]} {problem}, so it is not known what the run "
        "was made with, and it cannot be fitted again."
    )


def fit_seconds(runs: Sequence[TrackedRun]) -> dict[str, float]:
    """What the fits of child runs took, by run id; a model without a fit is left out."""
    client = open_client()
    found = {}
    for run in runs:
        metrics = client.get_run(run.run_id).data.metrics
        seconds = next((metrics[key] for key in SECONDS if key in metrics), None)
        if seconds is not None:
            found[run.run_id] = float(seconds)
    return found
