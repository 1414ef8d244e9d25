"""Biofuels of the EIA, monthly: fuel that was made, and the oils and fats that went into it."""

from __future__ import annotations

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
    without_conflicts,
)
from soyoil.external.config import OutsideSection
from soyoil.external.readers.files import files_at
from soyoil.external.releases import biofuel_known_at

NAME: Final = "eia"
VALUES: Final = ("value",)
WHAT: Final = "monthly biofuels of the EIA"

BIODIESEL: Final = "M_EPOORDB_YNP_NUS_MBBL"
RENEWABLE_DIESEL: Final = "M_EPOORDO_YNP_NUS_MBBL"
SOYBEAN_OIL: Final = "M_EPOOBDSO_YIFBP_NUS_MMLB"
OTHER_FEEDSTOCKS: Final = (
    "M_EPOOBDCNO_YIFBP_NUS_MMLB",
    "M_EPOOBDCO_YIFBP_NUS_MMLB",
    "M_EPOOBDFSTL_YIFBP_NUS_MMLB",
    "M_EPOOBDFSWG_YIFBP_NUS_MMLB",
    "M_EPOOBDFSYG_YIFBP_NUS_MMLB",
)
"""Corn oil, canola oil, tallow, white grease and yellow grease; with soybean oil nearly all that
becomes biodiesel and renewable diesel."""
SERIES: Final = (BIODIESEL, RENEWABLE_DIESEL, SOYBEAN_OIL, *OTHER_FEEDSTOCKS)

_IDS: Final = ("series", "series-id", "series_id")
_MISSING: Final = ("", "-", "--", "W", "NA", "(s)", "null", "None")
"""The EIA's marks of a cell without a number: withheld, not available, nothing, nearly nothing."""


def read(config: OutsideSection) -> Reading:
    """Read the wanted series, `SERIES`; others are left out.

    Parameters
    ----------
    config
        ``path`` is a CSV file or a folder of them. A row per month and series, ``period``,
        ``series`` (``series-id``), ``value`` and ``units``, as the browser and the API of the EIA
        give them; or a column per series beside ``period``.

    Raises
    ------
    SourceError
        There is no such file or folder, or no file holds a wanted series.
    """
    parts, rejected, failed = [], [no_rejects()], []
    for path in files_at(Path(str(config.path)), WHAT):
        try:
            raw, broken = _long(path)
        except SourceError as error:
            failed.append(str(error))
            continue
        rejected.append(quarantine(NAME, CUT, path, pd.DataFrame(index=range(broken))))
        rows, bad = _checked(raw, path)
        parts.append(rows)
        rejected.append(bad)
    if not parts or (failed and config.required):
        raise SourceError(" ".join(failed))
    whole = reading_of(pd.concat(parts, ignore_index=True))
    rejected.append(whole.rejected)
    return Reading(whole.rows, pd.concat(rejected, ignore_index=True), tuple(failed))


def parse(raw: pd.DataFrame, path: Path) -> Reading:
    """Rows in the long form as text, as the service of the EIA gives them.

    Parameters
    ----------
    raw
        ``period``, ``series``, ``value`` (missing where the EIA gives none) and ``units``.
    path
        Name of what was asked, for the quarantine.
    """
    long = raw.rename(columns={"series": "series_id"}).assign(value=raw["value"].fillna(""))
    long = long.assign(series_id=_plain(long["series_id"]))
    rows, bad = _checked(long[long["series_id"].isin(SERIES)].reset_index(drop=True), path)
    whole = reading_of(rows)
    return Reading(whole.rows, pd.concat([bad, whole.rejected], ignore_index=True))


def reading_of(rows: pd.DataFrame) -> Reading:
    """Checked rows of all files, each series and month once, with the moment of its release."""
    key, rejected = ["series_id", "event_time"], [no_rejects()]
    rows, conflicts = without_conflicts(rows, key, VALUES)
    named = conflicts.rename(columns={"series_id": "series"})
    for file, part in named.groupby("file"):
        rejected.append(quarantine(NAME, CONFLICT, Path(str(file)), part))
    rows = rows.sort_values(key, kind="stable").reset_index(drop=True)
    months = rows["event_time"].dt.tz_localize(None).to_numpy(dtype="datetime64[D]")
    rows = rows.assign(known_at=biofuel_known_at(months).array, vintage=UNDATED)
    names = [*key, "known_at", "vintage", *VALUES]
    return Reading(rows[names], pd.concat(rejected, ignore_index=True))


def _long(path: Path) -> tuple[pd.DataFrame, int]:
    """Text of a file, ``series_id``, ``period``, ``value`` and ``units``."""
    raw, broken = read_csv(path, ("period",), WHAT)
    named = next((name for name in _IDS if name in raw), None)
    if named is None:
        ids = {name: _plain(pd.Series([name])).iloc[0] for name in raw.columns}
        wanted = [name for name in raw.columns if ids[name] in SERIES]
        long = raw.melt("period", wanted, "series_id", "value") if wanted else raw.iloc[:0]
    elif "value" in raw:
        long = raw.rename(columns={named: "series_id"})
    else:
        raise SourceError(f"{path} lacks the column value: it is not {WHAT}.")
    if "series_id" in long:
        long = long.assign(series_id=_plain(long["series_id"]))
        long = long[long["series_id"].isin(SERIES)]
    if long.empty:
        raise SourceError(f"{path} holds none of the series {', '.join(SERIES)}.")
    wanted = ["series_id", "period", "value", "units"]
    return long.reindex(columns=wanted).astype("str").reset_index(drop=True), broken


def _plain(names: pd.Series) -> pd.Series:
    """Names of series without what the first version of the API put around them."""
    return names.str.strip().str.removeprefix("PET.").str.removesuffix(".M")


def _checked(raw: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    period = raw["period"].str.strip().str.slice(0, 7)
    months = pd.to_datetime(period, format="%Y-%m", errors="coerce", utc=True).dt.as_unit("us")
    text = raw["value"].str.strip()
    value = pd.to_numeric(text, errors="coerce").astype("float64")
    rows = pd.DataFrame({"series_id": raw["series_id"], "event_time": months, "value": value})
    keep = ~text.isin(_MISSING)
    unit = raw["series_id"].str.rpartition("_")[2]
    rejected = [no_rejects()]
    for reason, found in (
        (NO_DAY, months.isna()),
        (NO_NUMBER, ~np.isfinite(value)),
        (UNIT, raw["units"].notna() & (raw["units"].str.strip().str.upper() != unit)),
        (IMPLAUSIBLE, value < 0),
    ):
        bad = rows[keep & found].rename(columns={"series_id": "series"})
        rejected.append(quarantine(NAME, reason, path, bad))
        keep &= ~found
    return rows[keep].assign(file=str(path)), pd.concat(rejected, ignore_index=True)
