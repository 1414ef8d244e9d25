"""Each rule of rows finds exactly the defect that was planted, and nothing in clean rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from soyoil.audit.config import AuditConfig
from soyoil.audit.rows.columns import Sources, constant_columns, constant_regime, empty_columns
from soyoil.audit.rows.keys import cloned_rows, duplicate_keys
from soyoil.audit.rows.labels import label_defects, sessions_of
from soyoil.audit.rows.origins import mixed_warehouse, origins, provenances
from soyoil.audit.rows.sessions import filled_runs, impossible_days, inconsistent_bars, session_gaps
from soyoil.audit.rows.spans import span_of, stale_tables
from soyoil.audit.rows.table_data import TableData
from soyoil.audit.structure.defects import Defect
from soyoil.contracts.contract import load_contract
from soyoil.external import SOURCES as OUTSIDE
from soyoil.targets.horizons import HORIZONS
from soyoil.targets.labels import build_labels
from soyoil.warehouse.live import LiveTable

CONFIG = AuditConfig()
SOURCES = Sources(("ZL", "CL"))
AsTable = Callable[..., TableData]


def all_findings(data: TableData) -> list[Defect]:
    """What the rules of rows find in one table that stands alone."""

    def found() -> Iterator[Defect]:
        once = data.once()
        yield from duplicate_keys(data)
        yield from cloned_rows(once)
        yield from inconsistent_bars(data)
        yield from impossible_days(data)
        yield from session_gaps(once, CONFIG)
        yield from filled_runs(once, CONFIG)
        yield from empty_columns(data, SOURCES)
        yield from constant_columns(data)
        yield from constant_regime(data, None)
        yield from origins(data, CONFIG)
        yield from label_defects(once, sessions_of(once))

    return list(found())


def only(findings: list[Defect], kind: str) -> Defect:
    """The one finding, of a kind."""
    assert [f.kind for f in findings] == [kind]
    return findings[0]


def test_clean_bars_give_nothing(bars: pd.DataFrame, as_table: AsTable) -> None:
    assert all_findings(as_table(bars)) == []


def test_rows_given_twice(bars: pd.DataFrame, as_table: AsTable) -> None:
    rows = bars.iloc[[5, 5, 900]].assign(close=lambda f: f["close"] + [0.0, 0.0, 1.0])
    finding = next(duplicate_keys(as_table(pd.concat([bars, rows]))))
    assert "3 surplus rows of" in finding.evidence
    assert "2 keys up to 3 times, 1 of them with contradicting values" in finding.evidence
    assert "key symbol+date, a guess" in finding.evidence


def test_what_describes_a_row_is_no_part_of_its_key(bars: pd.DataFrame, as_table: AsTable) -> None:
    told = bars.assign(provenance_uuid=[f"u{i}" for i in range(len(bars))], source="cme")
    again = told.iloc[:10].assign(provenance_uuid=[f"again{i}" for i in range(10)])
    finding = only(all_findings(as_table(pd.concat([told, again]))), "duplicate_key")
    assert finding.evidence.startswith("10 surplus rows")
    assert "0 of them with contradicting values" in finding.evidence


def test_headlines_of_one_day_are_no_copies(as_table: AsTable) -> None:
    news = pd.DataFrame(
        {
            "date": pd.to_datetime(["2020-01-02"] * 40).as_unit("us"),
            "headline": pd.Series([f"story {i}" for i in range(40)], dtype="str"),
            "score": np.arange(40.0),
        }
    )
    assert all_findings(as_table(news, "raw.news")) == []


def test_rows_cloned_from_other_dates(bars: pd.DataFrame, as_table: AsTable) -> None:
    zl = bars[bars["symbol"] == "ZL"].reset_index(drop=True)
    values = ["open", "high", "low", "close", "volume"]
    cloned = zl.copy()
    cloned.loc[700, values] = zl.loc[100, values].to_numpy()
    cloned.loc[701, values] = zl.loc[101, values].to_numpy()
    finding = only(all_findings(as_table(cloned)), "cloned_rows")
    dates = zl["date"].dt.strftime("%Y-%m-%d")
    assert finding.evidence == (
        f"2 rows of {len(zl):,} equal the row of another date in all 5 values: "
        f"ZL {dates[700]} = {dates[100]}, ZL {dates[701]} = {dates[101]}"
    )


def test_equal_rows_of_two_series_are_no_clones(bars: pd.DataFrame, as_table: AsTable) -> None:
    zl = bars[bars["symbol"] == "ZL"]
    twins = pd.concat([zl, zl.assign(symbol="ZS")])
    assert all_findings(as_table(twins)) == []


def test_weekend_and_holiday_rows(bars: pd.DataFrame, as_table: AsTable) -> None:
    moved = bars.copy()
    monday = int(np.flatnonzero((bars["symbol"] == "ZL") & (bars["date"] == "2020-03-02"))[0])
    friday = int(np.flatnonzero((bars["symbol"] == "ZL") & (bars["date"] == "2020-07-02"))[0])
    moved.loc[monday, "date"] = pd.Timestamp("2020-03-01")
    moved.loc[friday, "date"] = pd.Timestamp("2020-07-03")
    findings = all_findings(as_table(moved))
    assert [f.kind for f in findings] == ["weekend_rows", "holiday_rows"]
    assert findings[0].evidence.startswith("1 row of")
    assert findings[0].evidence.endswith("ZL 2020-03-01")
    assert findings[1].evidence.endswith("ZL 2020-07-03")


def test_crude_oil_trades_when_the_grains_rest(bars: pd.DataFrame, as_table: AsTable) -> None:
    cl = bars[(bars["symbol"] == "CL") & (bars["date"] == "2020-05-25")]
    assert len(cl) == 1, "Memorial Day has a session of CL"
    assert not list(impossible_days(as_table(bars)))
    christmas = cl.assign(date=pd.Timestamp("2020-12-25"), volume=777.0)
    finding = only(all_findings(as_table(pd.concat([bars, christmas]))), "holiday_rows")
    assert finding.evidence.endswith("CL 2020-12-25")


def test_session_gap(bars: pd.DataFrame, as_table: AsTable) -> None:
    gone = (bars["symbol"] == "ZL") & bars["date"].between("2020-03-02", "2020-03-10")
    finding = only(all_findings(as_table(bars[~gone])), "session_gap")
    assert "ZL 7 from 2020-02-28 to 2020-03-11" in finding.evidence


@pytest.mark.parametrize(("n", "found"), [(4, False), (5, True), (30, True)])
def test_filled_prices(bars: pd.DataFrame, as_table: AsTable, n: int, found: bool) -> None:
    filled = bars.copy()
    start = int(np.flatnonzero(bars["symbol"] == "ZL")[300])
    level = bars.loc[start, "close"]
    filled.loc[start : start + n - 1, ["open", "high", "low", "close"]] = level
    filled.loc[start + n, "open"] = level * 1.01
    filled["high"] = filled[["open", "high", "close"]].max(axis=1)
    filled["low"] = filled[["open", "low", "close"]].min(axis=1)
    findings = list(filled_runs(as_table(filled), CONFIG))
    assert [f.kind for f in findings] == ["filled_run"] * found
    if found:
        day = f"{bars.loc[start, 'date']:%Y-%m-%d}"
        assert findings[0].severity == "error"
        assert f"close 1 run, {n} rows, the longest {n} from ZL {day}" in findings[0].evidence


def test_a_coarse_tick_may_stand_still(as_table: AsTable) -> None:
    """A series that repeats one value in three stands still five times by chance, not thirty."""
    rng = np.random.default_rng(7)
    steps = rng.choice([0.0, 0.25, -0.25], size=3_000)
    close = pd.Series(500 + np.cumsum(steps))
    days = pd.bdate_range("2010-01-04", periods=3_000, unit="us")
    frame = pd.DataFrame({"symbol": "ZS", "date": days, "close": close}).astype({"symbol": "str"})
    same = close.diff().eq(0)
    assert (same & same.shift(fill_value=False)).sum() > 100
    runs = same.groupby((~same).cumsum()).sum() + 1
    assert runs.max() >= CONFIG.price_run
    assert not list(filled_runs(as_table(frame), CONFIG))
    frame.loc[1_000:1_029, "close"] = 512.34
    finding = only(list(filled_runs(as_table(frame), CONFIG)), "filled_run")
    assert "close 1 run, 30 rows" in finding.evidence


def test_an_indicator_may_rest_at_its_bound(bars: pd.DataFrame, as_table: AsTable) -> None:
    zl = bars[bars["symbol"] == "ZL"].reset_index(drop=True)
    percentile = zl["close"].rank(pct=True)
    saturated = percentile.mask(np.arange(len(zl)) % 200 < 15, 1.0)
    stuck = percentile.mask((np.arange(len(zl)) >= 400) & (np.arange(len(zl)) < 415), 0.1234567)
    assert not list(filled_runs(as_table(zl.assign(pct=saturated)), CONFIG))
    finding = only(list(filled_runs(as_table(zl.assign(pct=stuck)), CONFIG)), "filled_run")
    assert finding.severity == "warning"
    assert "pct 1 run, 15 rows" in finding.evidence


def test_a_weekly_series_may_stand_still(bars: pd.DataFrame, as_table: AsTable) -> None:
    zl = bars[bars["symbol"] == "ZL"].reset_index(drop=True)
    monthly = zl["date"].dt.month * 1.5 + zl["date"].dt.year
    assert all_findings(as_table(zl.assign(cpi=monthly))) == []


def test_inconsistent_bar(bars: pd.DataFrame, as_table: AsTable) -> None:
    wrong = bars.copy()
    wrong.loc[3, "high"] = wrong.loc[3, ["open", "close"]].min() - 0.01
    wrong.loc[9, "low"] = wrong.loc[9, ["open", "close"]].min() + 0.01
    finding = next(inconsistent_bars(as_table(wrong)))
    assert finding.evidence.startswith(f"2 rows of {len(bars):,}, 2 dates")


def test_columns_without_a_value_and_with_one(bars: pd.DataFrame, as_table: AsTable) -> None:
    said = bars.assign(sentiment=np.nan, tariff=0.0)
    findings = all_findings(as_table(said))
    assert [f.kind for f in findings] == ["null_column", "constant_column"]
    assert findings[0].evidence.endswith("sentiment")
    assert findings[1].evidence.endswith("tariff = 0")


def test_a_few_rows_say_nothing_of_a_column(bars: pd.DataFrame, as_table: AsTable) -> None:
    few = bars.assign(sentiment=np.nan).head(7)
    assert not list(empty_columns(as_table(few), Sources(())))


def test_contract_explains_null_and_constant_columns(
    clean_frames: tuple[object, dict[str, pd.DataFrame]],
) -> None:
    name = "features.daily_ml_matrix"
    contract = load_contract(name)
    frame = clean_frames[1][name].copy()
    for column in ("market_data.is_roll", "market_data.realized_vol_1h"):
        frame[column] = pd.array([False] * len(frame), "boolean") if "is_" in column else np.nan
    frame["market_data.rsi_14"] = 50.0
    ints = frame.select_dtypes("Int64").columns
    frame = frame.astype(dict.fromkeys(ints, "float64"))
    times = frame.select_dtypes("datetimetz").columns
    frame = frame.assign(**{c: frame[c].dt.tz_localize(None) for c in times})
    ours = LiveTable(name, "table", (), rows=len(frame), contract_version=contract.version)
    theirs = dataclasses.replace(ours, contract_version=None)
    data = TableData.of(theirs, contract, frame)
    told = list(empty_columns(data, Sources(("ZL", "ZS", "CL"))))
    assert [(f.kind, f.severity) for f in told] == [("absent_source", "info")]
    data = TableData.of(ours, contract, frame)
    empty = list(empty_columns(data, Sources(("ZL", "ZS", "CL"))))
    assert [(f.kind, f.severity) for f in empty] == [
        ("null_column", "warning"),
        ("absent_source", "info"),
    ]
    assert empty[0].evidence.endswith("market_data.realized_vol_1h")
    absent = "6E, 6L, ES, GC, HG, HO, MES, NG, RB, ZC, ZM, ZN, ZW"
    outside = [f"; outside source {name} off or without rows" for name in sorted(OUTSIDE)]
    assert empty[1].evidence.endswith(f"no sessions of {absent}{''.join(outside)}")
    daily = list(empty_columns(data, Sources(("ZL", "ZS", "CL"), hourly=False)))
    assert [f.kind for f in daily] == ["absent_source"]
    constant = only(list(constant_columns(data)), "constant_column")
    assert constant.evidence.startswith("1 column with one value")
    assert constant.evidence.endswith("market_data.rsi_14 = 50")


def test_constant_regime(bars: pd.DataFrame, as_table: AsTable) -> None:
    told = as_table(bars.assign(regime="normal"))
    finding = only(list(constant_regime(told, None)), "constant_regime")
    assert "regime is normal in all rows from 2018-01-02 to 2021-12-31" in finding.evidence
    one = pd.DataFrame({"start_date": pd.to_datetime(["2000-01-01"])})
    assert not list(constant_regime(told, one)), "the table knows one regime only"
    two = pd.DataFrame({"start_date": pd.to_datetime(["2000-01-01", "2020-01-01"])})
    assert [f.kind for f in constant_regime(told, two)] == ["constant_regime"]
    assert not list(
        constant_regime(as_table(bars.assign(regime=bars["date"].dt.year.astype("str"))), two)
    )


@pytest.mark.parametrize(
    ("column", "values", "kind"),
    [
        ("source_name", ["Yahoo_Finance", "cme"], "banned_source"),
        ("provenance", ["observed", "synthetic"], "mixed_provenance"),
        ("provenance", ["proxy", "proxy"], "made_rows"),
        ("source", ["cme", "other"], "mixed_sources"),
    ],
)
def test_origins(
    bars: pd.DataFrame, as_table: AsTable, column: str, values: list[str], kind: str
) -> None:
    half = np.arange(len(bars)) < 100
    told = bars.assign(**{column: pd.Series(np.where(half, values[0], values[1]), dtype="str")})
    findings = list(origins(as_table(told), CONFIG))
    kinds = [f.kind for f in findings]
    assert kind in kinds
    assert set(kinds) <= {kind, "mixed_sources"}
    text = findings[kinds.index(kind)].evidence
    expected = {
        "banned_source": "100 rows of",
        "mixed_provenance": f"{len(bars) - 100:,} rows of {len(bars):,} are not observed",
        "made_rows": f"{len(bars):,} rows of",
        "mixed_sources": "cme: 100 rows",
    }
    assert expected[kind] in text


def test_rows_flagged_as_made(bars: pd.DataFrame, as_table: AsTable) -> None:
    flags = pd.array(np.arange(len(bars)) == 7, dtype="boolean")
    finding = only(list(origins(as_table(bars.assign(is_proxy=flags)), CONFIG)), "made_rows")
    assert "1 row of" in finding.evidence


def test_a_table_that_says_it_is_synthetic_may_be(bars: pd.DataFrame, as_table: AsTable) -> None:
    made = bars.assign(provenance=pd.Series(["synthetic"] * len(bars), dtype="str"))
    assert not list(origins(as_table(made, "sandbox.synthetic_prices"), CONFIG))


def test_tables_of_different_provenance() -> None:
    found = {"a.b": ("observed",), "c.d": ("synthetic",)}
    finding = only(list(mixed_warehouse(found)), "mixed_warehouse")
    assert finding.evidence == "a.b: observed; c.d: synthetic"
    assert not list(mixed_warehouse({"a.b": ("observed",), "c.d": ("observed",)}))


def test_stale_table_and_series(bars: pd.DataFrame, as_table: AsTable) -> None:
    old = bars[bars["date"] < "2021-06-01"].assign(symbol="ZS")
    late = bars[(bars["symbol"] == "CL") | (bars["date"] < "2021-11-01")]
    spans = [span_of(as_table(bars)), span_of(as_table(old, "raw.old"))]
    spans.append(span_of(as_table(late, "raw.late")))
    today = pd.Timestamp("2022-01-03").date()
    findings = list(stale_tables([s for s in spans if s], CONFIG, today))
    assert [(f.kind, f.objects) for f in findings] == [
        ("stale_table", ("raw.old",)),
        ("stale_series", ("raw.late",)),
    ]
    assert "ZL 2021-10-29" in findings[1].evidence


def labelled(bars: pd.DataFrame, horizon: str, **extra: Any) -> pd.DataFrame:
    """A training table of ZL with a label and its close."""
    zl = bars[bars["symbol"] == "ZL"].reset_index(drop=True)
    returns = np.log(zl["close"]).diff()
    sessions = zl.assign(data_date=zl["date"], roll_free_return=returns)
    labels = build_labels(sessions, HORIZONS[horizon])
    target = labels[HORIZONS[horizon].target]
    return zl[["date", "close", "volume"]].assign(**{f"target_{horizon}": target}, **extra)


@pytest.mark.parametrize("horizon", ["1w", "1m", "3m"])
def test_right_labels_pass(bars: pd.DataFrame, as_table: AsTable, horizon: str) -> None:
    data = as_table(labelled(bars, horizon), f"training.zl_{horizon}")
    known = sessions_of(as_table(bars))
    assert not list(label_defects(data, known))
    assert not list(label_defects(data, {}))


def test_labels_of_another_horizon(bars: pd.DataFrame, as_table: AsTable) -> None:
    wrong = labelled(bars, "1w").rename(columns={"target_1w": "target_1m"})
    for known in ({}, sessions_of(as_table(bars))):
        findings = list(label_defects(as_table(wrong, "training.zl_1m"), known))
        finding = next(f for f in findings if f.kind == "label_horizon")
        assert finding.objects == ("training.zl_1m.target_1m",)
        assert finding.evidence.startswith("100.0 % of the labels are the")
        assert "over 5 sessions" in finding.evidence
        assert finding.evidence.endswith("not over 21")


def test_labels_as_simple_returns_pass(bars: pd.DataFrame, as_table: AsTable) -> None:
    simple = labelled(bars, "1m").assign(target_1m=lambda f: np.expm1(f["target_1m"]))
    assert not list(label_defects(as_table(simple, "training.zl_1m"), {}))


def test_labels_whose_future_did_not_exist(bars: pd.DataFrame, as_table: AsTable) -> None:
    filled = labelled(bars, "1m")
    filled["target_1m"] = filled["target_1m"].ffill()
    finding = only(
        list(label_defects(as_table(filled, "training.zl_1m"), {})), "label_without_future"
    )
    assert finding.severity == "error"
    assert finding.evidence.startswith(f"21 labels of {len(filled):,}")
    known = sessions_of(as_table(bars))
    assert [f.kind for f in label_defects(as_table(filled, "training.zl_1m"), known)] == [
        "label_without_future"
    ]


def test_a_table_of_labelled_rows_only(bars: pd.DataFrame, as_table: AsTable) -> None:
    trimmed = labelled(bars, "1m").dropna()
    data = as_table(trimmed, "training.zl_1m")
    alone = only(list(label_defects(data, {})), "label_without_future")
    assert alone.severity == "warning"
    assert not list(label_defects(data, sessions_of(as_table(bars))))


def test_provenance_of_contracts_only(bars: pd.DataFrame, as_table: AsTable) -> None:
    told = bars.assign(provenance=pd.Series(["observed"] * len(bars), dtype="str"))
    assert provenances(as_table(told)) == ()
