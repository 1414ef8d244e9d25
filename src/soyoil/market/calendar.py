"""Sessions that the exchange holds: which there should be, and which may end early.

Closures of the whole exchange, decreed ones among them, come from exchange-calendars (``CMES``).
It counts the holidays of the grains as shortened sessions of all products, and does not know
which eves end early, so those two come from `soyoil.market.holidays`.
"""

from __future__ import annotations

import datetime as dt
from functools import cache

import numpy as np
import pandas as pd

from soyoil.market.holidays import Days, grain_eves, grain_holidays
from soyoil.market.instruments import EXCHANGE_TZ, Instrument, get_instrument, keeps_grain_hours
from soyoil.market.sessions import scheduled_closes

CALENDAR = "CMES"
EARLY_CLOSE = dt.time(12, 0)
"""On days that may end early, the earliest scheduled end since 2010, wall time in Chicago."""
HOLIDAY_CLOSE = dt.time(9, 0)
"""On holidays of the grains the other products end from 08:15 on, by product and year."""


@cache
def _exchange(first: int, last: int) -> tuple[Days, Days]:
    """Sessions and early closes of the years from `first` to `last`."""
    # A second, so it is loaded only where sessions are made.
    import exchange_calendars

    calendar = exchange_calendars.get_calendar(
        CALENDAR, start=f"{first}-01-01", end=f"{last}-12-31"
    )
    return _days(calendar.sessions), _days(calendar.early_closes)


def _years(first: dt.date, last: dt.date) -> tuple[int, int]:
    # One span for all that is asked of usual data, so that it is computed once.
    return min(first.year, 2010), max(last.year, 2030)


def _days(index: pd.DatetimeIndex) -> Days:
    return np.asarray(index.to_numpy(), dtype="datetime64[D]")


def exchange_sessions(first: dt.date, last: dt.date) -> Days:
    """Days on which the exchange is open at all, ascending, ``datetime64[D]``.

    Parameters
    ----------
    first, last
        First and last day looked at, inclusive.
    """
    days, _ = _exchange(*_years(first, last))
    return days[(days >= np.datetime64(first)) & (days <= np.datetime64(last))]


def early_closes(first: dt.date, last: dt.date) -> Days:
    """Days on which a full session of any root may end early, ascending, ``datetime64[D]``.

    The early closes of the exchange's calendar and the eves on which grains closed early in
    some years, holidays of the grains not counted.
    """
    _, days = _exchange(*_years(first, last))
    days = np.setdiff1d(np.union1d(days, grain_eves()), grain_holidays())
    return days[(days >= np.datetime64(first)) & (days <= np.datetime64(last))]


def expected_sessions(root: str, first: dt.date, last: dt.date) -> Days:
    """Trade dates on which a root must have a session.

    Holidays of the grains are left out for every root: what other products trade in those
    shortened hours the vendor counts to the next session in some years. Days of mourning, on
    which some products rest and the grains do not, are left out for products other than grains.

    Parameters
    ----------
    root
        Exchange code.
    first, last
        First and last day looked at, inclusive.

    Returns
    -------
    Days
        ``datetime64[D]``, ascending; none before the root was listed.

    Raises
    ------
    ConfigError
        If the root is unknown.
    """
    listed = get_instrument(root).listed
    first = first if listed is None else max(first, listed)
    if first > last:
        return np.array([], dtype="datetime64[D]")
    if keeps_grain_hours(get_instrument(root)):
        return np.setdiff1d(_days(pd.bdate_range(first, last)), grain_holidays())
    return np.setdiff1d(exchange_sessions(first, last), grain_holidays())


def earliest_closes(dates: pd.Series, instrument: Instrument) -> pd.Series:
    """Earliest regular end of each session in UTC: the scheduled one but on special days.

    Parameters
    ----------
    dates
        Trade dates, tz-naive.
    instrument
        Supplies the scheduled closes.

    Returns
    -------
    Series
        ``datetime64[us, UTC]`` on the index of `dates`: `EARLY_CLOSE` on days that may end early,
        and for products other than grains `HOLIDAY_CLOSE` on holidays of the grains and on days
        that the exchange's calendar leaves out.
    """
    scheduled = scheduled_closes(dates, instrument)
    if dates.empty:
        return scheduled
    first, last = dates.min().date(), dates.max().date()
    days = dates.to_numpy(dtype="datetime64[D]")
    early = np.isin(days, early_closes(first, last))
    closes = scheduled.where(~early, _at(dates, EARLY_CLOSE))
    if keeps_grain_hours(instrument):
        return closes
    holiday = ~np.isin(days, np.setdiff1d(exchange_sessions(first, last), grain_holidays()))
    return closes.where(~holiday, _at(dates, HOLIDAY_CLOSE))


def _at(dates: pd.Series, wall: dt.time) -> pd.Series:
    local = dates + pd.Timedelta(hours=wall.hour, minutes=wall.minute)
    at: pd.Series = local.dt.tz_localize(EXCHANGE_TZ).dt.tz_convert("UTC").dt.as_unit("us")
    return at
