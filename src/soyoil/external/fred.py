"""FRED series from the CSV files that FRED and ALFRED hand out, one series per file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

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
    days = reference_days(raw[_DAY])
    parts = []
    for name in sorted(dated) or [series]:
        text = raw[name].str.strip()
        rows = pd.DataFrame(
            {
                "series_id": pd.Series([series] * len(raw), dtype="str"),
                "event_time": days,
                "value": pd.to_numeric(text, errors="coerce").astype("float64"),
            }
        )
        rows.loc[~np.isfinite(rows["value"]), "value"] = np.nan
        there = ~text.isin(_MISSING)
        for reason, found in ((NO_DAY, days.isna()), (NO_NUMBER, rows["value"].isna())):
            bad = rows[there & found].rename(columns={"series_id": "series"})
            rejected.append(quarantine(NAME, reason, path, bad))
            there &= ~found
        rows, conflicts = without_conflicts(rows[there], ["series_id", "event_time"], VALUES)
        bad = conflicts.rename(columns={"series_id": "series"})
        rejected.append(quarantine(NAME, CONFLICT, path, bad))
        parts.append(_dated(rows, series, name) if dated else _undated(rows, series))
    rows = pd.concat(parts, ignore_index=True)
    if dated:
        # A vintage that repeats the one before says nothing new.
        rows = rows.sort_values(["event_time", "vintage"], kind="stable")
        same = rows["event_time"].eq(rows["event_time"].shift())
        same &= rows["value"].eq(rows["value"].shift())
        rows = rows[~same].reset_index(drop=True)
    return rows, pd.concat(rejected, ignore_index=True)


def _undated(rows: pd.DataFrame, series: str) -> pd.DataFrame:
    days = rows["event_time"].dt.tz_localize(None).to_numpy(dtype="datetime64[D]")
    return rows.assign(known_at=series_known_at(series, days).array, vintage=UNDATED)


def _dated(rows: pd.DataFrame, series: str, column: str) -> pd.DataFrame:
    day = pd.to_datetime(column.removeprefix(f"{series}_"), format="%Y%m%d")
    days = np.full(len(rows), day.to_numpy(), dtype="datetime64[D]")
    return rows.assign(known_at=at_eastern(days, FRED_TIME).array, vintage=f"{day:%Y-%m-%d}")
