"""Sources whose files have more than one form: palm oil, implied volatility, policy."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from outside_files import MemoryStore

from soyoil.base.errors import SourceError
from soyoil.contracts.contract import load_contract
from soyoil.contracts.validation import validate
from soyoil.external.config import ExternalConfig
from soyoil.external.load import Loaded, load_external
from soyoil.external.registry import SOURCES
from soyoil.external.releases import pink_sheet_known_at
from soyoil.external.schedule import first_notice_days, wasde_schedule

NOW = pd.Timestamp("2025-06-20 12:00", tz="UTC").as_unit("us")
Write = Callable[[str, str], Path]


def load(store: MemoryStore, source: str, path: Path, now: pd.Timestamp = NOW) -> Loaded:
    config = ExternalConfig(**{source: {"path": str(path), "required": True}})
    loaded = load_external(config, store, now)
    for name, rows in loaded.records.tables.items():
        validate(rows, load_contract(name))
    store.write(loaded.records)
    return loaded


def stored(store: MemoryStore, source: str) -> pd.DataFrame:
    rows = store.rows(SOURCES[source].table)
    return rows.sort_values(["series_id", "event_time", "known_at"]).reset_index(drop=True)


def reasons(loaded: Loaded) -> dict[str, int]:
    return {str(k): int(n) for k, n in loaded.rejected["reason"].value_counts().items()}


SHEET = (
    'month,"Crude oil, average",Palm oil,Soybean oil,Rapeseed oil,Sunflower oil\n'
    "2023-08-01,84.7,861,1127,1042,..\n2023M09,92.2,830,1112,,900\n"
)


def test_the_pink_sheet_is_known_ten_days_after_its_month(store: MemoryStore, write: Write) -> None:
    loaded = load(store, "palm", write("cmo.csv", SHEET))
    rows = stored(store, "palm")
    assert reasons(loaded) == {}
    assert rows.groupby("series_id")["value"].apply(list).to_dict() == {
        "pink_sheet.palm_oil": [861, 830],
        "pink_sheet.rapeseed_oil": [1042],
        "pink_sheet.soybean_oil": [1127, 1112],
        "pink_sheet.sunflower_oil": [900],
    }
    palm = rows[rows["series_id"] == "pink_sheet.palm_oil"]
    # Sunday September 10th waits for Monday; October 10th is a Tuesday.
    assert [f"{t:%F %H:%M}" for t in palm["known_at"]] == ["2023-09-11 20:15", "2023-10-10 20:15"]
    days = np.array(["2023-01-01", "2023-10-01"], dtype="datetime64[D]")
    assert [f"{t:%F}" for t in pink_sheet_known_at(days)] == ["2023-02-10", "2023-11-13"]
    assert not load(store, "palm", write("cmo.csv", SHEET)).records.tables
    revised = load(store, "palm", write("cmo.csv", SHEET.replace("830", "829")))
    assert "1 of them revisions" in revised.notes[0]
    assert stored(store, "palm")["value"].iloc[:3].tolist() == [861, 830, 829]


def test_daily_prices_stand_beside_the_pink_sheet(
    store: MemoryStore, write: Write, tmp_path: Path
) -> None:
    write("cmo.csv", SHEET)
    write(
        "daily.csv",
        "date,price,currency\n2023-09-29,812.5,USD\n2023-09-29,3790,MYR\n2023-10-02,,USD\n"
        "2023-10-03,-4,USD\n2023-10-04,800,USD\n2023-10-04,801,USD\n2023-10-32,800,USD\n"
        "2023-10-05,abc,USD\n2023-10-06,815.25",
    )
    loaded = load(store, "palm", tmp_path)
    assert reasons(loaded) == {
        "two_values_for_one_day": 2, "implausible": 1, "no_day": 1, "no_number": 1,
        "cut_or_overlong_line": 1,
    }  # fmt: skip
    rows = stored(store, "palm")
    daily = rows[rows["series_id"].str.startswith("daily.")]
    assert daily["series_id"].tolist() == ["daily.palm_oil_myr", "daily.palm_oil_usd"]
    # The price of Friday is known on Monday.
    assert [f"{t:%F %H:%M}" for t in daily["known_at"]] == ["2023-10-02 20:15"] * 2
    assert "daily.palm_oil_myr is stored, but no feature uses it" in loaded.warnings[0]


def test_volatilities_in_both_forms(store: MemoryStore, write: Write, tmp_path: Path) -> None:
    write("OVXCLS.csv", "observation_date,OVXCLS\n2023-09-25,33.1\n2023-09-26,34.2\n2023-09-27,.\n")
    write(
        "options.csv",
        "date,symbol,implied_vol,days\n2023-09-26,zl,31.5,\n2023-09-26,ZL,30.2,90\n"
        "2023-09-26,VIX,18.9,30\n2023-09-27,ZL,0.31,30\n2023-09-27,ZL,x,30\n2023-09-28,ZL,31,soon\n",
    )
    loaded = load(store, "volatility", tmp_path)
    assert reasons(loaded) == {"implausible": 1, "no_number": 1, "no_tenor": 1}
    assert set(loaded.rejected["source"]) == {"volatility"}
    rows = stored(store, "volatility")
    assert rows.groupby("series_id")["implied_vol"].apply(list).to_dict() == {
        "OVXCLS": [33.1, 34.2],
        "VIXCLS": [18.9],
        "ZL.30d": [31.5],
        "ZL.90d": [30.2],
    }
    assert [f"{t:%F %H:%M}" for t in rows["known_at"]] == [
        "2023-09-26 20:15", *["2023-09-27 20:15"] * 4,
    ]  # fmt: skip
    assert not load(store, "volatility", tmp_path).records.tables


EVENTS = (
    "published_at,kind,sign,intensity,title\n"
    "2025-04-02T20:00:00Z,tariff,-1,0.9,a\n"
    "2025-04-02T16:30:00-04:00,Biofuel,1,0.5,b\n"
    "2025-04-03,tariff,-1,0.4,c\n"
    "2025-04-03,tariff,-1,0.4,d\n"
    "2025-04-03,tariff,-1,0.4,d\n"
)


def test_events_are_known_with_their_publication_and_days_once_they_are_over(
    store: MemoryStore, write: Write
) -> None:
    path = write("events.csv", EVENTS)
    assert reasons(load(store, "policy", path)) == {}
    rows = stored(store, "policy")
    assert rows["series_id"].tolist() == ["biofuel", "tariff", "tariff", "tariff"]
    assert [f"{t:%F %H:%M:%S.%f}" for t in rows["event_time"]] == [
        "2025-04-02 20:30:00.000000",
        "2025-04-02 20:00:00.000000",
        # Two events of one kind on a day; the same line twice is one.
        "2025-04-03 00:00:00.000000",
        "2025-04-03 00:00:00.000001",
    ]
    assert [f"{t:%F %H:%M}" for t in rows["known_at"]] == [
        "2025-04-02 20:30", "2025-04-02 20:00", "2025-04-04 12:00", "2025-04-04 12:00",
    ]  # fmt: skip
    assert not load(store, "policy", path).records.tables
    shuffled = "\n".join([EVENTS.splitlines()[0], *EVENTS.splitlines()[:0:-1]]) + "\n"
    assert not load(store, "policy", write("events.csv", shuffled)).records.tables


def test_defective_events_are_set_aside(store: MemoryStore, write: Write) -> None:
    lines = (
        "2025-04-02 20:00,tariff,-1,0.9,no zone\n2025-04-31T20:00Z,fed,0,0.1,no day\n"
        "yesterday,fed,0,0.1,no day\n2025-04-05T20:00Z,war,0,0.1,kind\n"
        "2025-04-05T20:00Z,trade,,0.1,number\n2025-04-05T20:00Z,trade,2,0.1,sign\n"
        "2025-04-05T20:00Z,trade,0.5,0.1,sign\n2025-04-05T20:00Z,trade,1,1.1,intensity\n"
    )
    loaded = load(store, "policy", write("events.csv", EVENTS + lines))
    assert len(stored(store, "policy")) == 4
    assert reasons(loaded) == {
        "implausible": 3, "no_day": 2, "no_time_zone": 1, "unknown_kind": 1, "no_number": 1,
    }  # fmt: skip
    with pytest.raises(SourceError, match="says no time zone in published_at"):
        load(store, "policy", write("e.csv", EVENTS.splitlines()[0] + "\n" + lines[:39] + "\n"))


def test_daily_fields_from_parquet(store: MemoryStore, tmp_path: Path) -> None:
    path = tmp_path / "policy.parquet"
    frame = pd.DataFrame(
        {
            "date": pd.to_datetime(["2025-04-01", "2025-04-02", "2025-04-03", "2025-04-04"]),
            "trump_action_prob": [0.25, None, 0.5, 1.5],
            "trump_mentions": pd.array([3, None, 0, 2], dtype="Int64"),
            "trump_procurement_alert": pd.array([True, None, False, True], dtype="boolean"),
            "sentiment": [-0.5, None, 0.25, 0.0],
        }
    )
    frame.to_parquet(path)
    loaded = load(store, "policy", path)
    # A day without any value, and one whose probability is none.
    assert reasons(loaded) == {"no_number": 1, "implausible": 1}
    rows = stored(store, "policy")
    assert rows["trump_mentions"].tolist() == [3, 0]
    assert rows["trump_procurement_alert"].tolist() == [True, False]
    assert rows["mentions"].isna().all()
    assert [f"{t:%F %H:%M}" for t in rows["known_at"]] == ["2025-04-02 12:00", "2025-04-04 12:00"]
    assert not load(store, "policy", path).records.tables
    frame.assign(sentiment=[-0.25, None, 0.25, 0.0]).to_parquet(path)
    load(store, "policy", path, NOW + pd.Timedelta(days=1))
    rows = stored(store, "policy")
    assert rows["sentiment"].tolist() == [-0.5, -0.25, 0.25]
    assert rows["known_at"].iloc[1] == NOW + pd.Timedelta(days=1)


@pytest.mark.parametrize(
    ("source", "text", "said"),
    [
        ("palm", "day,price\n2023-01-02,800\n", "neither the columns month and Palm oil nor"),
        ("volatility", "date,symbol\n2023-01-02,ZL\n", "lacks the columns implied_vol"),
        ("policy", "kind,sign,intensity\nfed,1,1\n", "lacks the columns date"),
        ("policy", "date,score\n2023-01-02,1\n", "has none of the fields mentions"),
        ("policy", "", "is empty"),
    ],
)
def test_a_file_of_another_form_is_refused(
    store: MemoryStore, write: Write, source: str, text: str, said: str
) -> None:
    with pytest.raises(SourceError, match=said):
        load(store, source, write("file.csv", text))
    assert not store.tables


@pytest.mark.parametrize("damage", ["text", "gone", "folder"])
def test_other_parquet_files_are_refused(store: MemoryStore, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "policy.parquet"
    if damage == "text":
        path.write_text("<html>", encoding="utf-8")
    if damage == "folder":
        path = tmp_path
    with pytest.raises(SourceError, match="should hold|cannot be read"):
        load(store, "policy", path)


def test_files_of_a_folder_may_overlap(store: MemoryStore, write: Write, tmp_path: Path) -> None:
    write("a.csv", SHEET)
    write("b.csv", SHEET.replace(",830,", ",831,") + "2023M10,90.1,804,1133,1010,880\n")
    loaded = load(store, "palm", tmp_path)
    rows = stored(store, "palm")
    assert not rows.duplicated(["series_id", "event_time"]).any()
    # September is said in two ways, and counts in neither; August and October are whole.
    palm = rows[rows["series_id"] == "pink_sheet.palm_oil"]
    assert palm["value"].tolist() == [861.0, 804.0]
    assert reasons(loaded) == {"two_values_for_one_day": 2}
    assert not load(store, "palm", tmp_path, NOW + pd.Timedelta(days=1)).records.tables


def test_volatilities_of_two_files_may_overlap(
    store: MemoryStore, write: Write, tmp_path: Path
) -> None:
    for name in ("a.csv", "b.csv"):
        write(name, "date,symbol,implied_vol\n2023-09-26,ZL,28.5\n")
    load(store, "volatility", tmp_path)
    assert len(stored(store, "volatility")) == 1


def test_events_of_two_files_may_overlap(store: MemoryStore, write: Write, tmp_path: Path) -> None:
    head = "published_at,kind,sign,intensity\n"
    shared = "2023-10-02T18:00:00Z,tariff,-1,0.5\n"
    write("a.csv", head + shared)
    write("b.csv", head + "2023-10-02T18:00:00Z,tariff,-1,0.9\n" + shared)
    days = "date,mentions\n2023-10-02,3\n"
    write("c.csv", days)
    write("d.csv", days + "2023-10-03,4\n")
    loaded = load(store, "policy", tmp_path)
    rows = stored(store, "policy")
    assert sorted(rows.loc[rows["series_id"] == "tariff", "intensity"]) == [0.5, 0.9]
    assert rows.loc[rows["series_id"] == "daily", "mentions"].tolist() == [3, 4]
    assert not len(loaded.rejected)


def test_schedules() -> None:
    days = wasde_schedule()
    assert np.isin(np.array(["2013-10-11", "2019-01-11", "2025-11-10"], "M8[D]"), days).all()
    by_month = days.astype("datetime64[M]")
    assert (np.diff(by_month.astype("int64")) == 1).all()
    of_month = (days - by_month.astype("datetime64[D]")).astype("int64") + 1
    listed = (days >= np.datetime64("2010-01-01")) & (days < np.datetime64("2026-01-01"))
    assert of_month[listed].min() == 8
    assert of_month[listed].max() == 12
    assert np.is_busday(days).all()
    notices = first_notice_days()
    some = ["2021-08-31", "2022-07-29", "2023-09-29", "2023-11-30", "2023-12-29", "2024-02-29"]
    assert np.isin(np.array(some, "M8[D]"), notices).all()
    year = notices[(notices >= np.datetime64("2023-01-01")) & (notices < np.datetime64("2024"))]
    assert [str(d) for d in year] == [
        "2023-02-28", "2023-04-28", "2023-06-30", "2023-07-31", "2023-08-31", "2023-09-29",
        "2023-11-30", "2023-12-29",
    ]  # fmt: skip


@pytest.mark.real_data
def test_real_releases_came_on_scheduled_days(databento_dir: Path, store: MemoryStore) -> None:
    path = databento_dir.parent / "usda" / "wasde_us_soy_vintages.parquet"
    load(store, "usda", path)
    released = store.rows(SOURCES["usda"].table)["vintage"].unique()
    released = np.sort(np.array([d for d in released if d >= "2010"], dtype="datetime64[D]"))
    late = released[~np.isin(released, wasde_schedule())]
    # The file dates the release of 2018-12-11 (WASDE-584) three days late.
    assert [str(d) for d in late] == ["2018-12-14"]
    within = wasde_schedule()
    within = within[(within >= released[0]) & (within <= released[-1])]
    never = {"2013-10-11", "2019-01-11", "2018-12-11"}
    assert {str(d) for d in within[~np.isin(within, released)]} == never


@pytest.mark.real_data
def test_the_real_pink_sheet_is_whole(databento_dir: Path, store: MemoryStore) -> None:
    loaded: Any = load(store, "palm", databento_dir.parent / "worldbank" / "cmo_monthly.csv")
    assert reasons(loaded) == {}
    rows = stored(store, "palm").set_index("event_time")
    palm = rows.loc[rows["series_id"] == "pink_sheet.palm_oil", "value"].loc["2010":"2023"]
    assert len(palm) == 168
    assert palm.between(400, 2000).all()
