"""Loads of outside sources: incremental, idempotent, in any order, and from dirty files."""

import itertools
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from outside_files import LONG, REPORTS, MemoryStore, cot_counts, cot_line, header

from soyoil.base.errors import ConfigError, SourceError
from soyoil.contracts.contract import load_contract
from soyoil.contracts.validation import validate
from soyoil.external.config import ExternalConfig, OutsideSection
from soyoil.external.load import Loaded, load_external
from soyoil.external.readers.cftc import DISAGGREGATED, Report
from soyoil.external.registry import SOURCES
from soyoil.external.vintages import usable

COT = "raw_intelligence.cftc_positioning"
FRED = "raw_intelligence.fred_economic"
NOW = pd.Timestamp("2023-10-20 12:00", tz="UTC").as_unit("us")
LATER = NOW + pd.Timedelta(days=7)
TEN = "observation_date,DGS10\n2023-09-25,4.55\n2023-09-26,4.56\n2023-10-09,\n2023-10-10,4.66\n"


def load(store: MemoryStore, now: pd.Timestamp = NOW, **sections: Any) -> Loaded:
    loaded = load_external(ExternalConfig(**sections), store, now)
    for name, rows in loaded.records.tables.items():
        validate(rows, load_contract(name))
    store.write(loaded.records)
    return loaded


def content(store: MemoryStore, table: str) -> pd.DataFrame:
    """Rows without the moment of their load, by series, reference day and knowledge."""
    rows = store.rows(table).drop(columns="ingested_at")
    key = [rows.columns[0], "event_time", "known_at"]
    return rows.sort_values(key).reset_index(drop=True)


def reasons(loaded: Loaded) -> dict[str, int]:
    return {str(k): int(n) for k, n in loaded.rejected["reason"].value_counts().items()}


def test_every_source_agrees_with_its_contract_and_section() -> None:
    assert set(SOURCES) == set(ExternalConfig.names())
    for source in SOURCES.values():
        contract = load_contract(source.table)
        assert contract.key == (source.series, "event_time", "vintage")
        assert contract.sync_by == (source.series,)
        names = [c.name for c in contract.columns]
        assert names == [
            source.series, "event_time", "known_at", "vintage", *source.labels, *source.values,
            "provenance", "ingested_at",
        ]  # fmt: skip


def test_every_source_has_its_section_in_the_configuration(project_root: Path) -> None:
    """One that is not there is found by nobody."""
    text = (project_root / "conf" / "base" / "parameters_external.yml").read_text(encoding="utf-8")
    assert set(ExternalConfig.names()) <= set(yaml.safe_load(text)["external"])


def test_a_source_that_is_off_touches_nothing(store: MemoryStore) -> None:
    loaded = load(store)
    assert not loaded.records.tables
    assert not loaded.warnings


def test_second_load_writes_nothing(store: MemoryStore, write_cot: Any, write_fred: Any) -> None:
    path = write_cot([cot_line("2023-09-19"), cot_line("2023-09-26"), cot_line("2023-09-26")])
    fred = {"path": str(write_fred({"DGS10": TEN})), "series": ("DGS10",)}
    load(store, cftc={"path": str(path)}, fred=fred)
    before = {name: rows.copy() for name, rows in store.tables.items()}
    again = load(store, LATER, cftc={"path": str(path)}, fred=fred)
    assert not again.records.tables
    assert len(store.rows(COT)) == 2
    # A day without a value is no row, and no defect.
    assert store.rows(FRED)["value"].tolist() == [4.55, 4.56, 4.66]
    for name, rows in before.items():
        pd.testing.assert_frame_equal(rows, store.tables[name])


def test_loads_in_any_order_give_the_same_rows(write_cot: Any) -> None:
    lines = [cot_line("2023-09-12"), cot_line("2023-09-19"), cot_line("2023-09-26", market="5602")]
    paths = [write_cot(lines[i : i + 2], f"{i}.csv") for i in range(2)] + [write_cot(lines, "a")]
    found = []
    for order in itertools.permutations(paths):
        store = MemoryStore()
        for at, path in enumerate(order):
            load(store, NOW + pd.Timedelta(days=at), cftc={"path": str(path)})
        found.append(content(store, COT))
    for other in found[1:]:
        pd.testing.assert_frame_equal(found[0], other)


@REPORTS
def test_a_revision_stands_beside_the_first_value(
    report: Report, store: MemoryStore, write_cot: Any
) -> None:
    table = SOURCES[report.name].table
    old = cot_line("2023-09-19", report=report)
    first, second = (
        {report.name: {"path": str(write_cot([old, line], f"{long}.csv", report))}}
        for long in (300, 310)
        for line in [cot_line("2023-09-26", long, report=report)]
    )
    load(store, **first)
    loaded = load(store, LATER, **second)
    assert "1 of them revisions" in loaded.notes[0]
    rows = content(store, table)
    assert rows[LONG[report.name]].tolist() == [300, 300, 310]
    assert rows["vintage"].tolist() == ["undated", "undated", "seen 2023-10-27T12:00:00.000000Z"]
    assert rows["known_at"].iloc[-1] == LATER
    # The older file once more: it does not undo what the newer one said.
    load(store, LATER + pd.Timedelta(days=1), **first)
    pd.testing.assert_frame_equal(content(store, table), rows)


def test_dated_vintages_in_any_order(write_fred: Any) -> None:
    texts = [
        "observation_date,GDP_20200130,GDP_20200227\n2019-10-01,100,101\n",
        "observation_date,GDP_20200227,GDP_20200326\n2019-10-01,101,102\n",
        "observation_date,GDP\n2019-10-01,103\n",
    ]
    found = []
    for order in itertools.permutations(texts):
        store = MemoryStore()
        for at, text in enumerate(order):
            fred = {"path": str(write_fred({"GDP": text})), "series": "GDP"}
            load(store, NOW + pd.Timedelta(days=at), fred=fred)
        found.append(usable(SOURCES["fred"], store.rows(FRED)).drop(columns="ingested_at"))
    for other in found[1:]:
        pd.testing.assert_frame_equal(found[0], other)
    # What is undated may hold revisions: where vintages are dated it is not used.
    assert found[0]["value"].tolist() == [100, 101, 102]
    assert [f"{t:%F %H:%M}" for t in found[0]["known_at"]] == [
        "2020-01-30 21:15", "2020-02-27 21:15", "2020-03-26 20:15",
    ]  # fmt: skip


@REPORTS
def test_defective_reports_are_set_aside(
    report: Report, store: MemoryStore, write_cot: Any
) -> None:
    def line(day: str, long: int = 300) -> list[object]:
        return cot_line(day, long, report=report)

    interest = 1 + header(report).index("cftc_contract_market_code")
    other, negative, text = line("2023-09-05"), line("2023-08-29"), line("2023-08-22")
    other[interest], negative[interest + 1], text[interest + 2] = 999, -1, "n/a"
    # One contract more on one side only, and a spread that nobody holds on the other side.
    short, spread = line("2023-08-15"), line("2023-08-08")
    short[-1] = 51
    spread[next(i for i, name in enumerate(header(report)) if "spread" in name)] = 51
    lines = [
        line("2023-09-26"),
        line("2023-09-19", 300),
        line("2023-09-19", 301),
        line("19.09.2023"),
        line("2023-09-12")[:-1],
        other, negative, text, short, spread,
    ]  # fmt: skip
    loaded = load(store, **{report.name: {"path": str(write_cot(lines, report=report))}})
    kept = content(store, SOURCES[report.name].table)
    assert kept["event_time"].dt.strftime("%F").tolist() == ["2023-09-26"]
    assert reasons(loaded) == {
        "cut_or_overlong_line": 1, "two_values_for_one_day": 2, "no_day": 1, "no_number": 1,
        "implausible": 4,
    }  # fmt: skip


WHEAT = (
    311277, 16452, 85227, 143842, 17722, 8711, 60754, 78086, 17475, 12683, 33087, 25295, 26065,
    45674,
)  # fmt: skip
"""Wheat of 2009-09-01 as the CFTC published it, futures only, in the order of its columns."""
SERVED = (
    "report_date_as_yyyy_mm_dd,cftc_contract_market_code,open_interest_all,"
    "prod_merc_positions_long,prod_merc_positions_short,swap_positions_long_all,"
    "swap__positions_short_all,swap__positions_spread_all,m_money_positions_long_all,"
    "m_money_positions_short_all,m_money_positions_spread,other_rept_positions_long,"
    "other_rept_positions_short,other_rept_positions_spread,nonrept_positions_long_all,"
    "nonrept_positions_short_all"
)
YEARLY = (
    "Market_and_Exchange_Names,As_of_Date_In_Form_YYMMDD,Report_Date_as_YYYY-MM-DD,"
    "CFTC_Contract_Market_Code,Open_Interest_All,Prod_Merc_Positions_Long_All,"
    "Prod_Merc_Positions_Short_All,Swap_Positions_Long_All,Swap__Positions_Short_All,"
    "Swap__Positions_Spread_All,M_Money_Positions_Long_All,M_Money_Positions_Short_All,"
    "M_Money_Positions_Spread_All,Other_Rept_Positions_Long_All,Other_Rept_Positions_Short_All,"
    "Other_Rept_Positions_Spread_All,NonRept_Positions_Long_All,NonRept_Positions_Short_All,"
    "Open_Interest_Old,Prod_Merc_Positions_Long_Old,FutOnly_or_Combined"
)


def yearly(day: str, counts: Any, kind: str = "FutOnly", old_name: bool = False) -> str:
    """A yearly file of one report: padded numbers, columns of one crop year, the old name."""
    header = YEARLY.replace("YYYY-MM-DD", "MM_DD_YYYY") if old_name else YEARLY
    numbers = ",".join(f"{count:>8}" for count in counts)
    return f'{header}\n"WHEAT, SRW",,{day},001602,{numbers},  9,  9,{kind}\n'


def disaggregated(store: MemoryStore) -> pd.DataFrame:
    return content(store, "raw_intelligence.cftc_disaggregated")


def test_every_spelling_of_the_disaggregated_report_gives_the_same_row(tmp_path: Path) -> None:
    numbers = ",".join(map(str, WHEAT))
    texts = {
        "service.csv": f"{SERVED}\n2009-09-01T00:00:00.000,001602,{numbers}\n",
        "codes.csv": f"{SERVED}\n2009-09-01,1602,{numbers}\n",
        "page.csv": f"{SERVED}\n09/01/2009 12:00:00 AM,001602,{numbers}\n",
        "f_year.txt": yearly("2009-09-01", WHEAT),
        "f_hist.txt": yearly("2009-09-01", WHEAT, old_name=True),
    }
    readings = []
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        readings.append(DISAGGREGATED.read(OutsideSection(path=str(tmp_path / name))))
    # All of them in one folder are one row too.
    readings.append(DISAGGREGATED.read(OutsideSection(path=str(tmp_path), required=True)))
    for reading in readings:
        assert reading.rejected.empty
        assert reading.warnings == ()
        pd.testing.assert_frame_equal(reading.rows, readings[0].rows)
    (row,) = readings[0].rows.to_dict("records")
    assert row["market_code"] == "001602"
    assert f"{row['known_at']:%F %H:%M}" == "2009-09-04 19:30"
    assert tuple(row[name] for name in DISAGGREGATED.values) == WHEAT
    assert (row["swap_dealer_short"], row["managed_money_spread"]) == (17722, 17475)


def test_files_of_a_folder_are_joined_and_may_disagree(store: MemoryStore, tmp_path: Path) -> None:
    one, two = (list(cot_counts(long, DISAGGREGATED).values()) for long in (300, 301))
    files = {"a": ("2009-08-25", one), "b": ("2009-09-01", one), "c": ("2009-09-01", two)}
    for name, (day, counts) in files.items():
        (tmp_path / f"{name}.txt").write_text(yearly(day, counts), encoding="utf-8")
    (tmp_path / "notes.md").write_text("not read", encoding="utf-8")
    (tmp_path / "f_disagg.txt").write_text(yearly("2023-09-26", one).split("\n")[1] + "\n")
    loaded = load(store, cftc_disaggregated={"path": str(tmp_path)})
    assert reasons(loaded) == {"two_values_for_one_day": 2}
    (row,) = disaggregated(store).to_dict("records")
    # Made later: what is from before September 2009 was published on one day.
    assert f"{row['event_time']:%F}" == "2009-08-25"
    assert f"{row['known_at']:%F %H:%M}" == "2009-10-20 19:30"
    # The newest week has no header.
    (warning,) = loaded.warnings
    assert "f_disagg.txt" in warning
    with pytest.raises(SourceError, match=r"f_disagg\.txt"):
        load(store, cftc_disaggregated={"path": str(tmp_path), "required": True})


@REPORTS
def test_futures_and_options_combined_are_another_report(
    report: Report, store: MemoryStore, tmp_path: Path
) -> None:
    names = ",".join((*header(report), "futonly_or_combined"))
    lines = [
        ",".join(map(str, [*cot_line(day, report=report), kind]))
        for day, kind in (("2023-09-19", "Combined"), ("2023-09-26", "FutOnly"))
    ]
    path = tmp_path / "cot.csv"
    path.write_text("\n".join([names, *lines]) + "\n", encoding="utf-8")
    loaded = load(store, **{report.name: {"path": str(path)}})
    assert reasons(loaded) == {"another_report": 1}
    kept = store.rows(SOURCES[report.name].table)
    assert kept["event_time"].dt.strftime("%F").tolist() == ["2023-09-26"]
    path.write_text(f"{names}\n{lines[0]}\n", encoding="utf-8")
    loaded = load(store, **{report.name: {"path": str(path)}})
    assert "is of futures and options combined" in loaded.warnings[0]


def test_a_download_that_broke_off_loses_its_last_line_only(
    store: MemoryStore, write_fred: Any
) -> None:
    folder = write_fred({"DGS10": TEN[:-2]})
    loaded = load(store, fred={"path": str(folder), "series": "DGS10"})
    assert store.rows(FRED)["value"].tolist() == [4.55, 4.56]
    assert reasons(loaded) == {"cut_or_overlong_line": 1}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("observation_date,DGS10\n", "holds no row"),
        ("DATE,DGS10\n2023-09-25,4.55\n", "lacks the columns observation_date"),
        ("observation_date,DGS2\n2023-09-25,4.55\n", "neither the column DGS10 nor"),
        ("<html><body>429 Too Many Requests</body></html>\n", "lacks the columns"),
    ],
)
def test_a_file_of_another_form_warns_and_writes_nothing(
    store: MemoryStore, write_fred: Any, text: str, said: str
) -> None:
    section = {"path": str(write_fred({"DGS10": text})), "series": "DGS10"}
    loaded = load(store, fred=section)
    assert not loaded.records.tables
    (warning,) = loaded.warnings
    assert said in warning
    assert "external.fred is left out" in warning
    with pytest.raises(SourceError, match="DGS10"):
        load(store, fred=section | {"required": True})


def test_one_missing_series_does_not_take_the_others_away(
    store: MemoryStore, write_fred: Any
) -> None:
    folder = write_fred({"DGS10": TEN})
    loaded = load(store, fred={"path": str(folder), "series": "DGS10+DGS2"})
    assert len(store.rows(FRED)) == 3
    (warning,) = loaded.warnings
    assert "DGS2.csv is not there" in warning


def test_a_report_of_another_form_is_refused(store: MemoryStore, tmp_path: Path) -> None:
    path = tmp_path / "cot.csv"
    path.write_text(",".join(h for h in header() if h != "open_interest_all") + "\nx\n")
    loaded = load(store, cftc={"path": str(path)})
    assert "lacks the columns open_interest_all" in loaded.warnings[0]


@pytest.mark.parametrize(
    ("series", "said"), [("USREC", "can never be used"), ("DGS1O", "did you mean|no release rule")]
)
def test_series_without_a_rule_are_refused(series: str, said: str) -> None:
    with pytest.raises((ConfigError, ValueError), match=said):
        ExternalConfig(fred={"series": (series,)})


def wasde(**changes: Any) -> pd.DataFrame:
    """Two releases of one figure as the file holds them."""
    rows = {
        "commodity": "soybean_oil",
        "attribute": "ending_stocks",
        "marketing_year": ["2022/23", "2023/24", "2023/24", "2023/24", "2023/24"],
        "forecast_month": [None, "Nov", "Dec", "Oct", "Nov"],
        "value": [1602.0, 1570.0, 1577.0, 1560.0, 1570.0],
        "release_datetime": pd.to_datetime(["2023-12-08 12:00"] * 3 + ["2023-11-09 12:00"] * 2),
    }
    return pd.DataFrame(rows | changes)


def test_a_release_counts_for_what_it_says_itself(store: MemoryStore, tmp_path: Path) -> None:
    path = tmp_path / "wasde.parquet"
    table = "raw_intelligence.usda_granular"
    wasde().to_parquet(path)
    load(store, usda={"path": str(path)})
    rows = content(store, table)
    assert rows["value"].tolist() == [1602.0, 1570.0, 1577.0]
    assert rows["vintage"].tolist() == ["2023-12-08", "2023-11-09", "2023-12-08"]
    assert [f"{t:%F %H:%M}" for t in rows["known_at"]] == [
        "2023-12-08 17:00", "2023-11-09 17:00", "2023-12-08 17:00",
    ]  # fmt: skip
    assert not load(store, LATER, usda={"path": str(path)}).records.tables
    # Another value under the day of a release that is stored: set aside, nothing is changed.
    wasde(value=[1602.0, 1570.0, 1500.0, 1560.0, 1570.0]).to_parquet(path)
    clashing = load(store, LATER, usda={"path": str(path)})
    assert not clashing.records.tables
    assert reasons(clashing) == {"two_values_for_one_day": 1}
    wasde(marketing_year="23").to_parquet(path)
    assert reasons(load(store, LATER, usda={"path": str(path)})) == {"no_day": 3}


@pytest.mark.parametrize("damage", ["text", "cut", "columns", "empty"])
def test_another_file_than_wasde_warns(store: MemoryStore, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "wasde.parquet"
    frame = wasde()
    if damage == "columns":
        frame = frame.drop(columns="forecast_month")
    (frame.iloc[:0] if damage == "empty" else frame).to_parquet(path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-40])
    if damage == "text":
        path.write_text("<html>", encoding="utf-8")
    loaded = load(store, usda={"path": str(path)})
    assert not loaded.records.tables
    assert "external.usda is left out" in loaded.warnings[0]


def test_required_needs_a_path() -> None:
    with pytest.raises(ValueError, match="required: true needs a path"):
        ExternalConfig(cftc={"required": True})
