"""Loads of outside sources: incremental, idempotent, in any order, and from dirty files."""

import itertools
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from outside_files import HEADER, MemoryStore, cot_line

from soyoil.base.errors import ConfigError, SourceError
from soyoil.contracts.contract import load_contract
from soyoil.contracts.validation import validate
from soyoil.external.config import ExternalConfig
from soyoil.external.load import Loaded, load_external
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


def test_a_revision_stands_beside_the_first_value(store: MemoryStore, write_cot: Any) -> None:
    first = write_cot([cot_line("2023-09-19"), cot_line("2023-09-26", 300)], "first.csv")
    second = write_cot([cot_line("2023-09-19"), cot_line("2023-09-26", 310)], "second.csv")
    load(store, cftc={"path": str(first)})
    loaded = load(store, LATER, cftc={"path": str(second)})
    assert "1 of them revisions" in loaded.notes[0]
    rows = content(store, COT)
    assert rows["noncommercial_long"].tolist() == [300, 300, 310]
    assert rows["vintage"].tolist() == ["undated", "undated", "seen 2023-10-27T12:00:00.000000Z"]
    assert rows["known_at"].iloc[-1] == LATER
    # The older file once more: it does not undo what the newer one said.
    load(store, LATER + pd.Timedelta(days=1), cftc={"path": str(first)})
    pd.testing.assert_frame_equal(content(store, COT), rows)


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


def test_defective_reports_are_set_aside(store: MemoryStore, write_cot: Any) -> None:
    other, negative, text = cot_line("2023-09-05"), cot_line("2023-08-29"), cot_line("2023-08-22")
    other[3], negative[4], text[5] = 999, -1, "n/a"
    lines = [
        cot_line("2023-09-26"),
        cot_line("2023-09-19", 300),
        cot_line("2023-09-19", 301),
        cot_line("19.09.2023"),
        cot_line("2023-09-12")[:-1],
        other, negative, text,
    ]  # fmt: skip
    loaded = load(store, cftc={"path": str(write_cot(lines))})
    assert content(store, COT)["event_time"].dt.strftime("%F").tolist() == ["2023-09-26"]
    assert reasons(loaded) == {
        "cut_or_overlong_line": 1, "two_values_for_one_day": 2, "no_day": 1, "no_number": 1,
        "implausible": 2,
    }  # fmt: skip


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
    path.write_text(",".join(h for h in HEADER if h != "open_interest_all") + "\nx\n")
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
