"""Days of weather stations, GSOD, from BigQuery's public data: a table and a file a year."""

from __future__ import annotations

import csv
import hashlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from soyoil.base.data_folder import data_folder_name
from soyoil.base.errors import ConfigError, SourceError
from soyoil.external.base import Reading
from soyoil.external.config import WeatherConfig
from soyoil.external.readers.weather import read
from soyoil.warehouse.bigquery.public import PublicData, paying_project

logger = logging.getLogger(__name__)

STATION: Final = r"(?!999999)\d{6}"
"""Name of a station in the column ``stn``; 999999 stands for many that have none."""
FOLDER: Final = "01_raw/gsod"
"""Where files of years are kept, below the data folder."""
SETTINGS: Final = "external.weather.bigquery"
COLUMNS: Final = ("stn", "year", "mo", "da", "max", "min", "prcp")
CLOSED: Final = "04-01"
"""Day of the year after from which on a year is taken for complete."""


@dataclass(frozen=True)
class Year:
    """The file of one year as it is kept.

    Attributes
    ----------
    year
        The year.
    stations
        First digits of the hash of the stations that were asked for.
    asked
        Day on which they were, UTC.
    is_empty
        Whether none of them has a day in it.
    """

    year: int
    stations: str
    asked: pd.Timestamp
    is_empty: bool = False

    @property
    def name(self) -> str:
        """Name of its file."""
        ending = "empty" if self.is_empty else "csv"
        return f"gsod{self.year}_{self.stations}_{self.asked:%Y%m%d}.{ending}"

    @property
    def is_closed(self) -> bool:
        """Whether nothing came after it was asked for."""
        return self.asked >= pd.Timestamp(f"{self.year + 1}-{CLOSED}")


def years_in(folder: Path) -> list[Year]:
    """Years whose files are kept, partial ones and other files left out."""
    found = []
    for path in sorted(folder.glob("gsod*")):
        parts = re.fullmatch(r"gsod(\d{4})_([0-9a-f]{8})_(\d{8})\.(csv|empty)", path.name)
        if parts:
            year, stations, asked, ending = parts.groups()
            found.append(Year(int(year), stations, pd.Timestamp(asked), ending == "empty"))
    return found


def statement(dataset: str, year: int, stations: Sequence[str]) -> str:
    """GoogleSQL for the days of stations in a year.

    Raises
    ------
    SourceError
        A name is no station of GSOD.
    """
    wrong = [name for name in stations if not re.fullmatch(STATION, name)]
    if wrong or not stations:
        raise SourceError(f"no station of GSOD (six digits, such as 725300): {', '.join(wrong)}.")
    names = ", ".join(f"'{name}'" for name in stations)
    columns = ", ".join(f"`{name}`" for name in COLUMNS)
    return (
        f"SELECT {columns} FROM `{dataset}.gsod{year}` WHERE `stn` IN ({names}) "
        "ORDER BY `stn`, `mo`, `da`"
    )


def check_project(config: WeatherConfig) -> None:
    """Look whether there is a project that pays, before anything is read.

    Raises
    ------
    ConfigError
        There is none.
    """
    if config.origin == "bigquery" and paying_project(config.bigquery.project) is None:
        raise ConfigError(
            f"external.weather.origin=bigquery needs a project that pays: set {SETTINGS}.project "
            "or the environment variable GOOGLE_CLOUD_PROJECT."
        )


def fetch(config: WeatherConfig, now: pd.Timestamp, folder: Path | None = None) -> Reading:
    """Ask BigQuery for the years that are not kept yet, and read all of them.

    What the queries would read is known, shown and held against the limit before the first.

    Parameters
    ----------
    config
        Its section; stations of other networks are left out.
    now
        Moment of the load, UTC.
    folder
        Where files are kept; None is `FOLDER` of the data folder.

    Raises
    ------
    SourceError
        No station of GSOD is named, the limit would be exceeded, nothing could be read, or not
        every year and the source is required.
    """
    kept = Path(data_folder_name()) / FOLDER if folder is None else folder
    stations = sorted(name for name in config.stations if re.fullmatch(STATION, name))
    if not stations:
        raise SourceError(
            "external.weather.stations names no station of GSOD (six digits, such as 725300), and "
            "the data set has no other."
        )
    today = now.tz_localize(None).normalize()
    mark = hashlib.sha256(",".join(stations).encode()).hexdigest()[:8]
    closed = {
        year.year
        for year in years_in(kept)
        if year.stations == mark and year.is_closed and not config.refresh
    }
    wanted = [y for y in range(config.bigquery.since, today.year + 1) if y not in closed]
    problems: tuple[str, ...] = ()
    try:
        problems = _ask(config, wanted, stations, Year(0, mark, today), kept)
    except SourceError as error:
        if config.required or not any(year.stations == mark for year in years_in(kept)):
            raise
        problems = (str(error),)
    reading = read(config.model_copy(update={"path": str(kept), "origin": "files"}))
    return Reading(reading.rows, reading.rejected, (*problems, *reading.warnings))


def _ask(
    config: WeatherConfig, years: Sequence[int], stations: Sequence[str], like: Year, kept: Path
) -> tuple[str, ...]:
    """Keep the files of years; what is missing in words."""
    asking = config.bigquery
    project = paying_project(asking.project)
    limit = int(asking.maximum_gb * 1e9)
    source = PublicData(str(project), asking.location, limit, asking.endpoint, SETTINGS)
    there = [year for year in years if source.has(f"{asking.dataset}.gsod{year}")]
    if not there and list(years) != [like.asked.year]:
        raise SourceError(
            f"{asking.dataset} holds no table of {', '.join(f'gsod{year}' for year in years[:3])}: "
            f"correct {SETTINGS}.dataset or {SETTINGS}.since."
        )
    queries = {year: statement(asking.dataset, year, stations) for year in there}
    cost = sum(source.n_bytes(sql, f"look at gsod{year}") for year, sql in queries.items())
    said = f"{len(there)} years of GSOD: {cost / 1e9:.2f} GB to read, charged to {project}"
    if cost > limit:
        raise SourceError(
            f"{said}; {SETTINGS}.maximum_gb is {asking.maximum_gb:g}. Nothing was read: raise it, "
            f"or set {SETTINGS}.since later."
        )
    logger.info("%s, at most %g GB", said, asking.maximum_gb)
    for year, sql in queries.items():
        _keep(kept, year, source.rows(sql, f"read gsod{year}"), like)
    for old in years_in(kept):
        if old.stations != like.stations:
            (kept / old.name).unlink()
    # The table of a year appears with its first days, so that of this one may lack for a while.
    missing = [year for year in years if year not in there and year != like.asked.year]
    return (
        (f"{asking.dataset} has no table for {', '.join(str(year) for year in missing)}.",)
        if missing
        else ()
    )


def _keep(kept: Path, year: int, rows: Sequence[Sequence[object]], like: Year) -> None:
    """Write all or nothing; the file takes the place of earlier ones of its year."""
    file = Year(year, like.stations, like.asked, is_empty=not rows)
    kept.mkdir(parents=True, exist_ok=True)
    partial = kept / f"{file.name}.part"
    with partial.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out, lineterminator="\n").writerows([COLUMNS, *rows])
    partial.replace(kept / file.name)
    for old in years_in(kept):
        if old.year == year and old.name != file.name:
            (kept / old.name).unlink()
