"""Small contracts and frames for the warehouse tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from backends import Backend, BigQuery, DuckDB

from soyoil.contracts.contract import Column, TableContract, load_contract
from soyoil.warehouse.connection import DuckDBConnection
from soyoil.warehouse.duckdb.backend import DuckDBWarehouse

Key = tuple[str, int]
Values = tuple[float | None, int | None]


@pytest.fixture(scope="session")
def google_sql() -> type[Any]:
    """Google's own analyzer. Compiling it costs 25 seconds of CPU or more: for `make test-ci`."""
    from googlesql import GoogleSql

    return GoogleSql


def _contract(**changes: Any) -> TableContract:
    """Contract with every column type, a STRUCT and nullable fields."""
    raw: dict[str, Any] = {
        "name": "features.small",
        "description": "A table for tests.",
        "version": 1,
        "write_mode": "upsert",
        "key": ["symbol", "data_date"],
        "columns": [
            {"name": "symbol", "type": "STRING", "nullable": False, "description": "root"},
            {"name": "data_date", "type": "DATE", "nullable": False, "description": "session"},
            {"name": "provenance", "type": "STRING", "nullable": False, "description": "origin"},
            {"name": "seen", "type": "TIMESTAMP", "description": "time"},
            {
                "name": "m",
                "type": "STRUCT",
                "description": "values",
                "fields": [
                    {
                        "name": "x",
                        "type": "FLOAT64",
                        "minimum": -1000,
                        "maximum": 1000,
                        "description": "number",
                    },
                    {"name": "n", "type": "INT64", "description": "count"},
                    {"name": "P", "type": "BOOL", "description": "flag"},
                    {
                        "name": "tag",
                        "type": "STRING",
                        "allowed": ["a", "b"],
                        "description": "label",
                    },
                ],
            },
        ],
    }
    raw.update(changes)
    return TableContract.model_validate(raw)


def _frame(rows: dict[Key, Values]) -> pd.DataFrame:
    """Flat frame from ``{(symbol, day): (m.x, m.n)}``."""
    keys = list(rows)
    return pd.DataFrame(
        {
            "symbol": pd.Series([k[0] for k in keys], dtype="str"),
            "data_date": pd.to_datetime([f"2020-01-{k[1]:02d}" for k in keys]).as_unit("us"),
            "provenance": pd.Series(["observed"] * len(keys), dtype="str"),
            "seen": pd.Series(pd.NaT, index=range(len(keys)), dtype="datetime64[us, UTC]"),
            "m.x": pd.Series([rows[k][0] for k in keys], dtype="float64"),
            "m.n": pd.Series([rows[k][1] for k in keys], dtype="Int64"),
            "m.P": pd.Series([None] * len(keys), dtype="boolean"),
            "m.tag": pd.Series([None] * len(keys), dtype="str"),
        }
    )


def _values(column: Column, n: int) -> Any:
    """Values that satisfy a column, whatever range the contract gives it."""
    if column.type == "STRING":
        return [(column.allowed or ("some text",))[0]] * n
    if column.type == "BOOL":
        flags = [None, True] if column.nullable else [False, True]
        return pd.array(np.resize(np.array(flags, dtype=object), n), dtype="boolean")
    if column.type in ("DATE", "TIMESTAMP"):
        days = pd.date_range("2020-01-02 19:20", periods=n, tz="UTC", unit="us")
        return days if column.type == "TIMESTAMP" else days.tz_localize(None).normalize()
    low = -5.0 if column.minimum is None else column.minimum
    low = low if column.exclusive_minimum is None else column.exclusive_minimum + 0.01
    high = min(low + 9, low + 9 if column.maximum is None else column.maximum)
    numbers = np.linspace(low, high, n)
    return np.ceil(numbers).astype("int64") if column.type == "INT64" else numbers


def _matrix(n: int = 5, symbols: tuple[str, ...] = ("ZL", "CL")) -> pd.DataFrame:
    """Rows that satisfy the contract of the daily matrix."""
    contract = load_contract("features.daily_ml_matrix")
    rows = n * len(symbols)
    columns = {name: _values(column, rows) for name, column in contract.flat_columns().items()}
    columns["symbol"] = np.repeat(symbols, n)
    columns["data_date"] = list(pd.bdate_range("2020-01-02", periods=n, unit="us")) * len(symbols)
    return pd.DataFrame(columns)


@pytest.fixture(scope="session")
def make_contract() -> Callable[..., TableContract]:
    """Factory of small contracts; keywords replace parts of the YAML."""
    return _contract


@pytest.fixture(scope="session")
def make_frame() -> Callable[[dict[Key, Values]], pd.DataFrame]:
    """Factory of small flat frames from ``{(symbol, day): (m.x, m.n)}``."""
    return _frame


@pytest.fixture(scope="session")
def make_matrix() -> Callable[..., pd.DataFrame]:
    """Factory of rows for the daily matrix."""
    return _matrix


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Warehouse file in a folder that does not exist yet."""
    return tmp_path / "deep" / "warehouse.duckdb"


@pytest.fixture
def warehouse(path: Path) -> DuckDBWarehouse:
    """Empty warehouse that does not wait."""
    return DuckDBWarehouse(DuckDBConnection(path=path, busy_timeout_s=0))


@pytest.fixture(params=["duckdb", "bigquery"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    """Empty warehouse of each kind."""
    if request.param == "bigquery":
        return BigQuery(request.getfixturevalue("bigquery_connection"))
    return DuckDB(DuckDBConnection(path=tmp_path / "warehouse.duckdb", busy_timeout_s=30))
