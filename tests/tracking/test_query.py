"""Runs read back from MLflow, and files of the pipeline run."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from kedro.io import DatasetError
from pandas.testing import assert_frame_equal

from soyoil.datasets.tracked_files import TrackedFilesDataset
from soyoil.errors import ConfigError
from soyoil.tracking import active
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
    assert run.started.tz is not None
    assert run.params["lightgbm.n_estimators"] == "15"
    assert (run.tags["kind"], run.tags["horizon"]) == ("model", "1m")
    assert run.tags["command"] == "kedro run", "a tag of the pipeline run alone"

    found = read_predictions([run_id, bare])
    assert list(found) == [run_id]
    expected = ROWS[list(COLUMNS)].sort_values("data_date").reset_index(drop=True)
    assert_frame_equal(found[run_id], expected)
    with pytest.raises(ConfigError, match="Did you mean 'soyoil'"):
        finished_runs(["soyoils"])


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
