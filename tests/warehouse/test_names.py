"""Names of any form, and what a table has beside columns and rows."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from soyoil.audit.audit import audit_warehouse
from soyoil.audit.config import AuditConfig
from soyoil.audit.scope import look
from soyoil.audit.structure.defects import structural_defects
from soyoil.base.errors import WarehouseError
from soyoil.contracts.contract import load_contracts, quote
from soyoil.contracts.identifiers import dotted, parts_of, suffixed
from soyoil.migrations.apply import apply_plan
from soyoil.migrations.plan import Plan, make_plan
from soyoil.migrations.sql import copy_name
from soyoil.reports.audit.text import audit_markdown, audit_table
from soyoil.reports.plan import print_plan
from soyoil.warehouse.connection import DuckDBConnection
from soyoil.warehouse.duckdb.live import DuckDBInspector
from soyoil.warehouse.live import LiveWarehouse

NOW = dt.datetime(2024, 1, 2, tzinfo=dt.UTC)
NAMES = (
    "zl.daily", "[/]", "[bold]x", "a b", " a", 'q"q', "q'q", "b`b", "größe", "価格", "select",
    "1st", "a:b", "x\\", "a|b", "100%", "a;b--", "{x}", "a\nb", "__", "UPPER", "a__soyoil_new b",
)  # fmt: skip
PARTS = st.lists(st.text(st.sampled_from("aB._\"'` [/]:\nß"), max_size=4), min_size=1, max_size=4)


@given(PARTS)
def test_a_dotted_name_gives_back_its_parts(parts: list[str]) -> None:
    assert parts_of(dotted(parts)) == tuple(parts)
    assert parts_of(suffixed(dotted(parts), "__x")) == (*parts[:-1], parts[-1] + "__x")


def _plan(inspector: DuckDBInspector) -> tuple[Plan, LiveWarehouse]:
    scope = look(inspector, load_contracts())
    live, contracts = scope.live, scope.contracts
    return make_plan(contracts, live, structural_defects(live, contracts)), live


def _apply(inspector: DuckDBInspector, *named: str) -> tuple[str, ...]:
    plan, _ = _plan(inspector)
    record = apply_plan(plan, inspector, load_contracts(), named)
    return tuple(name for made in record.applied for name in made.ids)


def _fill(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    schema, table, column = (quote(f"{kind}{name}") for kind in ("s", "t", "yahoo"))
    connection.execute(f"CREATE SCHEMA {schema}")
    connection.execute(
        f"CREATE TABLE {schema}.{table} AS SELECT DATE '2021-01-04' + i::INT AS date, "
        f"1.5 + i AS x, 2.5 AS {column}, "
        f"{{'yahoo': 1, {quote('k' + name)}: 2}} AS {quote('f' + name)} FROM range(5) t(i)"
    )
    view = f"{schema}.{quote('v' + name)}"
    connection.execute(f"CREATE VIEW {view} AS SELECT * FROM {schema}.{table}")


def _drops(name: str) -> list[str]:
    paths = ((f"yahoo{name}",), (f"f{name}", "yahoo"))
    return [f"drop-column:{dotted((f's{name}', f't{name}', *path))}" for path in paths]


@pytest.mark.ci
def test_any_name_is_audited_planned_and_applied(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    with duckdb.connect(path) as connection:
        for name in NAMES:
            _fill(connection, name)
    inspector = DuckDBInspector(DuckDBConnection(path=path))
    report = audit_warehouse(inspector, load_contracts(), AuditConfig(), NOW)
    read = {checked.name: checked.rows for checked in report.tables}
    plan, _ = _plan(inspector)
    changes = {change.id: change for change in plan.changes}
    console = Console(file=io.StringIO(), width=500)
    print_plan(plan, console, all_sql=True)
    console.print(audit_table(report))
    assert audit_markdown(report)
    wanted = [change for name in NAMES for change in _drops(name)]
    for name in NAMES:
        assert read[dotted((f"s{name}", f"t{name}"))] == 5
        for change in _drops(name):
            assert changes[change].downstream == (dotted((f"s{name}", f"v{name}")),)
    # A shell takes the quotes away.
    made = _apply(
        inspector, *(change.replace('"', "") for change in wanted if 'q""q' not in change)
    )
    assert set(made) >= {change for change in wanted if 'q""q' not in change}
    _apply(inspector, *(change for change in wanted if 'q""q' in change))
    tables = inspector.inspect().tables
    for name in NAMES:
        after = tables[dotted((f"s{name}", f"t{name}"))]
        assert [column.name for column in after.columns] == ["date", "x", f"f{name}"]
        assert [field.name for field in after.columns[2].fields] == [f"k{name}"]
        assert after.rows == 5


def test_a_name_that_may_be_two_changes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute(
            "CREATE SCHEMA raw; CREATE TABLE raw.t AS "
            "SELECT 1 AS a, 2 AS \"f.yahoo\", {'yahoo': 1, 'b': 2} AS f"
        )
    inspector = DuckDBInspector(DuckDBConnection(path=path))
    assert _apply(inspector, 'drop-column:raw.t."f.yahoo"') != ()
    with duckdb.connect(path) as connection:
        connection.execute('ALTER TABLE raw.t ADD COLUMN "f.yahoo" INT')
    # The nested field is spelled without quotes, so that name is no riddle.
    assert "drop-column:raw.t.f.yahoo" in _apply(inspector, "drop-column:raw.t.f.yahoo")
    with pytest.raises(WarehouseError, match="the plan has no change"):
        _apply(inspector, "drop-column:raw.t.f.none")


def test_case_does_not_make_another_table_in_duckdb(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    inspector = DuckDBInspector(DuckDBConnection(path=path))
    _apply(inspector)
    with duckdb.connect(path) as connection:
        connection.execute("ALTER TABLE training.regime_weights RENAME TO Regime_WEIGHTS2")
        connection.execute("ALTER TABLE training.Regime_WEIGHTS2 RENAME TO Regime_WEIGHTS")
    plan, _ = _plan(inspector)
    assert plan.changes == ()


def test_copies_of_different_tables_have_different_names() -> None:
    pairs = [
        ("a__b", "c"),
        ("a", "b__c"),
        ("a_", "_b__c"),
        ("a", "__b"),
        ("a_", "_b"),
        ("a__", "b"),
    ]
    assert len({copy_name(dotted(pair), "tag") for pair in pairs}) == len(pairs)


_RICH = """
CREATE SCHEMA raw;
CREATE SEQUENCE raw.numbers;
CREATE TABLE raw.t(
    id INTEGER PRIMARY KEY, n INTEGER DEFAULT 7 CHECK (n > 0), s VARCHAR COLLATE nocase NOT NULL,
    "a b" INTEGER UNIQUE, f STRUCT(yahoo DOUBLE, x DOUBLE), yahoo_n INTEGER,
    g INTEGER GENERATED ALWAYS AS (n * 2), q INTEGER DEFAULT nextval('raw.numbers'),
    UNIQUE (n, "a b"), CHECK (yahoo_n > 0));
COMMENT ON TABLE raw.t IS 'the user''s own';
COMMENT ON COLUMN raw.t."a b" IS 'it''s';
INSERT INTO raw.t (id, n, s, "a b", f, yahoo_n)
    SELECT i, 1 + i, 'x', i, {yahoo: 1.0, x: 2.0}, 1 FROM range(5) t(i);
CREATE INDEX plain ON raw.t(n);
CREATE INDEX formula ON raw.t((lower(s)), "a b");
CREATE INDEX gone ON raw.t(yahoo_n);
CREATE VIEW raw.v AS SELECT id, n FROM raw.t;
"""


def _extras(inspector: DuckDBInspector) -> set[tuple[str, tuple[str, ...], str]]:
    extras = inspector.inspect().tables["raw.t"].extras
    return {(extra.kind, extra.columns, extra.name) for extra in extras}


@pytest.mark.parametrize("change", ["f.yahoo", "yahoo_n"])
def test_a_change_keeps_keys_defaults_indexes_and_comments(change: str, tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute(_RICH)
    inspector = DuckDBInspector(DuckDBConnection(path=path))
    before = _extras(inspector)
    plan, _ = _plan(inspector)
    note = next(c.note for c in plan.changes if c.id == f"drop-column:raw.t.{change}")
    assert f"drop-column:raw.t.{change}" in _apply(inspector, f"drop-column:raw.t.{change}")
    lost = {e for e in before if "yahoo_n" in e[1]} if change == "yahoo_n" else set()
    assert _extras(inspector) == before - lost
    for kind in ("index gone", "check CHECK"):
        assert (f"{kind}" in note.partition("loses ")[2].partition(";")[0]) is bool(lost)
    assert "the copy has the rows without" in note
    with duckdb.connect(path) as connection:
        connection.execute("INSERT INTO raw.t (id, s, \"a b\") VALUES (9, 'Y', 99)")
        row = connection.execute("SELECT n, g, q FROM raw.t WHERE s = 'y'").fetchall()
        assert row == [(7, 14, 6)]
        assert connection.execute("SELECT count(*) FROM raw.v").fetchall() == [(6,)]
        for wrong in ("(1, 's', 5)", "(10, NULL, 6)", "(10, 's', 99)"):
            with pytest.raises(duckdb.ConstraintException):
                connection.execute(f'INSERT INTO raw.t (id, s, "a b") VALUES {wrong}')


def test_what_a_rebuild_cannot_keep_is_refused_before_anything_runs(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute(
            "CREATE SCHEMA raw; CREATE TABLE raw.p(id INTEGER PRIMARY KEY);"
            "CREATE TABLE raw.t(id INTEGER REFERENCES raw.p(id), f STRUCT(yahoo INT, x INT));"
            "CREATE TABLE raw.g(yahoo INT, f STRUCT(yahoo INT, x INT),"
            " g INT GENERATED ALWAYS AS (struct_extract(f, 'yahoo') * 2))"
        )
    inspector = DuckDBInspector(DuckDBConnection(path=path))
    before = dict(inspector.inspect().tables)
    with pytest.raises(WarehouseError, match="cannot keep its foreign key"):
        _apply(inspector, "drop-column:raw.t.f.yahoo")
    with pytest.raises(WarehouseError):
        _apply(inspector, "drop-column:raw.g.f.yahoo")
    now = inspector.inspect().tables
    assert {name: now[name] for name in before} == before
