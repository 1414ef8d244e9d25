"""Parent and child runs as MLflow keeps them."""

import json
import os
import pickle
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError
from pandas.testing import assert_frame_equal
from PIL import Image

from soyoil.base import interrupts
from soyoil.base.errors import ConfigError, SoyoilError, TrackingError
from soyoil.cli import main as cli
from soyoil.datasets.run_record import RunRecordDataset
from soyoil.metrics.evaluate import evaluate
from soyoil.reports.chart import Chart
from soyoil.splits.snapshot import Snapshot
from soyoil.tracking import active, mlflow_store
from soyoil.tracking.active import ParentSpec
from soyoil.tracking.liveness import RunLock, host_name
from soyoil.tracking.pages import dataset_use
from soyoil.tracking.record import RunRecord

MakeRecord = Callable[..., RunRecord]


def client() -> Any:
    from mlflow import MlflowClient

    return MlflowClient()


def runs(kind: str = "model") -> list[Any]:
    """Runs of one kind, oldest first."""
    store = client()
    ids = [e.experiment_id for e in store.search_experiments()]
    return list(
        store.search_runs(ids, f"tags.kind = '{kind}'", order_by=["attributes.start_time ASC"])
    )


def artifacts(run: Any) -> set[str]:
    folder = Path(run.info.artifact_uri.removeprefix("file://"))
    return {str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file()}


def lock_files(root: Path) -> list[Path]:
    return list((root / "mlruns" / ".running").glob("*"))


def _make_scored(
    horizon: str = "1w", sessions: int = 5, model: str = "lightgbm", skill: float = 0.1
) -> RunRecord:
    """A record with the metrics and tags that the evaluate stage gives, but for its skill."""
    days = pd.bdate_range("2020-01-01", periods=60).as_unit("us")
    frame = pd.DataFrame(
        {
            "data_date": days, "fold": 0, "q10": -0.1, "q50": 0.01, "q90": 0.1,
            "y": np.linspace(-0.2, 0.2, 60), "regime_name": "calm", "regime_weight": 100.0,
        }
    )  # fmt: skip
    other = frame.assign(q50=0.0)
    found = evaluate(frame, {"random_walk": other, "vol_cone": other}, 5)
    tags = {
        "symbol": "ZL", "horizon": horizon, "horizon_sessions": str(sessions), "model": model,
        "provenance": "synthetic", "rolls": "known", "verdict": found.verdicts["skill_pinball"],
    }  # fmt: skip
    metrics = {**found.metrics, "pooled.uniform.skill_pinball": skill, "fit.seconds": 1.5}
    return RunRecord(f"zl_{horizon}_{model}", tags, {}, metrics, found.fold_metrics)


def test_parent_and_child(spec: ParentSpec, root: Path, make_record: MakeRecord) -> None:
    parent = active.start(spec)
    RunRecordDataset().save(make_record())
    (running,) = runs("pipeline")
    assert (running.info.status, len(lock_files(root))) == ("RUNNING", 1)
    parent.log_table(pd.DataFrame({"a": [1]}), "skill_table.csv")
    active.finish("FINISHED", metrics={"stage.fit.seconds": 2.5, "peak_memory_mb": 300.0})

    (run,) = runs("pipeline")
    assert run.info.run_name == "train zl quick 2024-01-02 03:04"
    assert (run.info.status, lock_files(root)) == ("FINISHED", [])
    assert run.info.end_time >= run.info.start_time
    assert run.data.params == {
        "profile": "quick",
        "split.window": "expanding",
        "split.last_origin": "null",
    }
    assert run.data.metrics == {"stage.fit.seconds": 2.5, "peak_memory_mb": 300.0}
    assert spec.tags.items() <= run.data.tags.items()
    assert (run.data.tags["provenance"], run.data.tags["snapshot"]) == ("synthetic", "s1")
    assert run.data.tags["soyoil.pid"] == str(os.getpid())
    assert artifacts(run) == {"parameters.json", "skill_table.csv"}
    folder = root / "mlruns" / run.info.run_id / "artifacts"
    assert json.loads((folder / "parameters.json").read_text()) == spec.params

    (child,) = runs()
    assert (child.info.run_name, child.info.status) == ("zl_1m_lightgbm", "FINISHED")
    names = [client().get_experiment(r.info.experiment_id).name for r in (child, run)]
    assert names == ["soyoil", "soyoil pipelines"]
    assert child.data.params == {
        "lightgbm.n_estimators": "15",
        "lightgbm.seed": "null",
        "symbols": "ZL,CL",
    }
    tags = {k: v for k, v in child.data.tags.items() if k != "mlflow.runName"}
    assert tags == {
        "pipeline_run": run.info.run_id,
        "kind": "model",
        "pipeline": "train",
        "git_sha": "abc",
        "horizon": "1m",
        "provenance": "synthetic",
        "snapshot": "s1",
        "device": "cpu",
        "unknown_metrics": "fold/regime/mae pooled/regime/skill_mae",
    }


def test_metrics_and_steps(spec: ParentSpec, make_record: MakeRecord) -> None:
    active.start(spec)
    active.require_current().log_child(make_record())
    (child,) = runs()
    assert child.data.metrics == {
        "pooled/uniform/mae": 0.031,
        "pooled/uniform/trade_war_2018_2019/mae": 0.04,
        "fit/seconds": 1.5,
        "fold/uniform/mae": 0.05,
        "fold/train/rows": 500.0,
    }
    history = client().get_metric_history(child.info.run_id, "fold/uniform/mae")
    assert [(m.step, m.value) for m in history] == [(0, 0.03), (1, 0.05)]
    assert client().get_metric_history(child.info.run_id, "fold/regime/mae") == []


def test_more_metrics_than_one_batch(spec: ParentSpec, make_record: MakeRecord) -> None:
    active.start(spec)
    many = {f"pooled.uniform.m{n}": float(n) for n in range(1001)}
    params = {f"p{n}": n for n in range(250)}
    active.require_current().log_child(make_record(metrics=many, fold_metrics=[], params=params))
    (child,) = runs()
    assert child.data.metrics == {key.replace(".", "/"): value for key, value in many.items()}
    assert child.data.params == {k: str(v) for k, v in params.items()}


def test_artifacts(spec: ParentSpec, root: Path, make_record: MakeRecord) -> None:
    active.start(spec)
    record = make_record()
    active.require_current().log_child(record)
    (child,) = runs()
    folder = root / "mlruns" / child.info.run_id / "artifacts"
    assert child.info.artifact_uri == folder.as_uri()
    assert artifacts(child) == {
        "predictions.parquet",
        "weight_report.csv",
        "cone.png",
        "models/fold_00.model",
    }
    frame = record.tables["predictions.parquet"]
    assert_frame_equal(pd.read_parquet(folder / "predictions.parquet"), frame)
    assert_frame_equal(pd.read_csv(folder / "weight_report.csv"), frame)
    assert (folder / "models" / "fold_00.model").read_bytes() == b"\x00tree"
    with Image.open(folder / "cone.png") as image:
        assert image.size == (330, 220)


def test_artifacts_go_where_a_link_leads(
    spec: ParentSpec, root: Path, make_record: MakeRecord
) -> None:
    """As in a container, whose volume begins empty."""
    (root / "mlruns").symlink_to(Path("volume") / "mlruns")
    active.start(spec)
    active.require_current().log_child(make_record())
    (child,) = runs()
    folder = root / "volume" / "mlruns" / child.info.run_id / "artifacts"
    assert child.info.artifact_uri == folder.as_uri()
    assert (folder / "predictions.parquet").is_file()
    assert lock_files(root), "the run's lock is there too"


def test_experiment_is_described_and_kept(spec: ParentSpec, root: Path) -> None:
    for _ in range(2):
        active.start(spec)
        active.finish("FINISHED")
    for name, text in (("soyoil", "`<scope>/<weighting>/"), ("soyoil pipelines", "[soyoil](#/")):
        experiment = client().get_experiment_by_name(name)
        assert experiment.artifact_location == (root / "mlruns").as_uri()
        assert text in experiment.tags["mlflow.note.content"]
        assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    assert len(runs("pipeline")) == 2


def _view(experiment: Any, text: str) -> tuple[str, dict[str, Any]]:
    """Name and state of the view that a link of the description's first line opens."""
    first = experiment.tags["mlflow.note.content"].splitlines()[0]
    link = re.search(rf"\[{text}\]\((.*?)\)", first)
    assert link is not None, first
    assert f"#/experiments/{experiment.experiment_id}/runs?" in link[1]
    assert "workflowType=machine_learning" in link[1], "else MLflow opens a page without runs"
    key = link[1].split("viewStateShareKey=")[1].partition("&")[0]
    view = json.loads(experiment.tags[f"mlflow.sharedViewState.{key}"])
    assert isinstance(view["createdAt"], int), "else it is not listed under Views"
    return view["name"], json.loads(view["state"])


def _shown(view: dict[str, Any]) -> list[str]:
    """Names of the runs of a view from top to bottom."""
    experiment = client().get_experiment_by_name("soyoil")
    order = f"{view['orderByKey']} {'ASC' if view['orderByAsc'] else 'DESC'}"
    found = client().search_runs([experiment.experiment_id], view["searchFilter"], order_by=[order])
    return [run.info.run_name for run in found]


def test_experiment_lists_the_scores_of_the_last_run(spec: ParentSpec) -> None:
    active.start(spec)
    active.require_current().log_child(_make_scored(skill=0.9))
    active.finish("FINISHED")
    parent = active.start(spec)
    for horizon, sessions in (("12m", 252), ("1m", 21), ("1w", 5)):
        for model, skill in (("vol_cone", 0.0), ("lightgbm", 0.2), ("champion", -5.0)):
            parent.log_child(_make_scored(horizon, sessions, model, skill))
    active.finish("FINISHED")
    active.start(spec)
    active.require_current().log_child(_make_scored(skill=0.99))
    active.abandon("FAILED", "boom")

    experiment = client().get_experiment_by_name("soyoil")
    names = [f"zl {h} {m}" for h in ("005 1w", "021 1m", "252 12m")
             for m in ("lightgbm", "vol_cone", "champion")]  # fmt: skip
    first = experiment.tags["mlflow.note.content"].splitlines()[0]
    assert re.findall(r"\[(.*?)\]", first) == ["all horizons", "1w", "1m", "12m", "bars"]
    name, view = _view(experiment, "all horizons")
    assert (name, _shown(view)) == ("Last run: all horizons", names)
    name, month = _view(experiment, "1m")
    assert (name, _shown(month)) == ("Last run: 1m", names[3:6])
    # Without a view MLflow lists the newest first: here too horizons stay together, in order,
    # the champion, which is written last, before the rest.
    bare = client().search_runs(
        [experiment.experiment_id],
        f"tags.pipeline_run = '{parent.run_id}'",
        order_by=["attributes.start_time DESC"],
    )
    models = ("champion", "lightgbm", "vol_cone")
    assert [run.info.run_name for run in bare] == [
        f"zl {h} {m}" for h in ("005 1w", "021 1m", "252 12m") for m in models
    ]
    seconds = {(run.info.end_time - run.info.start_time) / 1000 for run in bare}
    assert seconds == {1.5}, "the duration is that of the fits"

    known = set(bare[0].data.metrics) | set(bare[0].data.tags) | {"Dataset", "Models"}
    columns = [column.split("`")[1] for column in view["selectedColumns"]]
    assert columns[:5] == ["skill", "skill_low", "skill_high", "coverage_80", "verdict"]
    assert set(columns) <= known, "a column that no run has is an empty column"
    assert {chart["metricKey"] for chart in view["compareRunCharts"]} <= known
    assert set(view["columnWidths"]) == set(view["columnOrder"]) == set(view["selectedColumns"])
    assert sum(view["columnWidths"][c] for c in view["selectedColumns"][:5]) <= 404, "on a screen"


def test_runs_of_models_and_pipeline_runs_link_to_each_other(
    spec: ParentSpec, make_record: MakeRecord
) -> None:
    parent = active.start(spec)
    parent.log_child(make_record(description="found"))
    parent.describe("the table")
    (run,), (child,) = runs("pipeline"), runs()
    up = f"#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
    assert f"[train zl quick 2024-01-02 03:04]({up})" in child.data.tags["mlflow.note.content"]
    down = run.data.tags["mlflow.note.content"].splitlines()[0]
    assert f"#/experiments/{child.info.experiment_id}/runs?" in down
    query = re.search(r"searchFilter=(.*?)&", down)
    assert query is not None
    found = client().search_runs([child.info.experiment_id], unquote(query[1]))
    assert [r.info.run_id for r in found] == [child.info.run_id]


def test_the_snapshot_is_listed_as_the_data_set(spec: ParentSpec, make_record: MakeRecord) -> None:
    days = pd.bdate_range("2020-01-01", periods=3).as_unit("us")
    snapshot = Snapshot(pd.DataFrame({"data_date": days}), pd.DataFrame(), "ZL", "synthetic", {})
    parent = active.start(spec)
    for _ in range(2):
        parent.log_child(make_record(dataset=dataset_use(snapshot)))
    for run in (*runs(), *runs("pipeline")):
        (used,) = run.inputs.dataset_inputs
        assert used.dataset.name == "zl synthetic data, to 2020-01-03"
        assert used.dataset.digest == snapshot.content_hash[:16]
        assert json.loads(used.dataset.profile)["num_rows"] == 3


def test_edited_description_is_kept(spec: ParentSpec) -> None:
    store = client()
    mine = {"mlflow.note.content": "mine", "mlflow.sharedViewState.mine": "{}"}
    store.create_experiment("soyoil", None, mine)
    active.start(spec)
    active.require_current().log_child(_make_scored())
    active.finish("FINISHED")
    assert mine.items() <= store.get_experiment_by_name("soyoil").tags.items()
    pipelines = store.get_experiment_by_name("soyoil pipelines")
    note = pipelines.tags["mlflow.note.content"] + "and a word of mine"
    store.set_experiment_tag(pipelines.experiment_id, "mlflow.note.content", note)
    active.start(spec)
    pipelines = store.get_experiment_by_name("soyoil pipelines")
    assert pipelines.tags["mlflow.note.content"] == note


def test_descriptions(spec: ParentSpec, make_record: MakeRecord) -> None:
    parent = active.start(replace(spec, description="at the start"))
    (run,) = runs("pipeline")
    assert run.data.tags["mlflow.note.content"] == "at the start"
    parent.describe("at the end")
    parent.log_child(make_record(description="**no skill** " + "x" * 9000))
    (run,) = runs("pipeline")
    assert run.data.tags["mlflow.note.content"].endswith("\n\nat the end")
    (child,) = runs()
    assert child.data.tags["mlflow.note.content"].startswith("**no skill** x")
    assert child.data.tags["mlflow.note.content"].endswith("in all]")


def test_long_tags_are_cut(spec: ParentSpec, make_record: MakeRecord) -> None:
    active.start(spec)
    active.require_current().log_child(make_record(tags={"long": "x" * 9000}))
    assert runs()[0].data.tags["long"].endswith("[cut, 9000 characters in all]")


class Broken(Chart):
    """A figure that cannot be drawn."""

    def __init__(self, error: BaseException) -> None:
        super().__init__("broken", 1, 1, ())
        object.__setattr__(self, "_error", error)

    def png(self) -> NoReturn:
        raise self._error  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("error", "raised", "status", "tag"),
    [
        (ValueError("no ink"), DatasetError, "FAILED", "ValueError: no ink"),
        (KeyboardInterrupt(), KeyboardInterrupt, "KILLED", "KeyboardInterrupt"),
    ],
)
def test_child_that_breaks_off(
    spec: ParentSpec,
    make_record: MakeRecord,
    error: BaseException,
    raised: type[BaseException],
    status: str,
    tag: str,
) -> None:
    active.start(spec)
    with pytest.raises(raised):
        RunRecordDataset().save(make_record(figures={"a.png": Broken(error)}))
    (child,) = runs()
    assert (child.info.status, child.data.tags["error"]) == (status, tag)
    assert child.info.end_time is not None
    (parent,) = runs("pipeline")
    assert parent.info.status == "RUNNING"


def _running_child(parent: active.ParentRun) -> None:
    (run,) = (r for r in runs("pipeline") if r.info.run_id == parent.run_id)
    # As this version writes it, and nested in the same experiment, as older ones did.
    for experiment, tag in (
        (parent.experiments.models, "pipeline_run"),
        (run.info.experiment_id, "mlflow.parentRunId"),
    ):
        client().create_run(experiment, tags={tag: parent.run_id, "kind": "model"})


def test_failed_parent_closes_running_children(spec: ParentSpec, make_record: MakeRecord) -> None:
    parent = active.start(spec)
    parent.log_child(make_record())
    _running_child(parent)
    active.abandon("FAILED", "ValueError: boom", {"stage.fit.seconds": 1.0})
    assert sorted(r.info.status for r in runs()) == ["FAILED", "FAILED", "FINISHED"]
    (run,) = runs("pipeline")
    assert (run.info.status, run.data.tags["error"]) == ("FAILED", "ValueError: boom")
    assert run.data.metrics == {"stage.fit.seconds": 1.0}
    assert active.current() is None


def _options(**changes: Any) -> dict[str, Any]:
    return {"pipeline": "train", "pipelines": "", "tags": (), "namespaces": ()} | changes


@pytest.mark.parametrize("swallowed", [False, True])
@pytest.mark.parametrize("number", interrupts.SIGNALS)
def test_interrupt_on_the_command_line(
    spec: ParentSpec,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: signal.Signals,
    swallowed: bool,
) -> None:
    def interrupted(*_: object) -> NoReturn:
        _running_child(active.start(spec))
        try:
            signal.raise_signal(number)
        except KeyboardInterrupt:
            if not swallowed:
                raise
            # As libraries do that turn it into an error of their own.
            raise RuntimeError("Query interrupted") from None
        raise AssertionError("the signal was ignored")

    monkeypatch.setattr(cli, "_check_selection", interrupted)
    # A test run in the background inherits an ignored SIGINT.
    before = signal.signal(number, signal.default_int_handler)
    try:
        with pytest.raises(SystemExit) as exit_:
            cli._run(**_options())
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)
    assert exit_.value.code == 130
    assert not interrupts.received()
    assert "Interrupted" in capsys.readouterr().err
    (run,) = runs("pipeline")
    assert (run.info.status, run.data.tags["error"]) == ("KILLED", "interrupted")
    assert [r.info.status for r in runs()] == ["KILLED", "KILLED"]


def test_interrupt_without_a_run_is_quiet() -> None:
    active.close_interrupted()
    assert active.current() is None


def test_next_start_in_the_same_process_closes_an_interrupted_run(spec: ParentSpec) -> None:
    active.start(spec)
    active.start(replace(spec, run_name="second"))
    first, second = runs("pipeline")
    assert (first.info.status, second.info.status) == ("KILLED", "RUNNING")


def test_a_failing_store_does_not_hide_the_first_error(
    spec: ParentSpec, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    active.start(spec)
    with monkeypatch.context() as patch:

        def locked(*_: object) -> NoReturn:
            raise RuntimeError("database is locked")

        patch.setattr(mlflow_store, "end_tree", locked)
        active.abandon("FAILED", "ValueError: boom")
    assert "could not be closed" in caplog.text
    active.start(replace(spec, run_name="next"))
    assert [r.info.status for r in runs("pipeline")] == ["KILLED", "RUNNING"]


def test_wrong_parameters_fail_the_parent(spec: ParentSpec) -> None:
    with pytest.raises(TypeError, match="not plain data"):
        active.start(replace(spec, params={"a": object()}))
    assert [r.info.status for r in runs("pipeline")] == ["FAILED"]
    assert active.current() is None


# Run with a name and "die" or "wait"; leaves a parent and a child RUNNING.
OTHER_PROCESS = """
import os, signal, sys
from pathlib import Path
from soyoil.tracking import active
name, act, root = sys.argv[1:]
spec = active.ParentSpec(Path(root), "soyoil", name, {"kind": "pipeline"}, (), {})
parent = active.start(spec)
tags = {"pipeline_run": parent.run_id, "kind": "model", "of": name}
parent.client.create_run(parent.experiments.models, tags=tags)
print("started", flush=True)
sys.stdin.readline()
if act == "die":
    os.kill(os.getpid(), signal.SIGKILL)
active.finish("FINISHED")
"""


@contextmanager
def other_process(name: str, act: str, root: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", OTHER_PROCESS, name, act, str(root)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _started(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"


def _go(process: subprocess.Popen[str]) -> int:
    process.communicate("\n")
    return process.returncode


def _statuses() -> dict[str, tuple[str, str]]:
    children = {r.data.tags["of"]: r.info.status for r in runs() if "of" in r.data.tags}
    return {
        r.info.run_name: (r.info.status, children.get(r.info.run_name, ""))
        for r in runs("pipeline")
    }


@pytest.mark.ci
def test_dead_runs_are_closed_and_live_ones_are_not(spec: ParentSpec, root: Path) -> None:
    with other_process("dead", "die", root) as dead, other_process("live", "wait", root) as live:
        _started(dead)
        _started(live)
        assert _statuses() == {"dead": ("RUNNING", "RUNNING"), "live": ("RUNNING", "RUNNING")}
        assert _go(dead) == -signal.SIGKILL
        active.start(replace(spec, run_name="next"))
        assert _statuses() == {
            "dead": ("KILLED", "KILLED"),
            "live": ("RUNNING", "RUNNING"),
            "next": ("RUNNING", ""),
        }
        killed = next(r for r in runs("pipeline") if r.info.run_name == "dead")
        assert killed.data.tags["error"] == f"process {dead.pid} ended without closing this run"
        assert len(lock_files(root)) == 2
        assert _go(live) == 0
    active.finish("FINISHED")
    assert _statuses()["live"][0] == _statuses()["next"][0] == "FINISHED"
    assert lock_files(root) == []


def _stale(root: Path, **tags: str) -> str:
    """A RUNNING run whose lock nobody holds."""
    lock = root / "mlruns" / ".running" / "old.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    os.utime(lock, (1_700_000_000, 1_700_000_000))
    store = client()
    experiment = mlflow_store.experiment_id_of(store, "soyoil", root)
    given = {"kind": "pipeline", "soyoil.host": host_name(), "soyoil.lock": str(lock)} | tags
    run = store.create_run(experiment, start_time=1_600_000_000_000, tags=given)
    return str(run.info.run_id)


def test_killed_run_ends_at_its_last_sign_of_life(spec: ParentSpec, root: Path) -> None:
    run_id = _stale(root)
    active.start(spec)
    info = client().get_run(run_id).info
    assert (info.status, info.end_time) == ("KILLED", 1_700_000_000_000)


@pytest.mark.parametrize(
    "tags", [{"soyoil.host": "elsewhere"}, {"soyoil.lock": "/no/such.lock"}, {"soyoil.lock": ""}]
)
def test_runs_that_may_live_are_left_alone(
    spec: ParentSpec, root: Path, tags: dict[str, str]
) -> None:
    run_id = _stale(root, **tags)
    active.start(spec)
    assert client().get_run(run_id).info.status == "RUNNING"


def test_a_run_that_ended_meanwhile_keeps_its_status(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = _stale(root)
    take_over = RunLock.take_over

    def ends_just_before(path: Path) -> RunLock | None:
        client().set_terminated(run_id, "FINISHED")
        return take_over(path)

    monkeypatch.setattr(RunLock, "take_over", ends_just_before)
    store = client()
    experiment = store.get_run(run_id).info.experiment_id
    assert mlflow_store.close_stale(store, experiment) == 0
    assert client().get_run(run_id).info.status == "FINISHED"


def test_deleted_experiment(spec: ParentSpec) -> None:
    active.start(spec)
    active.finish("FINISHED")
    experiment = client().get_experiment_by_name("soyoil").experiment_id
    client().delete_experiment(experiment)
    message = (
        rf"'soyoil' is deleted.*mlflow experiments restore --experiment-id {experiment}`"
        r".*--params=tracking\.experiment=NAME"
    )
    with pytest.raises(ConfigError, match=message):
        active.start(spec)
    assert active.current() is None
    active.start(replace(spec, experiment="other"))


def test_moved_project_is_told(
    spec: ParentSpec, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    client().create_experiment("soyoil", artifact_location=(root / "old" / "mlruns").as_uri())
    active.start(spec)
    assert "moved or copied" in caplog.text
    assert "old/mlruns" in caplog.text


def test_unusable_store(spec: ParentSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nonsense://user:secret@host")
    with pytest.raises(TrackingError, match=r"://\*\*\*@host.*MLFLOW_TRACKING_URI") as raised:
        active.start(spec)
    assert "secret" not in str(raised.value)


def test_dataset_without_a_pipeline_run(make_record: MakeRecord) -> None:
    dataset = RunRecordDataset(metadata={"kedro-viz": {"layer": "tracking"}})
    with pytest.raises(DatasetError, match="No pipeline run is being tracked") as raised:
        dataset.save(make_record())
    assert type(raised.value.__cause__) is SoyoilError
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="MlflowClient"):
        dataset.load()
    pickle.loads(pickle.dumps(dataset))


def test_worker_may_not_track(
    spec: ParentSpec, make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = active.start(spec)
    with monkeypatch.context() as patch:
        # What a forked worker sees: the parent's variables under another process id.
        patch.setattr(os, "getpid", lambda: parent.pid + 1)
        with pytest.raises(DatasetError, match=r"worker process.*SequentialRunner"):
            RunRecordDataset().save(make_record())
        active.finish("FAILED")
    active.finish("FINISHED")
    assert [r.info.status for r in runs("pipeline")] == ["FINISHED"]
    with monkeypatch.context() as patch:
        patch.setattr("multiprocessing.parent_process", object)
        with pytest.raises(DatasetError, match="worker process"):
            RunRecordDataset().save(make_record())


def test_numbers_of_numpy(spec: ParentSpec, make_record: MakeRecord) -> None:
    active.start(spec)
    metrics = {"pooled.uniform.mae": np.float64(0.1), "fit.seconds": np.float64("nan")}
    active.require_current().log_child(make_record(metrics=metrics, fold_metrics=[]))
    assert runs()[0].data.metrics == {"pooled/uniform/mae": 0.1}


def test_lock(tmp_path: Path) -> None:
    lock = RunLock.acquire(tmp_path / "deep")
    assert RunLock.take_over(lock.path) is None
    os.utime(lock.path, (1, 1))
    assert lock.last_sign_ms() == 1000
    lock.touch()
    assert lock.last_sign_ms() > 1_700_000_000_000
    lock.path.unlink()
    lock.touch()
    assert RunLock.take_over(lock.path) is None
    lock.release()
    other = RunLock.acquire(tmp_path / "deep")
    path = other.path
    os.close(other.descriptor)
    taken = RunLock.take_over(path)
    assert taken is not None
    taken.release()
    assert not path.exists()
