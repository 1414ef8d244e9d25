"""Palm oil and its rivals: the World Bank's Pink Sheet by month, and a file of daily prices."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import DayArray
from soyoil.base.errors import SourceError
from soyoil.external.base import (
    IMPLAUSIBLE,
    NO_DAY,
    NO_NUMBER,
    UNDATED,
    Reading,
    no_rejects,
    reference_days,
)
from soyoil.external.config import OutsideSection
from soyoil.external.readers.files import cut_lines, files_at, joined, read_text, sift
from soyoil.external.releases import next_business_day_known_at, pink_sheet_known_at

NAME: Final = "palm"
VALUES: Final = ("value",)
WHAT: Final = "the World Bank's Pink Sheet by month, or daily prices of palm oil"
PALM, SOYBEAN, RAPESEED, SUNFLOWER = (
    f"pink_sheet.{oil}_oil" for oil in ("palm", "soybean", "rapeseed", "sunflower")
)
DAILY: Final = "daily.palm_oil_usd"
COLUMNS: Final = {
    "Palm oil": PALM,
    "Soybean oil": SOYBEAN,
    "Rapeseed oil": RAPESEED,
    "Sunflower oil": SUNFLOWER,
}
"""Columns of the Pink Sheet, US dollars per metric ton, and their series."""
_MISSING: Final = ("", "..", "…")
_MONTH: Final = r"^(\d{4})(?:M|-)(\d{2})(?:-01)?$"
_MOST: Final = 1_000_000.0


def read(config: OutsideSection) -> Reading:
    """Read monthly and daily prices.

    Parameters
    ----------
    config
        ``path`` is a CSV file or a folder of them. One with the columns ``month`` and ``Palm oil``
        is the Pink Sheet, one with ``date`` and ``price`` holds daily prices per metric ton, in
        US dollars unless ``currency`` says otherwise.

    Raises
    ------
    SourceError
        A file is not there, is empty or neither of the two.
    """
    parts, rejected = [], [no_rejects()]
    for path in files_at(Path(str(config.path)), WHAT):
        raw, broken = read_text(path, WHAT)
        rejected.append(cut_lines(NAME, path, broken))
        if {"month", "Palm oil"} <= set(raw.columns):
            rows, bad = _pink_sheet(raw, path)
        elif {"date", "price"} <= set(raw.columns):
            rows, bad = _daily(raw, path)
        else:
            raise SourceError(
                f"{path} has neither the columns month and Palm oil nor date and price, but "
                f"{', '.join(raw.columns[:6])}: it should hold {WHAT}."
            )
        parts.append(rows)
        rejected.append(bad)
    rows, bad = joined(NAME, Path(str(config.path)), parts, VALUES)
    rejected.append(bad)
    other = sorted({s for s in rows["series_id"] if s.startswith("daily.")} - {DAILY})
    warnings = tuple(
        f"{series} is stored, but no feature uses it: prices in US dollars are needed."
        for series in other
    )
    return Reading(rows, pd.concat(rejected, ignore_index=True), warnings)


def _pink_sheet(raw: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    found = raw["month"].str.extract(_MONTH)
    days = reference_days(found[0] + "-" + found[1] + "-01")
    parts = []
    for column, series in COLUMNS.items():
        if column in raw:
            there = ~raw[column].isin(_MISSING)
            parts.append(_prices(series, days[there], raw.loc[there, column]))
    rows, bad = _sifted(pd.concat(parts, ignore_index=True), path)
    return rows.assign(known_at=pink_sheet_known_at(_days(rows)).array, vintage=UNDATED), bad


def _daily(raw: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    raw = raw[~raw["price"].isin(_MISSING)]
    currency = raw["currency"] if "currency" in raw else pd.Series("usd", index=raw.index)
    currency = currency.str.lower().where(currency != "", "usd")
    series = "daily.palm_oil_" + currency
    rows, bad = _sifted(_prices(series, reference_days(raw["date"]), raw["price"]), path)
    known = next_business_day_known_at(_days(rows))
    return rows.assign(known_at=known.array, vintage=UNDATED), bad


def _prices(series: str | pd.Series, days: pd.Series, text: pd.Series) -> pd.DataFrame:
    value = pd.to_numeric(text, errors="coerce").astype("float64")
    frame = pd.DataFrame({"event_time": days, "value": value})
    frame.insert(0, "series_id", series)
    return frame.astype({"series_id": "str"}).reset_index(drop=True)


def _sifted(rows: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    checks = {
        NO_DAY: rows["event_time"].isna(),
        NO_NUMBER: rows["value"].isna(),
        IMPLAUSIBLE: ~rows["value"].between(0.0, _MOST, inclusive="neither"),
    }
    return sift(NAME, path, rows, checks, VALUES)


def _days(rows: pd.DataFrame) -> DayArray:
    days = rows["event_time"].dt.tz_localize(None)
    return np.asarray(days.to_numpy(dtype="datetime64[D]"))
