"""Trade dates and closing times of CME sessions.

The trade date of a moment is its wall time in Chicago plus seven hours, date part: the
session that opens on Sunday or at 17:00-19:00 belongs to the next business day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pandas as pd

from soyoil.market.instruments import EXCHANGE_TZ, Instrument

UTC_US = "datetime64[us, UTC]"
DATE_US = "datetime64[us]"


def to_utc_us(values: pd.Series) -> pd.Series:
    """Convert timestamps of any unit to ``datetime64[us, UTC]``.

    Raises
    ------
    ValueError
        If the timestamps have no time zone.
    """
    if getattr(values.dtype, "tz", None) is None:
        raise ValueError(f"timestamps {values.name!r} have no time zone")
    converted: pd.Series = values.dt.tz_convert("UTC").dt.as_unit("us")
    return converted


def wall_time(ts_event: pd.Series) -> pd.Series:
    """Wall time in Chicago, tz-naive ``datetime64[us]``."""
    local: pd.Series = to_utc_us(ts_event).dt.tz_convert(EXCHANGE_TZ).dt.tz_localize(None)
    return local


def trade_dates(ts_event: pd.Series) -> pd.Series:
    """Trade date of each moment, tz-naive ``datetime64[us]`` at midnight.

    A Sunday before 17:00 CT (a pre-open print) keeps its own date here; `session_bars`
    decides what becomes of bars whose trade date is no weekday.
    """
    return (wall_time(ts_event) + pd.Timedelta(hours=7)).dt.normalize()


def scheduled_closes(dates: pd.Series, instrument: Instrument) -> pd.Series:
    """Scheduled close of each trade date in UTC.

    Parameters
    ----------
    dates
        Trade dates, tz-naive.
    instrument
        Supplies the history of closing times.

    Returns
    -------
    Series
        ``datetime64[us, UTC]`` on the index of `dates`.
    """
    rules = [(rule.valid_from, rule.close) for rule in instrument.closes]
    return _on_schedule(dates, rules)


def scheduled_opens(dates: pd.Series, instrument: Instrument) -> pd.Series:
    """Scheduled open of each trade date in UTC: in the evening before it.

    Parameters
    ----------
    dates
        Trade dates, tz-naive.
    instrument
        Supplies the history of opening times.

    Returns
    -------
    Series
        ``datetime64[us, UTC]`` on the index of `dates`.
    """
    rules = [(rule.valid_from, rule.open) for rule in instrument.opens]
    return _on_schedule(dates, rules, days_before=1)


def _on_schedule(
    dates: pd.Series, rules: Sequence[tuple[dt.date, dt.time]], days_before: int = 0
) -> pd.Series:
    starts = np.array([valid_from for valid_from, _ in rules], dtype="datetime64[us]")
    offsets = np.array(
        [(wall.hour * 60 + wall.minute) * 60_000_000 for _, wall in rules], dtype="timedelta64[us]"
    )
    days = dates.to_numpy(dtype="datetime64[us]")
    rule = np.searchsorted(starts, days, side="right") - 1
    local = pd.Series(days - np.timedelta64(days_before, "D") + offsets[rule], index=dates.index)
    return local.dt.tz_localize(EXCHANGE_TZ).dt.tz_convert("UTC").dt.as_unit("us")


def decision_times(
    dates: pd.Series, last_bar_start: pd.Series, instrument: Instrument
) -> pd.Series:
    """Close of each session in UTC, shortened sessions included.

    A session whose last hourly bar starts more than 60 minutes before the scheduled close
    closed early (holiday eves). Hourly bars show the hour only, so the earliest possible
    close is taken: five minutes into the last bar. Other markets cut at that time can then
    never be ahead of the close from which the label starts.

    Parameters
    ----------
    dates
        Trade dates, tz-naive.
    last_bar_start
        Start of each session's last hourly bar, UTC, same index as `dates`.
    instrument
        The root whose close is wanted.
    """
    scheduled = scheduled_closes(dates, instrument)
    early = to_utc_us(last_bar_start) + pd.Timedelta(minutes=5)
    return scheduled.where(scheduled - last_bar_start <= pd.Timedelta(minutes=60), early)
