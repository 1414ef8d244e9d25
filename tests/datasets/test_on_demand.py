"""Tables that are read when they are asked for, and folders that a node writes to."""

from pathlib import Path

import pytest
from kedro.io import DatasetError

from soyoil.datasets.on_demand import FolderDataset, TableOnDemandDataset
from soyoil.datasets.warehouse import WarehouseTableDataset
from soyoil.regimes.table import RegimeConfig, regime_frame

TABLE = "training.regime_weights"


def test_a_table_is_read_when_it_is_asked_for(tmp_path: Path) -> None:
    connection = {"backend": "duckdb", "path": str(tmp_path / "house.duckdb")}
    dataset = TableOnDemandDataset(table=TABLE, connection=connection)
    read = dataset.load()
    assert not dataset.exists()
    assert not list(tmp_path.iterdir())
    regime = RegimeConfig.model_validate(
        {"name": "calm", "start": "2000-01-01", "end": None, "weight": 1, "description": "calm"}
    )
    rows = regime_frame([regime])
    with pytest.raises(DatasetError, match="read only"):
        dataset.save(rows)
    WarehouseTableDataset(table=TABLE, connection=connection).save(rows)
    assert dataset.exists()
    assert read()["regime_name"].tolist() == ["calm"]


def test_a_folder_is_made_by_its_node(tmp_path: Path) -> None:
    dataset = FolderDataset(str(tmp_path / "kept"))
    assert dataset.load() == tmp_path / "kept"
    assert not dataset.load().exists()
    with pytest.raises(DatasetError, match="by its node only"):
        dataset.save(tmp_path)
