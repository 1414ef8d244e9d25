"""Each structural rule on hand-made warehouses."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest

from soyoil.audit.lineage import read_views
from soyoil.audit.rows.spans import Span, partition_limits
from soyoil.audit.scope import called
from soyoil.audit.structure.defects import Action, Defect, structural_defects
from soyoil.contracts.contract import Partition, load_contract, load_contracts
from soyoil.warehouse.live import LiveColumn, LiveTable, LiveWarehouse

pytestmark = pytest.mark.ci_on_bigquery

CONTRACTS = load_contracts()
STAMPED = 1


def table(name: str, *columns: str, rows: int | None = 10, **more: object) -> LiveTable:
    """Table of ``name:TYPE`` columns, FLOAT64 if no type is given."""
    parts = [[*c.split(":"), "FLOAT64"][:2] for c in columns]
    live = tuple(LiveColumn(name, kind) for name, kind in parts)
    return LiveTable(name, "table", live, rows=rows, **more)  # type: ignore[arg-type]


def view(name: str, query: str) -> LiveTable:
    return LiveTable(name, "view", (LiveColumn("x", "FLOAT64"),), query=query)


def warehouse(*tables: LiveTable, **more: str) -> LiveWarehouse:
    ordered = {t.name: t for t in sorted(tables, key=lambda t: t.name)}
    datasets = tuple(sorted({t.dataset for t in tables}))
    return LiveWarehouse("bigquery", "test", datasets, ordered, **more)


def found(*tables: LiveTable) -> tuple[Defect, ...]:
    return structural_defects(warehouse(*tables), CONTRACTS)


def only(defects: Sequence[Defect], kind: str) -> Defect:
    assert [d.kind for d in defects] == [kind]
    return defects[0]


def of_contract(name: str, without: Sequence[str] = ()) -> LiveTable:
    """The table of a contract, without some fields."""

    def live(columns: object, prefix: str = "") -> tuple[LiveColumn, ...]:
        return tuple(
            LiveColumn(c.name, c.type, c.nullable, fields=live(c.fields, f"{c.name}."))
            for c in columns  # type: ignore[attr-defined]
            if f"{prefix}{c.name}" not in without
        )

    return LiveTable(
        name, "table", live(load_contract(name).columns), rows=5, contract_version=STAMPED
    )


def test_the_contracts_themselves_are_sound() -> None:
    assert found(*(of_contract(name) for name in CONTRACTS)) == ()


def test_two_calendars_of_regimes_are_both_retired() -> None:
    defect = only(
        found(
            table("training.regime_calendar", "date:DATE", "regime:STRING", "valid_from:DATE",
                  rows=900, partition=Partition(column="date", granularity="DAY")),
            table("features.regime_calendar", "date:DATE", "regime:STRING", "training_weight"),
        ),
        "duplicate_concept",
    )  # fmt: skip
    assert defect.severity == "error"
    assert defect.objects == ("training.regime_calendar", "features.regime_calendar")
    assert "only training.regime_calendar has valid_from" in defect.evidence
    assert "only features.regime_calendar has training_weight" in defect.evidence
    assert defect.fix.startswith("Keep training.regime_weights")
    assert set(defect.actions) == {
        Action("drop_table", "features.regime_calendar"),
        Action("drop_table", "training.regime_calendar"),
    }


def test_two_tables_of_one_name_with_clashing_columns() -> None:
    daily = Partition(column="date", granularity="DAY")
    defect = only(
        found(
            table("raw.calendar", "date:DATE", "kind:STRING", partition=daily),
            table("old.calendar", "date:DATE", "weight"),
        ),
        "duplicate_concept",
    )
    assert defect.fix == "Keep raw.calendar (it is partitioned), move what only old.calendar " + (
        "holds there, drop old.calendar."
    )
    assert defect.actions == (Action("drop_table", "old.calendar"),)


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        (of_contract("training.regime_weights"), table("old.regime_weights", "x", rows=99),
         "it is under contract"),
        (table("a.prices", "x", rows=5), table("b.prices", "x", rows=0), "the other is empty"),
        (table("a.prices", "x", rows=5), table("b.prices", "x", rows=4), "it holds more rows"),
    ],
)  # fmt: skip
def test_which_table_is_kept(first: LiveTable, second: LiveTable, reason: str) -> None:
    defect = next(
        d for d in found(first, second, table("b.other", "x")) if d.kind == "duplicate_concept"
    )
    assert defect.objects[0] == first.name
    assert f"({reason})" in defect.fix


def test_the_table_that_views_read_is_kept() -> None:
    defects = found(
        table("a.prices", "x", rows=5),
        table("b.prices", "x", rows=500),
        view("a.v", "SELECT x FROM a.prices"),
    )
    defect = only(defects, "duplicate_concept")
    assert defect.severity == "warning"
    assert "the same columns" in defect.evidence
    assert "Keep a.prices (more views read it)" in defect.fix


def test_view_over_missing_and_empty_tables_and_a_banned_vendor() -> None:
    query = (
        "WITH base AS (SELECT * FROM `my-project.features.good`) SELECT * FROM base "
        "LEFT JOIN raw.gone USING (x) LEFT JOIN raw.hollow USING (x) "
        "LEFT JOIN raw.yahoo_prices USING (x)"
    )
    defects = found(
        table("features.good", "x"), table("raw.hollow", "x", rows=0), view("features.all", query)
    )
    assert [d.kind for d in defects] == ["broken_view", "prepared_tables"]
    assert defects[0].evidence == (
        "3 joins, 3 of them LEFT JOINs, 4 tables; missing (2): raw.gone, raw.yahoo_prices; "
        "empty (1): raw.hollow; banned vendor (1): raw.yahoo_prices"
    )
    assert defects[0].actions == (Action("drop_view", "features.all"),)
    assert "hollow" in defects[1].evidence, "a view that fails reads nothing"
    assert defects[1].severity == "info"


def test_view_of_a_broken_view_is_broken() -> None:
    defects = found(view("a.top", "SELECT * FROM a.middle"), view("a.middle", "SELECT * FROM a.no"))
    assert [(d.kind, d.objects) for d in defects] == [
        ("broken_view", ("a.middle",)),
        ("broken_view", ("a.top",)),
    ]
    assert "broken view (1): a.middle" in defects[1].evidence


def test_sound_views_give_nothing_and_many_joins_a_warning() -> None:
    joins = " ".join(f"JOIN a.good AS t{i} USING (x)" for i in range(9))
    sound = view("a.v", "SELECT x FROM a.good JOIN a.INFORMATION_SCHEMA.TABLES USING (x)")
    assert found(table("a.good", "x"), view("a.v", "SELECT x FROM a.good")) == ()
    assert read_views(warehouse(table("a.good", "x"), sound))["a.v"].joins == 1
    defect = only(
        found(table("a.good", "x"), view("a.v", f"SELECT t0.x FROM a.good {joins}")), "many_joins"
    )
    assert defect.evidence == "9 joins, 1 table: a.good"


def test_view_that_cannot_be_read() -> None:
    defect = only(found(view("a.v", "SELECT FROM WHERE (")), "unreadable_view")
    assert defect.severity == "warning"


def test_views_name_datasets_with_the_prefix_of_the_connection() -> None:
    live = warehouse(
        table("features.good", "x"),
        view(
            "features.v", "SELECT * FROM `p-1.soyoil_features.good` JOIN soyoil_raw.gone USING(x)"
        ),
        dataset_prefix="soyoil_",
    )
    assert read_views(live)["features.v"].tables == ("features.good", "raw.gone")


@pytest.mark.parametrize(
    ("name", "columns", "severity"),
    [
        ("training.zl_training_prod_allhistory_1m", ("close", "target_1w"), "error"),
        ("training.ZL_TRAINING_1M", ("close", "target_1w_log_return"), "error"),
        ("features.master", ("close", "target_1m"), "warning"),
    ],
)
def test_target_of_another_horizon(name: str, columns: tuple[str, ...], severity: str) -> None:
    defect = only(found(table(name, *columns)), "horizon_mismatch")
    assert defect.severity == severity
    assert columns[1] in defect.evidence


def test_target_of_the_horizon_of_its_table() -> None:
    assert found(table("training.zl_1m", "close", "target_1m")) == ()


def test_training_table_without_features() -> None:
    defect = only(
        found(
            table("training.zl_1m", "date:DATE", "regime:STRING", "training_weight", "target_1m")
        ),
        "no_features",
    )
    assert "4 columns, none a feature" in defect.evidence


def test_banned_columns_and_tables() -> None:
    columns = ("date:DATE", "yahoo_close", "zl_yahoo_volume", "close", "open", "high")
    defect = only(found(table("features.master", *columns)), "banned_column")
    assert defect.objects == ("features.master.yahoo_close", "features.master.zl_yahoo_volume")
    assert defect.evidence.startswith("2 of 6 columns of features.master, 10 rows")
    assert defect.actions == tuple(Action("drop_column", name) for name in defect.objects)
    whole = only(found(table("features.master", "yahoo_close", "yahoo_open")), "banned_column")
    assert whole.actions == (Action("drop_table", "features.master"),)
    assert [d.kind for d in found(table("raw.yahoo_prices", "x"))] == ["banned_table"]
    live = warehouse(table("features.master", "yahoo_close"))
    assert structural_defects(live, CONTRACTS, ("other",)) == ()


@pytest.mark.parametrize(
    "columns",
    [
        ("date:DATE", "yahoo_close"),
        ("date:DATE", "symbol:STRING", "close", "yahoo_open", "yahoo_high", "yahoo_low", "yahoos"),
    ],
)
def test_a_table_of_little_else_than_banned_columns_goes_as_a_whole(
    columns: tuple[str, ...],
) -> None:
    defect = only(found(table("features.master", *columns)), "banned_column")
    assert defect.actions == (Action("drop_table", "features.master"),)
    assert "as a whole" in defect.fix


def test_what_is_to_be_kept_is_not_offered() -> None:
    live = warehouse(table("raw.t", "date:DATE", "close", "open", "yahoo_a", "yahoo_b"))
    (defect,) = structural_defects(live, CONTRACTS, keep=("*.yahoo_b",))
    assert defect.actions == (Action("drop_column", "raw.t.yahoo_a"),)
    (defect,) = structural_defects(live, CONTRACTS, keep=("raw.t*",))
    assert defect.actions == ()


def test_nested_columns_missing_against_the_contract() -> None:
    lost = ("pivots.R1", "golden_zone.state", "regime_name")
    defect = only(found(of_contract("features.daily_ml_matrix", lost)), "missing_columns")
    total = len(load_contract("features.daily_ml_matrix").flat_columns())
    assert defect.evidence == (
        f"3 of {total} columns of contract version "
        f"{load_contract('features.daily_ml_matrix').version} are missing, 2 of them nested: "
        "regime_name, pivots.R1, golden_zone.state"
    )
    assert defect.actions == (Action("add_columns", "features.daily_ml_matrix"),)


def test_wrong_types_and_unknown_columns() -> None:
    columns = of_contract("training.regime_weights").columns
    changed = [LiveColumn("weight", "STRING") if c.name == "weight" else c for c in columns]
    defects = found(
            LiveTable("training.regime_weights", "table", (*changed, LiveColumn("extra", "BOOL")),
                  rows=3, contract_version=STAMPED)
    )  # fmt: skip
    assert [(d.kind, d.severity) for d in defects] == [
        ("wrong_type", "error"),
        ("unknown_columns", "warning"),
    ]
    assert "weight is STRING, not FLOAT64" in defects[0].evidence


def test_dead_dataset_and_empty_tables() -> None:
    dead = [table(f"z_archive.t{i}", "x", rows=0) for i in range(50)]
    defect = only(found(*dead, table("z_archive2.t", "x")), "dead_dataset")
    assert defect.objects == ("z_archive",)
    assert defect.evidence.startswith("50 tables, all empty, read by no view")
    assert defect.actions == (Action("drop_dataset", "z_archive"),)
    shell = only(found(table("raw.unread", "x", rows=0), table("raw.full", "x")), "prepared_tables")
    assert (shell.severity, shell.objects, shell.actions) == ("info", ("raw",), ())
    shells = [table(f"ops.t{i}", "x", rows=0) for i in range(3)]
    assert only(found(*shells), "prepared_tables").objects == ("ops",)
    backups = [table(f"attic.bkp__t{i}", "x", rows=0) for i in range(3)]
    assert only(found(*backups), "dead_dataset").objects == ("attic",)
    unknown = found(table("raw.external", "x", rows=None))
    assert unknown == (), "rows that are not known are not zero"


def test_an_empty_table_under_contract_is_read_by_the_pipelines() -> None:
    whole = of_contract("training.regime_weights")
    empty = LiveTable(whole.name, "table", whole.columns, rows=0, contract_version=STAMPED)
    assert "read by the pipelines" in only(found(empty), "empty_table").evidence


MATRIX = "features.daily_ml_matrix"
BARS = "market_data.databento_futures_ohlcv_1d"


def test_a_matrix_that_soyoil_did_not_write_keeps_its_own_fields() -> None:
    own = LiveColumn("policy", "STRUCT", fields=(LiveColumn("my_own_score", "FLOAT64"),))
    columns = (LiveColumn("symbol", "STRING"), LiveColumn("data_date", "DATE"), own)
    for rows, action in ((0, "replace_table"), (4, "add_columns")):
        defects = found(LiveTable(MATRIX, "table", columns, rows=rows))
        assert [(d.kind, d.severity) for d in defects] == [
            ("missing_columns", "warning"),
            ("own_columns", "info"),
        ]
        assert defects[0].actions == (Action(action, MATRIX),)  # type: ignore[arg-type]
        assert "policy.my_own_score" in defects[1].evidence


@pytest.mark.parametrize(("lacking", "severity"), [(3, "info"), (60, "warning")])
def test_a_matrix_beside_that_of_soyoil_need_not_follow_at_once(
    lacking: int, severity: str
) -> None:
    lost = [name for name in load_contract(MATRIX).flat_columns() if "." in name][::2][:lacking]
    theirs = dataclasses.replace(of_contract(MATRIX, lost), contract_version=None)
    live = warehouse(theirs, own_prefix="soyoil_x_")
    own = {f"soyoil_x_{name}": called(f"soyoil_x_{name}", c) for name, c in CONTRACTS.items()}
    (defect,) = structural_defects(live, own)
    assert (defect.kind, defect.severity) == ("missing_columns", severity)
    assert defect.objects == (MATRIX,)


@pytest.mark.parametrize("date", ["date", "data_date"])
def test_bars_that_soyoil_did_not_write_are_left_alone(date: str) -> None:
    defects = found(table(BARS, f"{date}:DATE", "symbol:STRING", "close"))
    assert {d.severity for d in defects} == {"info"}
    assert defects[0].kind == "own_table"
    assert "source.kind=warehouse" in defects[0].fix


def test_an_empty_table_of_another_form_where_soyoil_writes() -> None:
    defect = only(
        found(table("training.regime_weights", "regime:STRING", "weight:INT64", rows=0)),
        "other_form",
    )
    assert defect.actions == (Action("replace_table", "training.regime_weights"),)


@pytest.mark.parametrize(
    ("name", "target", "kinds"),
    [
        ("training.mes_allhistory_15min", "target_1min", ["horizon_mismatch", "no_features"]),
        ("training.mes_allhistory_1m", "target_1min", ["horizon_mismatch", "no_features"]),
        ("training.mes_allhistory_1min", "target_1min", ["no_features"]),
        ("training.mes_allhistory_4hr", "target_4hr", ["no_features"]),
    ],
)
def test_training_tables_of_bars_within_the_day(name: str, target: str, kinds: list[str]) -> None:
    defects = found(table(name, "ts_event:TIMESTAMP", "training_weight", target, rows=0))
    assert [d.kind for d in defects if d.severity != "info"] == kinds
    assert {d.actions for d in defects} == {(Action("drop_table", name),)}


DAY = Partition(column="date", granularity="DAY")
MONTH = Partition(column="date", granularity="MONTH")


def spans_of(days: int, *names: str) -> list[Span]:
    dates = np.arange(np.datetime64("2010-01-01"), np.datetime64("2010-01-01") + days)
    return [Span(table(n, "date:DATE"), None, dates, "date", False, 1.0, {}) for n in names]


@pytest.mark.parametrize(
    ("days", "partition", "backend", "severity"),
    [
        (6_960, DAY, "bigquery", "error"),
        (4_001, DAY, "bigquery", "error"),
        (4_000, DAY, "bigquery", None),
        (6_960, MONTH, "bigquery", None),
        (6_960, None, "bigquery", None),
        (6_960, None, "duckdb", "warning"),
    ],
)
def test_partition_limit(
    days: int, partition: Partition | None, backend: str, severity: str | None
) -> None:
    target = table("training.calendar", "date:DATE", rows=0, partition=partition)
    spans = spans_of(days, "features.calendar")
    defects = list(partition_limits([target], {}, spans, backend))  # type: ignore[arg-type]
    assert [d.severity for d in defects] == ([severity] if severity else [])
    if severity:
        assert defects[0].objects == ("training.calendar",)
        assert f"{days:,} partitions" in defects[0].evidence
        assert "with the rows of features.calendar" in defects[0].evidence
        assert "Partition by month" in defects[0].fix


def test_rows_of_a_staging_table_count_with_those_already_there() -> None:
    target = table("a.calendar", "date:DATE", partition=DAY)
    early, late = spans_of(3_000, "a.calendar"), spans_of(12_000, "a.stg_calendar")
    assert not list(partition_limits([target], {}, early, "bigquery"))
    (defect,) = partition_limits([target], {}, [*early, *late], "bigquery")
    assert "12,000 partitions" in defect.evidence
    assert "and over 10,000" in defect.evidence


def test_rows_that_are_there_are_no_defect_but_a_fact() -> None:
    target = table("a.bars", "date:DATE", partition=DAY)
    (defect,) = partition_limits([target], {}, spans_of(4_500, "a.bars"), "bigquery")
    assert defect.severity == "info"


def test_an_empty_calendar_of_regimes_would_have_a_row_a_day() -> None:
    target = table("a.regime_calendar", "date:DATE", rows=0, partition=DAY)
    (market,) = spans_of(6_000, "a.bars")
    sessions = dataclasses.replace(market, is_market=True)
    (defect,) = partition_limits([target], {}, [sessions], "bigquery")
    assert (defect.severity, defect.objects) == ("warning", ("a.regime_calendar",))
    assert "6,000 partitions" in defect.evidence
    assert not list(partition_limits([target], {}, [market], "bigquery"))


def test_unrelated_tables_do_not_count() -> None:
    target = table("a.calendar", "date:DATE", rows=0, partition=DAY)
    assert not list(partition_limits([target], {}, spans_of(9_000, "a.weather"), "bigquery"))
