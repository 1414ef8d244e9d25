"""What inspectors see, and how they run statements."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import duckdb
import pytest
from google.api_core.exceptions import Forbidden
from google.cloud import bigquery
from plan_cases import ALL, NAME, contract, live_table, view

from soyoil.audit.audit import audit_warehouse
from soyoil.audit.config import AuditConfig
from soyoil.audit.scope import look
from soyoil.audit.structure.defects import structural_defects
from soyoil.base.errors import WarehouseError
from soyoil.contracts.contract import Partition
from soyoil.migrations.plan import make_plan
from soyoil.warehouse.bigquery import live as bigquery_live
from soyoil.warehouse.bigquery.client import client_for
from soyoil.warehouse.connection import BigQueryConnection, ConnectionConfig, DuckDBConnection
from soyoil.warehouse.guard import forbid_warehouse
from soyoil.warehouse.live import COPIES, TRAITS, BackendName, LiveColumn, LiveTable, LiveWarehouse
from soyoil.warehouse.open import connect, open_inspector
from soyoil.warehouse.table_shape import contract_shape, live_shape

pytestmark = pytest.mark.ci_on_bigquery

STATEMENTS = (
    "CREATE SCHEMA features",
    "CREATE SCHEMA hollow",
    f"CREATE SCHEMA {COPIES}",
    "CREATE TABLE features.t (a INTEGER NOT NULL, s STRUCT(x DOUBLE, q STRUCT(z DATE)), "
    "r STRUCT(u VARCHAR)[], e TIMESTAMPTZ, d TIMESTAMP, g DECIMAL(10, 2))",
    "INSERT INTO features.t (a) SELECT * FROM range(10000)",
    "CREATE TABLE features.gone (a INTEGER)",
    'CREATE VIEW features."a view as such" AS WITH t AS (SELECT * FROM features.t) SELECT a FROM t',
    "CREATE VIEW features.broken AS SELECT * FROM features.gone",
    "DROP TABLE features.gone",
    f"CREATE TABLE {COPIES}.c AS SELECT 1 AS a",
)


@pytest.fixture
def config(tmp_path: Path) -> DuckDBConnection:
    return DuckDBConnection(path=tmp_path / "deep" / "warehouse.duckdb", busy_timeout_s=0)


def test_duckdb(config: DuckDBConnection) -> None:
    config.path.parent.mkdir()
    with duckdb.connect(config.path) as connection:
        for statement in STATEMENTS:
            connection.execute(statement)
    inspector = open_inspector(config)
    found = inspector.inspect()
    assert (found.backend, found.location) == ("duckdb", str(config.path))
    assert found.datasets == ("features", "hollow")
    assert list(found.tables) == ["features.a view as such", "features.broken", "features.t"]
    table = found.tables["features.t"]
    assert table.columns == (
        LiveColumn("a", "INTEGER", nullable=False),
        LiveColumn(
            "s",
            "STRUCT",
            fields=(
                LiveColumn("x", "FLOAT64"),
                LiveColumn("q", "STRUCT", fields=(LiveColumn("z", "DATE"),)),
            ),
        ),
        LiveColumn("r", "STRUCT", repeated=True, fields=(LiveColumn("u", "STRING"),)),
        LiveColumn("e", "TIMESTAMP"),
        LiveColumn("d", "DATETIME"),
        LiveColumn("g", "DECIMAL(10,2)"),
    )
    assert list(table.flat_columns()) == ["a", "s.x", "s.q.z", "r", "e", "d", "g"]
    assert (table.rows, table.contract_version) == (10_000, None)
    assert table.bytes is not None
    assert 0 < table.bytes < 2**20
    good = found.tables["features.a view as such"]
    assert good.query == "WITH t AS (SELECT * FROM features.t) SELECT a FROM t"
    assert [column.name for column in good.columns] == ["a"]
    assert found.tables["features.broken"].columns == ()
    assert inspector.read(table, ["a"]).num_rows == 10_000
    assert inspector.read(good).column_names == ["a"]
    assert inspector.qualified("features.t") == '"warehouse"."features"."t"'


def test_no_warehouse_yet(config: DuckDBConnection) -> None:
    found = open_inspector(config).inspect()
    assert (found.datasets, dict(found.tables)) == ((), {})
    assert not config.path.exists()


def test_duckdb_runs_all_statements_or_none(config: DuckDBConnection) -> None:
    inspector = open_inspector(config)
    inspector.execute(["CREATE SCHEMA features", "CREATE TABLE features.t (a INTEGER)"])
    with pytest.raises(WarehouseError, match=r"refused 'DROP TABLE features.no' in .*nothing"):
        inspector.execute(["DROP TABLE features.t", "DROP TABLE features.no"])
    assert "features.t" in inspector.inspect().tables


def test_stages_without_warehouse_have_no_inspector(config: DuckDBConnection) -> None:
    inspector = open_inspector(config)
    with forbid_warehouse("a test"):
        with pytest.raises(WarehouseError, match="may not be used"):
            open_inspector(config)
        with pytest.raises(WarehouseError, match="may not be used"):
            inspector.inspect()
        with pytest.raises(WarehouseError, match="may not be used"):
            inspector.execute(["SELECT 1"])
    assert not config.path.exists()


def test_a_written_table_has_the_shape_of_its_contract(config: DuckDBConnection) -> None:
    small = contract(1, *ALL)
    connect(config).write(small, small.arrow_schema().empty_table())
    table = open_inspector(config).inspect().tables[NAME]
    assert live_shape(table) == live_shape(live_table(small, "duckdb", rows=0))


def test_bigquery(bigquery_connection: BigQueryConnection) -> None:
    small = contract(1, *ALL)
    connect(bigquery_connection).write(small, small.arrow_schema().empty_table())
    inspector = open_inspector(bigquery_connection)
    where = inspector.qualified(NAME)
    project, prefix = bigquery_connection.project, bigquery_connection.dataset_prefix
    assert where == f"`{project}.{prefix}{NAME}`"
    inspector.execute(
        [
            f"INSERT INTO {where} (symbol, day, close) VALUES ('ZL', DATE '2020-01-02', 1.5)",
            f"CREATE VIEW {inspector.qualified('features.v')} AS SELECT close FROM {where}",
            f"CREATE TABLE {inspector.qualified('features.hourly')} (t TIMESTAMP, "
            "a ARRAY<STRUCT<b INT64>>) PARTITION BY TIMESTAMP_TRUNC(t, HOUR)",
            f"CREATE TABLE {inspector.qualified('features.soyoil_stage_x')} (t INT64)",
            f"CREATE SCHEMA {inspector.qualified(COPIES)}",
        ]
    )
    client_for(bigquery_connection).query(f"CREATE SCHEMA `{project}.x{prefix}other`", "test")
    found = inspector.inspect()
    assert found.datasets == ("features",)
    assert list(found.tables) == ["features.hourly", NAME, "features.v"]
    table = found.tables[NAME]
    assert live_shape(table).fits(contract_shape(small, "bigquery"))
    assert table.partition == Partition(column="day", granularity="MONTH")
    assert (table.cluster, table.rows, table.contract_version) == (("symbol",), 1, 1)
    assert table.contract_hash == small.content_hash
    assert table.bytes is not None
    assert table.modified is not None
    assert dt.datetime.now(dt.UTC) - table.modified < dt.timedelta(hours=1)
    hourly = found.tables["features.hourly"]
    assert (hourly.partition, hourly.other_partition) == (None, "TIMESTAMP_TRUNC(`t`, HOUR)")
    assert hourly.columns[1] == LiveColumn(
        "a", "STRUCT", repeated=True, fields=(LiveColumn("b", "INT64"),)
    )
    assert inspector.read(table, ["close", "symbol"]).to_pylist() == [
        {"close": 1.5, "symbol": "ZL"}
    ]
    assert inspector.read(found.tables["features.v"]).to_pylist() == [{"close": 1.5}]
    with pytest.raises(WarehouseError, match="cannot run 'DROP TABLE"):
        inspector.execute([f"DROP TABLE {inspector.qualified('features.no')}"])


def test_the_whole_project(make_bigquery: Callable[..., BigQueryConnection]) -> None:
    project = f"whole-{uuid.uuid4().hex[:8]}"
    ours = make_bigquery(project=project, dataset_prefix="soyoil_synthetic_")
    other_kind = make_bigquery(project=project, dataset_prefix="soyoil_databento_")
    small = contract(1, *ALL)
    for connection in (ours, other_kind):
        connect(connection).write(small, small.arrow_schema().empty_table())
    api = client_for(ours).api
    for name, location in (("raw", "us-central1"), ("features", "us-central1"), ("far", "EU")):
        dataset = bigquery.Dataset(f"{project}.{name}")
        dataset.location = location
        api.create_dataset(dataset)
    tables = ("raw.t", NAME, "far.t")
    api.query(";".join(f"CREATE TABLE {t} AS SELECT 1.5 AS symbol" for t in tables)).result()
    inspector = open_inspector(ours, whole=True)
    found = inspector.inspect()
    assert found.own_prefix == "soyoil_synthetic_"
    assert set(found.tables) == {
        "raw.t", NAME, f"soyoil_synthetic_{NAME}", f"soyoil_databento_{NAME}",
    }  # fmt: skip
    assert inspector.read(found.tables["raw.t"]).to_pylist() == [{"symbol": 1.5}]
    scope = look(inspector, {NAME: small})
    assert set(scope.live.tables) == {"raw.t", NAME, f"soyoil_synthetic_{NAME}"}
    (name,) = scope.contracts
    assert name == f"soyoil_synthetic_{NAME}"
    assert scope.contracts[name].content_hash == small.content_hash
    assert live_shape(scope.live.tables[name]).fits(
        contract_shape(scope.contracts[name], "bigquery")
    )
    assert make_plan(scope.contracts, scope.live).changes == ()
    assert set(look(inspector, {NAME: small}, ("raw*",)).live.tables) == {"raw.t", name}


def test_a_dataset_that_may_not_be_looked_at_is_named(
    make_bigquery: Callable[..., BigQueryConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = make_bigquery(project=f"shut-{uuid.uuid4().hex[:8]}", dataset_prefix="soyoil_synthetic_")
    small = contract(1, *ALL)
    connect(ours).write(small, small.arrow_schema().empty_table())
    api = client_for(ours).api
    api.create_dataset("secret")
    listing = api.list_tables
    shut = ["secret"]

    def list_tables(dataset: str, **more: Any) -> Any:
        if dataset.rpartition(".")[2] in shut:
            raise Forbidden("Access Denied: Dataset")
        return listing(dataset, **more)

    monkeypatch.setattr(api, "list_tables", list_tables)
    inspector = open_inspector(ours, whole=True)
    report = audit_warehouse(inspector, {NAME: small}, AuditConfig(), dt.datetime.now(dt.UTC))
    (finding,) = report.at_least("warning")
    assert (finding.kind, finding.objects) == ("not_checked", ("secret",))
    without = AuditConfig(datasets=("raw",))
    assert not audit_warehouse(inspector, {NAME: small}, without, dt.datetime.now(dt.UTC)).at_least(
        "warning"
    )
    shut.append("soyoil_synthetic_features")
    with pytest.raises(WarehouseError, match="list the tables"):
        inspector.inspect()


def test_what_lies_elsewhere_or_is_on_its_way_is_not_empty() -> None:
    raw = {
        "tableReference": {"projectId": "p", "datasetId": "d", "tableId": "t"},
        "schema": {"fields": [{"name": "x", "type": "FLOAT"}]},
        "numRows": "0",
    }

    def seen(**more: Any) -> LiveTable:
        return bigquery_live._table("d", bigquery.Table.from_api_repr(raw | more))

    assert (seen(type="EXTERNAL").rows, seen(type="EXTERNAL").form) == (None, "external")
    assert (seen(type="TABLE").rows, seen(type="TABLE").form) == (0, "")
    assert seen(type="SNAPSHOT").form == "snapshot"
    streamed = {"estimatedRows": "7", "estimatedBytes": "56", "oldestEntryTime": "1"}
    table = seen(type="TABLE", streamingBuffer=streamed)
    assert (table.rows, table.bytes) == (7, 56)


def test_no_plan_touches_what_is_no_plain_table() -> None:
    tables = {
        name: LiveTable(name, "table", (LiveColumn("yahoo_x", "FLOAT64"),), rows=rows, form=form)
        for name, rows, form in (
            ("raw.files", None, "external"),
            ("z_archive.kept", 0, "snapshot"),
            ("raw.plain", 0, ""),
        )
    }
    live = LiveWarehouse("bigquery", "test", ("raw", "z_archive"), tables)
    plan = make_plan({}, live, structural_defects(live, {}))
    assert [change.id for change in plan.changes] == ["drop-table:raw.plain"]


def test_qualified_names() -> None:
    table = view("a.b", "SELECT 1")
    found = LiveWarehouse("bigquery", "x", ("a",), {"a.b": table}, "p-1", "pre_")
    assert found.qualified("a") == "`p-1.pre_a`"
    assert found.qualified("a.b") == "`p-1.pre_a.b`"


def test_every_backend_has_a_connection_and_traits() -> None:
    connections = [c.model_fields["backend"].default for c in get_args(ConnectionConfig)]
    assert len(connections) == len(set(connections))
    assert set(connections) == set(get_args(BackendName)) == set(TRAITS)
