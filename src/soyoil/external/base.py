"""What every outside source gives back, and the declaration of one."""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import pandas as pd

from soyoil.base.errors import SourceError

QUARANTINE_COLUMNS: Final = ("source", "reason", "file", "series", "event_time")
"""Columns of rows that were set aside."""

UNDATED: Final = "undated"
"""Vintage of a value whose file does not say when it was published as it stands."""

CUT: Final = "cut_or_overlong_line"
CONFLICT: Final = "two_values_for_one_day"
NO_DAY: Final = "no_day"
NO_NUMBER: Final = "no_number"
IMPLAUSIBLE: Final = "implausible"
UNIT: Final = "another_unit"
REPORT: Final = "another_report"


@dataclass(frozen=True)
class Reading:
    """What was read of one source.

    Attributes
    ----------
    rows
        The series column, ``event_time`` (reference day at 00:00 UTC), ``known_at``, ``vintage``
        and the values; one row per series, reference day and vintage.
    rejected
        `QUARANTINE_COLUMNS`.
    warnings
        What is missing although the rest could be read.
    """

    rows: pd.DataFrame
    rejected: pd.DataFrame
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExternalSource:
    """Declaration of one outside source.

    Attributes
    ----------
    name
        Section of the parameters, ``external.<name>``.
    table
        Raw table; its key is the series, ``event_time`` and ``vintage``.
    series
        Column of the table that names a series.
    values
        Value columns.
    read
        Reads its files as its section says.
    release
        When a value is known, in words.
    groups
        Feature groups that are NULL without it.
    stale_after_days
        Days beyond which a value is too old to be used, by series, and ``""`` for all others.
    fresh_days
        A newest value that is so much older than the newest session is warned about.
    age_from
        What its age is counted from: the reference day, or the day on which the series was last
        published, where reference days lie ahead.
    fetch
        Asks the publisher's service, given its section, the rows stored and the moment; None
        where there is no client.
    owned
        How the names of its series begin: what it knows its rows by in a table that it shares.
    labels
        Columns that stand before the values and say what a series is; another label is no revision.
    twin
        Rows as `Reading.rows` of the source of a `soyoil.external.twins.TwinMarket`; None where
        there is no twin.
    """

    name: str
    table: str
    series: str
    values: tuple[str, ...]
    read: Callable[[Any], Reading]
    release: str
    groups: tuple[str, ...]
    stale_after_days: Mapping[str, int]
    fresh_days: int
    age_from: Literal["event_time", "known_at"] = "event_time"
    fetch: Callable[[Any, pd.DataFrame, pd.Timestamp], Reading] | None = None
    owned: tuple[str, ...] = ("",)
    labels: tuple[str, ...] = ()
    twin: Callable[[Any], pd.DataFrame] | None = None


def quarantine(source: str, reason: str, file: Path, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows that are set aside, with a reason; ``series`` and ``event_time`` as they were read.

    Rows of several files have the name of theirs in ``file_name``.
    """
    out = rows.reindex(columns=["series", "event_time"]).astype("str")
    out = out.assign(source=source, reason=reason, file=rows.get("file_name", file.name))
    return out[list(QUARANTINE_COLUMNS)].reset_index(drop=True)


def no_rejects() -> pd.DataFrame:
    """Quarantine without rows."""
    return pd.DataFrame({name: pd.Series(dtype="str") for name in QUARANTINE_COLUMNS})


def read_csv(
    path: Path,
    needed: Sequence[str],
    what: str,
    only: Collection[str] | None = None,
    spelled: Callable[[str], str] = str,
) -> tuple[pd.DataFrame, int]:
    """A CSV file as text.

    Parameters
    ----------
    path
        The file.
    needed
        Columns that it must have.
    what
        What the file should be, for messages.
    only
        Columns wanted of those there are; None for all.
    spelled
        What `needed` and `only` call a column of the file.

    Returns
    -------
    tuple
        The columns as ``str``, and the number of lines that are left out: those with more or fewer
        fields than the header, and a last line without an end, where a download broke off.

    Raises
    ------
    SourceError
        There is no such file, it cannot be read as text, lacks a column or holds no row.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        lines = [line for line in csv.reader(text.splitlines()) if line]
    except FileNotFoundError as error:
        raise SourceError(f"{path} is not there: it should hold {what}.") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path} cannot be read as {what}: {error}.") from error
    if not lines:
        raise SourceError(f"{path} is empty: download {what} again.")
    header = [spelled(name.strip()) for name in lines[0]]
    missing = [name for name in needed if name not in header]
    if missing:
        raise SourceError(
            f"{path} lacks the columns {', '.join(missing)}: it is not {what}, or its form has "
            f"changed. It has {', '.join(header[:8])}."
        )
    # A line without an end may have lost digits: 3.8 of 3.88 is a number as well.
    body = lines[1:] if text.endswith(("\n", "\r")) else lines[1:-1]
    whole = [line for line in body if len(line) == len(header)]
    if not whole:
        raise SourceError(f"{path} holds no row: download {what} again.")
    broken = len(lines) - 1 - len(whole)
    if only is not None:
        wanted = [place for place, name in enumerate(header) if name in only]
        header = [header[place] for place in wanted]
        whole = [[line[place] for place in wanted] for line in whole]
    # Of a name that is there twice the first counts.
    frame = pd.DataFrame(whole, columns=header, dtype="str")
    return frame.loc[:, ~frame.columns.duplicated()], broken


def reference_days(text: pd.Series) -> pd.Series:
    """Days at 00:00 UTC, ``datetime64[us, UTC]``, NaT where the text is no day of ISO form."""
    plain = text.str.slice(0, 10)
    days = pd.to_datetime(plain, format="%Y-%m-%d", errors="coerce", utc=True)
    out: pd.Series = days.dt.as_unit("us")
    return out


def reference_days_or_american(text: pd.Series) -> pd.Series:
    """As `reference_days`, or month first (``09/26/2023``), as American pages export them."""
    american = pd.to_datetime(text.str.slice(0, 10), format="%m/%d/%Y", errors="coerce", utc=True)
    days: pd.Series = reference_days(text).fillna(american.dt.as_unit("us"))
    return days


def without_conflicts(
    rows: pd.DataFrame, key: Sequence[str], values: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of one key each: copies are dropped, and all of a key with several values go.

    Returns
    -------
    tuple
        Rows kept, and rows of which none can be told to be right.
    """
    distinct = rows.drop_duplicates([*key, *values])
    double = distinct.duplicated(list(key), keep=False)
    return distinct[~double].reset_index(drop=True), distinct[double].reset_index(drop=True)
