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
from soyoil.external.readers.cftc import CODE, DAY, DISAGGREGATED, LEGACY, Report
from soyoil.external.registry import SOURCES

NOW = pd.Timestamp("2023-10-20 12:00", tz="UTC").as_unit("us")
LATER = NOW + pd.Timedelta(days=7)
DAYS = ("2023-06-06", "2023-09-19", "2023-09-26")
Start = Callable[[Answering], Service]


class Desk:
    """Loads of one report into a store of its own."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.store = MemoryStore()

    def row(self, day: str, long: int = 300, market: str = "007601") -> dict[str, str]:
        return cot_row(day, long, market, self.report)

    def rows(self, *days: str, market: str = "007601") -> list[dict[str, str]]:
        return [self.row(day, market=market) for day in days]

    def service(self, rows: list[dict[str, str]]) -> Cot:
        return Cot(rows, self.report)

    def load(self, now: pd.Timestamp = NOW, **section: Any) -> Loaded:
        config = ExternalConfig.model_validate({self.report.name: section})
        loaded = load_external(config, self.store, now)
        self.store.write(loaded.records)
        return loaded

    def ask(self, url: str, now: pd.Timestamp = NOW, **more: Any) -> Loaded:
        return self.load(now, origin="api", url=url, api=FAST, **more)

    @property
    def stored(self) -> pd.DataFrame:
        return self.store.rows(SOURCES[self.report.name].table)


@pytest.fixture(params=[LEGACY, DISAGGREGATED], ids=lambda report: report.name)
def desk(request: pytest.FixtureRequest) -> Desk:
    return Desk(request.param)


def test_service_and_file_give_the_same_reading(desk: Desk, start: Start, tmp_path: Path) -> None:
    rows = [*desk.rows(*DAYS), desk.row("2023-09-26", market="005602")]
    broken, gap = desk.row("2023-09-12", 310), desk.row("2023-09-05")
    broken["open_interest_all"] = "999"
    del gap["nonrept_positions_long_all"]
    rows += [broken, gap, desk.row("2023-08-29", 300), desk.row("2023-08-29", 301)]
    by_api = desk.ask(start(desk.service(rows)).url)
    path = tmp_path / "cot.csv"
    pd.DataFrame(rows)[[DAY, CODE, *desk.report.columns]].to_csv(path, index=False)
    filed = Desk(desk.report)
    by_file = filed.load(path=str(path))
    key = ["market_code", "event_time"]
    pd.testing.assert_frame_equal(
        desk.stored.sort_values(key, ignore_index=True),
        filed.stored.sort_values(key, ignore_index=True),
    )
    assert len(desk.stored) == 4
    reasons = {"implausible": 1, "no_number": 1, "two_values_for_one_day": 2}
    for loaded in (by_api, by_file):
        assert loaded.rejected["reason"].value_counts().to_dict() == reasons


def test_a_second_load_asks_for_the_last_weeks_and_writes_nothing(desk: Desk, start: Start) -> None:
    cot = desk.service(desk.rows(*DAYS))
    service = start(cot)
    desk.ask(service.url)
    again = desk.ask(service.url, LATER)
    assert len(service.asked) == 2
    assert not again.records.tables
    # 8 weeks before the newest report, and all of the markets that are not stored.
    where = service.asked[1].query["$where"]
    assert "('007601') AND report_date_as_yyyy_mm_dd >= '2023-08-01T00:00:00.000'" in where
    assert "'005602'" in where
    # Financial futures are in the legacy report only.
    assert ("'043602'" in where) is (desk.report is LEGACY)
    assert "2 rows read, 0 new" in again.notes[0]
    cot.rows = [desk.row("2023-09-19", 320), *cot.rows[2:], desk.row("2023-10-03")]
    cot.rows += desk.rows(*DAYS, market="005602")
    third = desk.ask(service.url, LATER)
    assert "5 new, 1 of them revisions" in third.notes[0]
    assert desk.stored["known_at"].max() == LATER


def test_a_market_that_is_new_is_got_from_its_start(desk: Desk, start: Start) -> None:
    cot = desk.service(desk.rows(*DAYS))
    service = start(cot)
    desk.ask(service.url)
    cot.rows += desk.rows(*DAYS, market="002602")
    desk.ask(service.url)
    assert desk.stored["market_code"].value_counts().to_dict() == {"007601": 3, "002602": 3}


def test_pages_that_break_off_leave_no_gap(
    desk: Desk, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "PAGE", 2)
    days = [f"2023-09-{day:02}" for day in (26, 19, 12, 5)]
    cot = desk.service(desk.rows(*days, "2023-10-03"))
    service = start(cot)

    def breaks(asked: Any) -> Reply:
        return cot(asked) if asked.query["$offset"] == "0" else Reply(b"", 500)

    service.answer = breaks
    loaded = desk.ask(service.url)
    assert desk.stored["event_time"].dt.day.tolist() == [5, 12]
    assert "it answers 500, after 3 tries" in loaded.warnings[0]
    assert "goes on after the 2 rows" in loaded.warnings[0]
    with pytest.raises(SourceError, match="it answers 500"):
        desk.ask(service.url, required=True)
    service.answer = cot
    assert not desk.ask(service.url).warnings
    assert len(desk.stored) == 5


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
def test_another_form_warns_and_writes_nothing(
    desk: Desk, start: Start, reply: Reply, said: str
) -> None:
    url = start(lambda _: reply).url
    loaded = desk.ask(url)
    assert not loaded.records.tables
    (warning,) = loaded.warnings
    assert said in warning
    assert f"external.{desk.report.name} is left out" in warning
    with pytest.raises(SourceError, match=said):
        desk.ask(url, required=True)


def test_a_service_that_was_emptied_is_told(desk: Desk, start: Start) -> None:
    service = start(desk.service(desk.rows(*DAYS)))
    desk.ask(service.url)
    service.answer = lambda _: as_json([])
    loaded = desk.ask(service.url)
    assert "not even those that are stored" in loaded.warnings[0]
    assert len(desk.stored) == 3
    assert "left out" in desk.ask(service.url, refresh=True).warnings[0]
