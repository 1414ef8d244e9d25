"""A small warehouse built by the project's own nodes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from soyoil.audit.rows.table_data import TableData
from soyoil.sources.base import SourceConfig
from soyoil.warehouse.live import LiveColumn, LiveTable

# The helpers of this folder are importable by the tests in it.
sys.path.insert(0, str(Path(__file__).parent))

_TYPES = {"str": "STRING", "boolean": "BOOL", "float64": "FLOAT64", "datetime64[us]": "DATE"}


@pytest.fixture(scope="session")
def clean_frames(
    project_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, pd.DataFrame]]:
    """File and frames of a warehouse without a defect: three roots, four years."""
    from clean_warehouse import build_warehouse

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
    sessions = clean_frames[1]["market_data.soyoil_futures_sessions"]
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
