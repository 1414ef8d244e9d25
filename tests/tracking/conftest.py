"""A tracking store per test, copied from one migrated database."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from soyoil.reports.chart import Chart, Panel, number_axis
from soyoil.tracking import active
from soyoil.tracking.active import ParentSpec
from soyoil.tracking.record import RunRecord


@pytest.fixture
def root(migrated_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Project root with a store of its own, which the environment names."""
    shutil.copy(migrated_store, tmp_path / "mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    yield tmp_path
    active.close_interrupted()


@pytest.fixture
def spec(root: Path) -> ParentSpec:
    return ParentSpec(
        root=root,
        experiment="soyoil",
        run_name="train zl quick 2024-01-02 03:04",
        tags={"kind": "pipeline", "pipeline": "train", "git_sha": "abc", "command": "kedro run"},
        inherited=("pipeline", "git_sha", "absent"),
        params={"profile": "quick", "split": {"window": "expanding", "last_origin": None}},
    )


def _make_record(run_name: str = "zl_1m_lightgbm", **changes: object) -> RunRecord:
    axis = number_axis(0, 1)
    figure = Chart("title", 3, 2, (Panel(axis, axis, ()),))
    frame = pd.DataFrame({"fold": [0, 1], "q50": [0.25, -0.5], "name": ["a", "b"]})
    fields: dict[str, object] = {
        "run_name": run_name,
        "tags": {"horizon": "1m", "provenance": "synthetic", "snapshot": "s1", "device": "cpu"},
        "params": {"lightgbm": {"n_estimators": 15, "seed": None}, "symbols": ["ZL", "CL"]},
        "metrics": {
            "pooled.uniform.mae": 0.031,
            "pooled.regime.skill_mae": float("nan"),
            "pooled.uniform.mae.trade_war_2018_2019": 0.04,
            "fit.seconds": 1.5,
        },
        "fold_metrics": [
            ("fold.uniform.mae", 0, 0.03),
            ("fold.uniform.mae", 1, np.float64(0.05)),
            ("fold.regime.mae", 1, float("nan")),
            ("fold.train.rows", 1, 500.0),
        ],
        "tables": {"predictions.parquet": frame, "weight_report.csv": frame},
        "figures": {"cone.png": figure},
        "files": {"models/fold_00.model": b"\x00tree"},
    }
    return RunRecord(**(fields | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def make_record() -> Callable[..., RunRecord]:
    """Builder of a small record; keyword arguments replace its fields."""
    return _make_record
