"""A small warehouse built by the project's own nodes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml

from soyoil.checks.audit import audit_warehouse
from soyoil.checks.config import AuditConfig
from soyoil.checks.report import AuditReport
from soyoil.checks.table_data import TableData
from soyoil.params import TargetConfig
from soyoil.pipelines.features.nodes import assemble_matrix, compute_features
from soyoil.pipelines.ingest.nodes import make_sessions, read_source
from soyoil.pipelines.regimes.nodes import make_regime_table
from soyoil.sources.base import SourceConfig
from soyoil.warehouse.connection import DuckDBConnection, connect
from soyoil.warehouse.contract import load_contract, load_contracts
from soyoil.warehouse.inspection import open_inspector
from soyoil.warehouse.live import LiveColumn, LiveTable
from soyoil.warehouse.validation import validate

NOW = dt.datetime(2022, 1, 3, 12, 0, tzinfo=dt.UTC)
_TYPES = {"str": "STRING", "boolean": "BOOL", "float64": "FLOAT64", "datetime64[us]": "DATE"}


def build_warehouse(path: Path, source: SourceConfig, root: Path) -> dict[str, pd.DataFrame]:
    """Write the tables that ingest, regimes and features write."""
    sessions, _ = make_sessions(read_source(source))
    raw = yaml.safe_load((root / "conf" / "base" / "parameters_regimes.yml").read_text())
    regimes = make_regime_table(raw["regimes"])
    features = compute_features(sessions, source, TargetConfig())
    frames = {
        "market_data.databento_futures_ohlcv_1d": sessions,
        "training.regime_weights": regimes,
        "features.daily_ml_matrix": assemble_matrix(features, regimes),
    }
    warehouse = connect(DuckDBConnection(path=path))
    for name, frame in frames.items():
        contract = load_contract(name)
        warehouse.write(contract, validate(frame, contract))
    return frames


def audit_file(path: Path, now: dt.datetime = NOW, **options: object) -> AuditReport:
    """Audit of a DuckDB file with the real inspector."""
    inspector = open_inspector(DuckDBConnection(path=path))
    return audit_warehouse(inspector, load_contracts(), AuditConfig.model_validate(options), now)


@pytest.fixture(scope="session")
def clean_frames(
    project_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, pd.DataFrame]]:
    """File and frames of a warehouse without a defect: three roots, four years."""
    path = tmp_path_factory.mktemp("clean") / "synthetic.duckdb"
    source = SourceConfig.model_validate(
        {
            "symbols": ["ZL", "ZS", "CL"],
            "synthetic": {"start": "2018-01-02", "end": "2021-12-31", "hourly_from": "2021-12-01"},
        }
    )
    return path, build_warehouse(path, source, project_root)


@pytest.fixture(scope="session")
def clean_path(clean_frames: tuple[Path, dict[str, pd.DataFrame]]) -> Path:
    """File of the clean warehouse; not to be written to."""
    return clean_frames[0]


@pytest.fixture
def bars(clean_frames: tuple[Path, dict[str, pd.DataFrame]]) -> pd.DataFrame:
    """Clean daily bars of ZL and CL as a user may have them, under no contract."""
    sessions = clean_frames[1]["market_data.databento_futures_ohlcv_1d"]
    columns = ["symbol", "data_date", "open", "high", "low", "close", "volume"]
    frame = sessions.loc[sessions["symbol"].isin(["ZL", "CL"]), columns]
    frame = frame.rename(columns={"data_date": "date"}).astype({"volume": "float64"})
    return frame.sort_values(["symbol", "date"], ignore_index=True)


@pytest.fixture(scope="session")
def as_table() -> Callable[..., TableData]:
    """Rows of a table of any name, under no contract."""

    def make(frame: pd.DataFrame, name: str = "raw.prices") -> TableData:
        columns = tuple(LiveColumn(str(n), _TYPES[str(t)]) for n, t in frame.dtypes.items())
        table = LiveTable(name, "table", columns, rows=len(frame))
        return TableData.of(table, None, frame.reset_index(drop=True))

    return make


@pytest.fixture(scope="session")
def renamed() -> Callable[[TableData, str], TableData]:
    """The same rows in a table of another name."""
    return lambda data, name: TableData.of(replace(data.table, name=name), None, data.frame)
