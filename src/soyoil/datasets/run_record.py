"""Kedro dataset that writes a run record as a child run of the tracked pipeline run."""

from __future__ import annotations

from typing import Any

from kedro.io import AbstractDataset, DatasetError

from soyoil.datasets.tracks_runs import TracksRuns
from soyoil.tracking.active import require_current
from soyoil.tracking.record import RunRecord


class RunRecordDataset(TracksRuns, AbstractDataset[RunRecord, RunRecord]):
    """Child run in MLflow; written once, never read back.

    Parameters
    ----------
    metadata
        Passed on to Kedro plugins.
    """

    def __init__(self, metadata: dict[str, Any] | None = None) -> None:
        self.metadata = metadata

    def load(self) -> RunRecord:
        """Not supported: a tracked run is read through MLflow."""
        raise DatasetError(
            "A tracked run is not loaded as a dataset. Read it through MLflow: "
            "mlflow.MlflowClient().get_run(run_id), or mlflow.search_runs(...)."
        )

    def save(self, data: RunRecord) -> None:
        """Write the record as a child of the pipeline run of this process."""
        require_current().log_child(data)

    def _exists(self) -> bool:
        return False

    def _describe(self) -> dict[str, Any]:
        return {"store": "mlflow"}
