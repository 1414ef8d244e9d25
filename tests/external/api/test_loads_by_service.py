"""Loads of EIA and NOAA by service give what their files give, and later loads ask for little."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fake_service import FAST, Answering, Reply, Service, as_json
from outside_files import MemoryStore

from soyoil.base.errors import SourceError
from soyoil.external.api import noaa
from soyoil.external.api.eia import ROUTES
from soyoil.external.config import ExternalConfig
from soyoil.external.load import Loaded, load_external
from soyoil.external.readers.eia import SOYBEAN_OIL

EIA = "raw_intelligence.eia_biofuels"
WEATHER = "raw_intelligence.weather_segmented"
NOW = pd.Timestamp("2023-10-20 12:00", tz="UTC").as_unit("us")
STATIONS = ("USW00014933", "USW00094846", "AR000875850")
Start = Callable[[Answering], Service]


def load(store: MemoryStore, days: int = 0, **sections: Any) -> Loaded:
    config = ExternalConfig.model_validate(sections)
    loaded = load_external(config, store, NOW + pd.Timedelta(days=days))
    store.write(loaded.records)
    return loaded


class Biofuels:
    """Months of every series of a route; a month without a value for one of them."""

    def __init__(self, months: int) -> None:
        self.months = months
        self.revised: dict[str, str] = {}

    def __call__(self, asked: Any) -> Reply:
        route = asked.path.removeprefix("/").removesuffix("/data/")
        if route not in ROUTES:
            return as_json({"error": "no such route"}, 404)
        months = pd.period_range("2020-01", periods=self.months, freq="M").strftime("%Y-%m")
        since = asked.query.get("start", "")
        rows = [
            {"period": m, "series": s, "value": self.value(s, m), "units": s.rpartition("_")[2]}
            for m in months
            for s in ROUTES[route]
            if m >= since
        ]
        start = int(asked.query["offset"])
        page = rows[start : start + 50]
        return as_json({"response": {"total": len(rows), "data": page}})

    def value(self, series: str, month: str) -> str | None:
        if (series, month) == (SOYBEAN_OIL, "2020-03"):
            return None
        return self.revised.get(month, "850.5")


def eia(url: str, **more: Any) -> dict[str, Any]:
    return {"eia": {"origin": "api", "url": url, "api": FAST, **more}}


def test_biofuels_by_service_are_those_of_the_file(start: Start, tmp_path: Path) -> None:
    biofuels = Biofuels(40)
    service, served, filed = start(biofuels), MemoryStore(), MemoryStore()
    load(served, **eia(service.url))
    names = [name for series in ROUTES.values() for name in series]
    lines = [
        f"{month},{name},{biofuels.value(name, month) or ''},{name.rpartition('_')[2]}"
        for month in pd.period_range("2020-01", periods=40, freq="M").strftime("%Y-%m")
        for name in names
    ]
    path = tmp_path / "eia.csv"
    path.write_text("\n".join(["period,series,value,units", *lines, ""]), encoding="utf-8")
    load(filed, eia={"path": str(path)})
    key = ["series_id", "event_time"]
    found, want = (s.rows(EIA).sort_values(key, ignore_index=True) for s in (served, filed))
    pd.testing.assert_frame_equal(found, want)
    assert len(found) == 40 * len(names) - 1
    before = len(service.asked)
    assert not load(served, 7, **eia(service.url)).records.tables
    later = service.asked[before:]
    assert {asked.query["start"] for asked in later} == {"2021-04"}
    biofuels.revised["2023-01"] = "901.0"
    load(served, 14, **eia(service.url))
    rows = served.rows(EIA)
    new = rows[rows["vintage"].str.startswith("seen")]
    assert len(new) == len(names)
    assert (new["known_at"] == NOW + pd.Timedelta(days=14)).all()


def test_a_route_that_fails_takes_nothing_from_the_other(start: Start) -> None:
    def answer(asked: Any) -> Reply:
        return Reply(b"", 500) if "feedbiofuel" in asked.path else Biofuels(3)(asked)

    service, store = start(answer), MemoryStore()
    loaded = load(store, **eia(service.url))
    assert any("external.eia" in line and "500" in line for line in loaded.warnings)
    assert len(store.rows(EIA)) == 6
    with pytest.raises(SourceError):
        load(store, **eia(service.url, required=True))


def days(station: str, count: int) -> bytes:
    dates = pd.date_range("2023-08-01", periods=count).strftime("%Y-%m-%d")
    lines = [
        f'"{station}","{day}","  {250 + i}","  {120 + i}","    0"' for i, day in enumerate(dates)
    ]
    return "\n".join(['"STATION","DATE","TMAX","TMIN","PRCP"', *lines, ""]).encode()


def test_stations_by_service(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noaa, "data_folder_name", lambda: str(tmp_path))
    count = 40
    changed = {"Last-Modified": "Mon, 16 Oct 2023 08:00:00 GMT"}

    def answer(asked: Any) -> Reply:
        station = asked.path.strip("/").removesuffix(".csv")
        if station == "AR000875850":
            return Reply(b"", 404)
        if asked.headers.get("If-Modified-Since") == changed["Last-Modified"]:
            return Reply(b"", 304)
        return Reply(days(station, count), headers=dict(changed))

    service, store = start(answer), MemoryStore()
    weather = {"origin": "api", "url": service.url, "api": FAST}
    loaded = load(store, weather=weather)
    rows = store.rows(WEATHER)
    assert set(rows["station_id"]) == {"USW00014933", "USW00094846"}
    assert len(rows) == 2 * count
    assert rows["tmax_c"].max() == pytest.approx(28.9)
    assert any("AR000875850" in line for line in loaded.warnings)
    assert not load(store, 1, weather=weather).records.tables
    count, changed["Last-Modified"] = 42, "Tue, 17 Oct 2023 08:00:00 GMT"
    load(store, 2, weather=weather)
    assert len(store.rows(WEATHER)) == 84
    with pytest.raises(SourceError):
        load(store, 3, weather={**weather, "required": True})
    none = {"IOWA": {"region": "us"}}
    assert any(
        "names no station of GHCN-Daily" in line
        for line in load(store, 4, weather={**weather, "stations": none}).warnings
    )
