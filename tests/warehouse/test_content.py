"""The hash of a table's rows: another one once a value is, whatever the order."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from soyoil.contracts.contract import load_contract
from soyoil.contracts.validation import validate
from soyoil.warehouse.connection import DuckDBConnection
from soyoil.warehouse.duckdb.backend import DuckDBWarehouse
from soyoil.warehouse.duckdb.content import ABSENT
from soyoil.warehouse.open import content_of

CONTRACT = load_contract("training.regime_weights")
TABLE = "training.regime_weights"


@pytest.fixture
def filled(tmp_path: Path) -> DuckDBConnection:
    from soyoil.regimes.table import RegimeConfig, regime_frame

    connection = DuckDBConnection(path=tmp_path / "warehouse.duckdb")
    assert content_of(connection, CONTRACT) == ABSENT
    rows: pd.DataFrame = regime_frame(
        [
            RegimeConfig.model_validate(row)
            for row in (
                {"name": "a", "start": "2000-01-01", "end": "2010-01-01", "weight": 50,
                 "description": "x"},
                {"name": "b", "start": "2010-01-01", "weight": 100, "description": "y"},
            )
        ]
    )  # fmt: skip
    DuckDBWarehouse(connection).write(CONTRACT, validate(rows, CONTRACT))
    return connection


def _execute(connection: DuckDBConnection, *statements: str) -> None:
    with duckdb.connect(connection.path) as opened:
        for statement in statements:
            opened.execute(statement).fetchall()


def test_rows_decide_and_their_order_does_not(filled: DuckDBConnection) -> None:
    before = content_of(filled, CONTRACT)
    assert before != ABSENT
    assert content_of(filled, CONTRACT) == before
    _execute(
        filled,
        f"CREATE TEMP TABLE t AS SELECT * FROM {TABLE} ORDER BY weight DESC",
        f"DELETE FROM {TABLE}",
        f"INSERT INTO {TABLE} SELECT * FROM t",
    )
    assert content_of(filled, CONTRACT) == before


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE {TABLE} SET weight = weight + 1 WHERE weight = 50",
        f"UPDATE {TABLE} SET weight = 150 - weight",
        f"DELETE FROM {TABLE} WHERE weight = 50",
        f"INSERT INTO {TABLE} SELECT * FROM {TABLE}",
        "UPDATE soyoil.table_digests SET digest = 'x'",
        f"DROP TABLE {TABLE}",
    ],
)
def test_whatever_is_altered_is_seen(filled: DuckDBConnection, statement: str) -> None:
    before = content_of(filled, CONTRACT)
    _execute(filled, statement)
    assert content_of(filled, CONTRACT) != before
