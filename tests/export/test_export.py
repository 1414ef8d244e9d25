"""An export: what trains elsewhere has the same rows, one label per file, and says what it is."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import io
import json
from pathlib import Path
from types import ModuleType

import fsspec
import pandas as pd
import pytest

from soyoil.base.errors import ConfigError
from soyoil.base.handover import HandoverError
from soyoil.contracts.contract import target_horizon
from soyoil.export.config import ExportConfig
from soyoil.export.files import Export, ExportError, write_export
from soyoil.params import WeightsConfig
from soyoil.pipelines.export.nodes import make_export
from soyoil.pipelines.split.nodes import label_node, plan_node, weights_node
from soyoil.splits.snapshot import Snapshot
from soyoil.targets.horizons import HORIZONS

SHORT = ("1w", "1m")
Frames = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def market() -> ModuleType:
    path = Path(__file__).parents[1] / "sweep" / "market.py"
    spec = importlib.util.spec_from_file_location("export_market", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def made(market: ModuleType) -> tuple[Snapshot, Frames]:
    snapshot, frames = market.make_snapshot(), {}
    for name in SHORT:
        horizon = HORIZONS[name]
        labels, _ = label_node(horizon)(snapshot)
        plan = plan_node(horizon)(snapshot, labels, market.SPLIT, "quick")
        weights, _ = weights_node(horizon)(snapshot, plan, WeightsConfig())
        frames |= {
            f"{name}.labels": labels,
            f"{name}.split_plan": plan,
            f"{name}.sample_weights": weights,
        }
    return snapshot, frames


def export(made: tuple[Snapshot, Frames], **config: str) -> Export:
    given = {"horizon": "1m+1w", **config}
    return make_export(made[0], ExportConfig(**given), **made[1])  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_rows_and_the_one_label_come_back(made: tuple[Snapshot, Frames], kind: str) -> None:
    files = export(made, format=kind).files
    csv = functools.partial(pd.read_csv, float_precision="round_trip")
    read = pd.read_parquet if kind == "parquet" else csv
    for name in SHORT:
        found = read(io.BytesIO(files[f"training_{name}.{kind}"]))
        labels = made[1][f"{name}.labels"]
        own = HORIZONS[name].target
        targets = [column for column in found.columns if target_horizon(column)]
        assert targets == [own]
        assert found[own].tolist()[:300] == labels[own].tolist()[:300]
        feature = "market_data.return_5d"
        assert found[feature].tolist() == made[0].matrix[feature].tolist()
        plan = read(io.BytesIO(files[f"split_plan_{name}.{kind}"]))
        assert len(plan) == len(made[1][f"{name}.split_plan"])
    assert found["data_date"].astype("str").str[:10].tolist()[0] == "2016-01-04"


def test_the_manifest_says_what_each_file_is(made: tuple[Snapshot, Frames]) -> None:
    files = export(made).files
    assert list(files)[-1] == "manifest.json"
    manifest = json.loads(files["manifest.json"])
    assert set(manifest["files"]) == set(files) - {"manifest.json"}
    for name, said in manifest["files"].items():
        assert said["sha256"] == hashlib.sha256(files[name]).hexdigest()
        assert said["rows"] == len(pd.read_parquet(io.BytesIO(files[name])))
    assert manifest["snapshot"] == made[0].content_hash
    assert list(manifest["horizons"]) == ["1w", "1m"]
    assert manifest["horizons"]["1m"] == {"sessions": 21, "target": "target_1m_log_return"}
    training = pd.read_parquet(io.BytesIO(files["training_1m.parquet"]))
    assert set(manifest["features"]) <= set(training.columns)
    assert export(made).files == files, "the same data gives the same bytes"


def test_one_horizon_is_three_files_the_regimes_and_the_manifest(
    made: tuple[Snapshot, Frames],
) -> None:
    assert list(export(made, horizon="1w").files) == [
        "regimes.parquet", "training_1w.parquet", "split_plan_1w.parquet",
        "sample_weights_1w.parquet", "manifest.json",
    ]  # fmt: skip


def test_frames_of_another_snapshot_are_refused(
    made: tuple[Snapshot, Frames], market: ModuleType
) -> None:
    other = market.make_snapshot(seed=9)
    with pytest.raises(HandoverError, match=r"1w\.labels cannot be used"):
        export((other, made[1]))


def test_an_object_store_gets_the_files_and_the_manifest_last(
    made: tuple[Snapshot, Frames],
) -> None:
    store = fsspec.filesystem("memory")
    given = export(made, path="memory://bucket/zl")
    write_export(given, "unused")
    assert {Path(p).name for p in store.ls("/bucket/zl", detail=False)} == set(given.files)
    with store.open("/bucket/zl/training_1w.parquet") as file:
        assert file.read() == given.files["training_1w.parquet"]


def test_what_is_not_complete_has_no_manifest(
    made: tuple[Snapshot, Frames], tmp_path: Path
) -> None:
    given = export(made, path="here")
    write_export(given, str(tmp_path))
    folder = tmp_path / "here"
    assert {path.name for path in folder.iterdir()} == set(given.files)
    (folder / "split_plan_1m.parquet").unlink()
    (folder / "split_plan_1m.parquet").mkdir()
    with pytest.raises(ExportError, match=r"could not be written to here: .*manifest\.json"):
        write_export(given, str(tmp_path))
    assert not (folder / "manifest.json").exists()


def test_a_store_that_nothing_here_knows_is_named(made: tuple[Snapshot, Frames]) -> None:
    with pytest.raises(ConfigError, match="nothing here writes to nowhere://"):
        write_export(export(made, path="nowhere://x/y"), "unused")
