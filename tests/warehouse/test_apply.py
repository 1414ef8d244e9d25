"""Plans carried out: rows survive, nothing happens unasked, nothing is half done."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from plan_cases import (
    ALL,
    CASES,
    CLOSE,
    EVERYTHING,
    NAME,
    Case,
    M,
    N,
    column,
    contract,
    struct,
    whole,
)

from soyoil.audit.structure.defects import structural_defects
from soyoil.base.errors import ContractError, WarehouseError
from soyoil.contracts.contract import TableContract
from soyoil.contracts.validation import validate
from soyoil.migrations.apply import ApplyError, ApplyRecord, apply_plan
from soyoil.migrations.plan import Plan, make_plan, read_plan, write_plan
from soyoil.migrations.sql import copy_name
from soyoil.warehouse.bigquery.client import client_for
from soyoil.warehouse.bigquery.fields import BY_THE_API
from soyoil.warehouse.connection import BigQueryConnection, ConnectionConfig, DuckDBConnection
from soyoil.warehouse.live import COPIES, Inspector
from soyoil.warehouse.open import connect, open_inspector

ROWS: list[dict[str, Any]] = [
    {"symbol": "CL", "day": "2020-01-02", "close": -37.63, "n": 7, "m.x": 2.5, "m.depth": 3},
    {"symbol": "ZL", "day": "2020-01-02", "close": 1.5, "n": None, "m.x": None, "m.depth": None},
    {"symbol": "ZL", "day": "2021-06-30", "close": 0.25, "n": -1, "m.x": 1.0, "m.depth": 9},
]


def rows_of(of: TableContract) -> pa.Table:
    frame = pd.DataFrame(ROWS).reindex(columns=list(of.flat_columns()))
    frame["day"] = pd.to_datetime(frame["day"]).dt.as_unit("us")
    return validate(frame, of)


def plan_for(config: ConnectionConfig, *contracts: TableContract) -> Plan:
    live = open_inspector(config).inspect()
    known = {found.name: found for found in contracts}
    return make_plan(known, live, structural_defects(live, known))


def carry_out(
    config: ConnectionConfig, new: TableContract, named: Sequence[str] = ()
) -> ApplyRecord:
    plan = plan_for(config, new)
    return apply_plan(plan, open_inspector(config), {new.name: new}, named)


@pytest.fixture
def config(tmp_path: Path) -> DuckDBConnection:
    return DuckDBConnection(path=tmp_path / "warehouse.duckdb", busy_timeout_s=0)


def flat_rows(table: pa.Table) -> list[dict[str, Any]]:
    """Rows by dotted names; a NULL STRUCT is one of NULLs."""

    def flat(row: dict[str, Any] | None, table: pa.StructType | pa.Schema) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for field in table:
            value = (row or {}).get(field.name)
            if pa.types.is_struct(field.type):
                inner = flat(value, field.type)
                found |= {f"{field.name}.{name}": v for name, v in inner.items()}
            else:
                found[field.name] = value
        return found

    return [flat(row, table.schema) for row in table.to_pylist()]


def check_round_trip(config: ConnectionConfig, case: Case, expected: dict[str, str]) -> None:
    """Old rows under the new contract.

    Parameters
    ----------
    expected
        Old column by new column whose name differs; every other new column is NULL.
    """
    warehouse = connect(config)
    before = rows_of(case.old)
    warehouse.write(case.old, before)
    with pytest.raises(ContractError):
        warehouse.read(case.new)
    record = carry_out(config, case.new, case.to_name)
    assert record.left == ()
    found = warehouse.read(case.new)
    assert found.schema == case.new.arrow_schema()
    kinds = {name: found.type for name, found in case.new.flat_columns().items()}
    old_kinds = {name: found.type for name, found in case.old.flat_columns().items()}
    for was, now in zip(flat_rows(before), flat_rows(found), strict=True):
        for name, value in now.items():
            source = expected.get(name, name)
            if kinds[name] == old_kinds.get(source):
                assert value == was[source], name
            elif (kinds[name], old_kinds.get(source)) == ("STRING", "INT64"):
                assert value == (None if was[source] is None else str(was[source]))
            elif (kinds[name], old_kinds.get(source)) == ("FLOAT64", "INT64"):
                assert value == was[source]
            else:
                assert value is None, name
    assert plan_for(config, case.new).changes == ()
    again = warehouse.write(case.new, found)
    assert (again.unchanged, again.changed) == (len(ROWS), False)
    copied = [name for made in record.applied for name in made.copies.values()]
    assert bool(copied) == any(
        name.split(":")[0] not in ("restamp-table",) for name in case.to_name
    ) or (config.backend == "bigquery" and len(copied) == 1)


SOURCES = {
    "rename": {"close_usd": "close"},
    "rename_nested": {"m.depth_lots": "m.depth"},
}


@pytest.mark.parametrize("name", [n for n, case in CASES.items() if case.only is None])
def test_round_trip_on_duckdb(config: DuckDBConnection, name: str) -> None:
    case = CASES[name]
    if name == "wording":
        connect(config).write(case.old, rows_of(case.old))
        assert carry_out(config, case.new).applied[0].ids == (whole("stamp-table"),)
        assert plan_for(config, case.new).changes == ()
        return
    check_round_trip(config, case, SOURCES.get(name, {}))


@pytest.mark.ci
def test_a_nested_field_on_bigquery(bigquery_connection: ConnectionConfig) -> None:
    check_round_trip(bigquery_connection, CASES["add_nested"], {})


@pytest.mark.ci
def test_fields_at_the_end_come_by_the_api_on_bigquery(
    bigquery_connection: BigQueryConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No row is read for it; the server of the tests is shown how, since it adds no field."""
    client = client_for(bigquery_connection)
    update, updated = client.api.update_table, []
    name = bigquery_connection.table(CASES["add_nested_last"].old.name)

    def update_table(table: Any, fields: Any, **options: Any) -> Any:
        if list(fields) != ["schema"]:
            return update(table, fields, **options)
        assert table.etag
        updated.append({f.name: [i.name for i in f.fields] for f in table.schema}["m"])
        more = "CAST(NULL AS STRING) AS y, CAST(NULL AS DATE) AS w"
        struct = f"IF(m IS NULL, NULL, STRUCT(m.x AS x, m.depth AS depth, {more})) AS m"
        shown = f"{name}__shown"
        keep = client.get_table(name)
        client.query(f"CREATE TABLE `{shown}` AS SELECT * EXCEPT (m), {struct} FROM `{name}`", "x")
        client.query(f"DELETE FROM `{name}` WHERE TRUE", "x")
        client.query(f"ALTER TABLE `{name}` DROP COLUMN m", "x")
        kind = "STRUCT<x FLOAT64, depth INT64, y STRING, w DATE>"
        client.query(f"ALTER TABLE `{name}` ADD COLUMN m {kind}", "x")
        client.query(f"INSERT INTO `{name}` SELECT * FROM `{shown}`", "x")
        client.query(f"DROP TABLE `{shown}`", "x")
        return keep

    monkeypatch.setattr(client.api, "update_table", update_table)
    check_round_trip(bigquery_connection, CASES["add_nested_last"], {})
    assert updated == [["x", "depth", "y", "w"]]
    monkeypatch.setattr(client.api, "update_table", lambda *args, **options: None)
    statement = f"ALTER TABLE `{name}` ADD FIELD `m`.`v` INT64{BY_THE_API}"
    with pytest.raises(WarehouseError, match="took the new field m.v .* and did not add it"):
        open_inspector(bigquery_connection).execute([statement])
    gone = statement.replace("`m`", "`gone`")
    with pytest.raises(WarehouseError, match="has no STRUCT gone"):
        open_inspector(bigquery_connection).execute([gone])


@pytest.mark.ci
def test_most_changes_at_once_on_bigquery(bigquery_connection: ConnectionConfig) -> None:
    check_round_trip(bigquery_connection, EVERYTHING, SOURCES["rename"])


def created(config: ConnectionConfig) -> None:
    new = contract(1, *ALL)
    record = carry_out(config, new)
    assert [made.ids for made in record.applied] == [
        ("create-dataset:features",),
        (f"create-table:{NAME}",),
    ]
    assert plan_for(config, new).changes == ()
    written = connect(config).write(new, rows_of(new))
    assert written.inserted == len(ROWS)


def test_create_on_duckdb(config: DuckDBConnection) -> None:
    created(config)


@pytest.mark.ci
def test_create_on_bigquery(bigquery_connection: ConnectionConfig) -> None:
    created(bigquery_connection)


def archive(config: ConnectionConfig) -> tuple[Inspector, TableContract]:
    """Rows, a table without contract whose contract is gone, and a view on it."""
    small, other = contract(1, *ALL), contract(1, *ALL, name="z_archive.old")
    warehouse = connect(config)
    warehouse.write(small, rows_of(small))
    warehouse.write(other, rows_of(other))
    inspector = open_inspector(config)
    there = inspector.qualified("z_archive.old")
    inspector.execute(
        [f"CREATE VIEW {inspector.qualified('features.v')} AS SELECT symbol FROM {there}"]
    )
    return inspector, small


@pytest.mark.ci_on_bigquery
@pytest.mark.parametrize("backend", ["duckdb", "bigquery"])
def test_a_dropped_table_leaves_a_copy(
    backend: str, config: DuckDBConnection, request: pytest.FixtureRequest
) -> None:
    where: ConnectionConfig = (
        config if backend == "duckdb" else request.getfixturevalue("bigquery_connection")
    )
    inspector, small = archive(where)
    plan = plan_for(where, small)
    drop = next(c for c in plan.changes if c.id == "drop-table:z_archive.old")
    assert (drop.rows, drop.downstream) == (3, ("features.v",))
    record = apply_plan(plan, inspector, {NAME: small})
    assert record.applied == ()
    assert "drop-table:z_archive.old" in record.left
    record = apply_plan(plan, inspector, {NAME: small}, [drop.id])
    copy = copy_name("z_archive.old", plan.tag)
    assert record.applied[0].copies == {"z_archive.old": copy}
    found = inspector.inspect()
    assert "z_archive.old" not in found.tables
    assert COPIES not in found.datasets
    kept = dataclasses.replace(found.tables[NAME], name=copy)
    assert inspector.read(kept, ["symbol", "close"]).sort_by(
        [("symbol", "ascending"), ("close", "descending")]
    ).to_pylist() == [{"symbol": row["symbol"], "close": row["close"]} for row in ROWS]


def test_banned_columns_go_if_named(config: DuckDBConnection) -> None:
    table = "features.master"
    inspector = open_inspector(config)
    inspector.execute(
        [
            "CREATE SCHEMA features",
            f"CREATE TABLE {inspector.qualified(table)} "
            "(day DATE, yahoo_close DOUBLE, m STRUCT(yahoo_x DOUBLE, y DOUBLE))",
            f"INSERT INTO {inspector.qualified(table)} VALUES "
            "(DATE '2020-01-02', 1.5, {'yahoo_x': 2.0, 'y': 3.0})",
        ]
    )
    plan = plan_for(config)
    ids = [f"drop-column:{table}.{name}" for name in ("yahoo_close", "m.yahoo_x")]
    assert [change.id for change in plan.changes] == ids
    assert all(change.needs_name and "banned_column" in change.note for change in plan.changes)
    assert apply_plan(plan, inspector, {}).left == tuple(ids)
    record = apply_plan(plan, inspector, {}, ids)
    live = inspector.inspect()
    assert list(live.tables[table].flat_columns()) == ["day", "m.y"]
    assert inspector.read(live.tables[table]).to_pylist() == [
        {"day": dt.date(2020, 1, 2), "m": {"y": 3.0}}
    ]
    assert record.applied[0].copies == {table: copy_name(table, plan.tag)}
    assert plan_for(config).changes == ()


def test_the_plan_and_its_application_ban_the_same_vendors(config: DuckDBConnection) -> None:
    inspector = open_inspector(config)
    name = inspector.qualified("features.master")
    inspector.execute(
        [
            "CREATE SCHEMA features",
            f"CREATE TABLE {name} AS SELECT DATE '2020-01-02' AS day, 1.5 AS acme_x, 2.5 AS x",
        ]
    )
    live = inspector.inspect()
    plan = make_plan({}, live, structural_defects(live, {}, ("acme",)))
    ids = ["drop-column:features.master.acme_x"]
    assert [change.id for change in plan.changes] == ids
    with pytest.raises(WarehouseError, match=r"no change drop-column|stale"):
        apply_plan(plan, inspector, {}, ids)
    apply_plan(plan, inspector, {}, ids, banned=("acme",))
    assert list(inspector.inspect().tables["features.master"].flat_columns()) == ["day", "x"]


def test_a_row_that_came_after_the_plan_saves_its_table(config: DuckDBConnection) -> None:
    inspector, small = archive(config)
    name = inspector.qualified("raw.yahoo_prices")
    inspector.execute(["CREATE SCHEMA raw", f"CREATE TABLE {name} (x DOUBLE)"])
    plan = plan_for(config, small)
    change = next(c for c in plan.changes if c.id == "drop-table:raw.yahoo_prices")
    assert (change.safe, change.copies) == (True, {})
    inspector.execute([f"INSERT INTO {name} VALUES (1.5)"])
    with pytest.raises(WarehouseError, match="was empty and holds rows now"):
        inspector.execute(change.sql)
    with pytest.raises(WarehouseError, match=r"stale.*raw\.yahoo_prices has changed"):
        apply_plan(plan, inspector, {NAME: small}, [change.id])
    assert inspector.inspect().tables["raw.yahoo_prices"].rows == 1


def test_patterns_and_short_names(config: DuckDBConnection) -> None:
    inspector, small = archive(config)
    names = [inspector.qualified(f"training.zl_{h}") for h in ("1m", "3m")]
    tables = [f"CREATE TABLE {name} (day DATE, target_1w DOUBLE)" for name in names]
    inspector.execute(["CREATE SCHEMA training", *tables])
    plan = plan_for(config, small)
    with pytest.raises(WarehouseError, match=r"no change of the plan matches drop-table:nowhere"):
        apply_plan(plan, inspector, {NAME: small}, ["drop-table:nowhere.*"])
    record = apply_plan(plan, inspector, {NAME: small}, ["drop-table:training.*"])
    made = {name for applied in record.applied for name in applied.ids}
    assert made == {"drop-table:training.zl_1m", "drop-table:training.zl_3m"}
    assert all(applied.copies == {} for applied in record.applied)
    inspector.execute(record.applied[0].restore)
    assert "training.zl_1m" in inspector.inspect().tables


def test_a_dropped_view_can_be_restored(config: DuckDBConnection) -> None:
    inspector, small = archive(config)
    inspector.execute(["DROP TABLE z_archive.old"])
    plan = plan_for(config, small)
    drop = next(c for c in plan.changes if c.id == "drop-view:features.v")
    record = apply_plan(plan, inspector, {NAME: small}, [drop.id])
    assert "features.v" not in inspector.inspect().tables
    (restore,) = record.applied[0].restore
    assert restore.startswith('CREATE VIEW "warehouse"."features"."v" AS SELECT symbol FROM')


def test_a_stale_plan_is_refused(config: DuckDBConnection) -> None:
    case = CASES["drop"]
    warehouse, inspector = connect(config), open_inspector(config)
    warehouse.write(case.old, rows_of(case.old))
    plan = plan_for(config, case.new)
    before = config.path.read_bytes()

    def refused(text: str, contracts: dict[str, TableContract] | None = None) -> None:
        with pytest.raises(WarehouseError, match=text):
            apply_plan(plan, inspector, contracts or {NAME: case.new}, case.to_name)

    widened = {NAME: CASES["widen"].new}
    refused(f"stale and nothing was done: .*contract {NAME} has changed", widened)
    assert config.path.read_bytes() == before
    warehouse.write(case.old, rows_of(case.old).slice(0, 2))
    inspector.execute([f"DELETE FROM {NAME} WHERE symbol = 'CL'"])
    refused(f"stale and nothing was done: table {NAME} has changed")
    inspector.execute(["CREATE SCHEMA new", "CREATE VIEW new.v AS SELECT 1 AS a"])
    refused(r"dataset new is new, view new.v is new, table .* has changed")
    other = DuckDBConnection(path=config.path.with_name("other.duckdb"))
    with pytest.raises(WarehouseError, match=r"it is for .*warehouse.duckdb, not for .*other"):
        apply_plan(plan, open_inspector(other), {NAME: case.new})
    assert not other.path.exists()


@pytest.mark.parametrize(
    ("name", "named", "text"),
    [
        ("drop", ["drop-column:features.small.clos"], "no change .*Did you mean .*small.close"),
        (
            "rename",
            [whole("rename-column:close:close_usd"), whole("drop-column:close")],
            "exclude each other",
        ),
    ],
)
def test_names_are_checked_first(
    config: DuckDBConnection, name: str, named: list[str], text: str
) -> None:
    case = CASES[name]
    connect(config).write(case.old, rows_of(case.old))
    plan = plan_for(config, case.new)
    before = config.path.read_bytes()
    with pytest.raises(WarehouseError, match=text):
        apply_plan(plan, open_inspector(config), {NAME: case.new}, named)
    assert config.path.read_bytes() == before


def test_what_is_not_named_is_left(config: DuckDBConnection) -> None:
    """A table between two contracts is neither's, so it keeps its old stamp."""
    old = contract(1, *ALL)
    new = contract(2, N, M, column("last", "BOOL"))
    connect(config).write(old, rows_of(old))
    record = carry_out(config, new)
    assert [made.ids for made in record.applied] == [(whole("add-column:last"),)]
    assert record.left == (whole("drop-column:close"), whole("stamp-table"))
    table = open_inspector(config).inspect().tables[NAME]
    assert table.contract_version == 1
    # A space for the colon, as one reads it out.
    record = carry_out(config, new, [f"drop-column {NAME}.close"])
    assert record.left == ()
    assert connect(config).read(new).num_rows == len(ROWS)


def test_changes_of_a_table_share_a_copy_and_a_rebuild(config: DuckDBConnection) -> None:
    case = Case(contract(1, *ALL), contract(2, column("n", "STRING"), CLOSE))
    connect(config).write(case.old, rows_of(case.old))
    named = [whole(f"{kind}") for kind in ("retype-column:n", "drop-column:m", "reorder-columns")]
    record = carry_out(config, case.new, named)
    changes, stamp = record.applied
    assert set(changes.ids) == set(named)
    assert sum(s.startswith("CREATE TABLE") for s in changes.sql) == 1
    assert sum("OR REPLACE TABLE" in s for s in changes.sql) == 1
    assert stamp.ids == (whole("stamp-table"),)
    assert connect(config).read(case.new)["n"].to_pylist() == ["7", None, "-1"]


def test_a_failure_says_what_stands(config: DuckDBConnection) -> None:
    old = contract(1, *ALL)
    new = contract(2, CLOSE, column("n", "INT64", nullable=False), M, column("last", "BOOL"))
    connect(config).write(old, rows_of(old))
    plan = plan_for(config, new)
    required = whole("require-column:n")
    with pytest.raises(ApplyError) as caught:
        apply_plan(plan, open_inspector(config), {NAME: new}, [required])
    text = str(caught.value)
    assert f"{required} failed: " in text
    assert f"{NAME} has rows without n, which is required" in text
    assert f"Made before it, and standing: {whole('add-column:last')}." in text
    assert f"Not tried: {whole('stamp-table')}." in text
    assert [made.ids for made in caught.value.record.applied] == [(whole("add-column:last"),)]
    found = open_inspector(config).inspect().tables[NAME]
    assert found.rows == len(ROWS)
    assert [c.name for c in found.columns][-1] == "last"


def test_a_required_field_holds_the_stamp_back(config: DuckDBConnection) -> None:
    """No warehouse keeps fields of a STRUCT from being NULL, so the stamp may not say so."""
    old = contract(1, *ALL)
    new = contract(2, CLOSE, N, struct("m", *M["fields"], column("q", "INT64", nullable=False)))
    connect(config).write(old, rows_of(old))
    record = carry_out(config, new)
    assert record.left == (whole("restamp-table"),)
    with pytest.raises(ApplyError, match=r"has rows without m.q, which is required"):
        carry_out(config, new, [whole("restamp-table")])
    inspector = open_inspector(config)
    inspector.execute([f"UPDATE {NAME} SET m = struct_update(m, q := 1)"])
    carry_out(config, new, [whole("restamp-table")])
    assert connect(config).read(new).num_rows == len(ROWS)


def test_values_that_do_not_convert_stop_the_change(config: DuckDBConnection) -> None:
    old = contract(1, column("v", "STRING"))
    new = contract(2, column("v", "INT64"))
    frame = pd.DataFrame({"symbol": ["ZL"], "day": pd.to_datetime(["2020-01-02"]), "v": ["x"]})
    connect(config).write(old, validate(frame, old))
    with pytest.raises(ApplyError, match="Could not convert string 'x' to INT64"):
        carry_out(config, new, [whole("retype-column:v")])
    assert connect(config).read(old)["v"].to_pylist() == ["x"]


def test_dates_of_times_are_those_of_utc(config: DuckDBConnection) -> None:
    old, new = contract(1, column("v", "TIMESTAMP")), contract(2, column("v", "DATE"))
    time = pd.Timestamp("2020-01-02 23:30", tz="UTC")
    frame = pd.DataFrame({"symbol": ["ZL"], "day": pd.to_datetime(["2020-01-02"]), "v": [time]})
    connect(config).write(old, validate(frame, old))
    carry_out(config, new, [whole("retype-column:v")])
    assert connect(config).read(new)["v"].to_pylist() == [time.date()]


def test_plan_files(tmp_path: Path, config: DuckDBConnection) -> None:
    plan = plan_for(config, contract(1, *ALL))
    path = tmp_path / "deep" / "plan.json"
    with pytest.raises(WarehouseError, match="there is no plan .*kedro warehouse plan"):
        read_plan(path)
    write_plan(plan, path)
    assert read_plan(path) == plan
    path.write_text('{"format": 0}')
    with pytest.raises(WarehouseError, match="no plan that this release can read"):
        read_plan(path)


COMMANDS = """
import json, sys
from pathlib import Path
from click.testing import CliRunner
from kedro.framework.startup import bootstrap_project

bootstrap_project(Path.cwd())
from soyoil.cli import cli

for args in json.loads(sys.argv[1]):
    outcome = CliRunner().invoke(cli, ["warehouse", *args])
    print(json.dumps([outcome.exit_code, outcome.output + repr(outcome.exception)]))
"""


@pytest.mark.ci
def test_command_line(project_root: Path, tmp_path: Path) -> None:
    shutil.copytree(project_root / "conf", tmp_path / "conf")
    shutil.copy(project_root / "pyproject.toml", tmp_path)
    for folder in ("src", "conf/local"):
        (tmp_path / folder).mkdir(exist_ok=True)
    warehouse = {"backend": "duckdb", "path": str(tmp_path / "a.duckdb")}
    (tmp_path / "conf" / "local" / "globals.yml").write_text(json.dumps({"warehouse": warehouse}))
    open_inspector(DuckDBConnection(path=tmp_path / "a.duckdb")).execute(
        [
            "CREATE SCHEMA raw",
            "CREATE TABLE a.raw.old AS SELECT current_date AS day, 1.5 AS acme_x, 2.5 AS x",
        ]
    )
    banned = ["--params", "audit.banned_vendors=acme"]
    commands = [
        ["plan", "--output", str(tmp_path / "banned.json"), *banned],
        ["apply"],
        ["plan", "--detailed-exitcode"],
        ["apply", "--change", "drop-table:a.b"],
        ["apply"],
        ["plan", "--detailed-exitcode"],
        ["apply"],
    ]
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, json.dumps(commands)],
        cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "KEDRO_DISABLE_TELEMETRY": "1",
             "DO_NOT_TRACK": "true", "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db"},
    )  # fmt: skip
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    assert len(lines) == len(commands), done.stdout + done.stderr
    codes, texts = zip(*lines, strict=True)
    assert "raw.old  drop-column" in texts[0]
    codes, texts = codes[1:], texts[1:]
    assert codes == (1, 2, 1, 0, 0, 0), texts
    assert "make one by `kedro warehouse plan`" in texts[0]
    assert "features.daily_ml_matrix  create-table" in texts[1]
    assert "no change drop-table:a.b" in texts[2]
    assert "made create-table:training.regime_weights" in texts[3]
    assert "No changes" in texts[4]
    assert "Nothing to do" in texts[5]
    folder = tmp_path / "data" / "08_reporting"
    assert (folder / "warehouse_plan.json").exists()
    (record,) = folder.glob("warehouse_applied_*.json")
    made = ApplyRecord.model_validate_json(record.read_text())
    assert len(made.applied) == 10
