"""Days that are known long before they come: WASDE, notices and last trades of soybean oil."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np

from soyoil.base.arrays import DayArray, IntArray
from soyoil.external.releases import closed_days

WASDE_DAYS: Final = {
    2010: (12, 9, 10, 9, 11, 10, 9, 12, 10, 8, 9, 10),
    2011: (12, 9, 10, 8, 11, 9, 12, 11, 12, 12, 9, 9),
    2012: (12, 9, 9, 10, 10, 12, 11, 10, 12, 11, 9, 11),
    2013: (11, 8, 8, 10, 10, 12, 11, 12, 12, 11, 8, 10),
    2014: (10, 10, 10, 9, 9, 11, 11, 12, 11, 10, 10, 10),
    2015: (12, 10, 10, 9, 12, 10, 10, 12, 11, 9, 10, 9),
    2016: (12, 9, 9, 12, 10, 10, 12, 12, 12, 12, 9, 9),
    2017: (12, 9, 9, 11, 10, 9, 12, 10, 12, 12, 9, 12),
    2018: (12, 8, 8, 10, 10, 12, 12, 10, 12, 11, 8, 11),
    2019: (11, 8, 8, 9, 10, 11, 11, 12, 12, 10, 8, 10),
    2020: (10, 11, 10, 9, 12, 11, 10, 12, 11, 9, 10, 10),
    2021: (12, 9, 9, 9, 12, 10, 12, 12, 10, 12, 9, 9),
    2022: (12, 9, 9, 8, 12, 10, 12, 12, 12, 12, 9, 9),
    2023: (12, 8, 8, 11, 12, 9, 12, 11, 12, 12, 9, 8),
    2024: (12, 8, 8, 11, 10, 12, 12, 12, 12, 11, 8, 10),
    2025: (10, 11, 11, 10, 12, 12, 11, 12, 12, 9, 10, 9),
}
"""Day of each month's WASDE as the USDA's schedule of the year before had it.

Days that did not come (October 2013, January 2019, October 2025) or came later (November 2025)
stand as they were scheduled: the change was not known long before.
"""
WASDE_BY_RULE: Final = 11
"""In years without a schedule the release is taken for this day, or the next business day.

All releases since 2010 were on the 8th to the 12th.
"""
FIRST: Final = 1990
LAST: Final = 2045
DELIVERY_MONTHS: Final = (1, 3, 5, 7, 8, 9, 10, 12)
"""Months F, H, K, N, Q, U, V and Z of soybean oil."""


@cache
def wasde_schedule() -> DayArray:
    """Scheduled days of WASDE from `FIRST` to `LAST`, ascending, ``datetime64[D]``."""
    months = np.arange(f"{FIRST}-01", f"{LAST + 1}-01", dtype="datetime64[M]")
    days = np.busday_offset(
        months.astype("datetime64[D]") + (WASDE_BY_RULE - 1),
        0,
        roll="following",
        holidays=closed_days(),
    )
    start = (min(WASDE_DAYS) - FIRST) * 12
    listed = np.array([day for year in sorted(WASDE_DAYS) for day in WASDE_DAYS[year]])
    span = slice(start, start + len(listed))
    days[span] = months[span].astype("datetime64[D]") + (listed - 1)
    return np.asarray(days, dtype="datetime64[D]")


@cache
def first_notice_days() -> DayArray:
    """First notice days of soybean oil from `FIRST` to `LAST`, ascending, ``datetime64[D]``.

    The last business day of the month before the delivery month (CBOT rulebook, chapters 7 and
    12). Months before a delivery month end on no holiday of the exchange, so weekdays are enough.
    """
    months = np.arange(f"{FIRST}-01", f"{LAST + 1}-01", dtype="datetime64[M]")
    number = months.astype("int64") % 12 + 1
    starts = months[np.isin(number, DELIVERY_MONTHS)].astype("datetime64[D]")
    return first_notices(starts)


def first_notices(months: DayArray) -> DayArray:
    """First notice day of each delivery month: the last business day of the month before.

    Parameters
    ----------
    months
        First days of delivery months, ``datetime64[D]``.
    """
    return np.asarray(np.busday_offset(months, -1, roll="forward"), dtype="datetime64[D]")


def last_trades(months: DayArray) -> DayArray:
    """Last trade day of each delivery month: the business day before the 15th (CBOT, chapter 12).

    Parameters
    ----------
    months
        First days of delivery months, ``datetime64[D]``.
    """
    days = np.busday_offset(months + 14, -1, roll="forward", holidays=closed_days())
    return np.asarray(days, dtype="datetime64[D]")


def days_until(days: DayArray, dates: DayArray, *, same_day: bool) -> IntArray:
    """Calendar days from each date to the next of some days.

    Parameters
    ----------
    days
        Ascending.
    dates
        Dates that none of which is after the last of `days`.
    same_day
        Whether a date that is one of `days` is 0 days away, or waits for the next.
    """
    at = np.searchsorted(days, dates, side="left" if same_day else "right")
    return np.asarray((days[at] - dates).astype("int64"), dtype=np.int64)
