"""Sessions of the synthetic market.

Holidays follow the CME rules by formula: CBOT grains rest on every US market holiday, the
other markets only on New Year's Day, Good Friday and Christmas, with a shortened session on
the rest. That difference is what makes the alignment of roots by time a real task.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from soyoil.base.arrays import BoolArray, DayArray, IntArray
from soyoil.market.holidays import closed_everywhere, grain_holidays, thanksgivings
from soyoil.market.instruments import EXCHANGE_TZ, TARGET_ROOT, Instrument, get_instrument

GRAIN_OPEN_HOUR = 19
GLOBEX_OPEN_HOUR = 17
EARLY_LAST_HOUR = 12
HOLIDAY_LAST_HOUR = 11


@dataclass(frozen=True)
class Sessions:
    """Sessions of one root, arrays of one length.

    Attributes
    ----------
    dates
        Trade dates, ``datetime64[D]``, ascending.
    weekday_position
        Position of each trade date among all weekdays since the start of the span.
    open_utc
        Start of the first hourly bar, ``datetime64[us]``, UTC.
    bars
        Number of hourly bars.
    open_hour
        Wall hour in Chicago of the first bar, on the calendar day before the trade date.
    is_short
        Sessions that end early.
    near_holiday
        Sessions beside a weekday on which the grains rest.
    decided_bar
        Position of the last bar that has ended by the target root's scheduled close; at least
        one bar stands before and one after it.
    """

    dates: DayArray
    weekday_position: IntArray
    open_utc: DayArray
    bars: IntArray
    open_hour: int
    is_short: BoolArray
    near_holiday: BoolArray
    decided_bar: IntArray


def _early_closes(dates: DayArray) -> BoolArray:
    """Day after Thanksgiving, Christmas Eve, and 3 July before a weekday holiday."""
    index = pd.DatetimeIndex(dates)
    eve = (index.month == 12) & (index.day == 24)
    july = (index.month == 7) & (index.day == 3) & (index.dayofweek < 4)
    return np.asarray(np.isin(dates, thanksgivings() + 1) | eve | july, dtype=np.bool_)


def weekdays(start: dt.date, end: dt.date) -> DayArray:
    """Every Monday to Friday from `start` to `end`, inclusive, ``datetime64[D]``."""
    days = np.arange(np.datetime64(start, "D"), np.datetime64(end, "D") + 1)
    return days[np.is_busday(days)]


def _closing_minutes(dates: DayArray, instrument: Instrument) -> IntArray:
    """Scheduled close of each date, minutes after midnight in Chicago."""
    starts = np.array([rule.valid_from for rule in instrument.closes], dtype="datetime64[D]")
    minutes = np.array([rule.close.hour * 60 + rule.close.minute for rule in instrument.closes])
    position = np.searchsorted(starts, dates, side="right") - 1
    return np.asarray(minutes[position], dtype=np.int64)


def root_sessions(start: dt.date, end: dt.date, instrument: Instrument, grain: bool) -> Sessions:
    """Sessions of one root between two trade dates, inclusive.

    Parameters
    ----------
    start, end
        First and last day looked at.
    instrument
        Supplies the history of closing times.
    grain
        Whether the root keeps the CBOT grain calendar; otherwise it trades shortened sessions
        on the lesser holidays.
    """
    days = weekdays(start, end)
    closed = grain_holidays() if grain else closed_everywhere()
    position = np.flatnonzero(~np.isin(days, closed)).astype(np.int64)
    dates = days[position]
    # A close on the full hour ends the bar before it; 13:20 ends within the bar of 13:00.
    last = (_closing_minutes(dates, instrument) - 1) // 60
    early = _early_closes(dates)
    last = np.where(early, EARLY_LAST_HOUR, last)
    holiday = np.isin(dates, grain_holidays())
    last = np.where(holiday, HOLIDAY_LAST_HOUR, last)
    open_hour = GRAIN_OPEN_HOUR if grain else GLOBEX_OPEN_HOUR
    opens = dates.astype("datetime64[us]") - np.timedelta64(24 - open_hour, "h")
    # No clock change falls inside a session: clocks change on Sunday at 02:00, before the open.
    local = pd.DatetimeIndex(opens).tz_localize(EXCHANGE_TZ).tz_convert("UTC")
    bars = 24 - open_hour + last + 1
    decided = 24 - open_hour + _closing_minutes(dates, get_instrument(TARGET_ROOT)) // 60 - 1
    beside = [np.busday_offset(dates, step, roll="forward") for step in (-1, 1)]
    return Sessions(
        dates=dates,
        weekday_position=position,
        open_utc=np.asarray(local.tz_localize(None).to_numpy(), dtype="datetime64[us]"),
        bars=np.asarray(bars, dtype=np.int64),
        open_hour=open_hour,
        is_short=np.asarray(early | holiday, dtype=np.bool_),
        near_holiday=np.asarray(np.isin(beside, grain_holidays()).any(axis=0), dtype=np.bool_),
        decided_bar=np.asarray(np.clip(decided, 1, bars - 2), dtype=np.int64),
    )
