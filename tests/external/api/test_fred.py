"""Vintages from FRED's service, in pieces, later loads and after failures."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from fake_service import FAST, KEY, Answering, Fred, Reply, Service, as_json
from outside_files import MemoryStore

from soyoil.base.errors import SourceError
from soyoil.contracts.contract import load_contract
from soyoil.contracts.validation import validate
from soyoil.external.api import fred as api
from soyoil.external.api.paging import Paging
from soyoil.external.config import ExternalConfig
from soyoil.external.load import Loaded, load_external

FRED = "raw_intelligence.fred_economic"
NOW = pd.Timestamp("2023-10-20 12:00", tz="UTC").as_unit("us")
Q = ("2022-10-01", "2023-01-01", "2023-04-01", "2023-07-01")
GDP = {
    "2023-01-26": {Q[0]: "100"},
    "2023-02-23": {Q[0]: "101"},
    "2023-04-27": {Q[0]: "101", Q[1]: "110"},
    "2023-05-25": {Q[0]: "101", Q[1]: "111"},
    "2023-06-29": {Q[0]: "100", Q[1]: "111"},
    "2023-07-27": {Q[0]: "100", Q[1]: "111", Q[2]: "120"},
}
GDP_ROWS = [
    (Q[0], "2023-01-26", 100), (Q[0], "2023-02-23", 101), (Q[0], "2023-06-29", 100),
    (Q[1], "2023-04-27", 110), (Q[1], "2023-05-25", 111), (Q[2], "2023-07-27", 120),
]  # fmt: skip
TEN = {"2023-10-19": {"2023-10-09": ".", "2023-10-10": "4.66", "2023-10-11": "4.58"}}
Start = Callable[[Answering], Service]


def load(store: MemoryStore, url: str, now: pd.Timestamp = NOW, **more: Any) -> Loaded:
    section = {"origin": "api", "url": url, "api": FAST, "series": "GDP", **more}
    loaded = load_external(ExternalConfig.model_validate({"fred": section}), store, now)
    for name, rows in loaded.records.tables.items():
        validate(rows, load_contract(name))
    store.write(loaded.records)
    return loaded


def stored(store: MemoryStore) -> list[tuple[str, str, float]]:
    rows = store.rows(FRED).sort_values(["event_time", "vintage"])
    days = rows["event_time"].dt.strftime("%Y-%m-%d")
    return list(zip(days, rows["vintage"], rows["value"], strict=True))


def test_every_vintage_has_its_day(start: Start) -> None:
    store = MemoryStore()
    load(store, start(Fred({"GDP": GDP})).url)
    assert stored(store) == GDP_ROWS
    # A value that comes back to what it was is a vintage as well, known when it came back.
    rows = store.rows(FRED).set_index(["event_time", "vintage"])["known_at"]
    assert rows[pd.Timestamp(Q[0], tz="UTC"), "2023-06-29"] == pd.Timestamp("2023-06-29 20:15Z")


@pytest.mark.parametrize(("vintages", "page"), [(2, 2), (3, 1), (4, 5)])
def test_pieces_and_pages_give_the_same(
    start: Start, monkeypatch: pytest.MonkeyPatch, vintages: int, page: int
) -> None:
    monkeypatch.setattr(api, "MAX_VINTAGES", vintages)
    monkeypatch.setattr(
        api, "OBSERVATIONS", Paging("limit", "offset", page, ("observations",), ("count",))
    )
    monkeypatch.setattr(
        api, "DATES", Paging("limit", "offset", page, ("vintage_dates",), ("count",))
    )
    fred, store = Fred({"GDP": GDP}), MemoryStore()
    fred.max_vintages = vintages
    load(store, start(fred).url)
    assert stored(store) == GDP_ROWS


def test_a_second_load_writes_nothing_and_a_third_what_is_new(start: Start) -> None:
    fred, store = Fred({"GDP": GDP}), MemoryStore()
    service = start(fred)
    load(store, service.url)
    del service.asked[:]
    assert not load(store, service.url).records.tables
    assert [a.query.get("realtime_start") for a in service.asked] == [None, "2023-05-25"]
    fred.series["GDP"]["2023-09-28"] = {Q[0]: "99", Q[1]: "111", Q[2]: "120"}
    fred.series["GDP"]["2023-10-26"] = {Q[0]: "99", Q[1]: "111", Q[2]: "120", Q[3]: "130"}
    loaded = load(store, service.url)
    assert "2 new" in loaded.notes[0]
    new = [(Q[0], "2023-09-28", 99), (Q[3], "2023-10-26", 130)]
    assert stored(store) == sorted([*GDP_ROWS, *new])


def test_series_that_are_not_revised_come_as_they_stand(start: Start) -> None:
    store, service = MemoryStore(), start(Fred({"DGS10": TEN, "GDP": GDP}))
    load(store, service.url, series="DGS10+GDP")
    assert [row for row in stored(store) if row[1] == "undated"] == [
        ("2023-10-10", "undated", 4.66), ("2023-10-11", "undated", 4.58),
    ]  # fmt: skip
    assert len(store.rows(FRED)) == 2 + len(GDP_ROWS)
    assert not load(store, service.url, series="DGS10+GDP").records.tables
    other = MemoryStore()
    load(other, service.url, series="DGS10", vintages="all")
    assert [vintage for _, vintage, _ in stored(other)] == ["2023-10-19"] * 2
    load(other, service.url, series="GDP", vintages="none")
    assert {row[1] for row in stored(other)} == {"2023-10-19", "undated"}


def test_a_file_of_some_vintages_does_not_hide_the_others(start: Start) -> None:
    store, service = MemoryStore(), start(Fred({"GDP": {d: GDP[d] for d in list(GDP)[-1:]}}))
    load(store, service.url)
    service.answer = Fred({"GDP": GDP})
    load(store, service.url)
    assert set(GDP_ROWS) <= set(stored(store))


def test_one_failing_series_takes_nothing_from_the_others(start: Start) -> None:
    store, service = MemoryStore(), start(Fred({"GDP": GDP}))
    loaded = load(store, service.url, series="GDPC1+GDP")
    assert stored(store) == GDP_ROWS
    assert "GDPC1: " in loaded.warnings[0]
    assert "The series does not exist" in loaded.warnings[0]
    with pytest.raises(SourceError, match="GDPC1"):
        load(store, service.url, series="GDPC1+GDP", required=True)


def test_a_load_that_breaks_off_goes_on_where_it_was(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "MAX_VINTAGES", 3)
    fred, store = Fred({"GDP": GDP, "GDPC1": GDP}), MemoryStore()
    service, wanted = start(fred), "GDP+GDPC1+CPIAUCSL"

    def breaks(asked: Any) -> Reply:
        late = asked.query.get("realtime_start", "") > "2023-04-01"
        return Reply(b"", 500) if late else fred(asked)

    service.answer = breaks
    loaded = load(store, service.url, series=wanted)
    assert [row[1] for row in stored(store)[::2]] == ["2023-01-26", "2023-02-23", "2023-04-27"]
    assert "it answers 500" in loaded.warnings[0]
    # Two in a row: the service is down, and not asked for more.
    assert loaded.warnings[-1] == "external.fred: Not asked for: CPIAUCSL."
    service.answer = fred
    assert not load(store, service.url, series="GDP+GDPC1").warnings
    assert stored(store)[::2] == stored(store)[1::2] == GDP_ROWS


def test_a_series_that_is_never_answered_does_not_stop_the_others(start: Start) -> None:
    store, fred = MemoryStore(), Fred({"GDP": GDP, "PAYEMS": GDP})
    fred.failing = {"GDPC1", "CPIAUCSL"}
    loaded = load(store, start(fred).url, series="GDPC1+GDP+CPIAUCSL+PAYEMS")
    assert set(store.rows(FRED)["series_id"]) == {"GDP", "PAYEMS"}
    assert [text.partition(": ")[2].partition(":")[0] for text in loaded.warnings] == [
        "GDPC1", "CPIAUCSL",
    ]  # fmt: skip


def test_a_refused_key_ends_the_load_at_once(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    store, service = MemoryStore(), start(Fred({"GDP": GDP}))
    monkeypatch.setenv("FRED_API_KEY", KEY[::-1])
    loaded = load(store, service.url, series="GDP+GDPC1+CPIAUCSL")
    assert len(service.asked) == 1
    (warning,) = loaded.warnings
    assert "does not take the key in FRED_API_KEY (400" in warning
    assert KEY[::-1] not in warning
    assert not loaded.records.tables


@pytest.mark.parametrize(
    ("dates", "observations", "said"),
    [
        ({"dates": []}, {}, "lacks vintage_dates"),
        ({"count": 0, "vintage_dates": []}, {}, "gives no vintage"),
        ({"count": "many", "vintage_dates": []}, {}, "'many' for the number of rows"),
        ({"count": 1, "vintage_dates": ["May 1"]}, {}, "'May 1' is no day"),
        ({"count": 2, "vintage_dates": []}, {}, "ends after 0 of 2"),
        ({}, {"count": 1, "observations": [{"date": Q[0], "value": "1"}]}, "lack realtime_start"),
        ({}, {"count": 1, "observations": {}}, "no list of rows"),
        ({}, [1], "lacks observations"),
    ],
)
def test_another_form_warns_and_writes_nothing(
    start: Start, dates: Any, observations: Any, said: str
) -> None:
    def answer(asked: Any) -> Reply:
        if asked.path == "/series/observations":
            return as_json(observations)
        return as_json(dates or {"count": 1, "vintage_dates": ["2023-01-26"]})

    store = MemoryStore()
    loaded = load(store, start(answer).url)
    assert not loaded.records.tables
    assert said in loaded.warnings[0]


def test_bad_values_are_set_aside(start: Start) -> None:
    row = {"realtime_start": "2023-01-26", "realtime_end": "9999-12-31"}
    rows = [
        {**row, "date": "2022-10-01", "value": "n/a"}, {**row, "date": "Q4", "value": "1"},
        {**row, "date": "2022-07-01"}, {**row, "date": "2022-04-01", "value": "."},
        {**row, "date": "2022-01-01", "value": "5"},
    ]  # fmt: skip
    store = MemoryStore()

    def answer(asked: Any) -> Reply:
        if asked.path == "/series/observations":
            return as_json({"count": len(rows), "observations": rows})
        return as_json({"count": 1, "vintage_dates": ["2023-01-26"]})

    loaded = load(store, start(answer).url)
    assert stored(store) == [("2022-01-01", "2023-01-26", 5.0)]
    assert loaded.rejected["reason"].value_counts().to_dict() == {"no_number": 2, "no_day": 1}
