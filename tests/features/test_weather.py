"""Weather of the regions: days as known, and beside the past only."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from outside_tables import LOADED, raw
from test_outside import first_seen, rows_on

from soyoil.external.config import ExternalConfig, WeatherConfig
from soyoil.external.load import load_external
from soyoil.external.releases import station_known_at
from soyoil.external.store import NoExternalStore
from soyoil.features.groups.weather import growing_degrees, same_day
from soyoil.features.matrix import outside_features

TWO = {
    "IOWA": {"region": "us", "weight": 0.25},
    "CHICAGO": {"region": "us", "weight": 0.75},
    "CUIABA": {"region": "brazil", "weight": 1.0},
}


def days_between(first: str, last: str) -> np.ndarray:
    return np.arange(first, last, dtype="datetime64[D]")


def station(
    name: str, days: np.ndarray, rain: object = 1.0, tmax: object = 25.0, tmin: object = 15.0
) -> pd.DataFrame:
    rows = raw("station_id", name, days, station_known_at(days), region="US")
    return rows.assign(tmax_c=tmax, tmin_c=tmin, precip_mm=rain)


def features(rows: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    prepared = WeatherConfig(stations=TWO).prepare(table)
    found = outside_features(rows, {"weather": prepared})
    return found[[n for n in found if n.startswith("weather.")]].astype("float64")


def test_growing_degrees_of_single_days() -> None:
    tmax, tmin = np.array([25.0, 35.0, 8.0, 20.0, np.nan]), np.array([15.0, 20.0, 2.0, 4.0, 3.0])
    np.testing.assert_allclose(growing_degrees(tmax, tmin), [10.0, 15.0, 0.0, 5.0, np.nan])


def test_the_same_day_of_earlier_years() -> None:
    found = same_day(np.array(["2024-02-29", "2023-07-04", "NaT"], dtype="datetime64[D]"), 4)
    assert found[0].astype(str).tolist() == [
        "2024-02-29", "2023-02-28", "2022-02-28", "2021-02-28", "2020-02-29",
    ]  # fmt: skip
    assert found[1].astype(str).tolist()[1:3] == ["2022-07-04", "2021-07-04"]
    assert np.isnat(found[2]).all()


@pytest.mark.parametrize(
    ("day", "row"),
    [
        ("2023-09-25", "2023-09-29"),  # known on Thursday 28th after the close
        ("2023-09-26", "2023-10-02"),  # on Friday 29th after the close
        ("2023-09-28", "2023-10-02"),  # on Sunday
        ("2023-09-29", "2023-10-03"),
    ],
)
def test_a_day_is_first_seen(day: str, row: str) -> None:
    days = days_between("2015-01-01", "2023-12-01")
    wet = np.where(days == np.datetime64(day), 91.0, 1.0)
    rows = rows_on("2023-09-18", "2023-10-13")
    found = features(rows, station("IOWA", days, wet))
    assert first_seen(found, rows, "weather.us_precip_30d_anomaly", 90.0) == row
    # All rain before was alike.
    before = rows["data_date"] < row
    assert (found.loc[before, "weather.us_precip_30d_anomaly"] == 0.0).all()
    assert (found.loc[before, "weather.us_dryness_30d"] == 0.5).all()
    assert found["weather.us_staleness_days"].iloc[0] == 4


def test_a_window_of_gaps_is_null_below_25_days() -> None:
    days = days_between("2015-01-01", "2023-12-01")
    rows = rows_on("2023-09-04", "2023-09-05")
    for gaps, known in ((5, True), (6, False)):
        lost = (days >= np.datetime64("2023-08-10")) & (days < np.datetime64("2023-08-10") + gaps)
        found = features(rows, station("IOWA", days[~lost], 2.0))
        assert found["weather.us_precip_30d_anomaly"].notna().all() == known
        assert found["weather.us_staleness_days"].notna().all() == known
        if known:
            # Days without a value are not dry ones.
            assert (found["weather.us_precip_30d_anomaly"] == 0.0).all()


def test_five_earlier_years_are_needed() -> None:
    rows = rows_on("2020-09-07", "2020-09-07")
    for first, known in (("2015-08-06", True), ("2016-07-01", False)):
        found = features(rows, station("IOWA", days_between(first, "2020-09-30")))
        assert found["weather.us_gdd_30d_anomaly"].notna().all() == known
    assert found.filter(like="brazil").isna().all(axis=None)


def random_weather(rng: np.random.Generator) -> pd.DataFrame:
    """Three stations of different lengths with gaps, missing values and revisions."""
    parts = []
    for name, first in (
        ("IOWA", "2010-01-01"),
        ("CHICAGO", "2012-06-01"),
        ("CUIABA", "2011-03-01"),
    ):
        days = days_between(first, "2019-07-01")
        days = days[rng.random(len(days)) < 0.95]
        tmin = rng.uniform(0, 24, len(days))
        tmax = tmin + rng.uniform(1, 20, len(days))
        rows = station(name, days, rng.gamma(0.3, 8.0, len(days)), tmax, tmin)
        rows.loc[rng.random(len(days)) < 0.03, ["tmax_c", "tmin_c"]] = np.nan
        rows.loc[rng.random(len(days)) < 0.03, "precip_mm"] = np.nan
        again = rows.sample(200, random_state=int(rng.integers(1e6)))
        loads = pd.to_datetime(["2018-03-05 12:00", "2018-11-01 02:00"], utc=True).as_unit("us")
        moments = pd.Series(rng.choice(loads, len(again)), index=again.index)
        again = again.assign(precip_mm=again["precip_mm"] + 20.0, vintage="seen later")
        again["known_at"] = moments.clip(lower=again["known_at"] + pd.Timedelta(days=1))
        parts += [rows, again]
    return pd.concat(parts).sample(frac=1, random_state=3).reset_index(drop=True)


def by_hand(table: pd.DataFrame, name: str, at: pd.Series) -> dict[str, float]:
    """Measures of a station at one row, the slow way."""
    known = table[(table["station_id"] == name) & (table["known_at"] <= at["decision_time"])]
    known = known.sort_values("known_at").groupby("event_time").tail(1)
    days = known.set_index(known["event_time"].dt.tz_localize(None)).sort_index()
    if days.empty or (at["data_date"] - days.index[-1]).days > 14:
        return {}
    end = days.index[-1]
    warm = days[["tmax_c", "tmin_c"]].dropna().clip(10, 30)
    measures = {
        "gdd": warm.mean(axis=1) - 10,
        "precip": days["precip_mm"].dropna(),
        "heat_days": (days["tmax_c"].dropna() >= 32).astype(float),
    }
    out = {"age": (at["data_date"] - end).days}
    for measure, daily in measures.items():
        sums = []
        for back in range(31):
            stop = end - pd.DateOffset(years=back)
            window = daily[(daily.index <= stop) & (daily.index > stop - pd.Timedelta(days=30))]
            sums.append(30 * window.mean() if len(window) >= 25 else math.nan)
        past = [value for value in sums[1:] if not math.isnan(value)]
        if len(past) >= 5:
            out[measure] = sums[0] - sum(past) / len(past)
            if measure == "precip" and not math.isnan(sums[0]):
                out["dryness"] = sum(value > sums[0] for value in past) / len(past)
    return {key: value for key, value in out.items() if not math.isnan(value)}


def test_features_match_the_slow_way() -> None:
    table = random_weather(np.random.default_rng(8))
    rows = rows_on("2016-05-02", "2019-08-02", ("ZL", "ZS"))
    rows = rows.sample(40, random_state=2).reset_index(drop=True)
    found = features(rows, table)
    for place, at in rows.iterrows():
        for region, weights in {
            "us": {"IOWA": 0.25, "CHICAGO": 0.75},
            "brazil": {"CUIABA": 1},
        }.items():
            of = {name: by_hand(table, name, at) for name in weights}
            for measure in ("gdd", "precip", "heat_days", "dryness"):
                column = f"weather.{region}_{measure}_30d"
                got = found.loc[place, column if measure == "dryness" else f"{column}_anomaly"]
                there = [name for name in weights if measure in of[name]]
                total = sum(weights[name] for name in there)
                want = (
                    sum(weights[n] * of[n][measure] for n in there) / total if total else math.nan
                )
                np.testing.assert_allclose(got, want, atol=1e-5, err_msg=f"{at} {column}")
            ages = [values["age"] for values in of.values() if len(values) > 1]
            np.testing.assert_equal(
                found.loc[place, f"weather.{region}_staleness_days"], max(ages, default=math.nan)
            )
    assert found.filter(regex="us_|brazil_").notna().any().all()
    assert found["weather.us_gdd_30d_anomaly"].isna().any()


def test_later_years_do_not_change_a_row() -> None:
    table = random_weather(np.random.default_rng(9))
    rows = rows_on("2017-05-01", "2017-09-29")
    end = rows["decision_time"].max()
    whole = features(rows, table)
    later = table["known_at"] > end
    poisoned = table.assign(
        precip_mm=table["precip_mm"].mask(later, 999.0), tmax_c=table["tmax_c"].mask(later, 59.0)
    )
    assert later.sum() > 1000
    pd.testing.assert_frame_equal(features(rows, poisoned), whole, check_exact=True)
    known = table[~later].reset_index(drop=True)
    pd.testing.assert_frame_equal(features(rows, known), whole, check_exact=True)


def test_stations_without_a_region_are_not_used() -> None:
    days = days_between("2012-01-01", "2020-09-30")
    table = pd.concat([station("IOWA", days), station("ELSEWHERE", days, 500.0)])
    rows = rows_on("2020-09-07", "2020-09-11")
    alone = features(rows, station("IOWA", days))
    pd.testing.assert_frame_equal(features(rows, table), alone)
    # Without a section those of the default stations count.
    found = outside_features(rows, {"weather": table})["weather.us_precip_30d_anomaly"]
    assert found.astype("float64").tolist() == [0.0] * 5


@pytest.mark.real_data
def test_real_days_of_iowa(databento_dir: Path) -> None:
    folder = databento_dir.parent / "weather"
    config = ExternalConfig(
        weather={"path": str(folder / "iowa_daily_1990_2020_as_found.csv"), "station": "IOWA"}
    )
    loaded = load_external(config, NoExternalStore(), LOADED)
    (table,) = loaded.records.tables.values()
    # Every row is stored twice; nothing else is wrong.
    assert len(table) == 11323
    assert loaded.rejected.empty
    rows = rows_on("2010-06-07", "2020-12-31")
    found = outside_features(rows, {"weather": config.weather.prepare(table)})
    found = found.set_axis(rows["data_date"]).filter(like="weather.us_").astype("float64")
    assert found.notna().all(axis=None)
    assert (found["weather.us_staleness_days"] == 4).all()
    # The drought of 2012, and a wet June 2014.
    july = found.loc["2012-07-20":"2012-08-10"].mean()
    assert july["weather.us_dryness_30d"] > 0.9
    assert july["weather.us_heat_days_30d_anomaly"] > 5
    assert july["weather.us_precip_30d_anomaly"] < -40
    assert found["weather.us_dryness_30d"].mean() == pytest.approx(0.5, abs=0.1)
