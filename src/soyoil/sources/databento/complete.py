"""Whether a file holds all that its header says was asked for."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import DayArray, IntArray
from soyoil.base.errors import SourceError
from soyoil.market.holidays import grain_holidays
from soyoil.market.instruments import get_instrument
from soyoil.sources.databento.symbols import DAY_NS, parse_continuous

logger = logging.getLogger(__name__)

Days = DayArray
_NAMED: Final = 5


@dataclass(frozen=True)
class Request:
    """What was asked of the vendor, and what it could not give.

    Attributes
    ----------
    start, end
        Half-open range, nanoseconds since 1970; None where it is not stated.
    limit
        Largest number of records; None is all.
    partial
        Symbols that the vendor knew on a part of the range only.
    not_found
        Symbols that it did not know at all.
    """

    start: int | None
    end: int | None
    limit: int | None = None
    partial: Sequence[str] = ()
    not_found: Sequence[str] = ()


def check_symbols(path: Path, request: Request, roots: Sequence[str]) -> None:
    """Name symbols that the vendor did not find, and refuse where a configured root is missed.

    A root that was not listed yet when the range begins may be missing or partial.

    Raises
    ------
    SourceError
        A configured root was listed, but not found or found in part.
    """
    for symbols, what in (
        (request.not_found, "were not found by the vendor"),
        (request.partial, "were found by the vendor on a part of its range only"),
    ):
        if not symbols:
            continue
        missed = [s for s in symbols if _was_listed(s, roots, request.start)]
        if missed:
            raise SourceError(
                f"{path}: {_some(missed)} {what.replace('were', 'was', 1)} "
                f"{'' if len(missed) == 1 else 'each '}although configured. Check the spelling and "
                "the range of the request and download it again, or leave "
                f"{', '.join(sorted({s.split('.')[0] for s in missed}))} out of source.symbols."
            )
        logger.warning("%s: %s %s", path, _some(symbols), what)


def _was_listed(symbol: str, roots: Sequence[str], start: int | None) -> bool:
    found = parse_continuous(symbol)
    if found is None or found.rank or found.root not in roots:
        return False
    listed = get_instrument(found.root).listed
    if listed is None:
        return True
    return start is not None and bool(_day(start) > np.datetime64(listed))


def _some(symbols: Iterable[str]) -> str:
    names = sorted(symbols)
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def check_whole(path: Path, request: Request, records: int, days: Days) -> None:
    """Refuse a file that was cut by its limit or ends before its range does.

    Parameters
    ----------
    path
        The file.
    request
        What it should hold.
    records
        Number of its records, of all symbols.
    days
        UTC days with a record, ascending, ``datetime64[D]``, shape ``(n,)``.

    Raises
    ------
    SourceError
        It holds as many records as its limit allows, or between the last of them and the end of
        the range there are whole trading days: more of them than between any two of its records,
        so that a root that trades now and then does not count as cut off.
    """
    if request.limit is not None and records >= request.limit:
        last = f", the last of them on {days[-1]}" if len(days) else ""
        raise SourceError(
            f"{path} was downloaded with limit={request.limit:,} and holds {records:,} records"
            f"{last}: what lies beyond was cut off. Download it again without limit."
        )
    if request.end is None or not len(days):
        return
    silent = _trading_days(days[-1:], np.array([_day(request.end)]))[0]
    within = _trading_days(days[:-1], days[1:])
    if silent > (within.max() if len(within) else 0):
        last, end = str(days[-1]), _day(request.end) - 1
        raise SourceError(
            f"{path} claims to reach until {end}, but its last record is of {last}: {silent} "
            "trading days are missing at its end, as in a download that was cut off. Download it "
            f"again; if the vendor has no later bars, ask for them until {_after(last)} only."
        )


def _trading_days(after: Days, before: Days) -> IntArray:
    """Days strictly between two others on which every root trades."""
    first = after + np.timedelta64(1, "D")
    return np.asarray(np.busday_count(first, before, holidays=grain_holidays()), dtype=np.int64)


def _day(time: int) -> np.datetime64:
    return np.datetime64(time // DAY_NS, "D")


def _after(day: str) -> dt.date:
    return (pd.Timestamp(day) + pd.Timedelta(days=1)).date()
