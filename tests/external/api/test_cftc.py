"""The CFTC's service gives what its file gives, and later loads ask for little."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fake_service import FAST, Answering, Cot, Reply, Service, as_json, cot_row
from outside_files import MemoryStore

from soyoil.base.errors import SourceError
from soyoil.external.api import cftc as api
from soyoil.external.config import ExternalConfig
from soyoil.external.load import Loaded, load_external
from soyoil.external.readers.cftc import CODE, COLUMNS, DAY

COT = "raw_intelligence.cftc_positioning"
NOW = pd.Timestamp("2023-10-20 12:00", tz="UTC").as_unit("us")
LATER = NOW + pd.Timedelta(days=7)
DAYS = ("2023-06-06", "2023-09-19", "2023-09-26")
Start = Callable[[Answering], Service]


def load(store: MemoryStore, url: str, now: pd.Timestamp = NOW, **more: Any) -> Loaded:
    section = {"origin": "api", "url": url, "api": FAST, **more}
    loaded = load_external(ExternalConfig.model_validate({"cftc": section}), store, now)
    store.write(loaded.records)
    return loaded


def test_service_and_file_give_the_same_reading(start: Start, tmp_path: Path) -> None:
    rows = [cot_row(day) for day in DAYS] + [cot_row("2023-09-26", market="005602")]
    broken, gap = cot_row("2023-09-12", 310), cot_row("2023-09-05")
    broken["open_interest_all"] = "999"
    del gap["nonrept_positions_long_all"]
    rows += [broken, gap, cot_row("2023-08-29", 300), cot_row("2023-08-29", 301)]
    served, filed = MemoryStore(), MemoryStore()
    by_api = load(served, start(Cot(rows)).url)
    path = tmp_path / "cot.csv"
    pd.DataFrame(rows)[[DAY, CODE, *COLUMNS]].to_csv(path, index=False)
    config = ExternalConfig.model_validate({"cftc": {"path": str(path)}})
    by_file = load_external(config, filed, NOW)
    filed.write(by_file.records)
    key = ["market_code", "event_time"]
    pd.testing.assert_frame_equal(
        served.rows(COT).sort_values(key, ignore_index=True),
        filed.rows(COT).sort_values(key, ignore_index=True),
    )
    assert len(served.rows(COT)) == 4
    reasons = {"implausible": 1, "no_number": 1, "two_values_for_one_day": 2}
    for loaded in (by_api, by_file):
        assert loaded.rejected["reason"].value_counts().to_dict() == reasons


def test_a_second_load_asks_for_the_last_weeks_and_writes_nothing(start: Start) -> None:
    store, cot = MemoryStore(), Cot([cot_row(day) for day in DAYS])
    service = start(cot)
    load(store, service.url)
    again = load(store, service.url, LATER)
    assert len(service.asked) == 2
    assert not again.records.tables
    # 8 weeks before the newest report, and all of the markets that are not stored.
    where = service.asked[1].query["$where"]
    assert "('007601') AND report_date_as_yyyy_mm_dd >= '2023-08-01T00:00:00.000'" in where
    assert "'005602'" in where
    assert "2 rows read, 0 new" in again.notes[0]
    cot.rows = [cot_row("2023-09-19", 320), *cot.rows[2:], cot_row("2023-10-03")]
    cot.rows += [cot_row(day, market="005602") for day in DAYS]
    third = load(store, service.url, LATER)
    assert "5 new, 1 of them revisions" in third.notes[0]
    assert store.rows(COT)["known_at"].max() == LATER


def test_a_market_that_is_new_is_got_from_its_start(start: Start) -> None:
    store, cot = MemoryStore(), Cot([cot_row(day) for day in DAYS])
    service = start(cot)
    load(store, service.url)
    cot.rows += [cot_row(day, market="002602") for day in DAYS]
    load(store, service.url)
    assert store.rows(COT)["market_code"].value_counts().to_dict() == {"007601": 3, "002602": 3}


def test_pages_that_break_off_leave_no_gap(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "PAGE", 2)
    cot = Cot([cot_row(f"2023-09-{day:02}") for day in (26, 19, 12, 5)] + [cot_row("2023-10-03")])
    service, store = start(cot), MemoryStore()

    def breaks(asked: Any) -> Reply:
        return cot(asked) if asked.query["$offset"] == "0" else Reply(b"", 500)

    service.answer = breaks
    loaded = load(store, service.url)
    assert store.rows(COT)["event_time"].dt.day.tolist() == [5, 12]
    assert "it answers 500, after 3 tries" in loaded.warnings[0]
    assert "goes on after the 2 rows" in loaded.warnings[0]
    with pytest.raises(SourceError, match="it answers 500"):
        load(store, service.url, required=True)
    service.answer = cot
    assert not load(store, service.url).warnings
    assert len(store.rows(COT)) == 5


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (as_json({"message": "No such column: x", "code": "query.soql"}, 400), "No such column"),
        (as_json({"rows": []}), "another form"),
        (as_json(["x"]), "another form"),
        (as_json([{DAY: "2023-09-26", CODE: "007601", "open": "1"}]), "lack open_interest_all"),
        (as_json([]), "gave no report"),
        (as_json({"message": "Invalid app_token specified"}, 403), "CFTC_APP_TOKEN"),
    ],
)
def test_another_form_warns_and_writes_nothing(start: Start, reply: Reply, said: str) -> None:
    store, url = MemoryStore(), start(lambda _: reply).url
    loaded = load(store, url)
    assert not loaded.records.tables
    (warning,) = loaded.warnings
    assert said in warning
    assert "external.cftc is left out" in warning
    with pytest.raises(SourceError, match=said):
        load(store, url, required=True)


def test_a_service_that_was_emptied_is_told(start: Start) -> None:
    store, service = MemoryStore(), start(Cot([cot_row(day) for day in DAYS]))
    load(store, service.url)
    service.answer = lambda _: as_json([])
    loaded = load(store, service.url)
    assert "not even those that are stored" in loaded.warnings[0]
    assert len(store.rows(COT)) == 3
    assert "left out" in load(store, service.url, refresh=True).warnings[0]
