"""Days of a weather station, GHCN-Daily, as NOAA's archive gives them: one CSV file a station."""

from __future__ import annotations

import csv
import email.utils
import os
import re
from pathlib import Path
from typing import Final

import pandas as pd

from soyoil.base.data_folder import data_folder_name
from soyoil.base.errors import SourceError
from soyoil.external.api import gsod
from soyoil.external.api.client import UNCHANGED, Client
from soyoil.external.api.config import SERVICES
from soyoil.external.base import Reading
from soyoil.external.config import WeatherConfig
from soyoil.external.readers.weather import NAME, read

STATION: Final = r"[A-Z]{2}[A-Z0-9]{9}"
"""Name of a station of GHCN-Daily."""
FOLDER: Final = "01_raw/noaa"
"""Where files of stations are kept, below the data folder."""
_DATE: Final = "DATE"


def station_file(folder: Path, station: str) -> Path:
    """Where the days of a station are kept.

    Raises
    ------
    SourceError
        It is no name of a station, which could be a path.
    """
    if not re.fullmatch(STATION, station):
        raise SourceError(
            f"{station!r} is no station of GHCN-Daily: two letters and nine letters or digits, "
            "such as USW00014933."
        )
    return folder / f"{station}.csv"


def fetch_station(
    client: Client, station: str, folder: Path, since: pd.Timestamp | None = None
) -> pd.DataFrame:
    """Days of a station; its file is kept, and got again only where NOAA has a newer one.

    Parameters
    ----------
    client
        Of the service ``weather``.
    station
        Such as ``USW00014933``.
    folder
        Where files are kept; it is made if need be.
    since
        First day to give, tz-naive; the file holds all of them.

    Returns
    -------
    pandas.DataFrame
        Columns as NOAA names them, as ``str``: ``STATION``, ``DATE`` and, where the station has
        them, ``TMAX``, ``TMIN`` (tenths of a degree Celsius), ``PRCP`` (tenths of a millimetre)
        and their ``_ATTRIBUTES``.

    Raises
    ------
    SourceError
        The answer is no such file; and as `Client.text`.
    """
    path = station_file(folder, station)
    headers = {}
    if path.is_file():
        headers["If-Modified-Since"] = email.utils.formatdate(path.stat().st_mtime, usegmt=True)
    answer = client.text(path.name, {}, headers)
    if answer.status != UNCHANGED:
        _header(answer.body.decode("utf-8", errors="replace"), station)
        _keep(path, answer.body, answer.headers.get("Last-Modified", ""))
    frame = pd.read_csv(path, dtype="str", keep_default_na=False)
    if since is not None:
        frame = frame[frame[_DATE] >= f"{since:%Y-%m-%d}"].reset_index(drop=True)
    return frame


def _header(text: str, station: str) -> None:
    first = next(csv.reader(text.splitlines()[:1]), [])
    missing = [name for name in ("STATION", _DATE) if name not in first]
    if missing:
        raise SourceError(
            f"{station}.csv of the service lacks the columns {', '.join(missing)}: its form has "
            f"changed. It has {', '.join(first[:4])}."
        )


def _keep(path: Path, body: bytes, changed: str) -> None:
    """Write all or nothing, with the time at which NOAA last changed it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    partial.write_bytes(body)
    try:
        seconds = email.utils.parsedate_to_datetime(changed).timestamp()
    except ValueError:
        # Asked for in full the next time.
        seconds = 0.0
    os.utime(partial, (seconds, seconds))
    partial.replace(path)


def fetch(
    config: WeatherConfig, stored: pd.DataFrame, now: pd.Timestamp, folder: Path | None = None
) -> Reading:
    """Get the files of the stations of GHCN-Daily where they have changed, and read them.

    With ``origin: bigquery`` those of GSOD, see `soyoil.external.api.gsod`.

    Parameters
    ----------
    config
        Its section; stations of other networks are left out.
    stored
        Rows of the table; not used, for a station comes whole or not at all.
    now
        Moment of the load, UTC; used for GSOD alone.
    folder
        Where files are kept; None is `FOLDER` of the data folder.

    Raises
    ------
    SourceError
        No station could be got, or not every one and the source is required.
    """
    if config.origin == "bigquery":
        return gsod.fetch(config, now, folder)
    kept = Path(data_folder_name()) / FOLDER if folder is None else folder
    wanted = [name for name in config.stations if re.fullmatch(STATION, name)]
    failed = []
    if not wanted:
        raise SourceError(
            "external.weather.stations names no station of GHCN-Daily (such as USW00014933), and "
            "the service has no other."
        )
    with Client(SERVICES[NAME], config.api, config.url) as client:
        for station in wanted:
            try:
                fetch_station(client, station, kept)
            except SourceError as error:
                failed.append(str(error))
    if len(failed) == len(wanted) or (failed and config.required):
        raise SourceError(" ".join(failed))
    for path in kept.glob("*.csv"):
        if path.stem not in wanted:
            path.unlink()
    reading = read(config.model_copy(update={"path": str(kept), "origin": "files"}))
    return Reading(reading.rows, reading.rejected, (*failed, *reading.warnings))
