"""Tables that soyoil did not write, on every backend."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import pytest
from backends import Backend, BigQuery
from google.cloud.bigquery import SchemaField, Table, TimePartitioning

from soyoil.base.errors import ConfigError, ContractError, SourceError, WarehouseError
from soyoil.contracts.contract import load_contract
from soyoil.contracts.validation import validate
from soyoil.sources.base import SourceConfig
from soyoil.sources.table.load import read_table
from soyoil.sources.vendor_store import NoStore
from soyoil.warehouse.bigquery.client import BigQueryClient
from soyoil.warehouse.bigquery.foreign import BigQueryForeignTables
from soyoil.warehouse.connection import BigQueryConnection, DuckDBConnection
from soyoil.warehouse.duckdb.foreign import DuckDBForeignTables
from soyoil.warehouse.foreign import Beginnings
from soyoil.warehouse.guard import forbid_warehouse
from soyoil.warehouse.open import open_foreign

pytestmark = pytest.mark.ci_on_bigquery

COLUMNS = (
    "date DATE, root STRING, symbol STRING, open FLOAT64, high FLOAT64, low FLOAT64, "
    "close NUMERIC, volume INT64, is_spread BOOL, legs ARRAY<STRING>, seen TIMESTAMP"
)
DUCKDB = (
    "date DATE, root VARCHAR, symbol VARCHAR, open DOUBLE, high DOUBLE, low DOUBLE, "
    "close DECIMAL(38, 9), volume BIGINT, is_spread BOOLEAN, legs VARCHAR[], seen TIMESTAMPTZ"
)
ROWS = ", ".join(
    f"(DATE '2024-01-{day:02d}', '{root}', '{root}', 50.0, 51.5, 49.0, 50.{day:02d}, {day * 100}, "
    f"{spread})"
    for day in range(2, 13)
    for root, spread in (("ZL", "FALSE"), ("ZLX", "FALSE"), ("MES", "NULL"))
    if dt.date(2024, 1, day).weekday() < 5
)
INSERT = (
    "INSERT INTO {features}.user_bars (date, root, symbol, open, high, low, close, volume, "
    f"is_spread) VALUES {ROWS}"
)


def dataset(backend: Backend) -> str:
    return backend.config.dataset("features") if isinstance(backend, BigQuery) else "features"


@pytest.fixture
def user(backend: Backend) -> str:
    """Name of a table of the user with a view over it."""
    backend.run("CREATE SCHEMA features", "CREATE SCHEMA IF NOT EXISTS `{features}`")
    backend.run(
        f"CREATE TABLE {{features}}.user_bars ({DUCKDB})",
        f"CREATE TABLE `{{features}}.user_bars` ({COLUMNS}) PARTITION BY date "
        "CLUSTER BY root, symbol, is_spread OPTIONS (require_partition_filter = TRUE)",
    )
    quoted = INSERT.replace("{features}.user_bars", "`{features}.user_bars`")
    backend.run(INSERT, quoted)
    backend.run(
        "CREATE VIEW {features}.user_view AS SELECT date, root, close FROM {features}.user_bars",
        "CREATE VIEW `{features}.user_view` AS SELECT date, root, close FROM "
        "`{features}.user_bars` WHERE date >= '1900-01-01'",
    )
    return f"{dataset(backend)}.user_bars"


def test_a_table_is_found_and_read_by_column_and_row(backend: Backend, user: str) -> None:
    tables = open_foreign(backend.config)
    table = tables.find(user)
    assert table is not None
    kinds = {column.name: column.kind for column in table.columns}
    assert kinds == {
        "date": "date", "root": "text", "symbol": "text", "open": "number", "high": "number",
        "low": "number", "close": "number", "volume": "number", "is_spread": "flag",
        "legs": "other", "seen": "time",
    }  # fmt: skip
    found = tables.read(table, ["volume", "root"], Beginnings("root", ("ZL", "ES")))
    assert found.column_names == ["volume", "root"]
    assert sorted(set(found["root"].to_pylist())) == ["ZL", "ZLX"]
    assert tables.read(table, ["date"]).num_rows == 27
    view = tables.find(user.replace("user_bars", "user_view"))
    assert view is not None
    assert tables.read(view, ["close"], Beginnings("root", ("MES",))).num_rows == 9
    assert tables.find(user + "_not_there") is None
    assert user in tables.names()


def test_bars_are_read_and_the_table_stays_as_it_was(backend: Backend, user: str) -> None:
    tables = open_foreign(backend.config)
    before = tables.find(user)
    config = SourceConfig(kind="warehouse", table=user)
    batch = read_table(config, lambda path: open_foreign(backend.config, path), NoStore())
    assert batch.bars["close"].tolist() == [
        50 + day / 100 for day in (2, 3, 4, 5, 8, 9, 10, 11, 12)
    ]
    assert set(batch.bars["symbol"]) == {"ZL"}
    assert tables.find(user) == before
    with pytest.raises(SourceError, match="is not in .* There are "):
        read_table(
            config.model_copy(update={"table": "nowhere.bars"}),
            lambda path: open_foreign(backend.config),
            NoStore(),
        )


def test_a_table_of_the_user_under_our_own_name_is_refused_and_kept(
    backend: Backend, user: str, make_matrix: Any
) -> None:
    """Whatever its name, what bears no mark of soyoil is not written to."""
    contract = load_contract("features.daily_ml_matrix")
    backend.run(
        "CREATE TABLE {features}.daily_ml_matrix AS SELECT * FROM {features}.user_bars",
        "CREATE TABLE `{features}.daily_ml_matrix` AS SELECT * FROM `{features}.user_bars` "
        "WHERE date >= '1900-01-01'",
    )
    tables = open_foreign(backend.config)
    name = f"{dataset(backend)}.daily_ml_matrix"
    before = tables.find(name)
    with pytest.raises(ContractError, match="written under no soyoil contract"):
        backend.warehouse.write(contract, validate(make_matrix(3), contract))
    assert tables.find(name) == before
    assert before is not None
    assert tables.read(before, ["date"]).num_rows == 27


def test_names_that_cannot_be_and_stages_that_may_not(backend: Backend) -> None:
    tables = open_foreign(backend.config)
    with pytest.raises(WarehouseError, match=r"write\s+dataset\.table"):
        tables.find("bars")
    with forbid_warehouse("a test"), pytest.raises(WarehouseError, match="may not be used"):
        tables.find("a.bars")


BARS = "test-project.market_data.bars"


@pytest.fixture(params=["table", "view"])
def estimated(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The statement whose cost is asked before a table or a view is read."""
    table = Table(BARS, schema=[SchemaField("symbol", "STRING"), SchemaField("data_date", "DATE")])
    if request.param == "table":
        table.time_partitioning = TimePartitioning(field="data_date")
        table.require_partition_filter = True
    tables = BigQueryForeignTables(BigQueryConnection(project="test-project"))
    asked: list[str] = []

    def dry_run(client: BigQueryClient, sql: str, doing: str) -> int:
        asked.append(sql)
        return 2**60

    monkeypatch.setattr(BigQueryClient, "get_table", lambda client, table_id: table)
    monkeypatch.setattr(BigQueryClient, "dry_run", dry_run)
    found = tables.find(BARS)
    assert found is not None
    with pytest.raises(WarehouseError, match="maximum_bytes_billed"):
        tables.read(found, ["data_date"], Beginnings("symbol", ("ZL", "6L")))
    (statement,) = asked
    return statement


def test_only_the_wanted_contracts_are_asked_for(
    estimated: str, request: pytest.FixtureRequest
) -> None:
    condition = "`symbol` LIKE 'ZL%' OR `symbol` LIKE '6L%'"
    if request.node.callspec.params["estimated"] == "table":
        condition = f"({condition}) AND (`data_date` >= '1900-01-01')"
    assert estimated == f"SELECT `data_date` FROM `{BARS}` WHERE {condition}"


def test_statements_are_legal_googlesql(estimated: str, google_sql: type[Any]) -> None:
    google_sql({BARS: load_contract("features.daily_ml_matrix")}).analyze(estimated)


def test_a_read_beyond_the_limit_is_refused(make_bigquery: Any) -> None:
    backend = BigQuery(make_bigquery())
    backend.run("", "CREATE SCHEMA IF NOT EXISTS `{features}`")
    backend.run("", f"CREATE TABLE `{{features}}.user_bars` ({COLUMNS})")
    backend.run("", INSERT.replace("{features}.user_bars", "`{features}.user_bars`"))
    poor = backend.config.model_copy(update={"maximum_bytes_billed": 1})
    tables = open_foreign(poor)
    table = tables.find(f"{dataset(backend)}.user_bars")
    assert table is not None
    with pytest.raises(WarehouseError, match="maximum_bytes_billed"):
        tables.read(table, ["close"])


def test_another_file_may_hold_the_table(tmp_path: Path) -> None:
    own = DuckDBConnection(path=tmp_path / "own.duckdb")
    tables = open_foreign(own, str(tmp_path / "theirs.duckdb"))
    assert isinstance(tables, DuckDBForeignTables)
    with pytest.raises(WarehouseError, match=r"no DuckDB file .*theirs\.duckdb"):
        tables.names()
    config = SourceConfig(kind="warehouse", path=str(tmp_path / "theirs.duckdb"))
    with pytest.raises(SourceError, match=r"theirs\.duckdb, in which source\.table="):
        read_table(config, lambda path: open_foreign(own, path), NoStore())
    with pytest.raises(ConfigError, match=r"source\.path=bars\.duckdb names a file"):
        open_foreign(BigQueryConnection(project="some-project"), "bars.duckdb")


def test_the_case_of_names_is_not_told_apart_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "theirs.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute('CREATE SCHEMA "Market"').fetchall()
        connection.execute('CREATE TABLE "Market"."Bars" ("Date" DATE)').fetchall()
        connection.execute('CREATE VIEW "Market".broken AS SELECT "Date" FROM "Market"."Bars"')
        connection.execute('ALTER TABLE "Market"."Bars" RENAME "Date" TO day')
    tables = open_foreign(DuckDBConnection(path=path))
    table = tables.find("market.bars")
    assert table is not None
    assert (table.name, table.columns[0].name) == ("Market.Bars", "day")
    assert tables.names() == ["Market.Bars", "Market.broken"]
    assert tables.read(table, ["day"]).num_rows == 0
    with pytest.raises(WarehouseError):
        tables.find("market.broken")
