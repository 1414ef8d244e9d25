"""The chain from an empty checkout: one horizon, then again, then without the warehouse."""

import json
import re
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from soyoil.models.engines import ENGINES
from soyoil.splits.plan import plan_from_frame
from soyoil.splits.snapshot import read_snapshot

BASELINES = ("random_walk", "drift", "vol_cone", "hourly_cone")
TREES = ("lightgbm", "lightgbm_uniform", "xgboost", "xgboost_uniform")
EVERY_RUN = (
    "predictions.parquet", "cone.png", "split_plan.png", "split_plan.parquet", "coverage.csv",
    "coverage.png", "weight_report.csv", "weight_shares.png", "regimes.csv", "regime_scores.csv",
)  # fmt: skip
EXPERTS = ("vol_cone", "hourly_cone", "lightgbm", "xgboost", "tft")
MODELS = (*BASELINES, *TREES, "champion", "tft")

WATCHED = """
import sys
from kedro.framework.cli import main
from soyoil.models.engines import libraries

try:
    main()
finally:
    print("LOADED:", *(name for name in libraries() if name in sys.modules))
"""


@pytest.fixture(scope="module")
def first(shared_project):  # type: ignore[no-untyped-def]
    (shared_project.root / "mlflow.db").unlink()
    done = shared_project.run("--tags=1m")
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def data(first, shared_project) -> Path:  # type: ignore[no-untyped-def]
    return Path(shared_project.root) / "data"


def predictions(data: Path, model: str) -> pd.DataFrame:
    return pd.read_parquet(data / "07_model_output" / "1m" / model / "predictions.parquet")


def test_one_horizon_from_an_empty_checkout(first, data: Path) -> None:  # type: ignore[no-untyped-def]
    skipped = "Cross-horizon nodes are skipped in a filtered run: forecast.make, forecast.record"
    assert skipped in first.stdout
    assert "evaluate.summarise, forecast.challenge, " in first.stdout
    assert [p.name for p in (data / "07_model_output").iterdir()] == ["1m"]
    for model in MODELS:
        shown = model.replace("_uniform", " unif.")
        assert f"1m {shown}: skill " in first.stdout
        assert (data / "08_reporting" / "1m" / model / "scores.json").is_file()
    assert "Traceback" not in first.stdout + first.stderr


def test_every_labelled_origin_is_scored_once_with_sorted_quantiles(data: Path) -> None:
    labels = pd.read_parquet(data / "05_model_input" / "1m" / "labels.parquet")
    due = labels[(labels["data_date"] >= "2023-01-03") & labels["target_1m_log_return"].notna()]
    for model in MODELS:
        rows = predictions(data, model)
        if model == "tft":
            # Profile quick fits the network on the last two folds only.
            assert rows["fold"].unique().tolist() == [1, 2]
            due = due[due["data_date"] >= rows["data_date"].min()]
        assert rows["data_date"].tolist() == due["data_date"].tolist()
        assert (rows["q10"] <= rows["q50"]).all()
        assert (rows["q50"] <= rows["q90"]).all()
        pd.testing.assert_series_equal(
            rows["y"], due["target_1m_log_return"], check_names=False, check_index=False
        )


def test_no_training_label_reaches_a_test_block(data: Path) -> None:
    snapshot = read_snapshot(data / "05_model_input" / "snapshots")
    frame = pd.read_parquet(data / "05_model_input" / "1m" / "split_plan.parquet")
    plan = plan_from_frame(frame, snapshot.matrix["data_date"], "1m", 21)
    assert len(plan.folds) == 3
    for number, rows in frame.groupby("fold"):
        first_test = rows.loc[rows["role"] == "test", "data_date"].min()
        first_valid = rows.loc[rows["role"] == "valid", "data_date"].min()
        ends = rows.groupby("role")["label_end_date"].max()
        assert ends["valid"] < first_test, number
        assert ends["train"] < first_valid, number


def test_weights_have_mean_one_and_are_those_of_the_cutoff(data: Path) -> None:
    weights = pd.read_parquet(data / "05_model_input" / "1m" / "sample_weights.parquet")
    means = weights.groupby(["fold", "role"])["weight"].mean()
    assert means.to_numpy() == pytest.approx(1.0)
    # trump_anticipation_2024 starts 2023-01-01 and is known after 63 sessions: the fold that is
    # cut off at 2023-01-02 gives its rows the weight of the regime before.
    report = pd.read_csv(data / "05_model_input" / "1m" / "weight_report.csv")
    assert report["unused"].str.contains("trump_second_term").all()
    assert report["effective_n"].lt(report["rows"]).all()


def children(root: Path) -> pd.DataFrame:
    """Tags of all runs, one row per run, and their metrics."""
    with sqlite3.connect(root / "mlflow.db") as db:
        tags = pd.read_sql("select run_uuid, key, value from tags", db)
        runs = pd.read_sql("select run_uuid, name, status from runs", db)
    wide = tags.pivot(index="run_uuid", columns="key", values="value")
    return runs.set_index("run_uuid").join(wide)


def test_runs_are_tracked_under_one_parent(data: Path) -> None:
    root = data.parent
    runs = children(root)
    assert (runs["status"] == "FINISHED").all()
    parent = runs[runs["kind"] == "pipeline"]
    assert len(parent) == 1
    models = runs[runs["kind"] == "model"].set_index("name")
    assert set(models.index) == {f"zl 021 1m {model}" for model in MODELS}
    assert (models["pipeline_run"] == parent.index[0]).all()
    snapshot = read_snapshot(root / "data" / "05_model_input" / "snapshots")
    assert (models["target"] == "target_1m_log_return").all()
    assert (models["provenance"] == "synthetic").all()
    assert (models["snapshot"] == snapshot.content_hash).all()
    assert models.drop(index="zl 021 1m tft")["scored_rows_hash"].nunique() == 1
    assert models.loc["zl 021 1m lightgbm_uniform", "weighting"] == "uniform"
    assert models.loc["zl 021 1m lightgbm", "weighting"] == "regime"
    references = models["model"].isin(["vol_cone", "random_walk"])
    assert set(models.loc[references, "verdict"]) == {"reference"}
    assert set(models.loc[~references, "verdict"]) <= {"skill", "no skill", "unprovable"}
    run_id = runs.index[runs["name"] == "zl 021 1m lightgbm"][0]
    with sqlite3.connect(root / "mlflow.db") as db:
        found = pd.read_sql(
            "select key, step, value from metrics where run_uuid = ?", db, params=(run_id,)
        )
    scores = json.loads((data / "08_reporting" / "1m" / "lightgbm" / "scores.json").read_text())
    pooled = found[found["key"] == "pooled/uniform/mae"]["value"]
    assert pooled.tolist() == [scores["pooled.uniform.mae"]]
    steps = found[found["key"] == "fold/uniform/mae"]["step"]
    assert sorted(steps) == [0, 1, 2]
    artifacts = root / "mlruns" / run_id / "artifacts"
    for name in (*EVERY_RUN, "importance.csv", "importance.png", "folds.csv"):
        assert (artifacts / name).is_file(), name
    pd.testing.assert_frame_equal(
        pd.read_parquet(artifacts / "predictions.parquet"), predictions(data, "lightgbm")
    )


def test_no_process_had_both_torch_and_a_tree_engine(data: Path) -> None:
    for model in (*TREES, "tft"):
        folds = pd.read_csv(data / "06_models" / "1m" / model / "folds.csv")
        loaded = folds["libraries"].str.split().tolist()
        own = "torch" if model == "tft" else model.removesuffix("_uniform")
        assert loaded == [[own]] * (2 if model == "tft" else 3), model
        assert folds["device"].str.startswith("cpu").all() or model == "tft"


def test_runs_describe_themselves(data: Path) -> None:
    root = data.parent
    runs = children(root)
    named = runs.reset_index().set_index("name")
    notes = named["mlflow.note.content"]
    assert notes["zl 021 1m lightgbm"].startswith("**ZL 1m, lightgbm: ")
    assert "synthetic: invented" in notes["zl 021 1m lightgbm"]
    parent = runs[runs["kind"] == "pipeline"].iloc[0]
    assert "kedro run" in parent["mlflow.note.content"]
    network = root / "mlruns" / named.loc["zl 021 1m tft", "run_uuid"] / "artifacts"
    walk = root / "mlruns" / named.loc["zl 021 1m random_walk", "run_uuid"] / "artifacts"
    for name in EVERY_RUN:
        assert (network / name).is_file(), name
        assert (walk / name).is_file(), name
    chosen = pd.read_csv(network / "variable_selection.csv")
    assert chosen["selection"].sum() == pytest.approx(1.0, abs=1e-5)
    assert (network / "variable_selection.png").is_file()
    assert not (network / "importance.csv").exists(), "selection weights are no importance"
    tree = root / "mlruns" / named.loc["zl 021 1m xgboost", "run_uuid"] / "artifacts"
    table = pd.read_csv(tree / "importance.csv")
    assert table["gain"].sum() == pytest.approx(1.0)
    assert table["contribution"].is_monotonic_decreasing
    by_regime = pd.read_csv(tree / "regime_scores.csv").set_index("rows")
    scores = json.loads((data / "08_reporting" / "1m" / "xgboost" / "scores.json").read_text())
    assert by_regime.loc["all rows", "mae"] == pytest.approx(scores["pooled.uniform.mae"])
    coverage = pd.read_csv(tree / "coverage.csv")
    assert coverage["coverage_80"][0] == pytest.approx(scores["pooled.uniform.coverage_80"])


def test_the_champion_is_mixed_from_what_is_scored(data: Path) -> None:
    root = data.parent
    mixed = predictions(data, "champion")
    experts = pd.read_parquet(data / "07_model_output" / "1m" / "champion" / "experts.parquet")
    weights = experts[[f"weight.{name}" for name in EXPERTS]].to_numpy()
    assert weights.sum(axis=1) == pytest.approx(1)
    # Before a label has ended the weights are the priors.
    assert weights[:22] == pytest.approx(
        np.tile([0.640101, 0.309899, *[0.05 / 3] * 3], (22, 1)), abs=1e-6
    )
    columns = ["q10", "q50", "q90"]
    cone = predictions(data, "vol_cone").set_index("data_date")[columns]
    parts = [
        predictions(data, name)
        .set_index("data_date")[columns]
        .reindex(mixed["data_date"])
        .fillna(cone)
        .to_numpy()
        for name in EXPERTS
    ]
    expected = sum(weights[:, [k]] * part for k, part in enumerate(parts))
    np.testing.assert_allclose(mixed[columns], expected, rtol=1e-9, atol=1e-12)
    runs = children(root).reset_index().set_index("name")
    run_id = runs.loc["zl 021 1m champion", "run_uuid"]
    with sqlite3.connect(root / "mlflow.db") as db:
        found = pd.read_sql(
            "select key, value from metrics where run_uuid = ?", db, params=(run_id,)
        ).set_index("key")["value"]
    for name, last in zip(EXPERTS, weights[-1], strict=True):
        assert found[f"champion/weight/{name}"] == pytest.approx(last)
    scores = json.loads((data / "08_reporting" / "1m" / "champion" / "scores.json").read_text())
    assert found["champion/engines_add"] == scores["champion.engines_add"]
    for name in (*EVERY_RUN, "expert_weights.parquet", "expert_weights.png"):
        assert (root / "mlruns" / run_id / "artifacts" / name).is_file(), name


def test_split_plan_is_there_as_a_preview(data: Path) -> None:
    figure = json.loads((data / "08_reporting" / "1m" / "split_plan.json").read_text())
    assert {trace["name"] for trace in figure["data"]} == {"training", "early stopping", "scored"}


@pytest.mark.slow
def test_a_second_run_changes_nothing(first, data: Path, shared_project) -> None:  # type: ignore[no-untyped-def]
    before = {model: predictions(data, model) for model in MODELS}
    snapshots = sorted(p.name for p in (data / "05_model_input" / "snapshots").iterdir())
    again = shared_project.run("--tags=1m", start=("-c", WATCHED))
    assert again.returncode == 0, again.stdout + again.stderr
    assert "LOADED:" in again.stdout.splitlines(), "the process of the run loads no engine"
    text = re.sub(r"\s+", " ", again.stdout)
    for table in ("features.daily_ml_matrix", "market_data.soyoil_futures_sessions"):
        assert f"{table}: 0 inserted, 0 updated, 0 deleted" in text
    for model in MODELS:
        pd.testing.assert_frame_equal(predictions(data, model), before[model], check_exact=True)
    assert sorted(p.name for p in (data / "05_model_input" / "snapshots").iterdir()) == snapshots


def test_fitting_reads_the_snapshot_only(first, data: Path, shared_project) -> None:  # type: ignore[no-untyped-def]
    before = predictions(data, "lightgbm")
    shutil.rmtree(data / "warehouse")
    shutil.rmtree(data / "07_model_output")
    done = shared_project.run("--pipeline=fit", "--namespaces=1m.lightgbm")
    assert done.returncode == 0, done.stdout + done.stderr
    pd.testing.assert_frame_equal(predictions(data, "lightgbm"), before, check_exact=True)
    assert not (data / "warehouse").exists()


LOAD = """
import mlflow, sys
from pathlib import Path
from soyoil.splits.snapshot import read_snapshot
matrix = read_snapshot(Path("data/05_model_input/snapshots")).matrix
model = mlflow.pyfunc.load_model("models:/soyoil-zl-1m@champion")
print("COLUMNS", *model.predict(matrix.tail(2)).columns)
print("FALLBACK", repr(model.predict(matrix.tail(1))["fallback"].iloc[0]))
"""


@pytest.mark.slow
def test_the_champion_is_registered_and_forecasts_in_a_process_of_its_own(
    data: Path, shared_project: Any
) -> None:
    done = shared_project.execute(["-c", LOAD])
    assert done.returncode == 0, done.stderr
    assert "COLUMNS data_date q10 q50 q90 fallback" in done.stdout
    assert "FALLBACK ''" in done.stdout
    client = MlflowClient(f"sqlite:///{data.parent / 'mlflow.db'}")
    versions = client.search_model_versions("name = 'soyoil-zl-1m'")
    assert {version.tags["model"] for version in versions} == {"champion", *ENGINES}
    for version in versions:
        assert {"gate", "gate.rows", "gate.leak", "gate.coverage"} <= set(version.tags)
    by_model = {version.tags["model"]: version.tags for version in versions}
    assert by_model["champion"]["gate"] == "passed"
    # A few folds in profile quick are fewer rows than the references have.
    assert by_model["tft"]["gate.rows"].startswith("failed: scored on ")
