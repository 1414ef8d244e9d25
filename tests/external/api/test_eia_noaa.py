"""Rows of the EIA and files of NOAA's stations."""

import email.utils
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fake_service import FAST, Answering, Reply, Service, as_json

from soyoil.base.errors import SourceError
from soyoil.external.api import eia
from soyoil.external.api.client import Client, ServiceDownError
from soyoil.external.api.config import SERVICES, ApiConfig
from soyoil.external.api.noaa import fetch_station, station_file
from soyoil.external.api.paging import Paging

Start = Callable[[Answering], Service]
STATION = "USW00014933"
DAYS = (
    '"STATION","DATE","TMAX","PRCP","PRCP_ATTRIBUTES"\n'
    '"USW00014933","2023-10-01","  289","    0",",,W"\n'
    '"USW00014933","2023-10-02","  294","",""\n'
)


def client(source: str, url: str) -> Client:
    return Client(SERVICES[source], ApiConfig.model_validate(FAST), url)


def eia_row(month: int, **more: Any) -> dict[str, Any]:
    return {
        "period": f"2023-{month:02}", "series": "SBO", "value": "12.5", "units": "MMLB", "x": 1,
    } | more  # fmt: skip


class Eia:
    """Two rows in a page, whatever is asked for, and the number of rows as text."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows

    def __call__(self, asked: Any) -> Reply:
        assert asked.path == "/petroleum/pnp/feedbiofuel/data/"
        assert asked.query["data[0]"] == "value"
        start = int(asked.query["offset"])
        page = self.rows[start : start + min(2, int(asked.query["length"]))]
        return as_json({"response": {"total": str(len(self.rows)), "data": page}})


def ask(url: str, **query: Any) -> pd.DataFrame:
    with client("eia", url) as asking:
        return eia.fetch_rows(asking, eia.Query("petroleum/pnp/feedbiofuel", **query))


def test_rows_of_all_pages(start: Start) -> None:
    rows = [eia_row(1), eia_row(2, value=None), eia_row(3, value=7), eia_row(4), eia_row(5)]
    service = start(Eia(rows))
    found = ask(service.url, series=("A", "B"), since="2023-01")
    assert list(found.columns) == ["period", "series", "value", "units"]
    assert found["period"].tolist() == [f"2023-{month:02}" for month in range(1, 6)]
    assert found["value"].isna().tolist() == [False, True, False, False, False]
    assert pd.to_numeric(found["value"])[2] == 7
    assert [asked.query["offset"] for asked in service.asked] == ["0", "2", "4"]
    first = service.asked[0].query
    assert (first["facets[series][0]"], first["facets[series][1]"]) == ("A", "B")
    assert (first["start"], first["frequency"]) == ("2023-01", "monthly")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"response": {"total": 0, "data": []}}, "gives no row"),
        ({"response": {"data": []}}, "lacks response.total"),
        ({"error": "x"}, "lacks response.data"),
        ({"response": {"total": 1, "data": [{"period": "2023-01"}]}}, "lack series, value, units"),
        ({"response": {"total": 3, "data": []}}, "ends after 0 of 3"),
    ],
)
def test_another_form_is_refused(start: Start, answer: Any, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        ask(start(lambda _: as_json(answer)).url)


def test_pages_hold_what_the_service_gives_at_most() -> None:
    where = (("response", "data"), ("response", "total"))
    assert Paging("length", "offset", 5000, *where) == eia.PAGES


def test_a_station_is_kept_and_got_again_where_it_changed(start: Start, tmp_path: Path) -> None:
    changed = "Mon, 16 Oct 2023 08:00:00 GMT"
    text = DAYS

    def answer(asked: Any) -> Reply:
        assert asked.path == f"/{STATION}.csv"
        if asked.headers.get("If-Modified-Since") == changed:
            return Reply(b"", 304)
        return Reply(text.encode(), headers={"Last-Modified": changed})

    service, folder = start(answer), tmp_path / "stations"
    with client("weather", service.url) as asking:
        first = fetch_station(asking, STATION, folder)
        again = fetch_station(asking, STATION, folder, pd.Timestamp("2023-10-02"))
        assert first["DATE"].tolist() == ["2023-10-01", "2023-10-02"]
        assert first["TMAX"].str.strip().tolist() == ["289", "294"]
        assert first["PRCP"].tolist()[1] == ""
        assert again["DATE"].tolist() == ["2023-10-02"]
        text += '"USW00014933","2023-10-03","301","5",""\n'
        changed = "Tue, 17 Oct 2023 08:00:00 GMT"
        assert len(fetch_station(asking, STATION, folder)) == 3
    assert [bool(a.headers.get("If-Modified-Since")) for a in service.asked] == [False, True, True]
    assert [path.name for path in folder.iterdir()] == [f"{STATION}.csv"]
    stamp = station_file(folder, STATION).stat().st_mtime
    assert email.utils.formatdate(stamp, usegmt=True) == changed


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(DAYS.encode()[:-4]), ServiceDownError),
        (Reply(DAYS.encode(), length=999), ServiceDownError),
        (Reply(b"<html>moved</html>\n"), SourceError),
        (Reply(b"", 404), SourceError),
    ],
)
def test_a_kept_station_outlives_a_bad_answer(
    start: Start, tmp_path: Path, reply: Reply, error: type[SourceError]
) -> None:
    service = start(lambda _: Reply(DAYS.encode()))
    with client("weather", service.url) as asking:
        fetch_station(asking, STATION, tmp_path)
        service.answer = lambda _: reply
        with pytest.raises(error):
            fetch_station(asking, STATION, tmp_path)
    assert station_file(tmp_path, STATION).read_text() == DAYS


@pytest.mark.parametrize("station", ["../../etc/x", "usw00014933", "GHCND:USW00014933", ""])
def test_names_that_are_no_station_are_refused(tmp_path: Path, station: str) -> None:
    with pytest.raises(SourceError, match="is no station"):
        station_file(tmp_path, station)
