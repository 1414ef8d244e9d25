"""The Kedro dataset over warehouse tables."""

from __future__ import annotations

import logging
import pickle
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.io import DataCatalog, DatasetError
from pandas.testing import assert_frame_equal

from soyoil.base.errors import ConfigError, ContractError, WarehouseError, soyoil_cause
from soyoil.datasets.warehouse import WarehouseTableDataset
from soyoil.hooks.config_loader import CheckedConfigLoader
from soyoil.settings import CONFIG_LOADER_ARGS
from soyoil.warehouse.guard import forbid_warehouse
from soyoil.warehouse.origins import OTHERS

TABLE = "training.regime_weights"


@pytest.fixture
def regimes() -> pd.DataFrame:
    """Two regimes, the last one open."""
    frame = pd.DataFrame(
        {
            "regime_name": ["one", "two"],
            "start_date": pd.to_datetime(["2000-01-01", "2018-03-01"]),
            "end_date": pd.to_datetime(["2018-03-01", None]),
            "weight": [100.0, 300.0],
            "known_at": pd.to_datetime(["2000-01-01", "2018-05-29"]),
            "description": ["first", "second"],
        }
    )
    times = ["start_date", "end_date", "known_at"]
    return frame.astype(dict.fromkeys(times, "datetime64[us]"))


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    """Catalog entry of the regime table."""
    return {
        "type": "soyoil.datasets.warehouse.WarehouseTableDataset",
        "table": TABLE,
        "connection": {"backend": "duckdb", "path": str(tmp_path / "deep" / "w.duckdb")},
        "metadata": {"kedro-viz": {"layer": "warehouse"}},
    }


@pytest.fixture
def dataset(config: dict[str, Any]) -> WarehouseTableDataset:
    """Dataset of the regime table."""
    return WarehouseTableDataset(table=config["table"], connection=config["connection"])


def test_save_load_and_log(
    dataset: WarehouseTableDataset, regimes: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    assert not dataset.exists()
    with caplog.at_level(logging.INFO, logger="soyoil.datasets.warehouse"):
        dataset.save(regimes[regimes.columns[::-1]])
        dataset.save(regimes)
        dataset.save(regimes.iloc[1:].assign(weight=7.0))
    assert [record.getMessage() for record in caplog.records] == [
        f"{TABLE}: 2 inserted, 0 updated, 0 deleted, 0 unchanged",
        f"{TABLE}: 0 inserted, 0 updated, 0 deleted, 2 unchanged",
        f"{TABLE}: 0 inserted, 1 updated, 1 deleted, 0 unchanged",
    ]
    assert dataset.exists()
    expected = regimes.iloc[1:].assign(weight=7.0).reset_index(drop=True)
    assert_frame_equal(dataset.load(), expected)


def test_catalog_pattern(config: dict[str, Any], regimes: pd.DataFrame) -> None:
    pattern = {**config, "table": "training.{table}"}
    catalog = DataCatalog.from_config({"training.{table}": pattern})
    catalog.save(TABLE, regimes)
    assert_frame_equal(catalog.load(TABLE), regimes)
    with pytest.raises(DatasetError, match=r"did you mean training\.regime_weights") as caught:
        catalog.get("training.regime_weight")
    assert isinstance(soyoil_cause(caught.value), ContractError)


def test_description_and_pickle(dataset: WarehouseTableDataset, regimes: pd.DataFrame) -> None:
    copy = pickle.loads(pickle.dumps(dataset))
    copy.save(regimes)
    assert_frame_equal(dataset.load(), regimes)
    assert TABLE in str(dataset)
    assert "w.duckdb" in str(dataset)


def test_contract_error_survives_kedro(
    dataset: WarehouseTableDataset, regimes: pd.DataFrame
) -> None:
    with pytest.raises(DatasetError, match=r"column weight: not above 0; 2 rows") as caught:
        dataset.save(regimes.assign(weight=0.0))
    cause = soyoil_cause(caught.value)
    assert isinstance(cause, ContractError)
    assert str(cause).startswith(f"rows for {TABLE}")
    assert str(caught.value).endswith(str(cause))
    assert not dataset.exists()


def test_load_of_what_is_not_there(dataset: WarehouseTableDataset) -> None:
    with pytest.raises(DatasetError, match="run the pipeline that writes it") as caught:
        dataset.load()
    assert isinstance(soyoil_cause(caught.value), WarehouseError)


def test_forbidden(dataset: WarehouseTableDataset, regimes: pd.DataFrame) -> None:
    with forbid_warehouse("fit reads the snapshot"):
        for use in (dataset.load, lambda: dataset.save(regimes), dataset.exists):
            with pytest.raises(DatasetError, match="fit reads the snapshot") as caught:
                use()
            assert isinstance(soyoil_cause(caught.value), WarehouseError)


@pytest.mark.parametrize(
    ("connection", "message"),
    [
        ({"path": "w.duckdb", "paht": "x"}, r"unknown key 'paht'. Did you mean 'path'\?"),
        ({"path": "w.duckdb", "backend": "sqlite"}, "backend: must be 'duckdb', 'bigquery'"),
        ({}, "path is missing"),
        ({"path": "w.duckdb", "busy_timeout_s": -1}, "busy_timeout_s"),
    ],
)
def test_refused_connections(connection: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        WarehouseTableDataset(table=TABLE, connection=connection)
    assert TABLE in str(caught.value)


def test_other_errors_have_no_soyoil_cause() -> None:
    assert soyoil_cause(DatasetError("x")) is None
    outer = DatasetError("outer")
    outer.__cause__ = ContractError("inner")
    assert str(soyoil_cause(outer)) == "inner"


def test_a_load_reads_the_rows_that_are_wanted(
    config: dict[str, Any], regimes: pd.DataFrame
) -> None:
    """A save is not concerned; without a row the load tells which values there are."""
    options = {key: config[key] for key in ("table", "connection")}
    chosen = WarehouseTableDataset(**options, load_where={"regime_name": ["two"]})
    chosen.save(regimes)
    assert chosen.load()["regime_name"].tolist() == ["two"]
    assert WarehouseTableDataset(**options).load()["regime_name"].tolist() == ["one", "two"]
    none = WarehouseTableDataset(**options, load_where={"regime_name": ["three"]}).load()
    assert none.empty
    assert none.attrs[OTHERS] == {"regime_name": ["one", "two"]}


def test_a_missing_table_says_what_to_run_first(config: dict[str, Any]) -> None:
    options = {key: config[key] for key in ("table", "connection")}
    dataset = WarehouseTableDataset(**options, written_by=["ingest", "regimes"])
    with pytest.raises(DatasetError) as error:
        dataset.load()
    said = "Run first: kedro run --pipeline=ingest, kedro run --pipeline=regimes (or all of it"
    assert said in str(soyoil_cause(error.value))


@pytest.mark.parametrize(
    ("local", "params", "wanted"),
    [("", {}, "ZL"), ("CL", {}, "CL"), ("CL", {"target": {"symbol": "ZM"}}, "ZM")],
)
def test_the_matrix_is_read_for_the_target_of_the_run(
    project_root: Path, tmp_path: Path, local: str, params: dict[str, Any], wanted: str
) -> None:
    """Whether conf/base, conf/local or --params name it."""
    conf = tmp_path / "conf"
    shutil.copytree(project_root / "conf", conf, ignore=shutil.ignore_patterns("local"))
    (conf / "local").mkdir()
    if local:
        (conf / "local" / "parameters.yml").write_text(f"target:\n  symbol: {local}\n")
    arguments: dict[str, Any] = {**CONFIG_LOADER_ARGS, "runtime_params": params}
    loader = CheckedConfigLoader(str(conf), **arguments)
    assert loader["catalog"]["daily_ml_matrix"]["load_where"] == {"symbol": [wanted]}
