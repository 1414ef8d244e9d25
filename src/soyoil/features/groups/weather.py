"""Weather of the growing regions beside that of the same days of earlier years.

Every number is that of a station less its own past, then averaged: a station that comes or goes
does not look like weather. The past are earlier years only, as known at the decision; a mean over
all years would tell a row of 2012 how hot 2020 will be.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import DayArray, FloatArray
from soyoil.external.config import WeatherConfig
from soyoil.external.readers.weather import NAME, VALUES
from soyoil.external.stations import REGIONS
from soyoil.features.outside import OutsideView, decisions, spec, view_of
from soyoil.features.registry import register
from soyoil.market.asof import Stretch

GROUP: Final = "weather"
WIDTH: Final = 30
LEAST: Final = 25
"""Days of a window that must have a value."""
PAST: Final = 30
MIN_PAST: Final = 5
BASE, CEILING = 10.0, 30.0
HOT: Final = 32.0
ROUNDING: Final = 6
"""Decimals of a sum over a window: sums run over all days, and equal windows must stay equal."""

_PAST: Final = f"that of the same days of up to {PAST} earlier years, at least {MIN_PAST}"
_WINDOW: Final = f"{WIDTH} days up to the newest known, at least {LEAST} of them"
MEASURES: Final = {
    "gdd_30d_anomaly": f"growing degree days of {_WINDOW}, less {_PAST}; (min(tmax, 30) + "
    "max(tmin, 10)) / 2 - 10 with both in 10..30, the 86/50 method (McMaster and Wilhelm 1997, "
    "method 2)",
    "precip_30d_anomaly": f"rain of {_WINDOW}, less {_PAST}",
    "heat_days_30d_anomaly": f"days of {HOT:g} C or more in {_WINDOW}, less {_PAST}",
    "dryness_30d": "share of those earlier years that had more rain in the same days, equal ones "
    "half",
    "staleness_days": "days from the newest day of the oldest station used to the trade date",
}
"""Formula by measure, weighted means over the stations of a region."""

COLUMNS: Final = tuple(
    spec(GROUP, f"{region}_{name}", formula)
    for region in REGIONS
    for name, formula in MEASURES.items()
)
"""Every column of the group, in the order of the contract."""

for _column in COLUMNS:
    register(_column)


def weather_features(
    rows: pd.DataFrame, tables: Mapping[str, pd.DataFrame]
) -> dict[str, FloatArray]:
    """Columns of the group, alike on the rows of every root.

    Parameters
    ----------
    rows
        ``symbol``, ``data_date`` and ``decision_time`` of the matrix.
    tables
        Raw rows by source, of those that are on; those of stations with ``region`` and ``weight``
        as `WeatherConfig.prepare` adds them, by default those of its default stations.

    Returns
    -------
    dict
        Column by dotted name, shape ``(n,)``; NaN for regions without a station.
    """
    out = {column.name: np.full(len(rows), np.nan) for column in COLUMNS}
    if NAME not in tables:
        return out
    stored = tables[NAME]
    if "weight" not in stored:
        stored = WeatherConfig().prepare(stored)
    view = view_of(NAME, {NAME: stored})
    if view is None:
        return out
    at, place = decisions(rows)
    stations = stored[["station_id", "region", "weight"]].drop_duplicates("station_id")
    for region, part in stations.groupby("region"):
        found = [_of_station(view, station, at) for station in part["station_id"]]
        weights = part["weight"].to_numpy(dtype="float64")
        for name, values in _of_region(np.stack(found), weights).items():
            out[f"{GROUP}.{region}_{name}"] = values[place]
    return out


def _of_region(found: FloatArray, weights: FloatArray) -> dict[str, FloatArray]:
    """Means over stations of what they have, of shape ``(stations, measures, n)``."""
    there = ~np.isnan(found[:, :-1])
    shares = weights[:, None, None] * there
    with np.errstate(invalid="ignore"):
        means = np.where(there, shares * found[:, :-1], 0.0).sum(axis=0) / shares.sum(axis=0)
    ages = np.where(there.any(axis=1), found[:, -1], np.nan)
    oldest = np.fmax.reduce(ages, axis=0)
    return dict(zip(MEASURES, [*means, oldest], strict=True))


def _of_station(view: OutsideView, station: str, at: pd.DataFrame) -> FloatArray:
    """Measures of one station, shape ``(measures, n)``."""
    out = np.full((len(MEASURES), len(at)), np.nan)
    dates = at["data_date"].to_numpy(dtype="datetime64[D]")
    for part in view.stretches(station, VALUES, at):
        ages = dates[part.at] - part.newest
        fresh = ages <= np.timedelta64(view.source.stale_after_days[""], "D")
        out[:-1, part.at] = np.where(fresh, _measures(part), np.nan)
        out[-1, part.at] = np.where(fresh, ages.astype("float64"), np.nan)
    return out


def _measures(part: Stretch) -> FloatArray:
    """Measures of the decisions of a stretch without their age, shape ``(measures - 1, m)``."""
    tmax, tmin, rain = part.values.T
    ends = same_day(part.newest, PAST)
    hot = np.where(np.isnan(tmax), np.nan, tmax >= HOT)
    sums = [
        np.round(WIDTH * part.window_means(measure, ends, WIDTH, LEAST), ROUNDING)
        for measure in (growing_degrees(tmax, tmin), rain, hot)
    ]
    return np.stack([*(anomaly(windows) for windows in sums), dryness(sums[1])])


def growing_degrees(tmax: FloatArray, tmin: FloatArray) -> FloatArray:
    """Growing degree days of single days by the 86/50 method, degrees Celsius.

    Both temperatures are brought into 10 to 30 degrees (50 to 86 Fahrenheit) before their mean is
    taken: McMaster and Wilhelm, Agricultural and Forest Meteorology 87 (1997), method 2.

    Parameters
    ----------
    tmax, tmin
        Degrees Celsius, of one shape; NaN where missing.
    """
    high, low = (np.clip(value, BASE, CEILING) for value in (tmax, tmin))
    return np.asarray((high + low) / 2.0 - BASE)


def same_day(days: DayArray, years: int) -> DayArray:
    """Days and the same days of earlier years, shape ``(n, years + 1)``, the newest first.

    February 29th is the 28th in years that have none.
    """
    month = days.astype("datetime64[M]")
    earlier = month[:, None] - 12 * np.arange(years + 1)
    first = earlier.astype("datetime64[D]")
    length = (earlier + 1).astype("datetime64[D]") - first
    within = (days - month.astype("datetime64[D]"))[:, None]
    return np.asarray(first + np.minimum(within, length - np.timedelta64(1, "D")))


def anomaly(windows: FloatArray) -> FloatArray:
    """First window less the mean of the others, NaN where fewer than `MIN_PAST` of them are known.

    Parameters
    ----------
    windows
        Shape ``(n, years + 1)``, the newest first.
    """
    past = windows[:, 1:]
    count = (~np.isnan(past)).sum(axis=1)
    mean = np.nansum(past, axis=1) / np.maximum(count, 1)
    return np.where(count >= MIN_PAST, windows[:, 0] - mean, np.nan)


def dryness(windows: FloatArray) -> FloatArray:
    """Share of earlier years with more rain, equal ones half; 1 is drier than all of them.

    Parameters
    ----------
    windows
        Rain, shape ``(n, years + 1)``, the newest first.
    """
    now, past = windows[:, :1], windows[:, 1:]
    count = (~np.isnan(past)).sum(axis=1)
    wetter = (past > now).sum(axis=1) + 0.5 * (past == now).sum(axis=1)
    known = (count >= MIN_PAST) & ~np.isnan(now[:, 0])
    return np.where(known, wetter / np.maximum(count, 1), np.nan)
