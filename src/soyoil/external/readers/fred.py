"""FRED series from the CSV files that FRED and ALFRED hand out, one series per file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import DayArray
from soyoil.base.errors import SourceError
from soyoil.external.base import (
    CONFLICT,
    CUT,
    NO_DAY,
    NO_NUMBER,
    UNDATED,
    Reading,
    no_rejects,
    quarantine,
    read_csv,
    reference_days,
    without_conflicts,
)
from soyoil.external.config import FredConfig
from soyoil.external.releases import FRED_TIME, at_eastern, series_known_at

NAME: Final = "fred"
VALUES: Final = ("value",)
_DAY: Final = "observation_date"
_MISSING: Final = ("", ".")
"""FRED's marks of a day without a value: a holiday, no defect."""


def read(config: FredConfig) -> Reading:
    """Read the wanted series.

    A file holds the column ``<SERIES>``, the values as they stand today, or ALFRED's columns
    ``<SERIES>_<YYYYMMDD>``, the values as they stood on each of these days.

    Parameters
    ----------
    config
        ``path`` is a folder that holds ``<SERIES>.csv`` for each series.

    Raises
    ------
    SourceError
        There is no such folder, or no series can be read.
    """
    folder = Path(str(config.path))
    if not folder.is_dir():
        raise SourceError(f"external.fred.path={folder} is no folder of FRED's CSV files.")
    frames, rejected, failed = [], [no_rejects()], []
    for series in config.series:
        try:
            rows, bad = _read_series(series, folder / f"{series}.csv")
        except SourceError as error:
            failed.append(str(error))
            continue
        frames.append(rows)
        rejected.append(bad)
    if not frames or (failed and config.required):
        raise SourceError(" ".join(failed) or "external.fred.series names no series.")
    rows = pd.concat(frames, ignore_index=True)
    return Reading(rows, pd.concat(rejected, ignore_index=True), tuple(failed))


def _read_series(series: str, path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    raw, broken = read_csv(path, [_DAY], f"the series {series} of FRED")
    rejected = [quarantine(NAME, CUT, path, pd.DataFrame({"series": [series] * broken}))]
    dated = [name for name in raw.columns if re.fullmatch(rf"{re.escape(series)}_\d{{8}}", name)]
    if not dated and series not in raw.columns:
        raise SourceError(
            f"{path} has neither the column {series} nor {series}_YYYYMMDD, but "
            f"{', '.join(raw.columns[:4])}: download the series again."
        )
    parts = []
    for name in sorted(dated) or [series]:
        day = pd.to_datetime(name.removeprefix(f"{series}_"), format="%Y%m%d") if dated else None
        text = pd.DataFrame({"day": raw[_DAY], "value": raw[name]})
        text["vintage"] = UNDATED if day is None else f"{day:%Y-%m-%d}"
        rows, bad = parse(series, text, path)
        parts.append(rows)
        rejected.append(bad)
    rows = pd.concat(parts, ignore_index=True)
    return without_repeats(rows) if dated else rows, pd.concat(rejected, ignore_index=True)


def parse(series: str, text: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of one series, from a file or from the service.

    Parameters
    ----------
    series
        Name of the series.
    text
        ``day``, ``value`` and ``vintage``, ``str``: days of ISO form, or all vintages `UNDATED`.
    path
        Where they are from, for the quarantine.

    Returns
    -------
    tuple
        Rows of the table, and those set aside.
    """
    value = text["value"].str.strip()
    rows = pd.DataFrame(
        {
            "series_id": pd.Series(series, index=text.index, dtype="str"),
            "event_time": reference_days(text["day"]),
            "value": pd.to_numeric(value, errors="coerce").astype("float64"),
            "vintage": text["vintage"].astype("str"),
        }
    )
    rows.loc[~np.isfinite(rows["value"]), "value"] = np.nan
    there = ~value.isin(_MISSING)
    rejected = [no_rejects()]
    for reason, found in (
        (NO_DAY, rows["event_time"].isna()),
        (NO_NUMBER, rows["value"].isna()),
    ):
        bad = rows[there & found].rename(columns={"series_id": "series"})
        rejected.append(quarantine(NAME, reason, path, bad))
        there &= ~found
    key = ["series_id", "event_time", "vintage"]
    rows, conflicts = without_conflicts(rows[there], key, VALUES)
    bad = conflicts.rename(columns={"series_id": "series"})
    rejected.append(quarantine(NAME, CONFLICT, path, bad))
    if rows["vintage"].eq(UNDATED).all():
        known = series_known_at(series, _days(rows["event_time"].dt.tz_localize(None)))
    else:
        known = at_eastern(_days(rows["vintage"]), FRED_TIME)
    return rows.assign(known_at=known.array), pd.concat(rejected, ignore_index=True)


def without_repeats(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of one series without vintages that repeat the one before: they say nothing new."""
    rows = rows.sort_values(["event_time", "vintage"], kind="stable")
    same = rows["event_time"].eq(rows["event_time"].shift())
    same &= rows["value"].eq(rows["value"].shift())
    return rows[~same].reset_index(drop=True)


def _days(moments: pd.Series) -> DayArray:
    return np.asarray(moments.to_numpy().astype("datetime64[D]"), dtype="datetime64[D]")
