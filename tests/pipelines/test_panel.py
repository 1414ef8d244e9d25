"""The panel from the command line: from sessions alone, tracked, refused before it starts."""

import re
import sqlite3
from pathlib import Path

import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from soyoil.datasets.tracked_files import RunReportDataset
from soyoil.models.champion import ChampionConfig
from soyoil.panel.config import PanelConfig
from soyoil.panel.losses import MODELS
from soyoil.pipelines.panel import create_pipeline
from soyoil.sources.base import SourceConfig
from soyoil.splits.plan import SplitConfig
from soyoil.targets.horizons import HORIZONS

PARAMS = (
    "source.symbols=ZL+ES", "source.synthetic.start=2019-01-02",
    "source.synthetic.end=2021-06-30",
)  # fmt: skip


@pytest.fixture(scope="module")
def ran(shared_project):  # type: ignore[no-untyped-def]
    walk = ",".join((*PARAMS, "panel.exclude=ZL", "split.first_origin=2020-02-03"))
    return shared_project.run_many(
        {
            "made": ["--pipelines=ingest,panel", f"--params={walk}"],
            "other": ["--pipeline=panel", f"--params={walk},source.synthetic.seed=5"],
        }
    )


def rows(root: Path, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(root / "mlflow.db") as db:
        return db.execute(query).fetchall()


def test_files_terminal_and_tracked_run(ran, shared_project) -> None:  # type: ignore[no-untyped-def]
    code, output = ran["made"]
    assert code == 0, output
    assert re.search(r"^Champion on 2 roots, synthetic data, origins 2020-02-03 to ", output, re.M)
    assert re.search(r"^(PASS|FAIL): ", output, re.M)
    assert "Shown in brackets, not counted: ZL." in output
    root = shared_project.root
    folder = root / "data" / "08_reporting"
    table = pd.read_csv(folder / "panel.csv")
    assert len(table) == 2 * len(HORIZONS) * len(MODELS)
    assert len(pd.read_csv(folder / "panel_means.csv")) == len(HORIZONS) * len(MODELS)
    assert not (root / "data" / "05_model_input").exists(), "no split stage is needed"
    where = "where run_uuid in (select run_uuid from runs where status = 'FINISHED')"
    tags = dict(rows(root, f"select key, value from tags {where}"))
    assert tags["kind"] == "panel"
    assert tags["symbols"] == "ZL ES"
    assert tags["provenance"] == "synthetic"
    assert tags["gate"] in ("pass", "fail")
    metrics = dict(rows(root, f"select key, value from metrics {where}"))
    means = pd.read_csv(folder / "panel_means.csv").set_index(["horizon", "model"])
    want = means.loc[("1w", "champion"), "skill_pinball_low"]
    assert metrics["panel.1w.skill_pinball_low"] == pytest.approx(want)
    (run,) = rows(root, "select run_uuid from runs where status = 'FINISHED'")
    artifacts = root / "mlruns" / str(run[0]) / "artifacts"
    for name in ("panel.html", "panel.csv", "panel_means.csv"):
        assert (artifacts / name).read_bytes() == (folder / name).read_bytes()


def test_sessions_of_another_market_are_refused(ran) -> None:  # type: ignore[no-untyped-def]
    code, output = ran["other"]
    assert code != 0
    assert "source.synthetic.seed" in output


def test_the_pipeline_runs_on_memory_alone(tmp_path: Path) -> None:
    days = pd.bdate_range("2018-01-01", periods=500).as_unit("us")
    parts = [
        pd.DataFrame(
            {
                "symbol": symbol,
                "data_date": days,
                "roll_free_return": [0.01, -0.012] * 250,
                "realized_vol_1h": 0.2,
                "is_thin": False,
                "provenance": "synthetic",
                "rolls": "known",
            }
        )
        for symbol in ("ZL", "CL")
    ]
    catalog = DataCatalog(
        {
            "soyoil_futures_sessions": MemoryDataset(pd.concat(parts)),
            "params:source": MemoryDataset(SourceConfig(symbols=("ZL", "CL"))),
            "params:split": MemoryDataset(
                SplitConfig.model_validate({"first_origin": "2018-06-01"})
            ),
            "params:panel": MemoryDataset(PanelConfig(symbols=("CL",))),
            "params:champion": MemoryDataset(ChampionConfig()),
            "panel_report": RunReportDataset(str(tmp_path)),
        }
    )
    SequentialRunner().run(create_pipeline(), catalog)
    table = pd.read_csv(tmp_path / "panel.csv")
    assert table["symbol"].unique().tolist() == ["CL"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "panel.csv", "panel.html", "panel_means.csv",
    ]  # fmt: skip
