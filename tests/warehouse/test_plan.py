"""Plans: which change is which, their SQL, what they say."""

from __future__ import annotations

import copy
import dataclasses
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from plan_cases import (
    ALL,
    CASES,
    CLOSE,
    DEPTH,
    NAME,
    Case,
    M,
    N,
    X,
    column,
    contract,
    live,
    live_table,
    struct,
    view,
    whole,
)
from rich.console import Console

from soyoil.audit.defect import Action, Defect
from soyoil.base.errors import WarehouseError
from soyoil.migrations import plan as plan_module
from soyoil.migrations.plan import Plan, change_sql, copy_statements, make_plan
from soyoil.migrations.references import direct_readers, downstream
from soyoil.migrations.scripts import groups, make
from soyoil.migrations.sql import BUILT
from soyoil.migrations.step import Step, state_of
from soyoil.migrations.steps import find_steps
from soyoil.migrations.theirs import with_theirs
from soyoil.reports.plan import print_plan
from soyoil.warehouse.bigquery.fields import BY_THE_API
from soyoil.warehouse.live import BackendName, Extra, LiveColumn, LiveTable, LiveWarehouse
from soyoil.warehouse.table_shape import TableShape, contract_shape, edits_between

SNAPSHOTS = Path(__file__).with_name("snapshots")
UPDATE = "SOYOIL_UPDATE_SNAPSHOTS"
BACKENDS: tuple[BackendName, ...] = ("duckdb", "bigquery")
BOTH = [
    pytest.param(name, backend, id=f"{backend}-{name}")
    for name, case in CASES.items()
    for backend in BACKENDS
    if case.only in (None, backend)
]
QUERY = "SELECT * FROM features.small"


def plan_of(case: Case, backend: BackendName, *views: Any) -> Plan:
    return make_plan({NAME: case.new}, live(backend, live_table(case.old, backend), *views))


@pytest.mark.parametrize(("name", "backend"), BOTH)
def test_a_change_is_what_it_is(name: str, backend: BackendName) -> None:
    case = CASES[name]
    changes = plan_of(case, backend).changes
    assert sorted(c.id for c in changes if not c.needs_name) == sorted(case.ids(case.calm))
    assert sorted(c.id for c in changes if c.needs_name) == sorted(case.ids(case.named))
    assert [c.id for c in changes if c.breaking and not c.needs_name] == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_to_do(backend: BackendName) -> None:
    case = CASES["add_last"]
    assert make_plan({NAME: case.old}, live(backend, live_table(case.old, backend))).changes == ()


def test_duckdb_has_no_partitions() -> None:
    for name in ("repartition", "recluster"):
        ids = [change.id for change in plan_of(CASES[name], "duckdb").changes]
        assert ids == [whole("restamp-table")]


def snapshot_text(plan: Plan) -> str:
    lines = []
    for change in plan.changes:
        lines.append(f"-- {change.id}{' (if named)' if change.needs_name else ''}")
        lines += [f"-- {change.summary}" + (f"; {change.note}" if change.note else "")]
        lines += [f"{statement};" for statement in change.sql]
    return "\n".join(lines) + "\n"


def check_snapshot(name: str, text: str) -> None:
    # Hashes change with every key that contracts learn.
    text = re.sub(r"[0-9a-f]{64}", "HASH", re.sub(r"__before_[0-9a-f]{8}", "__before_TAG", text))
    path = SNAPSHOTS / f"{name}.sql"
    if os.environ.get(UPDATE):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text, f"{UPDATE}=1 accepts the new SQL"


@pytest.mark.parametrize(("name", "backend"), BOTH)
def test_sql_is_as_reviewed(name: str, backend: BackendName) -> None:
    check_snapshot(f"{backend}_{name}", snapshot_text(plan_of(CASES[name], backend)))


def test_a_backend_that_plans_do_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(plan_module.CHANGE_SQL, "duckdb")
    with pytest.raises(
        WarehouseError, match=r"is a duckdb warehouse.*change bigquery only.*by hand"
    ):
        plan_of(next(iter(CASES.values())), "duckdb")


def drops(backend: BackendName) -> tuple[LiveWarehouse, list[Defect]]:
    """A dead archive, a duplicate and a view, and what the audit says of them."""
    old = live_table(contract(1, *ALL), backend)
    found = live(
        backend,
        dataclasses.replace(old, name="features.other", contract_version=None, contract_hash=None),
        dataclasses.replace(old, name="z_archive.one", contract_version=None, rows=0),
        view("z_archive.two", "SELECT * FROM z_archive.one"),
        view("features.all", QUERY),
        datasets=("features",),
    )
    actions = (
        Action("drop_view", "features.all"),
        Action("drop_table", "features.other"),
        Action("drop_dataset", "z_archive"),
    )
    return found, [Defect("dead", "warning", (), "", "", "Drop it.", actions)]


@pytest.mark.parametrize("backend", BACKENDS)
def test_create_and_drop_as_reviewed(backend: BackendName) -> None:
    found, defects = drops(backend)
    plan = make_plan({NAME: contract(1, *ALL)}, found, defects)
    check_snapshot(f"{backend}_create_and_drop", snapshot_text(plan))
    view_change = next(c for c in plan.changes if c.id == "drop-view:features.all")
    assert view_change.restore[0].endswith(f" AS {QUERY}")
    assert view_change.note == "Drop it. (dead)"


def scripts(
    contracts: dict[str, Any], found: LiveWarehouse, defects: list[Defect]
) -> Iterator[tuple[dict[str, TableShape], tuple[str, ...]]]:
    """Statements of all steps, with the tables that they may name."""
    sql = change_sql(found, contracts)
    state = state_of(found)
    steps = find_steps(contracts, found, defects)
    calm: list[tuple[Step, ...]] = groups([step for step in steps if not step.needs_name])
    for group in [*calm, *((step,) for step in steps if step.needs_name)]:
        now = state if not group[0].needs_name else copy.deepcopy(state)
        before = dict(now.tables)
        script = make(group, now, sql, "0123abcd")
        tables = {**now.tables, **before}
        shapes = {sql.table(name).strip("`"): shape for name, shape in tables.items()}
        if group[0].target in now.tables:
            built = sql.table(group[0].target + BUILT).strip("`")
            shapes[built] = now.tables[group[0].target]
        yield shapes, (*copy_statements(script, sql), *script.statements)


def test_bigquery_understands_every_statement(google_sql: type[Any]) -> None:
    """By Google's own analyzer, names and types included."""
    worlds: list[tuple[dict[str, Any], LiveWarehouse, list[Defect]]] = [
        ({NAME: case.new}, live("bigquery", live_table(case.old, "bigquery")), [])
        for case in CASES.values()
    ]
    worlds.append(({NAME: contract(1, *ALL)}, *drops("bigquery")))
    replaced = Defect("m", "warning", (), "", "", "F.", (Action("replace_table", NAME),))
    worlds.append(({NAME: contract(1, *ALL)}, theirs("bigquery", 0), [replaced]))
    daily = {"partition": {"column": "day", "granularity": "DAY"}}
    worlds.append(
        (
            {NAME: contract(2, column("added", "DATE"), CLOSE, N, M, **daily)},
            live("bigquery", live_table(contract(1, *ALL, **daily), "bigquery", rows=9000)),
            [],
        )
    )
    seen: set[str] = set()
    for contracts, found, defects in worlds:
        for shapes, statements in scripts(contracts, found, defects):
            parts = [part for statement in statements for part in statement.split(";\n")]
            new = [part for part in dict.fromkeys(parts) if part not in seen]
            analyzer = google_sql(shapes) if new else None
            for part in new:
                assert analyzer is not None
                if not part.endswith(BY_THE_API):
                    analyzer.analyze(part)
            seen |= set(new)
    kinds = {" ".join(statement.split()[:2]).split(" (")[0] for statement in seen}
    assert kinds == {
        "ALTER TABLE", "ASSERT", "ASSERT NOT", "CREATE SCHEMA", "CREATE SNAPSHOT", "CREATE TABLE",
        "CREATE OR", "DROP SCHEMA", "DROP SNAPSHOT", "DROP TABLE", "DROP VIEW", "INSERT INTO",
    }  # fmt: skip


def test_the_analyzer_would_find_a_wrong_name(google_sql: type[Any]) -> None:
    shapes = {"a.b": TableShape("b", (LiveColumn("x", "INT64"),))}
    with pytest.raises(Exception, match="Unrecognized name: y"):
        google_sql(shapes).analyze("SELECT y FROM `a.b`")


def test_many_days_are_moved_in_batches() -> None:
    """One job may touch 4,000 partitions, and every day goes along once."""
    daily = {"partition": {"column": "day", "granularity": "DAY"}}
    case = Case(contract(1, *ALL, **daily), contract(2, column("a", "DATE"), *ALL, **daily))
    few = make_plan({NAME: case.new}, live("bigquery", live_table(case.old, "bigquery", 4000)))
    many = make_plan({NAME: case.new}, live("bigquery", live_table(case.old, "bigquery", 4001)))

    def inserts(plan: Plan) -> list[str]:
        return [s for s in plan.changes[0].sql if s.startswith("INSERT")]

    assert len(inserts(few)) == 1
    conditions = [s.rsplit("WHERE ", 1)[1] for s in inserts(many)]
    assert conditions[0] == "`day` >= DATE '1900-01-01' AND `day` < DATE '1910-01-01'"
    assert conditions[1].startswith("`day` >= DATE '1910-01-01'")
    rest = "`day` IS NULL OR `day` < DATE '1900-01-01' OR `day` >= DATE '2100-01-01'"
    assert conditions[-1] == rest
    assert len(conditions) == 21


def test_partitions_that_no_contract_asks_for() -> None:
    old = contract(1, *ALL)
    table = dataclasses.replace(
        live_table(old, "bigquery"), partition=None, other_partition="DATE_TRUNC(`day`, YEAR)"
    )
    plan = make_plan({NAME: contract(2, CLOSE, N, M)}, live("bigquery", table))
    found = next(c for c in plan.changes if c.kind == "repartition")
    assert found.summary == "DATE_TRUNC(`day`, YEAR) becomes MONTH of day"
    assert any("PARTITION BY DATE_TRUNC(`day`, MONTH)" in statement for statement in found.sql)


def test_a_partition_column_goes_only_with_its_partitions() -> None:
    by = {"partition": {"column": "known", "granularity": "DAY"}}
    old = contract(1, *ALL, column("known", "DATE"), **by)
    plan = make_plan({NAME: contract(2, *ALL)}, live("bigquery", live_table(old, "bigquery")))
    drop = next(c for c in plan.changes if c.kind == "drop-column")
    assert drop.sql == ()
    assert f"name repartition:{NAME} too" in drop.note


@pytest.mark.parametrize("kind", ["table", "view"])
def test_what_soyoil_did_not_write(kind: Any) -> None:
    table = dataclasses.replace(
        live_table(contract(1, *ALL), "duckdb"),
        kind=kind,
        query="SELECT 1" if kind == "view" else None,
        contract_version=None,
        contract_hash=None,
    )
    changes = make_plan({NAME: contract(1, *ALL)}, live("duckdb", table)).changes
    expected = "drop-view" if kind == "view" else "adopt-table"
    assert [(c.id, c.needs_name) for c in changes] == [(f"{expected}:{NAME}", True)]


def test_a_table_whose_contract_is_gone() -> None:
    table = live_table(contract(1, *ALL), "duckdb")
    changes = make_plan({}, live("duckdb", table)).changes
    assert [c.id for c in changes] == [f"drop-table:{NAME}"]
    stranger = dataclasses.replace(table, contract_version=None, contract_hash=None)
    assert make_plan({}, live("duckdb", stranger)).changes == ()


def test_an_interrupted_swap_is_finished() -> None:
    table = live_table(contract(1, *ALL), "bigquery")
    built = dataclasses.replace(table, name=NAME + BUILT)
    changes = make_plan({NAME: contract(1, *ALL)}, live("bigquery", built)).changes
    recover = next(c for c in changes if c.id == f"recover-table:{NAME}")
    assert not recover.needs_name
    built_name = "`a-project.pre_features.small__soyoil_new`"
    assert recover.sql == (f"ALTER TABLE {built_name} RENAME TO `small`",)
    assert not any(c.kind in ("drop-table", "create-table") for c in changes)
    both = make_plan({NAME: contract(1, *ALL)}, live("bigquery", table, built)).changes
    assert [(c.id, c.needs_name) for c in both] == [(f"drop-table:{NAME}{BUILT}", True)]


@pytest.mark.parametrize(
    ("old", "new", "breaking"),
    [
        ("INTEGER", "INT64", False),
        ("INT64", "FLOAT64", False),
        ("NUMERIC(9, 2)", "FLOAT64", False),
        ("STRING(10)", "STRING", False),
        ("FLOAT64", "INT64", True),
        ("INT64", "STRING", True),
        ("DATETIME", "TIMESTAMP", True),
        ("BIGNUMERIC", "INT64", True),
    ],
)
def test_widening(old: str, new: Any, breaking: bool) -> None:
    table = live_table(contract(1, column("v", "BOOL")), "bigquery")
    columns = (*table.columns[:2], LiveColumn("v", old))
    table = dataclasses.replace(table, columns=columns)
    plan = make_plan({NAME: contract(2, column("v", new))}, live("bigquery", table))
    change = next(c for c in plan.changes if c.kind in ("widen-column", "retype-column"))
    assert change.breaking is breaking


def test_values_that_cannot_be_kept_are_said() -> None:
    case = Case(contract(1, CLOSE, column("v", "BOOL")), contract(2, CLOSE, column("v", "DATE")))
    change = plan_of(case, "bigquery").changes[0]
    assert "the values are lost" in change.note
    assert "CAST(NULL AS DATE) AS `v`" in "\n".join(change.sql)


def test_downstream_over_views_of_views() -> None:
    case = CASES["drop"]
    found = live(
        "duckdb",
        live_table(case.old, "duckdb"),
        view("features.b", "WITH small AS (SELECT * FROM features.small) SELECT * FROM small"),
        view("training.c", "SELECT 1 FROM other.t JOIN features.b USING (day)"),
        view("training.d", "SELECT 1 FROM training.c"),
        view("training.e", "WITH c AS (SELECT 1) SELECT * FROM c"),
        view("training.f", "SELEC nonsense ((( features small"),
    )
    plan = make_plan({NAME: case.new}, found, lineage={NAME: ["features.made"]})
    drop = next(c for c in plan.changes if c.id == whole("drop-column:close"))
    assert drop.downstream == (
        "features.b", "features.made", "training.c", "training.d", "training.f",
    )  # fmt: skip
    assert (drop.rows, drop.bytes) == (3, 192)
    direct = direct_readers(found)
    assert direct["other.t"] == ("training.c",)
    assert downstream("training.d", direct) == ()
    assert downstream("a", {"a": ["b"], "b": ["a"]}) == ("b",)


def test_views_of_bigquery_name_the_prefix() -> None:
    case = CASES["drop"]
    reader = view("features.v", "SELECT * FROM `a-project.pre_features.small`")
    plan = plan_of(case, "bigquery", reader)
    assert all(c.downstream == ("features.v",) for c in plan.changes)


def test_fingerprint() -> None:
    case = CASES["drop"]
    table = live_table(case.old, "duckdb")
    plan = make_plan({NAME: case.new}, live("duckdb", table))
    assert make_plan({NAME: case.new}, live("duckdb", table)) == plan
    assert Plan.model_validate_json(plan.model_dump_json()) == plan
    other = dataclasses.replace(table, columns=table.columns[:-1])
    more = dataclasses.replace(table, rows=4)
    for changed in (
        make_plan({NAME: case.new}, live("duckdb", other)),
        make_plan({NAME: case.new}, live("duckdb", more)),
        make_plan({NAME: case.old}, live("duckdb", table)),
        make_plan({NAME: case.new}, live("duckdb", table, view("a.v", "SELECT 1"))),
        make_plan({NAME: case.new}, live("duckdb", table, datasets=("empty",))),
    ):
        assert changed.fingerprint != plan.fingerprint
    # New rows do not make a plan stale that destroys nothing, nor do sizes and times ever.
    grown = {NAME: CASES["add_last"].new}
    assert (
        make_plan(grown, live("duckdb", more)).fingerprint
        == make_plan(grown, live("duckdb", table)).fingerprint
    )
    assert (
        make_plan({NAME: case.new}, live("duckdb", dataclasses.replace(table, bytes=7))).fingerprint
        == plan.fingerprint
    )


def test_names_that_differ_by_case_only_are_one_column() -> None:
    case = Case(contract(1, *ALL), contract(2, column("Close", "FLOAT64"), N, M))
    for backend in BACKENDS:
        changes = plan_of(case, backend).changes
        assert [c.id for c in changes if c.needs_name] == [whole("rename-column:close:Close")]


def test_the_plan_is_readable_in_80_columns() -> None:
    case = CASES["rename"]
    reader = view("features.v", QUERY)
    text = io.StringIO()
    print_plan(plan_of(case, "duckdb", reader), Console(file=text, width=80), verbose=True)
    lines = text.getvalue().splitlines()
    shown = "\n".join(line for line in lines if line.startswith(("if named", "yes", " " * 8)))
    assert "perhaps rename to close_usd" in shown
    assert "read by features.v" in shown
    assert 'RENAME COLUMN "close" TO "close_usd"' in text.getvalue()
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_the_plan_has_a_line_per_table_or_per_dataset() -> None:
    old = contract(1, *ALL)
    names = [f"{d}.t{i}" for d, n in (("raw", 2), ("training", 12)) for i in range(n)]
    tables = [
        dataclasses.replace(live_table(old, "duckdb"), name=name, contract_version=None)
        for name in names
    ]
    actions = tuple(Action("drop_table", name) for name in names)
    defects = [Defect("dead", "warning", (), "", "", "Drop it.", actions)]
    plan = make_plan({NAME: old}, live("duckdb", *tables), defects)
    text = io.StringIO()
    print_plan(plan, Console(file=text, width=80))
    shown = [" ".join(line.split()) for line in text.getvalue().splitlines()]
    assert [line for line in shown if line.startswith("if named")] == [
        "if named raw.t0 drop-table 3 192 B",
        "if named raw.t1 drop-table 3 192 B",
        "if named training.* (12 tables) drop-table 36 2.25 KiB",
    ]
    assert "DROP TABLE" not in text.getvalue()
    assert len(shown) <= 24


def theirs(backend: BackendName, rows: int) -> LiveWarehouse:
    """A table of the name of a contract that soyoil did not write, with a field of its own."""
    own = contract(1, CLOSE, struct("m", X, column("mine", "STRING")))
    return live(
        backend,
        dataclasses.replace(
            live_table(own, backend, rows=rows), contract_version=None, contract_hash=None
        ),
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_table_of_the_user_is_changed_only_if_named_and_keeps_its_fields(
    backend: BackendName,
) -> None:
    new = {NAME: contract(1, *ALL)}
    missing = Defect("m", "warning", (), "", "", "F.", (Action("add_columns", NAME),))
    plan = make_plan(new, theirs(backend, 3), [missing])
    ids = {change.id for change in plan.changes}
    assert {whole("add-column:n"), whole("add-column:m.depth")} <= ids
    assert not [i for i in ids if "mine" in i]
    assert not any(i.startswith(("stamp", "adopt")) for i in ids)
    assert all(change.needs_name for change in plan.changes)


def test_no_order_is_demanded_of_a_table_that_stays_the_users() -> None:
    """What it lacks comes last, where BigQuery adds it in place."""
    have = contract(1, struct("m", DEPTH, column("mine", "STRING")), column("own", "BOOL"), N)
    have_shape, want = (contract_shape(c, "bigquery") for c in (have, contract(1, *ALL)))
    wanted = with_theirs(have_shape, want, claimed=False)
    edits = edits_between(have_shape, wanted)
    assert [edit.id for edit in edits] == [whole("add-column:close"), whole("add-column:m.x")]
    sql = change_sql(live("bigquery", live_table(have, "bigquery")), {})
    table = "ALTER TABLE `a-project.pre_features.small`"
    assert sql.alter(have_shape, edits).statements == (
        f"{table} ADD COLUMN `close` FLOAT64",
        f"{table} ADD FIELD `m`.`x` FLOAT64{BY_THE_API}",
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_empty_table_is_replaced_as_reviewed(backend: BackendName) -> None:
    new = {NAME: contract(1, *ALL)}
    empty = Defect("m", "warning", (), "", "", "F.", (Action("replace_table", NAME),))
    plan = make_plan(new, theirs(backend, 0), [empty])
    (change,) = plan.changes
    assert (change.id, change.needs_name, change.safe) == (whole("replace-table"), True, False)
    assert change.copies == {}
    assert "CREATE TABLE" in change.restore[-1]
    check_snapshot(f"{backend}_replace", snapshot_text(plan))


def drop_of_columns() -> tuple[dict[str, TableShape], str]:
    """The statement that drops three columns, and the table that it names."""
    extra = [column(name, "FLOAT64") for name in ("a", "b", "c")]
    have = live("bigquery", live_table(contract(1, *ALL, *extra), "bigquery"))
    edits = [
        step.edit
        for step in find_steps({NAME: contract(2, *ALL)}, have, ())
        if step.edit is not None
    ]
    sql = change_sql(have, {NAME: contract(2, *ALL)})
    (statement,) = sql.alter(state_of(have).tables[NAME], edits).statements
    return {sql.table(NAME).strip("`"): state_of(have).tables[NAME]}, statement


def test_bigquery_drops_several_columns_at_once(google_sql: type[Any]) -> None:
    shapes, statement = drop_of_columns()
    google_sql(shapes).analyze(statement)


def test_all_columns_of_a_table_go_in_one_statement() -> None:
    _, statement = drop_of_columns()
    assert [line.split()[-3:] for line in statement.splitlines()] == [
        ["DROP", "COLUMN", "`a`,"],
        ["DROP", "COLUMN", "`b`,"],
        ["DROP", "COLUMN", "`c`"],
    ]


def test_a_table_that_is_replaced_keeps_its_options() -> None:
    found = theirs("bigquery", 0)
    labels = Extra("option", 'labels = [("team", "oil")]')
    default = Extra("default", "1.5", ("close",))
    table = dataclasses.replace(found.tables[NAME], extras=(labels, default))
    new = {NAME: contract(1, *ALL)}
    empty = Defect("m", "warning", (), "", "", "F.", (Action("replace_table", NAME),))
    (change,) = make_plan(new, live("bigquery", table), [empty]).changes
    for sql in (change.sql[-1], change.restore[-1]):
        assert 'labels = [("team", "oil")]' in sql
        assert "DEFAULT 1.5" in sql
    secret = dataclasses.replace(table, extras=(Extra("policy tags", "pii", ("close",)),))
    (refused,) = make_plan(new, live("bigquery", secret), [empty]).changes
    assert refused.sql == ()
    assert "cannot keep its policy tags" in refused.note


def test_only_what_is_empty_and_unread_is_dropped_safely() -> None:
    old = live_table(contract(1, *ALL), "duckdb")

    def table(name: str, rows: int) -> LiveTable:
        return dataclasses.replace(old, name=name, contract_version=None, rows=rows)

    found = live(
        "duckdb",
        table("raw.empty", 0), table("raw.full", 3), table("raw.read", 0), table("raw.seen", 0),
        view("raw.sound", "SELECT * FROM raw.read"),
        view("raw.broken", "SELECT * FROM raw.seen JOIN raw.gone USING (day)"),
    )  # fmt: skip
    tables = ("raw.empty", "raw.full", "raw.read", "raw.seen")
    defects = [
        Defect("dead", "warning", (), "", "", "F.", tuple(Action("drop_table", n) for n in tables)),
        Defect(
            "broken_view", "error", ("raw.broken",), "", "", "F.",
            (Action("drop_view", "raw.broken"),),
        ),
    ]  # fmt: skip
    changes = make_plan({}, found, defects).changes
    assert {c.target for c in changes if c.safe} == {"raw.empty", "raw.seen", "raw.broken"}
    assert {c.target for c in changes if c.copies} == {"raw.full"}


def test_an_empty_table_by_ingestion_time_can_be_restored() -> None:
    for unit, clause in (
        ("DAY", "_PARTITIONDATE"),
        ("HOUR", "TIMESTAMP_TRUNC(_PARTITIONTIME, HOUR)"),
    ):
        table = LiveTable(
            "raw.t", "table", (LiveColumn("x", "FLOAT64"),), rows=0,
            other_partition=f"ingestion time by {unit}",
        )  # fmt: skip
        defects = [Defect("dead", "warning", (), "", "", "F.", (Action("drop_table", "raw.t"),))]
        plan = make_plan({}, live("bigquery", table), defects)
        (change,) = plan.changes
        assert change.safe
        assert f"PARTITION BY {clause}" in change.restore[0]


def test_partition_of_the_shape_follows_a_rename() -> None:
    def by(name: str) -> dict[str, Any]:
        return {"partition": {"column": name, "granularity": "MONTH"}}

    old = contract(1, column("known_on", "DATE"), **by("known_on"))
    new = contract(2, column("known_on_day", "DATE"), **by("known_on_day"))
    changes = make_plan({NAME: new}, live("bigquery", live_table(old, "bigquery"))).changes
    rename = next(c for c in changes if c.kind == "rename-column")
    assert not any(c.kind == "repartition" for c in changes)
    assert "PARTITION BY DATE_TRUNC(`known_on_day`, MONTH)" in "\n".join(rename.sql)
