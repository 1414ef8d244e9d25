"""Runs read back from MLflow, and files of the pipeline run."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError
from pandas.testing import assert_frame_equal

from soyoil.base.errors import ConfigError
from soyoil.compare.config import CompareConfig
from soyoil.compare.diff import resolve
from soyoil.datasets.tracked_files import TrackedFilesDataset
from soyoil.params import TrackingConfig
from soyoil.pipelines.compare.nodes import compare_runs, find_runs
from soyoil.tracking import active, query
from soyoil.tracking.active import ParentSpec
from soyoil.tracking.query import COLUMNS, PREDICTIONS, finished_runs, read_predictions
from soyoil.tracking.record import RunRecord

DAYS = pd.to_datetime(["2024-01-03", "2024-01-02"]).as_unit("us")
ROWS = pd.DataFrame(
    {
        **{name: [0.25, 0.5] for name in COLUMNS},
        "data_date": DAYS,
        "label_end_date": DAYS,
        "regime_name": ["a", "b"],
        "fold": [0, 0],
    }
)


def test_finished_runs_and_their_predictions(
    spec: ParentSpec, make_record: Callable[..., RunRecord]
) -> None:
    parent = active.start(spec)
    run_id = parent.log_child(make_record(tables={PREDICTIONS: ROWS}))
    bare = parent.log_child(make_record("zl_1m_drift", tables={}))
    active.finish("FINISHED")
    failed = active.start(replace(spec, run_name="failed"))
    failed.log_child(make_record())
    active.finish("FAILED", "of something")

    runs = {run.run_id: run for run in finished_runs(["soyoil"])}
    assert set(runs) == {run_id, bare}, "children of a failed pipeline run are left out"
    run = runs[run_id]
    assert (run.name, run.parent_id, run.parent_name) == (
        "zl_1m_lightgbm",
        parent.run_id,
        spec.run_name,
    )
    begun = parent.client.get_run(parent.run_id).info.start_time
    assert run.started == pd.Timestamp(begun, unit="ms", tz="UTC"), "the pipeline run's start"
    assert run.params["lightgbm.n_estimators"] == "15"
    assert (run.tags["kind"], run.tags["horizon"]) == ("model", "1m")
    assert run.tags["command"] == "kedro run", "a tag of the pipeline run alone"

    found = read_predictions([run_id, bare])
    assert list(found) == [run_id]
    expected = ROWS[list(COLUMNS)].sort_values("data_date").reset_index(drop=True)
    assert_frame_equal(found[run_id], expected)
    with pytest.raises(ConfigError, match="Did you mean 'soyoil'"):
        finished_runs(["soyoils"])


def test_runs_of_older_stores_are_read_beside_new_ones(
    spec: ParentSpec, make_record: Callable[..., RunRecord]
) -> None:
    """Older versions kept pipeline runs in the experiment of models, which were nested in them."""
    tags = {"symbol": "ZL", "horizon_sessions": "21", "model": "drift", "horizon": "1m"}
    parent = active.start(spec)
    new = parent.log_child(make_record("zl_1m_drift", tags=tags))
    store, experiment = parent.client, parent.experiments.models
    top = store.create_run(experiment, run_name="older", tags={"kind": "pipeline"}).info.run_id
    nested = {**tags, "kind": "model", "mlflow.parentRunId": top}
    run = store.create_run(experiment, run_name="zl_1m_drift", tags=nested)
    store.log_metric(run.info.run_id, "fit.seconds", 4.0)
    named = store.create_run(experiment, run_name="my favourite", tags=nested)
    for run_id in (run.info.run_id, named.info.run_id, top):
        store.set_terminated(run_id, "FINISHED")
    active.finish("FINISHED")

    runs = {run.run_id: run for run in finished_runs(["soyoil"])}
    assert {i: (run.name, run.parent_id) for i, run in runs.items()} == {
        new: ("zl_1m_drift", parent.run_id),
        run.info.run_id: ("zl_1m_drift", top),
        named.info.run_id: ("my favourite", top),
    }
    for name in ("zl 021 1m drift", new[:12]):
        assert [found.run_id for found in resolve(name, list(runs.values()))] == [new]
    assert query.fit_seconds(list(runs.values())) == {new: 1.5, run.info.run_id: 4.0}


def test_all_pages_of_the_store_are_read(
    spec: ParentSpec, make_record: Callable[..., RunRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "PAGE", 2)
    written = []
    for number in range(3):
        parent = active.start(replace(spec, run_name=f"train {number}"))
        written += [parent.log_child(make_record(tables={})) for _ in range(number)]
        active.finish("FINISHED")
    assert {run.run_id for run in finished_runs(["soyoil"])} == set(written)
    assert len(written) == 3


def test_tags_of_the_child_win_over_those_of_its_pipeline_run(
    spec: ParentSpec, make_record: Callable[..., RunRecord]
) -> None:
    parent = active.start(replace(spec, tags={**spec.tags, "device": "cpu+cuda"}))
    parent.log_child(make_record(tables={}, tags={"horizon": "3m", "device": "cuda"}))
    active.finish("FINISHED")
    (run,) = finished_runs(["soyoil"])
    assert (run.tags["kind"], run.tags["device"], run.horizon) == ("model", "cuda", "3m")


def test_files_are_written_whole_and_logged_on_the_pipeline_run(
    spec: ParentSpec, root: Path
) -> None:
    folder = root / "reports"
    files = TrackedFilesDataset(str(folder))
    files.save({"report.html": "<p>é</p>"})
    parent = active.start(spec)
    files.save({"report.html": "<p>é</p>", "table.csv": "a\n1\n"})
    active.finish("FINISHED")
    assert {p.name: p.read_text(encoding="utf-8") for p in folder.iterdir()} == {
        "report.html": "<p>é</p>",
        "table.csv": "a\n1\n",
    }
    artifacts = root / "mlruns" / parent.run_id / "artifacts"
    assert {p.name for p in artifacts.iterdir()} == {
        "parameters.json",
        "report.html",
        "table.csv",
    }
    with pytest.raises(DatasetError, match="not the name of a file"):
        files.save({"../x": ""})
    with pytest.raises(DatasetError, match="to be read"):
        files.load()


def scored(shift: float, n: int) -> pd.DataFrame:
    days = pd.bdate_range("2022-01-03", periods=n).as_unit("us")
    y = np.random.default_rng(1).normal(0, 0.05, 300)[:n]
    return pd.DataFrame(
        {
            "data_date": days,
            "label_end_date": days + pd.Timedelta(days=30),
            "q10": shift - 0.06,
            "q50": shift,
            "q90": shift + 0.06,
            "y": y,
            "close": 50.0,
            "regime_name": "a",
        }
    )


def test_tracked_runs_are_compared(
    spec: ParentSpec,
    make_record: Callable[..., RunRecord],
    root: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    parent = active.start(spec)
    tags = {
        "symbol": "ZL", "horizon": "1m", "horizon_sessions": "21", "provenance": "synthetic",
        "target": "target_1m_log_return",
    }  # fmt: skip
    ids = {}
    for model, shift, n in (("lightgbm", 0.01, 300), ("vol_cone", 0.0, 250), ("tft", 0.0, 50)):
        record = make_record(
            f"zl_1m_{model}", tags=tags | {"model": model}, tables={PREDICTIONS: scored(shift, n)}
        )
        ids[model] = parent.log_child(record)
    lost = make_record("zl_1m_drift", tags=tags | {"model": "drift"}, tables={})
    ids["drift"] = parent.log_child(lost)
    active.finish("FINISHED")

    runs = find_runs(CompareConfig(), TrackingConfig())
    files = compare_runs(runs, CompareConfig())
    assert set(files) == {"leaderboard.html", "leaderboard.csv"}
    (root / "leaderboard.csv").write_text(files["leaderboard.csv"])
    table = pd.read_csv(root / "leaderboard.csv").set_index("model")
    assert sorted(table.index) == ["lightgbm", "vol_cone"]
    assert (table["n"] == 250).all()
    assert table.loc["lightgbm", "run_id"] == ids["lightgbm"]
    shown = capsys.readouterr().out
    assert "50 common rows, fewer than compare.min_rows=100" in " ".join(shown.split())
    assert "its predictions are gone" in shown
    assert max(len(line) for line in shown.splitlines()) <= 80

    pair = CompareConfig(runs=(ids["lightgbm"][:12], "zl_1m_vol_cone"))
    files = compare_runs(runs, pair)
    assert set(files) == {"run_diff.html", "run_diff.csv"}
    shown = capsys.readouterr().out
    assert "250 common rows of 300 in A and 250 in B" in " ".join(shown.split())
    assert max(len(line) for line in shown.splitlines()) <= 80
    with pytest.raises(ConfigError, match="are gone from the artifacts"):
        compare_runs(runs, CompareConfig(runs=(ids["drift"], ids["tft"])))
