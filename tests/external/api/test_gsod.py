"""Years of GSOD, asked of a BigQuery server and of one that is made up."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from google.auth.exceptions import DefaultCredentialsError

from soyoil.base.errors import ConfigError, SourceError
from soyoil.external.api import gsod, noaa
from soyoil.external.config import ExternalConfig, WeatherConfig
from soyoil.external.load import check_keys
from soyoil.warehouse.bigquery import client, public
from soyoil.warehouse.bigquery.client import client_for

NOW = pd.Timestamp("2023-06-10 12:00", tz="UTC")
STATIONS = {
    "725300": {"region": "us", "weight": 1.0},
    "875850": {"region": "argentina", "weight": 1.0},
    "USW00014933": {"region": "us", "weight": 1.0},
}


def section(**changes: Any) -> WeatherConfig:
    asked = {"project": "test-project", "since": 2021} | changes.pop("bigquery", {})
    fields = {"origin": "bigquery", "stations": STATIONS, "bigquery": asked} | changes
    return WeatherConfig.model_validate(fields)


class Archive:
    """Tables of years with one day a station, counted as they are asked for."""

    def __init__(self, years: tuple[int, ...] = (2021, 2022, 2023), size: int = 10**9) -> None:
        self.years, self.size = years, size
        self.asked: list[int] = []
        self.broken: set[int] = set()

    def has(self, source: Any, table: str) -> bool:
        return int(table[-4:]) in self.years

    def n_bytes(self, source: Any, sql: str, doing: str) -> int:
        return self.size

    def rows(self, source: Any, sql: str, doing: str) -> list[tuple[Any, ...]]:
        year = int(re.findall(r"gsod(\d{4})`", sql)[0])
        if year in self.broken:
            raise SourceError(f"gsod{year} broke off")
        self.asked.append(year)
        names = re.findall(r"'(\d{6})'", sql)
        return [
            (name, str(year), "06", "01", 77.0 + year - 2020, 59.0, 99.99) for name in names
        ]  # fmt: skip


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> Archive:
    made = Archive()
    for name in ("has", "n_bytes", "rows"):
        monkeypatch.setattr(public.PublicData, name, lambda *a, n=name: getattr(made, n)(*a))
    return made


def test_days_as_the_reader_of_files_has_them(archive: Archive, tmp_path: Path) -> None:
    reading = noaa.fetch(section(), pd.DataFrame(), NOW, tmp_path)
    rows = reading.rows
    assert list(rows["station_id"].unique()) == ["725300", "875850"]
    assert len(rows) == 6
    last = rows.iloc[-1]
    assert last["event_time"] == pd.Timestamp("2023-06-01", tz="UTC")
    # Known as a station's day is: three days after it, at 16:15 in New York.
    assert last["known_at"] == pd.Timestamp("2023-06-04 20:15", tz="UTC")
    assert last["tmax_c"] == pytest.approx((80.0 - 32.0) * 5 / 9)
    assert pd.isna(last["precip_mm"])
    assert reading.warnings == ()


def test_only_years_that_may_still_change_are_asked_again(archive: Archive, tmp_path: Path) -> None:
    noaa.fetch(section(), pd.DataFrame(), NOW, tmp_path)
    assert archive.asked == [2021, 2022, 2023]
    noaa.fetch(section(), pd.DataFrame(), NOW, tmp_path)
    assert archive.asked[3:] == [2023]
    # On March 31st the year before may lack its last days, from April on it is closed.
    noaa.fetch(section(), pd.DataFrame(), pd.Timestamp("2024-03-31", tz="UTC"), tmp_path)
    assert archive.asked[4:] == [2023]
    noaa.fetch(section(), pd.DataFrame(), pd.Timestamp("2024-04-01", tz="UTC"), tmp_path)
    assert archive.asked[5:] == [2023]
    archive.years = (2021, 2022, 2023, 2024)
    noaa.fetch(section(), pd.DataFrame(), pd.Timestamp("2024-04-02", tz="UTC"), tmp_path)
    assert archive.asked[6:] == [2024]
    noaa.fetch(section(refresh=True), pd.DataFrame(), NOW, tmp_path)
    assert archive.asked[7:] == [2021, 2022, 2023]
    assert sorted(p.name[:8] for p in tmp_path.iterdir()) == [
        "gsod2021", "gsod2022", "gsod2023", "gsod2024"
    ]  # fmt: skip


def test_a_load_that_breaks_off_goes_on_where_it_was(archive: Archive, tmp_path: Path) -> None:
    archive.broken = {2022}
    reading = noaa.fetch(section(), pd.DataFrame(), NOW, tmp_path)
    assert len(reading.rows) == 2
    assert reading.warnings == ("gsod2022 broke off",)
    with pytest.raises(SourceError, match="gsod2022 broke off"):
        noaa.fetch(section(required=True), pd.DataFrame(), NOW, tmp_path)
    archive.broken = set()
    assert len(noaa.fetch(section(), pd.DataFrame(), NOW, tmp_path).rows) == 6
    assert archive.asked == [2021, 2022, 2023]


def test_other_stations_are_asked_for_from_the_start(archive: Archive, tmp_path: Path) -> None:
    noaa.fetch(section(), pd.DataFrame(), NOW, tmp_path)
    fewer = section(stations={"725300": STATIONS["725300"]})
    rows = noaa.fetch(fewer, pd.DataFrame(), NOW, tmp_path).rows
    assert archive.asked[3:] == [2021, 2022, 2023]
    assert set(rows["station_id"]) == {"725300"}
    assert len(list(tmp_path.iterdir())) == 3


def test_the_cost_is_known_and_capped_before_anything_is_read(
    archive: Archive, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    message = r"3 years of GSOD: 3.00 GB .*charged to test-project; .*maximum_gb is 2.9"
    with pytest.raises(SourceError, match=message):
        noaa.fetch(section(bigquery={"maximum_gb": 2.9}), pd.DataFrame(), NOW, tmp_path)
    assert archive.asked == []
    assert not list(tmp_path.iterdir())
    noaa.fetch(section(bigquery={"maximum_gb": 3.0}), pd.DataFrame(), NOW, tmp_path)
    assert "3 years of GSOD: 3.00 GB to read, charged to test-project, at most 3 GB" in caplog.text


def test_years_without_a_table_and_years_without_a_day(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.years = (2022,)
    reading = noaa.fetch(section(), pd.DataFrame(), NOW, tmp_path)
    assert reading.warnings == ("bigquery-public-data.noaa_gsod has no table for 2021.",)
    archive.years = ()
    with pytest.raises(
        SourceError, match=r"holds no table of gsod2021, gsod2022, gsod2023: correct"
    ):
        noaa.fetch(section(), pd.DataFrame(), NOW, tmp_path / "other")
    archive.years = (2021, 2022, 2023)
    early = pd.Timestamp("2024-04-01", tz="UTC")
    noaa.fetch(section(), pd.DataFrame(), early, tmp_path / "january")
    archive.asked.clear()
    january = noaa.fetch(section(), pd.DataFrame(), early, tmp_path / "january")
    # This year's table comes with its first days: nothing to ask, and nothing to warn of.
    assert (archive.asked, january.warnings, len(january.rows)) == ([], (), 6)
    whole = archive.rows
    monkeypatch.setattr(archive, "rows", lambda *a: whole(*a) if "2023`" in a[1] else [])
    found = noaa.fetch(section(refresh=True), pd.DataFrame(), NOW, tmp_path)
    assert len(found.rows) == 2
    # A year without a day is kept as such, and not asked for again.
    monkeypatch.setattr(archive, "rows", whole)
    archive.asked.clear()
    assert len(noaa.fetch(section(), pd.DataFrame(), NOW, tmp_path).rows) == 2
    assert archive.asked == [2023]


def test_what_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    nobody = ExternalConfig(weather=section(bigquery={"project": None}))
    with pytest.raises(ConfigError, match=r"external.weather.bigquery.project or .*CLOUD_PROJECT"):
        check_keys(nobody)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "my-project")
    check_keys(nobody)
    with pytest.raises(SourceError, match="names no station of GSOD"):
        noaa.fetch(
            section(stations={"USW00014933": STATIONS["USW00014933"]}), pd.DataFrame(), NOW,
            tmp_path,
        )  # fmt: skip
    with pytest.raises(SourceError, match="no station of GSOD"):
        gsod.statement("p.d", 2023, ["725300", "1' OR '1'='1"])
    with pytest.raises(ValueError, match="this source has none; files or api or synthetic"):
        ExternalConfig.model_validate({"cftc": {"origin": "bigquery"}})
    with pytest.raises(ValueError, match="maximum_gb"):
        section(bigquery={"maximum_gb": 0})
    with pytest.raises(ValueError, match="dataset"):
        section(bigquery={"dataset": "x`; DROP TABLE y"})


@pytest.fixture
def dataset(make_bigquery: Callable[..., Any]) -> str:
    """A data set as Google's, with the table of 2023 alone and its dirty rows."""
    connection = make_bigquery()
    asking = client_for(connection)
    name = f"{connection.dataset_prefix}gsod"
    asking.create_dataset(f"{connection.project}.{name}")
    asking.query(
        f"CREATE TABLE `{connection.project}.{name}.gsod2023` (stn STRING, wban STRING, "
        "year STRING, mo STRING, da STRING, temp FLOAT64, max FLOAT64, min FLOAT64, prcp FLOAT64)",
        "make a table",
    )
    asking.query(
        f"INSERT INTO `{connection.project}.{name}.gsod2023` VALUES "
        "('725300', '94846', '2023', '06', '01', 70.0, 86.0, 68.0, 0.10),"
        "('725300', '94846', '2023', '06', '02', 70.0, 9999.9, 68.0, 99.99),"
        "('999999', '94846', '2023', '06', '02', 70.0, 86.0, 68.0, 0.10),"
        "('010010', '99999', '2023', '06', '02', 30.0, 32.0, 28.0, 0.10)",
        "fill a table",
    )
    return f"{connection.project}.{name}"


def test_on_a_bigquery_server(bigquery_server: Any, dataset: str, tmp_path: Path) -> None:
    asked = {
        "project": bigquery_server.project, "dataset": dataset, "since": 2023, "location": "US",
        "endpoint": bigquery_server.endpoint,
    }  # fmt: skip
    rows = noaa.fetch(section(bigquery=asked), pd.DataFrame(), NOW, tmp_path).rows
    assert rows[["station_id", "tmax_c", "tmin_c", "precip_mm"]].round(4).to_dict("list") == {
        "station_id": ["725300", "725300"],
        "tmax_c": [30.0, pytest.approx(float("nan"), nan_ok=True)],
        "tmin_c": [20.0, 20.0],
        "precip_mm": [2.54, pytest.approx(float("nan"), nan_ok=True)],
    }


def test_what_google_says_names_these_settings(
    bigquery_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = public.PublicData(
        bigquery_server.project, "US", 10**9, bigquery_server.endpoint, gsod.SETTINGS
    )
    with pytest.raises(SourceError, match="cannot read gsod2023, as project .*nowhere") as missing:
        source.rows("SELECT 1 FROM `test-project.nowhere.gsod2023`", "read gsod2023")

    def nobody(connection: Any) -> None:
        raise DefaultCredentialsError("no credentials")

    monkeypatch.setattr(client, "credentials_of", nobody)
    lost = replace(source, maximum_bytes=7)
    with pytest.raises(SourceError, match=r"no credentials\. Log in with `gcloud auth") as login:
        lost.has("p.d.gsod2023")
    for error in (missing, login):
        assert gsod.SETTINGS in str(error.value)
        # Advice of the warehouse: its settings and its entry of credentials are not used here.
        assert "globals.yml" not in str(error.value)
        assert "credentials.yml" not in str(error.value)
