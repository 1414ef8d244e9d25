"""Tracking of runs in MLflow: what a run holds, and the store that keeps it."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.tracking.active import ParentSpec, close_interrupted
    from soyoil.tracking.content import Cell, Inputs, run_record
    from soyoil.tracking.environment import environment_tags
    from soyoil.tracking.query import finished_runs, read_predictions
    from soyoil.tracking.record import RunRecord, flatten_params
    from soyoil.tracking.sweep import SweepReport, TrialLog, study_tags
else:
    __getattr__ = lazy_names(__name__)

__all__ = [
    "Cell", "Inputs", "ParentSpec", "RunRecord", "SweepReport", "TrialLog", "close_interrupted",
    "environment_tags", "finished_runs", "flatten_params", "read_predictions", "run_record",
    "study_tags",
]  # fmt: skip
