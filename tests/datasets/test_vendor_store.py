"""Sessions that an earlier version kept under another name."""

from __future__ import annotations

import datetime as dt
import logging
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from soyoil.audit.audit import audit_warehouse
from soyoil.audit.config import AuditConfig
from soyoil.contracts.contract import load_contract, load_contracts
from soyoil.contracts.validation import validate
from soyoil.datasets.vendor_store import WarehouseVendorStore
from soyoil.pipelines.ingest.nodes import make_sessions, read_source
from soyoil.sources.base import SourceConfig
from soyoil.sources.synthetic.config import SyntheticConfig
from soyoil.sources.vendor_store import OLD_SESSIONS, SESSIONS, NoStore
from soyoil.warehouse.connection import DuckDBConnection
from soyoil.warehouse.open import connect, open_inspector


@pytest.fixture(scope="module")
def sessions() -> pd.DataFrame:
    """Two years of a synthetic market."""
    synthetic = SyntheticConfig(
        start=dt.date(2023, 1, 2), end=dt.date(2024, 12, 31), hourly_from=dt.date(2025, 1, 1)
    )
    return make_sessions(read_source(SourceConfig(synthetic=synthetic), NoStore()))[1]


def test_sessions_of_an_earlier_version_count_until_they_are_written_anew(
    sessions: pd.DataFrame, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = DuckDBConnection(path=tmp_path / "warehouse.duckdb")
    warehouse, contract = connect(config), load_contract(SESSIONS)
    old = contract.model_copy(
        update={
            "name": OLD_SESSIONS,
            "columns": tuple(c for c in contract.columns if c.name != "rolls"),
        }
    )
    warehouse.write(old, validate(sessions.drop(columns="rolls"), old))
    store = WarehouseVendorStore(warehouse)
    with caplog.at_level(logging.INFO, "soyoil"):
        found = store.sessions()
    assert len(found) == len(sessions)
    assert set(found["provenance"]) == {"synthetic"}
    assert f"{OLD_SESSIONS} of an earlier version is read no more" in caplog.text
    warehouse.write(contract, validate(sessions.iloc[:100], contract))
    assert len(store.sessions()) == 100
    now = dt.datetime(2025, 1, 2, tzinfo=dt.UTC)
    report = audit_warehouse(open_inspector(config), load_contracts(), AuditConfig(), now)
    about = {f.kind: f.severity for f in report.findings if OLD_SESSIONS in f.objects}
    assert about == {"left_over_table": "info"}


def test_a_table_of_the_user_of_that_name_does_not_count(tmp_path: Path) -> None:
    config = DuckDBConnection(path=tmp_path / "warehouse.duckdb")
    with duckdb.connect(config.path) as connection:
        connection.execute("CREATE SCHEMA market_data").fetchall()
        connection.execute(
            f"CREATE TABLE {OLD_SESSIONS} AS SELECT 'ZL' AS symbol, "
            "DATE '2024-01-02' AS data_date, "
            "'observed' AS provenance"
        ).fetchall()
    assert WarehouseVendorStore(connect(config)).sessions().empty
