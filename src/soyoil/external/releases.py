"""When a published value could first be known.

Days are reference days, ``datetime64[D]``; moments are ``datetime64[us, UTC]``. Where the day of
a release is not known, a later one stands here, never an earlier one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

import numpy as np
import pandas as pd
from pandas.tseries.holiday import USFederalHolidayCalendar

from soyoil.base.arrays import DayArray, IntArray
from soyoil.market.instruments import TARGET_ROOT, get_instrument
from soyoil.market.sessions import scheduled_closes

EASTERN: Final = "America/New_York"
COT_TIME: Final = dt.time(15, 30)
"""Release of the Commitments of Traders, cftc.gov, Release Schedule."""
WASDE_TIMES: Final = (dt.time(8, 30), dt.time(12, 0))
"""Release of WASDE before and since January 2013, usda.gov."""
FRED_TIME: Final = dt.time(16, 15)
"""After the Federal Reserve's H.15 and H.10, which are out by 16:15."""
EXPORT_SALES_TIME: Final = dt.time(8, 30)
"""Release of the weekly export sales, fas.usda.gov, Export Sales Reporting Program."""

PINK_SHEET_LAG_DAYS: Final = 10
"""Days from the end of a month until its Pink Sheet counts as known.

The sheet comes on the second to fifth business day; the World Bank publishes no list of past days.
"""
DAY_OVER: Final = pd.Timedelta(hours=36)
"""From 00:00 UTC of a day until it is over in the last time zone, UTC - 12."""

GOVERNMENT_CLOSED: Final = (
    "2012-12-24", "2014-12-26", "2018-12-05", "2018-12-24", "2019-12-24", "2020-12-24",
    "2024-12-24", "2025-01-09", "2025-12-24", "2025-12-26",
)  # fmt: skip
"""Days that the President closed federal offices on beside the holidays."""

COT_EXCEPTIONS: Final[dict[str, str]] = {
    # Shutdown of October 2013: staff came back on the 17th and caught up until the middle of
    # November. No list of the days was found; these are upper bounds.
    "2013-10-01": "2013-10-30",
    "2013-10-08": "2013-11-04",
    "2013-10-15": "2013-11-08",
    "2013-10-22": "2013-11-12",
    "2013-10-29": "2013-11-13",
    "2013-11-05": "2013-11-14",
    # Shutdown of 2018-12-22 to 2019-01-25: CFTC, 2019-01-29, first report on February 1st, then
    # one each Tuesday and Friday; caught up on March 8th.
    "2018-12-24": "2019-02-01",
    "2018-12-31": "2019-02-05",
    "2019-01-08": "2019-02-08",
    "2019-01-15": "2019-02-12",
    "2019-01-22": "2019-02-15",
    "2019-01-29": "2019-02-19",
    "2019-02-05": "2019-02-22",
    "2019-02-12": "2019-02-26",
    "2019-02-19": "2019-03-01",
    "2019-02-26": "2019-03-05",
    "2019-03-05": "2019-03-08",
    # Attack on ION: CFTC releases 8662-23 and of 2023-02-24, the report of January 31st on
    # February 24th. The others "by mid-March"; these are upper bounds.
    "2023-01-31": "2023-02-24",
    "2023-02-07": "2023-03-08",
    "2023-02-14": "2023-03-10",
    "2023-02-21": "2023-03-15",
    "2023-02-28": "2023-03-17",
    "2023-03-07": "2023-03-20",
    "2023-03-14": "2023-03-21",
    # Shutdown of October 2025: the CFTC's schedule of 2025-11-18.
    "2025-09-30": "2025-11-19",
    "2025-10-07": "2025-11-21",
    "2025-10-14": "2025-11-25",
    "2025-10-21": "2025-12-02",
    "2025-10-28": "2025-12-05",
    "2025-11-04": "2025-12-09",
    "2025-11-10": "2025-12-12",
    "2025-11-18": "2025-12-16",
    "2025-11-25": "2025-12-19",
    "2025-12-02": "2025-12-23",
    "2025-12-09": "2025-12-30",
    "2025-12-16": "2026-01-06",
    "2025-12-23": "2026-01-09",
    "2025-12-30": "2026-01-13",
    "2026-01-06": "2026-01-16",
    "2026-01-13": "2026-01-20",
}
"""Report day and day of release of reports that did not come by rule."""
DISAGGREGATED_FROM: Final = "2009-09-01"
"""First disaggregated report, out on 2009-09-04 (CFTC, Disaggregated Explanatory Notes)."""
DISAGGREGATED_HISTORY: Final = "2009-10-20"
"""Day on which those of 2006-06-13 to `DISAGGREGATED_FROM` were published, all at once."""

EXPORT_SALES_EXCEPTIONS: Final[dict[str, str]] = {
    # Shutdown of October 2013: the USDA's plan as Reuters had it on October 18th. The first came
    # that day in the afternoon, so it counts from the next business day on.
    "2013-09-26": "2013-10-21",
    "2013-10-03": "2013-10-24",
    "2013-10-10": "2013-10-31",
    "2013-10-17": "2013-10-31",
    # Offices were closed on Monday 2018-01-22; an upper bound.
    "2018-01-18": "2018-01-26",
    # Shutdown of 2018-12-22 to 2019-01-25: one report a week, and six weeks in one on February
    # 22nd, as the press had them on those days.
    "2018-12-20": "2019-01-31",
    "2018-12-27": "2019-02-07",
    "2019-01-03": "2019-02-14",
    **dict.fromkeys(
        ("2019-01-10", "2019-01-17", "2019-01-24", "2019-01-31", "2019-02-07"), "2019-02-22"
    ),
    # The new system of August 2022: what came out on the 25th was withdrawn the same day, and four
    # weeks came on September 15th (fas.usda.gov, 2022-08-25; Farm Futures, 2022-09-15).
    **dict.fromkeys(("2022-08-18", "2022-08-25", "2022-09-01"), "2022-09-15"),
    # Shutdown of October 2025. No list of the FAS was found: days on which the press had a report.
    # Those of September 25th, October 2nd and 30th and November 27th are upper bounds, the business
    # day before the report that followed, or later.
    "2025-09-25": "2025-11-24",
    "2025-10-02": "2025-11-24",
    "2025-10-09": "2025-11-25",
    "2025-10-16": "2025-11-28",
    "2025-10-23": "2025-12-01",
    "2025-10-30": "2025-12-05",
    "2025-11-06": "2025-12-08",
    "2025-11-13": "2025-12-11",
    "2025-11-20": "2025-12-15",
    "2025-11-27": "2025-12-19",
    "2025-12-04": "2025-12-22",
    "2025-12-11": "2025-12-23",
    "2025-12-18": "2025-12-31",
    "2025-12-25": "2026-01-05",
}
"""Last day of a week, a Thursday, and day of release of what did not come by rule."""
WEEK: Final = 7
YEAR_END_MONTHS: Final = (6, 8, 9, 10)
"""Months that begin marketing years of the report: wheat, cotton and rice, soybeans, their oil."""
YEAR_ENDS_ON_THURSDAY: Final = np.datetime64("2024-01-01")
"""An older notice of the FAS has reports that close a marketing year out on Friday; in September
2024 one came on Thursday. When that changed was not found."""

RuleKind = Literal["business_day", "h10", "day", "week", "month", "quarter"]


@dataclass(frozen=True)
class ReleaseRule:
    """When the value of a reference day is known, always at `FRED_TIME`.

    Attributes
    ----------
    kind
        ``business_day``: the next business day. ``h10``: the following Monday, or Tuesday after a
        holiday. ``day``, ``week``, ``month``, ``quarter``: `lag_days` after the reference day
        (``day``, ``week``) or the end of its month or quarter, or the next business day.
    lag_days
        Calendar days.
    """

    kind: RuleKind
    lag_days: int = 0


_DAILY: Final = ReleaseRule("business_day")
_H10: Final = ReleaseRule("h10")
# Long enough for what the shutdowns of 2013 and 2018-19 delayed.
_MONTH: Final = ReleaseRule("month", 31)
_LATE_MONTH: Final = ReleaseRule("month", 65)
_QUARTER: Final = ReleaseRule("quarter", 62)

SERIES_RULES: Final[dict[str, ReleaseRule]] = {
    **dict.fromkeys(
        ("DFF", "DFII10", "DGS10", "DGS2", "DGS30", "DGS3MO", "T10Y2Y", "T10YIE", "T5YIE",
         "VIXCLS", "OVXCLS", "RRPONTSYD", "BAMLC0A0CM", "BAMLH0A0HYM2"), _DAILY,
    ),
    **dict.fromkeys(("DEXBZUS", "DEXCHUS", "DEXJPUS", "DEXUSEU", "DTWEXBGS"), _H10),
    # Spot prices of the EIA, a week at a time on Wednesdays.
    **dict.fromkeys(("DCOILBRENTEU", "DCOILWTICO"), ReleaseRule("day", 10)),
    **dict.fromkeys(("ICSA", "ANFCI", "STLFSI4"), ReleaseRule("week", 8)),
    **dict.fromkeys(("MORTGAGE30US", "GASREGW", "WALCL"), ReleaseRule("week", 2)),
    "WM2NS": ReleaseRule("week", 60),
    **dict.fromkeys(
        ("CPIAUCSL", "CPILFESL", "PPIFIS", "INDPRO", "AHETPI", "CIVPART", "PAYEMS", "U6RATE",
         "UNRATE", "FEDFUNDS", "BUSLOANS", "M2SL", "MICH", "UMCSENT"), _MONTH,
    ),
    **dict.fromkeys(
        ("HOUST", "HSN1F", "DGORDER", "RSXFS", "CFNAI", "PCEPILFE", "PALLFNFINDEXM", "PCOPPUSDM",
         "CSUSHPINSA", "JTSJOL"), _LATE_MONTH,
    ),
    **dict.fromkeys(("GDP", "GDPC1"), _QUARTER),
}  # fmt: skip
"""Release rule of each series: the calendars of the Federal Reserve, BLS, BEA and Census."""

BIOFUELS: Final = ReleaseRule("month", 65)
"""Petroleum Supply Monthly and Monthly Biofuels Capacity and Feedstocks Update of the EIA: out on
the last working day of the second month after, eia.gov, release schedules."""
STATION_DAYS: Final = 3
"""NOAA's daily station files hold most days after one to three days."""

NEVER: Final = {"USREC": "recessions are dated many months later, and back to their start"}
"""Series that no lag makes usable, and why."""

LATE_2025: Final = {"2025-09-30": 60, "2025-10-31": 60, "2025-11-30": 30}
"""Ends of periods that the shutdown of 2025 delayed, and further days to wait; upper bounds."""


@cache
def closed_days() -> DayArray:
    """Federal holidays and further days without federal offices, 1960 to 2040."""
    holidays = USFederalHolidayCalendar().holidays("1960-01-01", "2040-12-31")
    days = np.union1d(
        holidays.to_numpy().astype("datetime64[D]"),
        np.array(GOVERNMENT_CLOSED, dtype="datetime64[D]"),
    )
    return np.asarray(days, dtype="datetime64[D]")


def at_eastern(days: DayArray, wall: dt.time) -> pd.Series:
    """A wall time in New York on each day, ``datetime64[us, UTC]``."""
    local = pd.Series(days.astype("datetime64[us]")) + pd.Timedelta(
        hours=wall.hour, minutes=wall.minute
    )
    moments: pd.Series = local.dt.tz_localize(EASTERN).dt.tz_convert("UTC").dt.as_unit("us")
    return moments


def close_known_at(sessions: DayArray) -> pd.Series:
    """When the last trade of each session of soybean oil is known: at its scheduled close."""
    dates = pd.Series(sessions.astype("datetime64[us]"))
    return scheduled_closes(dates, get_instrument(TARGET_ROOT))


def day_over_known_at(days: DayArray) -> pd.Series:
    """When what a day brings is known wherever it was written: at 12:00 UTC of the next."""
    midnight = pd.Series(days.astype("datetime64[us]")).dt.tz_localize("UTC")
    known: pd.Series = (midnight + DAY_OVER).dt.as_unit("us")
    return known


def _business(days: DayArray, offset: int, roll: Literal["preceding", "following"]) -> DayArray:
    found = np.busday_offset(days, offset, roll=roll, holidays=closed_days())
    return np.asarray(found, dtype="datetime64[D]")


def _weekday(days: DayArray) -> IntArray:
    # 1970-01-01 was a Thursday.
    return np.asarray((days.astype("int64") + 3) % 7, dtype=np.int64)


def _later(days: DayArray, count: IntArray) -> DayArray:
    return np.asarray(days + count.astype("timedelta64[D]"), dtype="datetime64[D]")


def cot_release_days(report_days: DayArray) -> DayArray:
    """Day on which each report of the Commitments of Traders came out.

    The Friday of the report's week; where Wednesday, Thursday or Friday is a federal holiday, the
    next business day after that Friday. `COT_EXCEPTIONS` come before the rule.

    Parameters
    ----------
    report_days
        Days of the positions, Tuesdays but for holidays.
    """
    # A report of a Saturday or Sunday is none of the CFTC's; it waits for the next Friday.
    friday = _later(report_days, (4 - _weekday(report_days)) % 7)
    week = [friday - np.timedelta64(back, "D") for back in range(3)]
    delayed = np.isin(week, closed_days()).any(axis=0)
    days = np.where(delayed, _business(friday, 1, "preceding"), friday)
    return _with_exceptions(report_days, days, COT_EXCEPTIONS)


def _with_exceptions(days: DayArray, by_rule: DayArray, exceptions: Mapping[str, str]) -> DayArray:
    """Release days by rule, those of a table in their place."""
    special = np.array(list(exceptions), dtype="datetime64[D]")
    releases = np.array(list(exceptions.values()), dtype="datetime64[D]")
    order = np.argsort(special)
    at = np.clip(np.searchsorted(special[order], days), 0, len(special) - 1)
    exact = special[order][at] == days
    return np.asarray(np.where(exact, releases[order][at], by_rule), dtype="datetime64[D]")


def cot_known_at(report_days: DayArray) -> pd.Series:
    """When each report could be known, 15:30 in New York on its `cot_release_days`."""
    return at_eastern(cot_release_days(report_days), COT_TIME)


def disaggregated_known_at(report_days: DayArray) -> pd.Series:
    """When each disaggregated report could be known, with the legacy one of its day.

    Those before `DISAGGREGATED_FROM` were made later, all at once, and are known since 15:30 in New
    York on `DISAGGREGATED_HISTORY`.
    """
    later = report_days < np.datetime64(DISAGGREGATED_FROM)
    history = np.datetime64(DISAGGREGATED_HISTORY)
    days = np.where(later, history, cot_release_days(report_days))
    return at_eastern(np.asarray(days, dtype="datetime64[D]"), COT_TIME)


def export_sales_release_days(weeks: DayArray) -> DayArray:
    """Day on which the export sales of each week came out.

    The Thursday after; where one of the seven days up to it is a federal holiday, or the week ends
    a marketing year before `YEAR_ENDS_ON_THURSDAY`, the next business day after that Thursday.
    `EXPORT_SALES_EXCEPTIONS` come before the rule. The FAS moves its report for a holiday on a
    Friday or Monday, and says that it may move it for others: of those Friday is an upper bound.

    Parameters
    ----------
    weeks
        Last days of the weeks, Thursdays.
    """
    thursday = weeks + np.timedelta64(WEEK, "D")
    span = [weeks + np.timedelta64(ahead + 1, "D") for ahead in range(WEEK)]
    begins = (weeks + np.timedelta64(1, "D")).astype("datetime64[M]")
    since_end = (weeks - begins.astype("datetime64[D]")).astype("int64") + 1
    month = begins.astype("int64") % 12 + 1
    closes_year = (since_end < WEEK) & np.isin(month, YEAR_END_MONTHS)
    delayed = np.isin(span, closed_days()).any(axis=0)
    delayed |= closes_year & (weeks < YEAR_ENDS_ON_THURSDAY)
    days = np.where(delayed, _business(thursday, 1, "preceding"), thursday)
    return _with_exceptions(weeks, days, EXPORT_SALES_EXCEPTIONS)


def export_sales_known_at(weeks: DayArray) -> pd.Series:
    """When the sales of each week could be known, 8:30 in New York on their release day."""
    return at_eastern(export_sales_release_days(weeks), EXPORT_SALES_TIME)


def wasde_known_at(release_days: DayArray) -> pd.Series:
    """When each WASDE was out: 12:00 in New York since January 2013, 8:30 before."""
    noon = release_days >= np.datetime64("2013-01-01")
    early, late = (at_eastern(release_days, wall) for wall in WASDE_TIMES)
    return early.where(~noon, late)


def next_business_day_known_at(days: DayArray) -> pd.Series:
    """When a value of each day is known that is out by `FRED_TIME` of the next business day."""
    return at_eastern(_business(days, 1, "preceding"), FRED_TIME)


def series_known_at(series: str, days: DayArray) -> pd.Series:
    """When the value of a FRED series for each reference day could be known.

    Parameters
    ----------
    series
        A key of `SERIES_RULES`.
    days
        Reference days as FRED dates them: the first of a month or quarter.
    """
    return known_by_rule(SERIES_RULES[series], days)


def pink_sheet_known_at(months: DayArray) -> pd.Series:
    """When the World Bank's Pink Sheet of each month could be known.

    `PINK_SHEET_LAG_DAYS` after the end of the month, or the next business day, 16:15 in New York.

    Parameters
    ----------
    months
        First days of months.
    """
    ends = np.asarray(months.astype("datetime64[M]") + 1, dtype="datetime64[D]") - 1
    due = _later(ends, np.full(len(months), PINK_SHEET_LAG_DAYS))
    return at_eastern(_business(due, 0, "following"), FRED_TIME)


def station_known_at(days: DayArray) -> pd.Series:
    """When each day of a weather station could be known, 16:15 in New York `STATION_DAYS` later."""
    return at_eastern(np.asarray(days + np.timedelta64(STATION_DAYS, "D")), FRED_TIME)


def biofuel_known_at(months: DayArray) -> pd.Series:
    """When each month of the EIA's biofuels could be known, by `BIOFUELS`."""
    return known_by_rule(BIOFUELS, months)


def known_by_rule(rule: ReleaseRule, days: DayArray) -> pd.Series:
    """When the value of each reference day is known by a rule; see `series_known_at`."""
    if rule.kind == "business_day":
        return next_business_day_known_at(days)
    if rule.kind == "h10":
        return at_eastern(_business(_later(days, 7 - _weekday(days)), 0, "following"), FRED_TIME)
    ends = days
    lag = np.full(len(days), rule.lag_days)
    months = {"month": 1, "quarter": 3}.get(rule.kind)
    if months is not None:
        after = np.asarray(days.astype("datetime64[M]") + months, dtype="datetime64[D]")
        ends = np.asarray(after - np.timedelta64(1, "D"), dtype="datetime64[D]")
        for end, further in LATE_2025.items():
            lag = np.where(ends == np.datetime64(end), lag + further, lag)
    return at_eastern(_business(_later(ends, lag), 0, "following"), FRED_TIME)
