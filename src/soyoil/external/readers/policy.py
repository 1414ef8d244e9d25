"""Policy: single events by the minute, and daily rows of mentions, sentiment and scores."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
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
from soyoil.external.config import OutsideSection
from soyoil.external.readers.files import PARQUET, cut_lines, files_at, joined, read_text, sift
from soyoil.external.releases import DAY_OVER

NAME: Final = "policy"
KINDS: Final = ("biofuel", "tariff", "trade", "fed", "other")
DAILY: Final = "daily"
WHAT: Final = "policy events (published_at, kind, sign, intensity) or daily rows (date and fields)"
EVENT: Final = {"sign": (-1.0, 1.0), "intensity": (0.0, 1.0)}
"""Numbers of an event and their least and greatest value."""
FIELDS: Final = {
    "mentions": (0.0, 1e9),
    "sentiment": (-1.0, 1.0),
    "trump_action_prob": (0.0, 1.0),
    "trump_expected_zl_move": (-100.0, 100.0),
    "trump_score": (-1000.0, 1000.0),
    "trump_tariff_intensity": (0.0, 1000.0),
    "trump_mentions": (0.0, 1e9),
    "trump_procurement_alert": (0.0, 1.0),
}
"""Numbers of a day and their least and greatest value; ``true`` and ``false`` are 1 and 0."""
VALUES: Final = (*EVENT, *FIELDS)
NO_ZONE: Final = "no_time_zone"
UNKNOWN_KIND: Final = "unknown_kind"

_DAY: Final = r"\d{4}-\d{2}-\d{2}"
_CLOCK: Final = r"[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?"
_ZONE: Final = r"(?:Z|[+-]\d{2}:?\d{2})"
_TRUTH: Final = {"true": "1", "false": "0"}
_INTEGERS: Final = ("sign", "mentions", "trump_mentions", "trump_procurement_alert")
DTYPES: Final = {
    **dict.fromkeys(VALUES, "float64"),
    "mentions": "Int64",
    "trump_mentions": "Int64",
    "trump_procurement_alert": "boolean",
}
"""Value columns as the table has them."""


def read(config: OutsideSection) -> Reading:
    """Read events and daily rows.

    An event is known from the minute of its publication on. One that has a day only, and a daily
    row, are known once their day is over everywhere, at 12:00 UTC of the next one.

    Parameters
    ----------
    config
        ``path`` is a CSV or Parquet file or a folder of them. One with the column ``kind`` holds
        events: ``published_at`` (or ``date``), ``sign`` (-1, 0, 1 for the price of soybean oil) and
        ``intensity`` (0 to 1). Another with ``date`` holds days with any of `FIELDS`.

    Raises
    ------
    SourceError
        A file is not there, is empty or neither of the two, or none of its moments has a time zone.
    """
    given = Path(str(config.path))
    events, days, parts, rejected = [], [], [], [no_rejects()]
    for path in files_at(given, WHAT, (".csv", PARQUET)):
        raw, broken = read_text(path, WHAT)
        rejected.append(cut_lines(NAME, path, broken))
        if "kind" in raw:
            events.append(_with_moments(raw, path))
        else:
            rows, bad = _days(raw, path)
            days.append(rows)
            rejected.append(bad)
    # Of several files together: they may overlap, and events of one moment are told apart.
    if events:
        rows, bad = _events(pd.concat(events, ignore_index=True).fillna(""), given)
        parts.append(rows)
        rejected.append(bad)
    if days:
        rows, bad = joined(NAME, given, days, VALUES)
        parts.append(rows)
        rejected.append(bad)
    rows = pd.concat(parts, ignore_index=True).assign(vintage=UNDATED)
    return Reading(rows.astype(DTYPES), pd.concat(rejected, ignore_index=True))


def _need(raw: pd.DataFrame, path: Path, names: tuple[str, ...]) -> None:
    missing = [name for name in names if name not in raw]
    if missing:
        raise SourceError(
            f"{path} lacks the columns {', '.join(missing)}: it should hold {WHAT}. It has "
            f"{', '.join(raw.columns[:8])}."
        )


def _with_moments(raw: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Events of one file with ``published_at``."""
    when = "published_at" if "published_at" in raw else "date"
    _need(raw, path, (when, *EVENT))
    if raw[when].str.fullmatch(_DAY + _CLOCK).all():
        raise SourceError(
            f"{path} says no time zone in {when} ({raw[when].iloc[0]!r}): write moments in UTC, as "
            "2025-04-02T20:00:00Z."
        )
    return raw.rename(columns={when: "published_at"})


def _events(raw: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    # The same line twice is one event.
    raw = raw.drop_duplicates().reset_index(drop=True)
    text = raw["published_at"]
    dated = text.str.fullmatch(_DAY)
    exact = text.str.fullmatch(_DAY + _CLOCK + _ZONE)
    zoneless = text.str.fullmatch(_DAY + _CLOCK)
    parsed = pd.to_datetime(
        text.where(dated | exact, ""), format="ISO8601", errors="coerce", utc=True
    )
    moment = parsed.dt.as_unit("us")
    rows = pd.DataFrame({"series_id": raw["kind"].str.lower(), "event_time": moment})
    rows["known_at"] = moment.where(~dated, moment + DAY_OVER).dt.as_unit("us")
    rows = _with_numbers(rows, raw, tuple(EVENT))
    checks = {
        NO_ZONE: zoneless,
        NO_DAY: moment.isna(),
        UNKNOWN_KIND: ~rows["series_id"].isin(KINDS),
        NO_NUMBER: rows[list(EVENT)].isna().any(axis=1),
        IMPLAUSIBLE: _implausible(rows, EVENT),
    }
    bad = pd.DataFrame(checks).any(axis=1)
    whole = pd.concat([_apart(rows[~bad]), rows[bad]]).sort_index()
    return sift(NAME, path, whole, checks, VALUES)


def _apart(rows: pd.DataFrame) -> pd.DataFrame:
    """Events of one kind in one moment a microsecond from each other, in an order of their own.

    A key is a kind and a moment; a file of days alone has several events of a kind in a day.
    """
    key = ["series_id", "event_time"]
    rows = rows.sort_values([*key, *EVENT], kind="stable")
    place = rows.groupby(key).cumcount()
    later = rows["event_time"] + pd.to_timedelta(place, unit="us")
    return rows.assign(event_time=later.dt.as_unit("us"))


def _days(raw: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    _need(raw, path, ("date",))
    given = tuple(name for name in FIELDS if name in raw)
    if not given:
        raise SourceError(
            f"{path} has none of the fields {', '.join(FIELDS)}: it should hold {WHAT}."
        )
    days = reference_days(raw["date"])
    rows = pd.DataFrame({"series_id": DAILY, "event_time": days}).astype({"series_id": "str"})
    rows["known_at"] = (days + DAY_OVER).dt.as_unit("us")
    rows = _with_numbers(rows, raw, given)
    numbers = rows[list(given)]
    there = raw[list(given)] != ""
    checks = {
        NO_DAY: days.isna(),
        NO_NUMBER: (numbers.isna() & there).any(axis=1) | numbers.isna().all(axis=1),
        IMPLAUSIBLE: _implausible(rows, {name: FIELDS[name] for name in given}),
    }
    return sift(NAME, path, rows, checks, VALUES)


def _with_numbers(rows: pd.DataFrame, raw: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    for name in VALUES:
        text = raw[name].str.lower().replace(_TRUTH) if name in names else None
        found = np.nan if text is None else pd.to_numeric(text, errors="coerce").astype("float64")
        rows = rows.assign(**{name: found})
    return rows


def _implausible(rows: pd.DataFrame, ranges: dict[str, tuple[float, float]]) -> pd.Series:
    wrong = pd.Series(data=False, index=rows.index)
    for name, (low, high) in ranges.items():
        value = rows[name]
        wrong |= value.notna() & ~value.between(low, high)
        if name in _INTEGERS:
            wrong |= value.notna() & (value % 1 != 0)
    return wrong
