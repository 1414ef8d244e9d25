"""The regime table and its rules.

Regimes partition time into half-open spans ``[start_date, end_date)``. They are named with
hindsight, so each carries the date at which its name could have been known.
"""

from __future__ import annotations

import datetime as dt
import hashlib

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from soyoil.base.config import Config, bounded
from soyoil.base.errors import RegimeError

KNOWN_AFTER_SESSIONS = 63


class RegimeConfig(Config):
    """One regime as written in the parameters.

    Attributes
    ----------
    name
        Unique name: letters, digits and underscores, because it is part of metric keys.
    start, end
        Half-open span; a missing end means open.
    weight
        Sample weight, positive, in the user's units.
    known_at
        First date on which the regime could be told; default start + 63 weekdays.
    description
        What the regime is.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9_]+$", max_length=60)
    start: dt.date
    end: dt.date | None = None
    weight: float = bounded(
        ..., gt=0, le=1e6, why="beside such a weight no other regime would count"
    )
    known_at: dt.date | None = None
    description: str = Field(min_length=1)

    @model_validator(mode="after")
    def _span(self) -> RegimeConfig:
        if self.end is not None and self.end <= self.start:
            raise ValueError(
                f"regime {self.name!r}: end {self.end} is not after start {self.start}"
            )
        if self.known_at is not None and self.known_at < self.start:
            raise ValueError(
                f"regime {self.name!r}: known_at {self.known_at} is before its start {self.start}"
            )
        return self


def default_known_at(start: dt.date) -> dt.date:
    """Start plus 63 weekdays: exchange holidays are not subtracted, a date at most days early."""
    moved = np.busday_offset(np.datetime64(start), KNOWN_AFTER_SESSIONS, roll="forward")
    return dt.date.fromisoformat(str(moved))


def regime_frame(regimes: list[RegimeConfig]) -> pd.DataFrame:
    """Regime table as a frame, checked, sorted by start.

    The first regime is known from its start: nothing came before it.

    Raises
    ------
    RegimeError
        On an empty list, a repeated name, a gap or an overlap; names the regimes and dates.
    """
    if not regimes:
        raise RegimeError("The regime table is empty. Give at least one entry under `regimes`.")
    ordered = sorted(regimes, key=lambda r: r.start)
    frame = pd.DataFrame(
        {
            "regime_name": pd.Series([r.name for r in ordered], dtype="str"),
            "start_date": pd.to_datetime([r.start for r in ordered]),
            "end_date": pd.Series([pd.Timestamp(r.end) if r.end else pd.NaT for r in ordered]),
            "weight": [float(r.weight) for r in ordered],
            "known_at": pd.to_datetime(
                [
                    r.known_at or (default_known_at(r.start) if i else r.start)
                    for i, r in enumerate(ordered)
                ]
            ),
            "description": pd.Series([r.description for r in ordered], dtype="str"),
        }
    )
    for column in ("start_date", "end_date", "known_at"):
        frame[column] = frame[column].astype("datetime64[us]")
    check_regimes(frame)
    return frame


def check_regimes(frame: pd.DataFrame) -> None:
    """Check that the regimes, sorted by start, partition time up to an open end.

    Raises
    ------
    RegimeError
        Naming the regimes and dates of the first gap, overlap, repeated name, weight that is
        not positive and finite, or missing date of knowledge.
    """
    repeated = frame.loc[frame["regime_name"].duplicated(), "regime_name"]
    if len(repeated):
        raise RegimeError(f"Regime {repeated.iloc[0]!r} stands twice in the regime table.")
    bad = frame[~(frame["weight"].gt(0) & np.isfinite(frame["weight"]))]
    if len(bad):
        raise RegimeError(
            f"Regime {bad['regime_name'].iloc[0]!r} has weight {bad['weight'].iloc[0]}; "
            "weights must be positive."
        )
    unknown = frame.loc[~(frame["known_at"] >= frame["start_date"]), "regime_name"]
    if len(unknown):
        raise RegimeError(
            f"Regime {unknown.iloc[0]!r} has no known_at, or one before its start. Give the first "
            "date on which the regime could be told."
        )
    before, after = frame.iloc[:-1].reset_index(drop=True), frame.iloc[1:].reset_index(drop=True)
    wrong = before["end_date"].isna() | (before["end_date"] != after["start_date"])
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        left, right = before.iloc[at], after.iloc[at]
        if pd.isna(left["end_date"]):
            raise RegimeError(
                f"Regime {left['regime_name']!r} has no end but {right['regime_name']!r} follows "
                f"on {right['start_date']:%Y-%m-%d}. Only the last regime may be open."
            )
        kind = "overlap" if left["end_date"] > right["start_date"] else "leave a gap"
        raise RegimeError(
            f"Regimes {left['regime_name']!r} (ends {left['end_date']:%Y-%m-%d}) and "
            f"{right['regime_name']!r} (starts {right['start_date']:%Y-%m-%d}) {kind}. "
            "Set the end of the first to the start of the second (half-open spans)."
        )


def regime_hash(frame: pd.DataFrame) -> str:
    """SHA-256 of the table's content, independent of row order."""
    ordered = frame.sort_values("regime_name").reset_index(drop=True)
    text = ordered.to_csv(index=False, date_format="%Y-%m-%d", lineterminator="\n")
    return hashlib.sha256(text.encode()).hexdigest()


def regime_positions(dates: pd.Series, frame: pd.DataFrame) -> np.ndarray:
    """Row of the regime table (sorted by start) in force on each date, shape ``(n,)``.

    Raises
    ------
    RegimeError
        If a date lies before the first regime or after the end of the last.
    """
    starts = frame["start_date"].to_numpy(dtype="datetime64[us]")
    days = dates.to_numpy(dtype="datetime64[us]")
    position = np.searchsorted(starts, days, side="right") - 1
    last_end = frame["end_date"].iloc[-1]
    outside = position < 0
    if pd.notna(last_end):
        outside |= days >= last_end.to_datetime64()
    if outside.any():
        first = pd.Timestamp(days[outside][0])
        raise RegimeError(
            f"No regime covers {first:%Y-%m-%d} ({int(outside.sum())} sessions). "
            f"The table starts {frame['start_date'].iloc[0]:%Y-%m-%d}"
            + (f" and ends {last_end:%Y-%m-%d}." if pd.notna(last_end) else ".")
            + " Extend `regimes` in the parameters."
        )
    return position
