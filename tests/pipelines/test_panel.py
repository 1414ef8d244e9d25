"""The panel from the command line: from sessions alone, tracked, refused before it starts."""

import re
import sqlite3
from pathlib import Path

import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from soyoil.datasets.tracked_files import RunReportDataset
from soyoil.external.config import ExternalConfig
from soyoil.features.config import FeaturesConfig
from soyoil.models.champion import ChampionConfig
from soyoil.models.config import FitConfig
from soyoil.models.engines import ENGINES
from soyoil.panel.config import PanelConfig
from soyoil.panel.losses import MODELS
from soyoil.params import TargetConfig, WeightsConfig
from soyoil.pipelines.panel import create_pipeline
from soyoil.sources.base import SourceConfig
from soyoil.splits.plan import SplitConfig
from soyoil.targets.horizons import HORIZONS

TABLES = ("panel_matrix", "panel_regimes")
PARAMS = (
    "source.symbols=ZL+ES", "source.synthetic.start=2019-01-02",
    "source.synthetic.end=2021-06-30",
)  # fmt: skip


@pytest.fixture(scope="module")
def ran(shared_project):  # type: ignore[no-untyped-def]
    walk = ",".join((*PARAMS, "panel.exclude=ZL", "split.first_origin=2020-02-03"))
    small = (
        f"{walk},features.groups=market_data+pivots,lightgbm.n_estimators=5,"
        "split.min_train_rows=60,split.warm_up=40,split.valid_sessions=20"
    )
    return shared_project.run_many(
        {
            "engines": [
                "--pipelines=ingest,regimes,features,panel",
                f"--params={small},panel.engines=lightgbm,fit.feature_groups=market_data",
            ],
            "ablation": ["--pipeline=ablation", f"--params={small},ablation.groups=pivots"],
            "nothing": ["--pipeline=ablation", f"--params={small}"],
            "made": ["--pipelines=ingest,panel", f"--params={walk}"],
            "other": ["--pipeline=panel", f"--params={walk},source.synthetic.seed=5"],
        }
    )


def rows(root: Path, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(root / "mlflow.db") as db:
        return db.execute(query).fetchall()


def runs(root: Path) -> list[str]:
    """Finished runs, the oldest first."""
    query = "select run_uuid from runs where status = 'FINISHED' order by start_time"
    return [str(name) for (name,) in rows(root, query)]


@pytest.mark.ci
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
    run = runs(root)[-1]
    where = f"where run_uuid = '{run}'"
    tags = dict(rows(root, f"select key, value from tags {where}"))
    assert tags["kind"] == "panel"
    assert tags["symbols"] == "ZL ES"
    assert tags["provenance"] == "synthetic"
    assert tags["gate"] in ("pass", "fail")
    metrics = dict(rows(root, f"select key, value from metrics {where}"))
    means = pd.read_csv(folder / "panel_means.csv").set_index(["horizon", "model"])
    want = means.loc[("1w", "champion"), "skill_pinball_low"]
    assert metrics["panel.1w.skill_pinball_low"] == pytest.approx(want)
    artifacts = root / "mlruns" / run / "artifacts"
    for name in ("panel.html", "panel.csv", "panel_means.csv"):
        assert (artifacts / name).read_bytes() == (folder / name).read_bytes()


@pytest.mark.ci
def test_engines_on_every_root(ran, shared_project) -> None:  # type: ignore[no-untyped-def]
    code, output = ran["engines"]
    assert code == 0, output
    assert re.search(r"^lightgbm, feature groups: market_data$", output, re.M)
    root = shared_project.root
    kept = sorted(path.name for path in (root / "data/07_model_output/panel/lightgbm").iterdir())
    assert {name.partition(".")[0] for name in kept} == {"ZL", "ES"}
    assert {name.split(".")[1] for name in kept} >= {"1w", "1m"}
    run = runs(root)[0]
    where = f"where run_uuid = '{run}'"
    tags = dict(rows(root, f"select key, value from tags {where}"))
    assert (tags["engines"], tags["lightgbm.feature_groups"]) == ("lightgbm", "market_data")
    assert tags["lightgbm.gate_reasons"].split(":")[0] in ("PASS", "FAIL")
    metrics = dict(rows(root, f"select key, value from metrics {where}"))
    means = root / "mlruns" / run / "artifacts" / "panel_means.csv"
    table = pd.read_csv(means).set_index(["model", "horizon"])
    assert table.loc[("lightgbm", "1w"), "feature_groups"] == "market_data"
    want = table.loc[("lightgbm", "1w"), "skill_pinball"]
    assert metrics["panel.lightgbm.1w.skill_pinball"] == pytest.approx(want)
    assert "panel.1w.engines_add" in metrics


@pytest.mark.ci
def test_what_a_group_adds(ran, shared_project) -> None:  # type: ignore[no-untyped-def]
    code, output = ran["ablation"]
    assert code == 0, output
    assert re.search(r"^pivots +[+-]\d", output, re.M)
    root = shared_project.root
    run = runs(root)[1]
    tags = dict(rows(root, f"select key, value from tags where run_uuid = '{run}'"))
    assert (tags["kind"], tags["groups"], tags["trials"]) == ("ablation", "pivots", "1")
    assert "pivots" not in tags["feature_groups"].split("+")
    table = pd.read_csv(root / "mlruns" / run / "artifacts" / "ablation.csv")
    assert table["horizon"].tolist() == list(HORIZONS)
    # The root that does not count is not fitted.
    assert table["roots"].max() == 1
    book = root / "data" / "07_model_output" / "ablation" / "ablation.jsonl"
    assert book.read_text(encoding="utf-8").count('"kind":"registered"') == 1
    code, output = ran["nothing"]
    assert code != 0
    assert "No outside source is on that has values" in " ".join(output.split())


@pytest.mark.ci
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
            "panel_folder": MemoryDataset(tmp_path / "nothing"),
            "params:target": MemoryDataset(TargetConfig()),
            "params:profile": MemoryDataset("quick"),
            "params:weights": MemoryDataset(WeightsConfig()),
            "params:fit": MemoryDataset(FitConfig()),
            "params:external": MemoryDataset(ExternalConfig()),
            "params:features": MemoryDataset(FeaturesConfig()),
            # Without engines neither table is read.
            **{name: MemoryDataset(None, copy_mode="assign") for name in TABLES},
            **{f"params:{name}": MemoryDataset({}) for name in ENGINES},
        }
    )
    SequentialRunner().run(create_pipeline(), catalog)
    table = pd.read_csv(tmp_path / "panel.csv")
    assert table["symbol"].unique().tolist() == ["CL"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "panel.csv", "panel.html", "panel_means.csv",
    ]  # fmt: skip
