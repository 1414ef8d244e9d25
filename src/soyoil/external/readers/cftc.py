"""Commitments of Traders, legacy report, futures only, as the CFTC's public API gives it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

from soyoil.external.base import (
    CONFLICT,
    CUT,
    IMPLAUSIBLE,
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
from soyoil.external.config import OutsideSection
from soyoil.external.releases import cot_known_at

NAME: Final = "cftc"
MARKETS: Final = {
    "ZL": "007601", "ZS": "005602", "ZM": "026603", "ZC": "002602", "CL": "067651", "HO": "022651",
    "RB": "111659", "NG": "023651", "GC": "088691", "HG": "085692", "ES": "13874A", "ZN": "043602",
    "6E": "099741", "6L": "102741",
}  # fmt: skip
"""The CFTC's code of the market of each root."""

DAY: Final = "report_date_as_yyyy_mm_dd"
CODE: Final = "cftc_contract_market_code"
COLUMNS: Final = {
    "open_interest_all": "open_interest",
    "noncomm_positions_long_all": "noncommercial_long",
    "noncomm_positions_short_all": "noncommercial_short",
    "noncomm_postions_spread_all": "noncommercial_spread",
    "comm_positions_long_all": "commercial_long",
    "comm_positions_short_all": "commercial_short",
    "nonrept_positions_long_all": "nonreportable_long",
    "nonrept_positions_short_all": "nonreportable_short",
}
"""Columns as the CFTC spells them, ``postions`` included, and ours."""

VALUES: Final = tuple(COLUMNS.values())


def read(config: OutsideSection) -> Reading:
    """Read the report.

    Parameters
    ----------
    config
        ``path`` is the CSV file.

    Raises
    ------
    SourceError
        The file is not there, is empty or not this report.
    """
    path = Path(str(config.path))
    raw, broken = read_csv(path, [DAY, CODE, *COLUMNS], "the legacy report of the CFTC")
    reading = parse(raw, path)
    cut = quarantine(NAME, CUT, path, pd.DataFrame(index=range(broken)))
    return Reading(reading.rows, pd.concat([cut, reading.rejected], ignore_index=True))


def parse(raw: pd.DataFrame, path: Path) -> Reading:
    """Rows of the report, from a file or from the service.

    Parameters
    ----------
    raw
        `DAY`, `CODE` and `COLUMNS`, ``str``; a count that is not there is missing.
    path
        Where they are from, for the quarantine.
    """
    rejected = [no_rejects()]
    rows = pd.DataFrame(
        {
            # Some exports have lost the leading zeros of the code.
            "market_code": raw[CODE].str.strip().str.zfill(6),
            "event_time": reference_days(raw[DAY]),
        }
    )
    for theirs, ours in COLUMNS.items():
        rows[ours] = pd.to_numeric(raw[theirs], errors="coerce").astype("float64")
    numbers = rows[list(VALUES)]
    bad = {
        NO_DAY: rows["event_time"].isna(),
        NO_NUMBER: numbers.isna().any(axis=1),
        IMPLAUSIBLE: _implausible(rows),
    }
    keep = pd.Series(data=True, index=rows.index)
    for reason, found in bad.items():
        chosen = keep & found
        named = rows[chosen].rename(columns={"market_code": "series"})
        rejected.append(quarantine(NAME, reason, path, named))
        keep &= ~found
    key = ["market_code", "event_time"]
    rows, conflicts = without_conflicts(rows[keep], key, VALUES)
    named = conflicts.rename(columns={"market_code": "series"})
    rejected.append(quarantine(NAME, CONFLICT, path, named))
    days = rows["event_time"].dt.tz_localize(None).to_numpy(dtype="datetime64[D]")
    rows = rows.astype(dict.fromkeys(VALUES, "int64"))
    rows = rows.assign(known_at=cot_known_at(days).array, vintage=UNDATED)
    return Reading(rows, pd.concat(rejected, ignore_index=True))


def _implausible(rows: pd.DataFrame) -> pd.Series:
    """Negative or broken counts, no open interest, or sides that exceed the open interest.

    Open interest is the sum of all long positions and of all short ones, spreads counted on both
    sides (CFTC, Explanatory Notes).
    """
    values = rows[list(VALUES)]
    sides = [
        rows[f"noncommercial_{side}"]
        + rows["noncommercial_spread"]
        + rows[f"commercial_{side}"]
        + rows[f"nonreportable_{side}"]
        for side in ("long", "short")
    ]
    wrong = (values < 0).any(axis=1) | (values % 1 != 0).any(axis=1) | (rows["open_interest"] <= 0)
    for side in sides:
        wrong |= side != rows["open_interest"]
    out: pd.Series = wrong
    return out
