"""Trials of a sweep as runs of their own, and its report on the pipeline run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from soyoil.base.leftovers import scratch
from soyoil.sweep.ledger import StudyKey, Trial
from soyoil.tracking import mlflow_store as store
from soyoil.tracking.active import ParentRun, require_current
from soyoil.tracking.pages import PIPELINE_TAG, key_in_mlflow, show_study, sweeps_experiment
from soyoil.tracking.pages.names import DIGITS
from soyoil.tracking.record import TAG_LIMIT, FoldMetric, shorten

KIND: Final = "trial"
STUDY_TAG: Final = "study"
TRIAL_TAG: Final = "trial"
SCOPES: Final = ("fold", "pooled")
SKILL: Final = "skill"
"""Metric without a prefix: the objective, which is a skill, as MLflow's columns can show it."""


@dataclass(frozen=True)
class SweepReport:
    """What a sweep leaves on its parent run.

    Attributes
    ----------
    files
        Texts by file name.
    tags
        Texts to filter runs by.
    metrics
        Values by key.
    """

    files: Mapping[str, str]
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)


def trial_tags(trial: Trial) -> dict[str, str]:
    """Tags of a trial."""
    study = trial.study
    tags = {
        "kind": KIND,
        STUDY_TAG: study.name,
        TRIAL_TAG: str(trial.number),
        "trial_state": trial.state,
        "horizon": study.horizon,
        "horizon_sessions": str(study.sessions),
        "model": study.model,
        "engine": study.model,
        "objective": study.objective,
        "snapshot": study.snapshot,
        "training_span": study.training_span,
        "reproducible": str(study.reproducible).lower(),
    }
    return tags | ({"error": trial.error} if trial.error else {})


def trial_metrics(trial: Trial) -> list[FoldMetric]:
    """Metrics of a trial: the objective per fold and over all scored folds, and seconds."""
    fold, pooled = (key_in_mlflow(f"{scope}.{trial.study.objective}") for scope in SCOPES)
    metrics: list[FoldMetric] = [("fit/seconds", 0, trial.seconds)]
    for step, (value, seconds) in enumerate(
        zip(trial.fold_values, trial.fold_seconds, strict=True)
    ):
        metrics.append((fold, step, value))
        metrics.append(("fold/train/seconds", step, seconds))
    if trial.value is not None:
        metrics.append((pooled, 0, trial.value))
        metrics.append((SKILL, 0, round(trial.value, DIGITS)))
    return metrics


class TrialLog:
    """Writes trials of the tracked pipeline run of this process."""

    def __init__(self) -> None:
        self._parent: ParentRun | None = None
        self._experiment = ""
        self._tracked: dict[str, set[int]] = {}

    def _current(self) -> ParentRun:
        parent = require_current()
        if parent is not self._parent:
            self._parent = parent
            self._tracked.clear()
            spec = parent.spec
            self._experiment = store.experiment_id_of(
                parent.client, sweeps_experiment(spec.experiment), spec.root
            )
        return parent

    def _tracked_of(self, parent: ParentRun, study: str) -> set[int]:
        """Numbers of a study that are tracked; runs that a killed process left half are removed."""
        if study not in self._tracked:
            found: set[int] = set()
            query = f"tags.{STUDY_TAG} = '{study}' and tags.kind = '{KIND}'"
            ids = store.family(parent.client, parent.spec.experiment)
            token = None
            while True:
                page = parent.client.search_runs(ids, query, max_results=1000, page_token=token)
                for run in page:
                    if run.info.status == "KILLED":
                        parent.client.delete_run(run.info.run_id)
                    else:
                        found.add(int(run.data.tags[TRIAL_TAG]))
                token = page.token
                if not token:
                    break
            self._tracked[study] = found
        return self._tracked[study]

    def add(self, trial: Trial) -> None:
        """Write a trial as a run, unless an earlier run of the sweep has."""
        parent = self._current()
        tracked = self._tracked_of(parent, trial.study.name)
        if trial.number in tracked:
            return
        self._write(parent, trial)
        tracked.add(trial.number)
        parent.touch()

    def _write(self, parent: ParentRun, trial: Trial) -> None:
        study = trial.study
        tags = {
            **parent.inherited,
            **{name: shorten(value, TAG_LIMIT) for name, value in trial_tags(trial).items()},
            PIPELINE_TAG: parent.run_id,
        }
        end = int(trial.ended * 1000)
        run = parent.client.create_run(
            self._experiment,
            start_time=end - int(trial.seconds * 1000),
            run_name=f"{study.sessions:03d} {study.horizon} {study.model} trial {trial.number:04d}",
            tags=tags,
        )
        run_id = run.info.run_id
        store.log_values(parent.client, run_id, trial.params, trial_metrics(trial))
        status: store.Status = "FAILED" if trial.state == "failed" else "FINISHED"
        parent.client.set_terminated(run_id, status, end)

    def finish(self, report: SweepReport) -> None:
        """Log the report of the sweep on the parent."""
        parent = self._current()
        for name, value in report.tags.items():
            parent.client.set_tag(parent.run_id, name, shorten(value, TAG_LIMIT))
        metrics = ((key, 0, value) for key, value in report.metrics.items())
        store.log_values(parent.client, parent.run_id, {}, metrics)
        with scratch() as folder:
            for name, text in report.files.items():
                (folder / name).write_text(text, encoding="utf-8")
            parent.client.log_artifacts(parent.run_id, str(folder), "sweep")
        best = self._best(parent, report)
        if best is not None:
            show_study(parent.client, parent.spec.experiment, self._experiment, best)

    def _best(self, parent: ParentRun, report: SweepReport) -> tuple[str, list[str]] | None:
        """Study with the best trial of those of a report, and what it searched."""
        found = []
        for study in report.tags.get("studies", "").split():
            query = f"tags.{STUDY_TAG} = '{study}' and attributes.status = 'FINISHED'"
            best = parent.client.search_runs(
                [self._experiment], query, max_results=1, order_by=[f"metrics.{SKILL} DESC"]
            )
            for run in best:
                if SKILL in run.data.metrics:
                    found.append((run.data.metrics[SKILL], study, sorted(run.data.params)))
        if not found:
            return None
        _, study, params = max(found)
        return study, params


def study_tags(keys: list[StudyKey]) -> dict[str, str]:
    """Tags of the parent of some studies."""
    first = keys[0]
    return {
        "studies": " ".join(key.name for key in keys),
        "horizon": "+".join(key.horizon for key in keys),
        "model": first.model,
        "objective": first.objective,
        "snapshot": first.snapshot,
        "training_span": first.training_span,
        "reproducible": str(first.reproducible).lower(),
    }
