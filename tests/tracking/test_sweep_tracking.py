"""Trials as child runs: each once, whatever was interrupted."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from soyoil.base.errors import SoyoilError
from soyoil.sweep.ledger import StudyKey, Trial
from soyoil.tracking import active, mlflow_store
from soyoil.tracking.active import ParentSpec
from soyoil.tracking.sweep import SweepReport, TrialLog, study_tags

KEY = StudyKey(
    "1w_lightgbm_a", "1w", 5, "lightgbm", "snap1", "span1", "uniform.skill_pinball", True
)


def make_trial(number: int, **changes: object) -> Trial:
    fields: dict[str, object] = {
        "study": KEY,
        "number": number,
        "state": "complete",
        "params": {"lightgbm.num_leaves": 3, "fit.shrink": True},
        "value": 0.02,
        "fold_values": (0.03, 0.01),
        "fold_seconds": (0.5, 0.25),
        "seconds": 1.5,
        "ended": 1.7e9,
        "origins": np.array(["2015-01-05"], dtype="datetime64[D]"),
        "differences": {"pinball": np.array([0.1]), "mae": np.array([0.2])},
    }
    return Trial(**(fields | changes))  # type: ignore[arg-type]


def children(parent: active.ParentRun):  # type: ignore[no-untyped-def]
    ids = mlflow_store.family(parent.client, "soyoil")
    return parent.client.search_runs(ids, "tags.kind = 'trial'")


def test_a_trial_is_a_child_of_the_sweep(spec: ParentSpec) -> None:
    parent = active.start(spec)
    log = TrialLog()
    log.add(make_trial(0))
    log.add(make_trial(1, state="pruned", fold_values=(-0.1,), fold_seconds=(0.1,), value=-0.1))
    failed = {"state": "failed", "fold_values": (), "fold_seconds": (), "value": None}
    log.add(make_trial(2, **failed, error="ModelError: no"))
    runs = {int(run.data.tags["trial"]): run for run in children(parent)}
    assert {n: r.data.tags["trial_state"] for n, r in runs.items()} == {
        0: "complete",
        1: "pruned",
        2: "failed",
    }
    first = runs[0]
    assert first.data.tags["pipeline_run"] == parent.run_id
    assert first.info.run_name == "005 1w lightgbm trial 0000"
    experiment = parent.client.get_experiment(first.info.experiment_id)
    assert experiment.name == "soyoil sweeps"
    assert first.data.tags["study"] == KEY.name
    identity = ("horizon", "horizon_sessions", "model", "objective", "snapshot", "training_span")
    assert [first.data.tags[name] for name in identity] == [
        "1w", "5", "lightgbm", "uniform.skill_pinball", "snap1", "span1",
    ]  # fmt: skip
    assert first.data.tags["reproducible"] == "true"
    assert first.data.tags["git_sha"] == "abc", "tags of the parent are inherited"
    assert first.data.params == {"lightgbm.num_leaves": "3", "fit.shrink": "true"}
    assert first.data.metrics["pooled/uniform/skill_pinball"] == 0.02
    assert first.data.metrics["fit/seconds"] == 1.5
    history = parent.client.get_metric_history(first.info.run_id, "fold/uniform/skill_pinball")
    assert [(m.step, m.value) for m in history] == [(0, 0.03), (1, 0.01)]
    assert first.info.end_time - first.info.start_time == 1500
    assert runs[2].info.status == "FAILED"
    assert runs[2].data.tags["error"] == "ModelError: no"
    assert "pooled/uniform/skill_pinball" not in runs[2].data.metrics


def test_a_resumed_sweep_tracks_no_trial_twice(spec: ParentSpec) -> None:
    parent = active.start(spec)
    log = TrialLog()
    for number in range(3):
        log.add(make_trial(number))
        log.add(make_trial(number))
    # A killed process leaves a run that it had only begun; older versions nested trials, in the
    # experiment of models.
    old = {"kind": "trial", "study": KEY.name, "mlflow.parentRunId": parent.run_id}
    parent.client.create_run(parent.experiments.models, tags=old | {"trial": "3"})
    done = parent.client.create_run(parent.experiments.models, tags=old | {"trial": "4"})
    parent.client.set_terminated(done.info.run_id, "FINISHED")
    active.close_interrupted()
    again = active.start(replace(spec, run_name="again"))
    log = TrialLog()
    for number in range(5):
        log.add(make_trial(number))
    log.add(make_trial(0, study=replace(KEY, name="1w_lightgbm_b")))
    active.finish("FINISHED")
    found = sorted((r.data.tags["study"], int(r.data.tags["trial"])) for r in children(again))
    assert found == [*((KEY.name, n) for n in range(5)), ("1w_lightgbm_b", 0)]
    assert all(run.info.status == "FINISHED" for run in children(again))


def test_trials_beyond_the_first_page_are_known(
    spec: ParentSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store gives a sweep's trials in pages; here of two."""
    active.start(spec)
    log = TrialLog()
    for number in range(5):
        log.add(make_trial(number))
    active.finish("FINISHED")
    again = active.start(replace(spec, run_name="again"))
    search = again.client.search_runs
    monkeypatch.setattr(
        again.client, "search_runs", lambda *a, **k: search(*a, **{**k, "max_results": 2})
    )
    log = TrialLog()
    for number in range(6):
        log.add(make_trial(number))
    monkeypatch.undo()
    assert sorted(int(run.data.tags["trial"]) for run in children(again)) == [0, 1, 2, 3, 4, 5]


def test_a_pruned_trial_has_the_score_of_all_its_folds(spec: ParentSpec) -> None:
    parent = active.start(spec)
    TrialLog().add(make_trial(4, state="pruned", fold_values=(0.3, -0.1), value=0.1))
    (run,) = children(parent)
    assert run.data.metrics["pooled/uniform/skill_pinball"] == 0.1
    assert run.data.metrics["fold/uniform/skill_pinball"] == -0.1, "the last fold"


def test_the_report_is_logged_on_the_parent(spec: ParentSpec, root: Path) -> None:
    parent = active.start(spec)
    report = SweepReport(
        files={"sweep.html": "<p>x</p>", "a.yml": "fit: {}\n"},
        tags=study_tags([KEY, replace(KEY, name="1m_lightgbm_b", horizon="1m")]),
        metrics={"sweep.1w.best_skill": 0.02, "sweep.1w.deflated": float("nan")},
    )
    TrialLog().finish(report)
    run = parent.client.get_run(parent.run_id)
    assert run.data.tags["studies"] == "1w_lightgbm_a 1m_lightgbm_b"
    assert run.data.tags["horizon"] == "1w+1m"
    assert run.data.metrics == {"sweep.1w.best_skill": 0.02}
    folder = root / "mlruns" / parent.run_id / "artifacts" / "sweep"
    assert {p.name: p.read_text() for p in folder.iterdir()} == report.files


def test_the_best_study_is_shown_in_parallel_coordinates(spec: ParentSpec) -> None:
    parent = active.start(spec)
    log, month = TrialLog(), replace(KEY, name="1m_lightgbm_b", horizon="1m", sessions=21)
    for number, study, value in ((0, KEY, 0.02), (1, KEY, 0.01), (0, month, 0.03)):
        log.add(make_trial(number, study=study, value=value))
    # The report is saved by a dataset of its own.
    TrialLog().finish(SweepReport({}, study_tags([KEY, month])))
    experiment = parent.client.get_experiment_by_name("soyoil sweeps")
    first = experiment.tags["mlflow.note.content"].splitlines()[0]
    assert f"#/experiments/{experiment.experiment_id}/runs?" in first
    assert "viewStateShareKey=best&compareRunsMode=CHART" in first
    view = json.loads(experiment.tags["mlflow.sharedViewState.best"])
    state = json.loads(view["state"])
    found = parent.client.search_runs([experiment.experiment_id], state["searchFilter"])
    assert [run.data.tags["study"] for run in found] == [month.name]
    chart = state["compareRunCharts"][0]
    assert chart["type"] == "PARALLEL"
    assert chart["selectedParams"] == ["fit.shrink", "lightgbm.num_leaves"]
    assert set(chart["selectedMetrics"]) <= set(found[0].data.metrics)


def test_a_trial_needs_a_tracked_run(root: Path) -> None:
    with pytest.raises(SoyoilError, match="No pipeline run is being tracked"):
        TrialLog().add(make_trial(0))
