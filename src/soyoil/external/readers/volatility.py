"""Implied volatility: OVX and VIX as FRED hands them out, and a file of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

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
from soyoil.external.config import FredConfig, OutsideSection
from soyoil.external.readers import fred
from soyoil.external.readers.files import cut_lines, files_at, joined, read_text, sift
from soyoil.external.releases import next_business_day_known_at

NAME: Final = "volatility"
VALUES: Final = ("implied_vol",)
WHAT: Final = "implied volatility: FRED's OVXCLS or VIXCLS, or date, symbol, implied_vol"
OVX, VIX = "OVXCLS", "VIXCLS"
ZL: Final = "ZL.30d"
LEAST, MOST = 1.0, 1000.0
"""Percent per year; a value below is a fraction, not a percentage."""

_SAME: Final = {f"{symbol}.30d": name for name in (OVX, VIX) for symbol in (name, name[:3])}
_NO_VALUE: Final = ("", ".")
NO_TENOR: Final = "no_tenor"


def read(config: OutsideSection) -> Reading:
    """Read implied volatilities.

    Parameters
    ----------
    config
        ``path`` is a CSV file or a folder of them. ``OVXCLS.csv`` and ``VIXCLS.csv`` are in
        FRED's form; others have ``date``, ``symbol`` or ``series``, ``implied_vol`` in percent per
        year and, where the constant maturity is not 30 days, ``days``.

    Raises
    ------
    SourceError
        A file is not there, is empty or neither of the two.
    """
    parts, rejected = [], [no_rejects()]
    for path in files_at(Path(str(config.path)), WHAT):
        if path.stem in (OVX, VIX):
            found = fred.read(FredConfig(path=str(path.parent), series=(path.stem,), required=True))
            rows, bad = found.rows.rename(columns={"value": "implied_vol"}), found.rejected
            rejected.append(bad.assign(source=NAME))
        else:
            rows, bad = _own(path)
            rejected.append(bad)
        parts.append(rows)
    rows, bad = joined(NAME, Path(str(config.path)), parts, VALUES)
    rejected.append(bad)
    return Reading(rows, pd.concat(rejected, ignore_index=True))


def _own(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    raw, broken = read_text(path, WHAT)
    symbol = "symbol" if "symbol" in raw else "series"
    missing = [name for name in ("date", symbol, "implied_vol") if name not in raw]
    if missing:
        raise SourceError(
            f"{path} lacks the columns {', '.join(missing)}: it should hold {WHAT}. It has "
            f"{', '.join(raw.columns[:6])}."
        )
    raw = raw[~raw["implied_vol"].isin(_NO_VALUE)].reset_index(drop=True)
    days = raw["days"] if "days" in raw else pd.Series("", index=raw.index, dtype="str")
    tenor = days.mask(days == "", "30").str.replace(r"\.0+$", "", regex=True)
    series = raw[symbol].str.upper() + "." + tenor + "d"
    value = pd.to_numeric(raw["implied_vol"], errors="coerce").astype("float64")
    rows = pd.DataFrame(
        {
            "series_id": series.replace(_SAME).astype("str"),
            "event_time": reference_days(raw["date"]),
            "implied_vol": value,
        }
    )
    checks = {
        NO_DAY: rows["event_time"].isna(),
        NO_TENOR: ~tenor.str.fullmatch(r"[1-9]\d{0,3}") | (raw[symbol] == ""),
        NO_NUMBER: value.isna(),
        IMPLAUSIBLE: ~value.between(LEAST, MOST),
    }
    rows, bad = sift(NAME, path, rows, checks, VALUES)
    at = rows["event_time"].dt.tz_localize(None).to_numpy(dtype="datetime64[D]")
    rows = rows.assign(known_at=next_business_day_known_at(at).array, vintage=UNDATED)
    return rows, pd.concat([cut_lines(NAME, path, broken), bad], ignore_index=True)
