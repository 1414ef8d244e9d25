"""Daily weather of stations: GHCN-Daily and GSOD of NOAA, and tables of days in Celsius."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.errors import SourceError
from soyoil.external.base import (
    CONFLICT,
    CUT,
    IMPLAUSIBLE,
    NO_DAY,
    NO_NUMBER,
    UNDATED,
    UNIT,
    Reading,
    no_rejects,
    quarantine,
    read_csv,
    reference_days,
    without_conflicts,
)
from soyoil.external.config import WeatherConfig
from soyoil.external.readers.files import files_at
from soyoil.external.releases import station_known_at

NAME: Final = "weather"
LABELS: Final = ("region",)
VALUES: Final = ("tmax_c", "tmin_c", "precip_mm")
WHAT: Final = "daily weather of stations (GHCN-Daily, GSOD, or days in Celsius)"

LESSER: Final = "lesser_source"
FLAGGED: Final = "failed_the_check_of_its_source"

OBSERVED: Final = ("NOAA_GHCND", "INMET", "NOAA_GSOD")
"""Sources that observe, the best first; what others say (models, reanalyses) comes after them."""

HOTTEST: Final = 60.0
WETTEST: Final = 1000.0
RANGE: Final = (3.0, 25.0)
"""Medians between which the daily range of temperature lies in every growing region, degrees
Celsius; tenths and Fahrenheit that are called Celsius lie outside."""
RANGE_DAYS: Final = 30
"""Days with both temperatures that a station needs for the look at its range."""

_KEY: Final = ["station_id", "event_time"]
_MISSING: Final = {"max": 9999.9, "min": 9999.9, "prcp": 99.99}
_NAMES: Final = {
    "station_id": ("station_id", "station"),
    "tmax_c": ("tmax_c", "temp_max"),
    "tmin_c": ("tmin_c", "temp_min"),
    "precip_mm": ("precip_mm", "rain_mm"),
}
"""Columns of days in Celsius, by ours."""


@dataclass(frozen=True)
class Form:
    """A form of file.

    Attributes
    ----------
    needed
        Columns by which it is told.
    columns
        Columns that are read.
    rows
        Makes the columns of `_frame` of a file's text.
    """

    needed: tuple[str, ...]
    columns: Collection[str]
    rows: Callable[[pd.DataFrame, WeatherConfig, Path], pd.DataFrame]


def read(config: WeatherConfig) -> Reading:
    """Read the days of all stations.

    Parameters
    ----------
    config
        ``path`` is a CSV file or a folder of them, each in any of `FORMS`. ``station`` names the
        station of files that have no column of it.

    Returns
    -------
    Reading
        One row per station and day. Copies are one row. Of several sources of a day the first of
        `OBSERVED` counts, and the others are set aside; where one source says two things, all of
        that day are.

    Raises
    ------
    SourceError
        There is no such file or folder, or none of its files can be read.
    """
    parts, rejected, failed = [], [no_rejects()], []
    for path in files_at(Path(str(config.path)), WHAT):
        try:
            rows, bad = _read_file(path, config)
        except SourceError as error:
            failed.append(str(error))
            continue
        parts.append(rows)
        rejected.append(bad)
    if not parts or (failed and config.required):
        raise SourceError(" ".join(failed))
    rows = pd.concat(parts, ignore_index=True).sort_values("rank", kind="stable")
    rows = rows.drop_duplicates([*_KEY, *VALUES])
    lesser = rows["rank"] > rows.groupby(_KEY)["rank"].transform("min")
    rejected += _set_aside(rows[lesser], LESSER)
    rows, conflicts = without_conflicts(rows[~lesser], _KEY, VALUES)
    rejected += _set_aside(conflicts, CONFLICT)
    rows = rows.sort_values(_KEY, kind="stable").reset_index(drop=True)
    days = rows["event_time"].dt.tz_localize(None).to_numpy(dtype="datetime64[D]")
    rows = rows.assign(known_at=station_known_at(days).array, vintage=UNDATED)
    unused = sorted(set(rows["station_id"]) - set(config.stations))
    if unused:
        failed.append(
            f"no region for the stations {', '.join(unused[:10])}: they are kept and not used. "
            "Name them in external.weather.stations"
        )
    names = [*_KEY, "known_at", "vintage", *LABELS, *VALUES]
    return Reading(rows[names], pd.concat(rejected, ignore_index=True), tuple(failed))


def _read_file(path: Path, config: WeatherConfig) -> tuple[pd.DataFrame, pd.DataFrame]:
    wanted = {name for form in FORMS for name in form.columns}
    raw, broken = read_csv(path, (), WHAT, only=wanted)
    form = next((form for form in FORMS if set(form.needed) <= set(raw.columns)), None)
    if form is None:
        raise SourceError(
            f"{path} is none of {WHAT}: it needs the columns "
            f"{' or '.join(', '.join(form.needed) for form in FORMS)}."
        )
    rows = form.rows(raw, config, path).assign(file=str(path))
    rejected = [quarantine(NAME, CUT, path, pd.DataFrame(index=range(broken)))]
    # A day on which nothing was measured is no row, and no defect.
    keep = rows["is_text"] | rows[list(VALUES)].notna().any(axis=1)
    for reason, found in (
        (NO_DAY, rows["event_time"].isna()),
        (NO_NUMBER, rows["is_text"]),
        (FLAGGED, rows["is_flagged"]),
        (UNIT, _of_another_unit(rows[keep]).reindex(rows.index, fill_value=False)),
        (IMPLAUSIBLE, _implausible(rows)),
    ):
        rejected += _set_aside(rows[keep & found], reason)
        keep &= ~found
    return rows[keep], pd.concat(rejected, ignore_index=True)


def _set_aside(rows: pd.DataFrame, reason: str) -> list[pd.DataFrame]:
    named = rows.rename(columns={"station_id": "series"})
    return [quarantine(NAME, reason, Path(str(path)), part) for path, part in named.groupby("file")]


def _implausible(rows: pd.DataFrame) -> pd.Series:
    temperatures = rows[["tmax_c", "tmin_c"]]
    out: pd.Series = (
        (temperatures.abs() > HOTTEST).any(axis=1)
        | (rows["tmax_c"] < rows["tmin_c"])
        | (rows["precip_mm"] < 0)
        | (rows["precip_mm"] > WETTEST)
    )
    return out


def _of_another_unit(rows: pd.DataFrame) -> pd.Series:
    """Rows of stations whose days are all too even or too wide for degrees Celsius."""
    daily = rows["tmax_c"] - rows["tmin_c"]
    spread = daily.groupby(rows["station_id"])
    low, high = RANGE
    out: pd.Series = (spread.transform("count") >= RANGE_DAYS) & ~spread.transform(
        "median"
    ).between(low, high)
    return out


def _frame(stations: pd.Series, days: pd.Series, values: list[pd.Series]) -> pd.DataFrame:
    """Rows of a file: numbers of our units, and what is wrong with them."""
    numbers = [pd.to_numeric(text, errors="coerce").astype("float64") for text in values]
    rows = pd.DataFrame({"station_id": stations, "event_time": days})
    rows["is_text"], rows["is_flagged"] = False, False
    for name, text, number in zip(VALUES, values, numbers, strict=True):
        rows[name] = number.where(np.isfinite(number))
        rows["is_text"] |= (text != "") & rows[name].isna()
    return rows.assign(rank=len(OBSERVED), region=pd.Series(pd.NA, index=rows.index, dtype="str"))


def _texts(raw: pd.DataFrame, names: list[str | None]) -> list[pd.Series]:
    empty = pd.Series("", index=raw.index, dtype="str")
    return [empty if name is None else raw[name].str.strip() for name in names]


def _ghcn(raw: pd.DataFrame, config: WeatherConfig, path: Path) -> pd.DataFrame:
    """GHCN-Daily by station: tenths, with an attribute of flags per element."""
    names = ["TMAX", "TMIN", "PRCP"]
    texts = _texts(raw, [name if name in raw else None for name in names])
    rows = _frame(_station(raw["STATION"]), reference_days(raw["DATE"]), texts)
    for name in names:
        # Measurement flag, quality flag, source flag; a quality flag says that a check failed.
        if f"{name}_ATTRIBUTES" in raw:
            parts = raw[f"{name}_ATTRIBUTES"].str.split(",", expand=True)
            if parts.shape[1] > 1:
                rows["is_flagged"] |= parts[1].fillna("").str.strip() != ""
    rows[list(VALUES)] /= 10.0
    return rows.assign(rank=OBSERVED.index("NOAA_GHCND"))


def _gsod(raw: pd.DataFrame, config: WeatherConfig, path: Path) -> pd.DataFrame:
    """GSOD as BigQuery's public data has it: Fahrenheit and inches, nines for what is missing."""
    month, day = raw["mo"].str.strip().str.zfill(2), raw["da"].str.strip().str.zfill(2)
    days = reference_days(raw["year"].str.strip() + "-" + month + "-" + day)
    rows = _frame(raw["stn"].str.strip().str.zfill(6), days, _texts(raw, list(_MISSING)))
    for name, missing in zip(VALUES, _MISSING.values(), strict=True):
        rows[name] = rows[name].mask(np.isclose(rows[name], missing))
    rows[["tmax_c", "tmin_c"]] = (rows[["tmax_c", "tmin_c"]] - 32.0) * 5.0 / 9.0
    return rows.assign(precip_mm=rows["precip_mm"] * 25.4, rank=OBSERVED.index("NOAA_GSOD"))


def _celsius(raw: pd.DataFrame, config: WeatherConfig, path: Path) -> pd.DataFrame:
    """Days in degrees Celsius and millimetres, of one station or of several."""
    found = {
        ours: next((name for name in theirs if name in raw), None)
        for ours, theirs in _NAMES.items()
    }
    station = found.pop("station_id")
    if all(name is None for name in found.values()):
        raise SourceError(f"{path} holds neither temperatures nor rain under a name that is known.")
    if station is None and config.station is None:
        raise SourceError(
            f"{path} has no column of stations: name its station in external.weather.station."
        )
    stations = (
        pd.Series(config.station, index=raw.index, dtype="str")
        if station is None
        else _station(raw[station])
    )
    rows = _frame(stations, reference_days(raw["date"]), _texts(raw, list(found.values())))
    if "region" in raw:
        region = raw["region"].str.strip()
        rows["region"] = region.mask(region == "")
    if "source_name" in raw:
        ranks = {name: rank for rank, name in enumerate(OBSERVED)}
        sources = raw["source_name"].str.strip().str.upper()
        rows["rank"] = sources.map(ranks).fillna(len(OBSERVED)).astype("int64")
    return rows


def _station(names: pd.Series) -> pd.Series:
    """Names of stations as GHCN-Daily has them, without the prefix of NOAA's services."""
    return names.str.strip().str.removeprefix("GHCND:")


FORMS: Final = (
    Form(
        ("STATION", "DATE"),
        ("STATION", "DATE", "TMAX", "TMIN", "PRCP", "TMAX_ATTRIBUTES", "TMIN_ATTRIBUTES",
         "PRCP_ATTRIBUTES"),
        _ghcn,
    ),
    Form(("stn", "year", "mo", "da", *_MISSING), ("stn", "year", "mo", "da", *_MISSING), _gsod),
    Form(
        ("date",),
        ("date", "region", "source_name", *(name for theirs in _NAMES.values() for name in theirs)),
        _celsius,
    ),
)  # fmt: skip
"""Forms of files, the first that fits counts."""
