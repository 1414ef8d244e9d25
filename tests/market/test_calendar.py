"""The exchange's calendar, its rules and the library, held against each other."""

from __future__ import annotations

import datetime as dt

import exchange_calendars
import numpy as np
import pandas as pd
import pytest

from soyoil.market.calendar import (
    earliest_closes,
    early_closes,
    exchange_sessions,
    expected_sessions,
)
from soyoil.market.holidays import Days, closed_everywhere, grain_eves, grain_holidays
from soyoil.market.instruments import get_instrument
from soyoil.market.sessions import scheduled_opens

FIRST, LAST = dt.date(2010, 1, 1), dt.date(2026, 12, 31)
MOURNING = ["2018-12-05", "2025-01-09"]
SANDY = ["2012-10-29", "2012-10-30"]


def weekdays() -> Days:
    days = np.arange(FIRST, LAST + dt.timedelta(days=1), dtype="datetime64[D]")
    return days[np.is_busday(days)]


def listed(days: Days) -> list[str]:
    return [str(day) for day in days]


def test_the_library_and_the_rules_agree_on_closures_of_the_exchange() -> None:
    """But for days of mourning, which no rule foresees."""
    closed = np.setdiff1d(weekdays(), exchange_sessions(FIRST, LAST))
    ruled = np.intersect1d(closed_everywhere(), weekdays())
    assert listed(np.setxor1d(closed, ruled)) == MOURNING


def test_grains_rest_on_the_holidays_of_the_stock_exchange() -> None:
    """New York's calendar is the library's only one with all US market holidays."""
    stocks = exchange_calendars.get_calendar("XNYS", str(FIRST), str(LAST)).sessions
    closed = np.setdiff1d(weekdays(), stocks.to_numpy().astype("datetime64[D]"))
    ruled = np.intersect1d(grain_holidays(), weekdays())
    assert listed(np.setxor1d(closed, ruled)) == SANDY + MOURNING


def test_the_rules_know_every_early_close_of_the_library() -> None:
    calendar = exchange_calendars.get_calendar("CMES", str(FIRST), str(LAST))
    known = calendar.early_closes.to_numpy().astype("datetime64[D]")
    assert len(known) == 129
    assert np.isin(known, np.union1d(grain_holidays(), grain_eves())).all()
    found = early_closes(FIRST, LAST)
    assert np.isin(np.setdiff1d(known, grain_holidays()), found).all()
    assert not np.isin(found, grain_holidays()).any()


@pytest.mark.parametrize(
    "day",
    ["2010-12-31", "2012-07-03", "2015-07-02", "2016-12-23", "2017-12-22", "2020-07-02",
     "2022-11-25", "2019-12-24"],
)  # fmt: skip
def test_early_closes_of_grains_on_literal_dates(day: str) -> None:
    date = dt.date.fromisoformat(day)
    assert listed(early_closes(date, date)) == [day]


@pytest.mark.parametrize(
    ("root", "day", "held"),
    [
        ("ZL", "2018-12-05", True),
        ("ES", "2018-12-05", False),
        ("CL", "2012-10-29", True),
        ("ZL", "2022-06-20", False),
        ("ZL", "2021-06-18", True),
        ("ZL", "2024-03-29", False),
        ("CL", "2024-07-04", False),
        ("MES", "2019-05-03", False),
        ("MES", "2019-05-06", True),
        ("ZL", "2024-01-06", False),
    ],
)
def test_expected_sessions_on_literal_dates(root: str, day: str, held: bool) -> None:
    date = dt.date.fromisoformat(day)
    found = expected_sessions(root, date - dt.timedelta(days=3), date + dt.timedelta(days=3))
    assert (day in listed(found)) is held


@pytest.mark.parametrize(
    ("root", "date", "wall"),
    [
        ("ZL", "2023-02-15", "13:20"),
        ("ZL", "2023-11-24", "12:00"),
        ("CL", "2023-11-24", "12:00"),
        ("CL", "2023-11-23", "09:00"),
        ("ES", "2021-04-02", "09:00"),
        ("ES", "2018-12-05", "09:00"),
        ("ZL", "2018-12-05", "13:20"),
        ("CL", "2023-02-15", "16:00"),
    ],
)
def test_earliest_closes_on_literal_dates(root: str, date: str, wall: str) -> None:
    dates = pd.Series(pd.to_datetime([date]).as_unit("us"))
    found = earliest_closes(dates, get_instrument(root)).dt.tz_convert("America/Chicago")
    assert found.iloc[0].strftime("%F %H:%M") == f"{date} {wall}"


@pytest.mark.parametrize(
    ("root", "date", "opens"),
    [
        ("ZL", "2012-05-18", "2012-05-17 18:00"),
        ("ZL", "2012-05-21", "2012-05-20 17:00"),
        ("ZL", "2013-04-05", "2013-04-04 17:00"),
        ("ZL", "2013-04-08", "2013-04-07 19:00"),
        ("CL", "2024-07-08", "2024-07-07 17:00"),
    ],
)
def test_scheduled_opens_on_literal_dates(root: str, date: str, opens: str) -> None:
    dates = pd.Series(pd.to_datetime([date]).as_unit("us"))
    found = scheduled_opens(dates, get_instrument(root)).dt.tz_convert("America/Chicago")
    assert found.iloc[0].strftime("%F %H:%M") == opens
