"""Files of weather stations: units, copies, sources that disagree."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from outside_files import MemoryStore

from soyoil.base.errors import SourceError
from soyoil.contracts.contract import load_contract
from soyoil.contracts.validation import validate
from soyoil.external.config import ExternalConfig, WeatherConfig
from soyoil.external.load import Loaded, load_external
from soyoil.external.releases import station_known_at

TABLE = "raw_intelligence.weather_segmented"
NOW = pd.Timestamp("2024-06-03 12:00", tz="UTC").as_unit("us")
GHCN = (
    '"STATION","DATE","LATITUDE","NAME","PRCP","PRCP_ATTRIBUTES","TMAX","TMAX_ATTRIBUTES","TMIN",'
    '"TMIN_ATTRIBUTES"'
)
GSOD = "stn,wban,year,mo,da,temp,max,flag_max,min,flag_min,prcp,flag_prcp"
MESSY = "date,region,station_id,precip_mm,temp_max,temp_min,source_name,confidence_score"


def write(folder: Path, name: str, lines: Sequence[str]) -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def load(store: MemoryStore, path: Path, now: pd.Timestamp = NOW, **section: Any) -> Loaded:
    config = ExternalConfig(weather={"path": str(path), **section})
    loaded = load_external(config, store, now)
    for name, rows in loaded.records.tables.items():
        validate(rows, load_contract(name))
    store.write(loaded.records)
    return loaded


def days_of(store: MemoryStore) -> dict[tuple[str, str], list[float]]:
    """Values by station and day."""
    rows = store.rows(TABLE)
    return {
        (row["station_id"], f"{row['event_time']:%F}"): row[
            ["tmax_c", "tmin_c", "precip_mm"]
        ].tolist()
        for _, row in rows.iterrows()
    }


def reasons(loaded: Loaded) -> dict[str, int]:
    return {str(k): int(n) for k, n in loaded.rejected["reason"].value_counts().items()}


@pytest.mark.parametrize(
    ("day", "known"),
    [
        ("2023-09-25", "2023-09-28 20:15"),
        ("2023-09-28", "2023-10-01 20:15"),  # a Sunday: stations do not rest
        ("2023-11-03", "2023-11-06 21:15"),  # after the end of daylight saving
    ],
)
def test_a_day_is_known_three_days_later(day: str, known: str) -> None:
    moments = station_known_at(np.array([day], dtype="datetime64[D]"))
    assert f"{moments[0]:%F %H:%M}" == known
    assert str(moments.dtype) == "datetime64[us, UTC]"


def test_ghcn_is_in_tenths_and_its_checks_count(store: MemoryStore, tmp_path: Path) -> None:
    start = '"USW00014933","2023-07-0'
    middle = '","41.53","DES MOINES, IA US",'
    path = write(tmp_path, "USW00014933.csv", [
        GHCN,
        f'{start}1{middle}"    0","T,,W,2400","  311",",,W","  194",",,W"',
        f'{start}2{middle}"  105",",,W,2400","",""," -12",",,W"',
        f'{start}3{middle}"",""," 999",",I,W","  194",",,W"',  # its own check failed
        f'{start}4{middle}"","","","","",""',  # nothing was measured
        f'{start}5{middle}"x",",,W"," 311",",,W","  194",",,W"',
        f'"USW00014933","07/06/2023{middle}"0",",,W"," 311",",,W","  194",",,W"',
    ])  # fmt: skip
    loaded = load(store, path)
    found = days_of(store)
    assert found["USW00014933", "2023-07-01"] == [31.1, 19.4, 0.0]
    np.testing.assert_equal(found["USW00014933", "2023-07-02"], [np.nan, -1.2, 10.5])
    assert len(found) == 2
    assert reasons(loaded) == {"failed_the_check_of_its_source": 1, "no_number": 1, "no_day": 1}
    assert not load(store, path, NOW + pd.Timedelta(days=1)).records.tables


def test_gsod_is_in_fahrenheit_and_inches(store: MemoryStore, tmp_path: Path) -> None:
    path = write(tmp_path, "gsod.csv", [
        GSOD,
        "725460,14933,2023,7,4,80.1,95.0,,68.0,*,0.50,G",
        "725460,14933,2023,07,05,80.1,9999.9,,50.0,*,99.99, ",
        "725460,14933,2023,07,06,80.1,9999.9,,9999.9,*,99.99, ",
        "83610,99999,2023,07,04,80.1,95.0,,68.0,*,0.00,G",
    ])  # fmt: skip
    loaded = load(store, path)
    found = days_of(store)
    np.testing.assert_allclose(found["725460", "2023-07-04"], [35.0, 20.0, 12.7])
    np.testing.assert_allclose(found["725460", "2023-07-05"], [np.nan, 10.0, np.nan])
    assert set(found) == {
        ("725460", "2023-07-04"), ("725460", "2023-07-05"), ("083610", "2023-07-04"),
    }  # fmt: skip
    assert not reasons(loaded)
    # The station without a region is kept, and named.
    assert "no region for the stations 083610" in loaded.warnings[0]


def test_copies_and_sources_that_disagree(store: MemoryStore, tmp_path: Path) -> None:
    path = write(tmp_path, "messy.csv", [
        MESSY,
        "2023-10-05,US,GHCND:USW00014933,0.3,21.0,9.0,NOAA_GHCND,0.95",
        "2023-10-05,US,GHCND:USW00014933,0.3,21.0,9.0,NOAA_GHCND,0.95",  # a copy
        "2023-10-05,US,GHCND:USW00014933,4.3,23.0,8.0,OPEN_METEO,0.99",  # a model
        "2023-10-05,US,GHCND:USW00014933,0.3,21.0,9.0,ERA5,0.80",  # says the same
        "2023-10-06,US,GHCND:USW00014933,1.0,20.0,9.0,NOAA_GHCND,0.95",
        "2023-10-06,US,GHCND:USW00014933,2.0,20.0,9.0,NOAA_GHCND,0.95",  # contradicts itself
        "2023-10-07,US,GHCND:USW00014933,3.0,20.0,9.0,ERA5,0.95",  # a model alone
        "2023-10-08,Brazil,INMET_A901,5.0,36.0,24.0,INMET,0.95",
        "2023-10-08,Brazil,INMET_A901,6.0,36.0,24.0,NOAA_GHCND,0.95",
        "2023-10-09,Brazil,INMET_A901,6.0,36.0,24.0,ERA5,0.95",
        "2023-10-09,Brazil,INMET_A901,7.0,36.0,24.0,NASA_POWER,0.95",  # neither observes
    ])  # fmt: skip
    loaded = load(store, path)
    found = {key: values[2] for key, values in days_of(store).items()}
    assert found == {
        ("USW00014933", "2023-10-05"): 0.3,
        ("USW00014933", "2023-10-07"): 3.0,
        ("INMET_A901", "2023-10-08"): 6.0,
    }
    assert reasons(loaded) == {"lesser_source": 2, "two_values_for_one_day": 4}
    regions = store.rows(TABLE).groupby("station_id")["region"].first()
    assert regions.to_dict() == {"USW00014933": "US", "INMET_A901": "Brazil"}


def test_the_order_of_rows_decides_nothing(tmp_path: Path) -> None:
    lines = [
        f"2023-10-0{day},US,USW00014933,{rain},20.0,9.0,{source},0.9"
        for day in (5, 6)
        for rain, source in (
            (1.0, "ERA5"), (2.0, "NOAA_GHCND"), (3.0, "NOAA_GSOD"), (2.0, "OPEN_METEO"),
        )
    ]  # fmt: skip
    found = []
    for order in (lines, lines[::-1], lines[3:] + lines[:3]):
        store = MemoryStore()
        load(store, write(tmp_path, "a.csv", [MESSY, *order]))
        found.append(days_of(store))
    assert found[0] == found[1] == found[2]
    assert [values[2] for values in found[0].values()] == [2.0, 2.0]


def test_implausible_days_are_set_aside(store: MemoryStore, tmp_path: Path) -> None:
    path = write(tmp_path, "days.csv", [
        "date,station_id,tmax_c,tmin_c,precip_mm",
        "2023-07-01,A,30,20,0",
        "2023-07-02,A,19,20,0",
        "2023-07-03,A,61,20,0",
        "2023-07-04,A,30,-61,0",
        "2023-07-05,A,30,20,-0.1",
        "2023-07-06,A,30,20,1001",
        "2023-07-07,A,60,-60,1000",
        "2023-07-08,A,inf,20,0",
        "2023-07-09,A,,20,",
    ])  # fmt: skip
    loaded = load(store, path)
    assert reasons(loaded) == {"implausible": 5, "no_number": 1}
    assert [day for _, day in days_of(store)] == ["2023-07-01", "2023-07-07", "2023-07-09"]


@pytest.mark.parametrize(("scale", "kept"), [(1.0, 40), (0.1, 0), (1.8, 40), (5.0, 0)])
def test_days_of_another_unit_are_set_aside(
    store: MemoryStore, tmp_path: Path, scale: float, kept: int
) -> None:
    days = pd.date_range("2023-01-01", periods=40)
    rng = np.random.default_rng(1)
    low = rng.uniform(-5, 3, 40)
    lines = [
        f"{day:%F},A,{scale * (t + r)},{scale * t},1.0"
        for day, t, r in zip(days, low, rng.uniform(6, 13, 40), strict=True)
    ]
    # Another station of the file is not touched.
    lines += [f"{day:%F},B,20,8,1.0" for day in days]
    path = write(tmp_path, "days.csv", ["date,station_id,tmax_c,tmin_c,precip_mm", *lines])
    loaded = load(store, path)
    stations = store.rows(TABLE)["station_id"].value_counts().to_dict()
    assert stations == {"B": 40} | ({"A": kept} if kept else {})
    assert reasons(loaded) == ({"another_unit": 40} if not kept else {})


def test_a_folder_of_all_forms(store: MemoryStore, tmp_path: Path) -> None:
    write(tmp_path, "a.csv", ["date,radn_mj_m2,tmax_c,tmin_c,rain_mm", "2023-07-01,1,30,20,2"])
    write(tmp_path, "b.csv", [GSOD, "725460,14933,2023,07,01,80.1,95.0,,68.0,*,0.50,G"])
    write(tmp_path, "c.csv", [MESSY, "2023-07-01,US,USW00094846,1,30,20,NOAA_GHCND,0.9"])
    write(tmp_path, "d.csv", ["day,rain", "2023-07-01,5"])
    write(tmp_path, "e.txt", ["not looked at"])
    loaded = load(store, tmp_path, station="IOWA")
    assert set(days_of(store)) == {
        ("IOWA", "2023-07-01"), ("725460", "2023-07-01"), ("USW00094846", "2023-07-01"),
    }  # fmt: skip
    (warning,) = loaded.warnings
    assert "d.csv is none of daily weather of stations" in warning
    with pytest.raises(SourceError, match=r"d\.csv is none of"):
        load(store, tmp_path, station="IOWA", required=True)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            ["date,tmax_c,tmin_c", "2023-07-01,30,20"],
            "name its station in external.weather.station",
        ),
        (["date,station_id,snow", "2023-07-01,A,20"], "neither temperatures nor rain"),
        (["observation_date,DGS10", "2023-07-01,4.5"], "it needs the columns STATION, DATE or stn"),
    ],
)
def test_a_file_of_another_form_is_named(
    store: MemoryStore, tmp_path: Path, lines: list[str], said: str
) -> None:
    loaded = load(store, write(tmp_path, "x.csv", lines))
    assert not loaded.records.tables
    assert said in loaded.warnings[0]


def test_a_folder_without_files_is_named(store: MemoryStore, tmp_path: Path) -> None:
    assert "holds no .csv file" in load(store, tmp_path).warnings[0]


def test_a_corrected_day_stands_beside_the_first(store: MemoryStore, tmp_path: Path) -> None:
    header = "date,region,station_id,tmax_c,tmin_c,precip_mm"
    load(store, write(tmp_path, "a.csv", [header, "2023-07-01,,A,30,20,2", "2023-07-02,,A,30,,2"]))
    # Only a label is new: no revision.
    path = write(tmp_path, "a.csv", [header, "2023-07-01,US,A,30,20,2", "2023-07-02,US,A,31,,2"])
    loaded = load(store, path, NOW + pd.Timedelta(days=1))
    assert "1 new, 1 of them revisions" in loaded.notes[0]
    rows = store.rows(TABLE).sort_values(["event_time", "known_at"])
    assert rows["tmax_c"].tolist() == [30.0, 30.0, 31.0]
    assert rows["known_at"].iloc[-1] == NOW + pd.Timedelta(days=1)


@pytest.mark.parametrize(
    "stations",
    [
        {"A": {"region": "usa", "weight": 1}},
        {"A": {"region": "us", "weight": 0}},
        {"A": {"region": "us", "weight": float("nan")}},
        {"A": "us"},
    ],
)
def test_stations_are_checked(stations: Any) -> None:
    with pytest.raises(ValueError, match="stations"):
        WeatherConfig(stations=stations)


@pytest.mark.real_data
def test_real_stations_hold_copies_and_wrong_tenths(
    store: MemoryStore, databento_dir: Path
) -> None:
    loaded = load(store, databento_dir.parent / "weather", station="IOWA", required=True)
    rows = store.rows(TABLE)
    # Three of four stations of 2023 are tenths of tenths: an October in Iowa below 3 degrees.
    assert rows["station_id"].value_counts().to_dict() == {"IOWA": 11323, "INMET_A901": 365}
    assert loaded.rejected.groupby("series")["reason"].value_counts().to_dict() == {
        ("AR000875850", "another_unit"): 316,
        ("USW00014933", "another_unit"): 320,
        ("USW00094846", "another_unit"): 320,
    }
    assert set(loaded.rejected["file"]) == {"stations_2023_messy.csv"}
    assert not rows.duplicated(["station_id", "event_time"]).any()
