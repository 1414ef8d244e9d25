"""A report names the tracked run of its results, also when it is made again."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from kedro.io import DatasetError

from soyoil.datasets.tracked_run import TrackedRunDataset
from soyoil.tracking import active
from soyoil.tracking.mlflow_store import Experiments

RUN = SimpleNamespace(
    run_id="89ab",
    name="train zl",
    command="kedro run",
    experiments=Experiments(models="6", pipelines="7"),
)


def test_the_run_of_now_is_remembered_for_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = TrackedRunDataset(str(tmp_path / "reports" / "run.json"))
    monkeypatch.setattr(active, "current", lambda: None)
    assert dataset.load() is None, "a report can do without"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:secret@h.example/base")
    monkeypatch.setattr(active, "current", lambda: RUN)
    now = dataset.load()
    assert now is not None
    assert (now.run_id, now.name, now.command, now.made_again) == (
        "89ab", "train zl", "kedro run", False
    )  # fmt: skip
    assert now.link == "https://h.example/base/#/experiments/7/runs/89ab"
    monkeypatch.setattr(active, "current", lambda: None)
    later = dataset.load()
    assert later is not None
    assert (later.run_id, later.link, later.made_again) == (now.run_id, now.link, True)
    (path,) = (tmp_path / "reports").iterdir()
    assert "secret" not in path.read_text()
    path.write_text("{")
    with pytest.raises(DatasetError, match="Remove it"):
        dataset.load()
