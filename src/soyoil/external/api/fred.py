"""FRED series from the service of the Federal Reserve Bank of St. Louis, with their vintages.

``series/vintagedates`` says on which days values came or changed; ``series/observations`` over a
real-time period gives each value with the first day on which it stood so, ``realtime_start``, but
no day before the period asked for: what is older is said to begin with the period (FRED's API,
Real-Time Periods).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pandas as pd

from soyoil.base.errors import SourceError
from soyoil.external.api.client import Client, KeyRefusedError, ServiceDownError
from soyoil.external.api.config import SERVICES
from soyoil.external.api.paging import Paging, pages, table
from soyoil.external.base import UNDATED, Reading, no_rejects
from soyoil.external.config import FredConfig
from soyoil.external.readers.fred import NAME, parse, without_repeats
from soyoil.external.releases import SERIES_RULES

logger = logging.getLogger(__name__)

OBSERVATIONS: Final = Paging("limit", "offset", 100_000, ("observations",), ("count",))
DATES: Final = Paging("limit", "offset", 10_000, ("vintage_dates",), ("count",))
MAX_VINTAGES: Final = 2000
"""Vintage days in the real-time period of one request; more are refused."""
OVERLAP: Final = 2
"""Stored vintages that are asked for again: the last one may have been taken while FRED still
wrote it."""
COMPLETE: Final = 0.9
"""Share of vintages that must be stored for a series to be taken as loaded; some hold no value."""
DOWN: Final = 2
"""Series in a row without an answer, after which the service is taken to be down."""
_MARKET: Final = ("business_day", "h10", "day")
"""Rules of prices and rates, whose values are not revised in earnest."""


def fetch(config: FredConfig, stored: pd.DataFrame, now: pd.Timestamp) -> Reading:
    """Ask for the wanted series, each with the vintages that are not stored yet.

    A series that fails takes nothing from the others, nor from its own earlier vintages.

    Parameters
    ----------
    config
        Its section.
    stored
        Rows of the table.
    now
        Moment of the load, UTC; not used.

    Raises
    ------
    SourceError
        Nothing could be got, or not all and the source is required.
    """
    frames, rejected, failed = [], [no_rejects()], []
    down = 0
    with Client(SERVICES[NAME], config.api, config.url) as client:
        for at, series in enumerate(config.series):
            logger.info("external.%s: %s, %d of %d", NAME, series, at + 1, len(config.series))
            known = stored.loc[stored["series_id"] == series, "vintage"]
            found, problem = _as_far_as_possible(_ask(client, config, series, known))
            if found:
                rows, bad = _rows(series, pd.concat(found, ignore_index=True))
                frames.append(rows)
                rejected.append(bad)
            if problem is not None:
                failed.append(f"{series}: {problem}")
            down = down + 1 if isinstance(problem, ServiceDownError) else 0
            if isinstance(problem, KeyRefusedError) or down == DOWN:
                others = config.series[at + 1 :]
                failed += [f"Not asked for: {', '.join(others)}."] if others else []
                break
    if not frames or (failed and config.required):
        raise SourceError(" ".join(failed) or "external.fred.series names no series.")
    rows = pd.concat(frames, ignore_index=True)
    return Reading(rows, pd.concat(rejected, ignore_index=True), tuple(failed))


def _as_far_as_possible(
    parts: Iterator[pd.DataFrame],
) -> tuple[list[pd.DataFrame], SourceError | None]:
    """What came before the first error, and that error."""
    found = []
    try:
        for part in parts:
            found.append(part)
    except SourceError as error:
        return found, error
    return found, None


def _ask(
    client: Client, config: FredConfig, series: str, known: pd.Series
) -> Iterator[pd.DataFrame]:
    by_vintage = config.vintages == "all" or (
        config.vintages == "revised" and SERIES_RULES[series].kind not in _MARKET
    )
    if not by_vintage:
        text = _observations(client, series, {})
        if text.empty:
            raise SourceError("the service gives no observation.")
        yield text.assign(vintage=UNDATED)
        return
    dates = _vintage_dates(client, series)
    first = 0 if config.refresh else _first_wanted(dates, set(known))
    while True:
        period = dates[first : first + MAX_VINTAGES]
        text = _observations(
            client, series, {"realtime_start": period[0], "realtime_end": period[-1]}
        )
        # What stands on the first day of a period may have come before it; the request before, or
        # an earlier load, has it with its own day.
        yield text[text["vintage"] > period[0]] if first else text
        first += len(period) - 1
        if first >= len(dates) - 1:
            return


def _vintage_dates(client: Client, series: str) -> list[str]:
    path = "series/vintagedates"
    params: dict[str, str | int] = {"series_id": series, "file_type": "json", "sort_order": "asc"}
    dates = [str(day) for page in pages(client, path, params, DATES) for day in page]
    if not dates:
        raise SourceError("the service gives no vintage.")
    _check_days(pd.Series(dates, dtype="str"), path)
    return sorted(set(dates))


def _first_wanted(dates: list[str], stored: set[str]) -> int:
    """Position of the vintage with which the request begins."""
    known = [day in stored for day in dates]
    if not any(known):
        return 0
    newest = len(known) - 1 - known[::-1].index(True)
    # A file of some vintages says nothing of those between them.
    if sum(known) < COMPLETE * (newest + 1):
        return 0
    return max(0, newest - OVERLAP)


def _observations(client: Client, series: str, period: dict[str, str]) -> pd.DataFrame:
    """Texts ``day``, ``value`` and ``vintage``."""
    path = "series/observations"
    params: dict[str, str | int] = {"series_id": series, "file_type": "json", **period}
    rows = [row for page in pages(client, path, params, OBSERVATIONS) for row in page]
    text = table(rows, ("date", "value", "realtime_start"), path)
    text.columns = ["day", "value", "vintage"]
    _check_days(text["vintage"], path)
    return text


def _check_days(text: pd.Series, path: str) -> None:
    wrong = text[~text.str.fullmatch(r"\d{4}-\d\d-\d\d").fillna(value=False).astype("bool")]
    if len(wrong):
        raise SourceError(f"{path}: {wrong.iloc[0]!r} is no day: its form has changed.")


def _rows(series: str, text: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows, bad = parse(series, text, Path(f"{series} of the service"))
    return (rows if text["vintage"].eq(UNDATED).all() else without_repeats(rows)), bad
