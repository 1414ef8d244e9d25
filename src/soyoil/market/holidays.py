"""Holidays of the CME by rule.

CBOT grains rest on every US market holiday, the other markets only on New Year's Day, Good
Friday and Christmas, with a shortened session on the rest. Single closures by decree (days of
mourning, September 2001) are not in here.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
from pandas.tseries.holiday import (
    AbstractHolidayCalendar,
    GoodFriday,
    Holiday,
    USLaborDay,
    USMartinLutherKingJr,
    USMemorialDay,
    USPresidentsDay,
    USThanksgivingDay,
    nearest_workday,
    sunday_to_monday,
)

from soyoil.base.arrays import DayArray
from soyoil.market.instruments import get_instrument, keeps_grain_hours

Days = DayArray

# New Year's Day on a Saturday is not observed on the Friday before by the exchange.
_ALWAYS_CLOSED = [
    Holiday("New Year's Day", month=1, day=1, observance=sunday_to_monday),
    Holiday("Christmas", month=12, day=25, observance=nearest_workday),
]
_CLOSED_EVERYWHERE = [*_ALWAYS_CLOSED, GoodFriday]
_CLOSED_FOR_GRAINS = [
    USMartinLutherKingJr,
    USPresidentsDay,
    USMemorialDay,
    Holiday(
        "Juneteenth",
        month=6,
        day=19,
        start_date=pd.Timestamp(2022, 1, 1),
        observance=nearest_workday,
    ),
    Holiday("Independence Day", month=7, day=4, observance=nearest_workday),
    USLaborDay,
    USThanksgivingDay,
]
FIRST, LAST = pd.Timestamp(1999, 12, 1), pd.Timestamp(2050, 12, 31)
"""Span of the rules."""


def _holidays(rules: list[Holiday]) -> Days:
    calendar = AbstractHolidayCalendar(name="cme", rules=rules)
    days = calendar.holidays(FIRST, LAST)
    return np.asarray(days.to_numpy(), dtype="datetime64[D]")


@cache
def closed_everywhere() -> Days:
    """Days on which no root trades a full session, ``datetime64[D]``."""
    return _holidays(_CLOSED_EVERYWHERE)


@cache
def grain_holidays() -> Days:
    """Weekdays without a CBOT grain session, ``datetime64[D]``."""
    return np.union1d(closed_everywhere(), _holidays(_CLOSED_FOR_GRAINS))


@cache
def thanksgivings() -> Days:
    """Thanksgiving days, ``datetime64[D]``."""
    return _holidays([USThanksgivingDay])


@cache
def grain_eves() -> Days:
    """Days on which a grain session may end at noon, ``datetime64[D]``.

    The day after Thanksgiving, the last session before Independence Day and before Christmas
    (not in every year: which ones the exchange says year by year), and New Year's Eve to 2010.
    """
    closed = grain_holidays()
    month = closed.astype("datetime64[M]").astype("int64") % 12
    eves = np.busday_offset(closed[np.isin(month, (6, 11))] - 1, 0, "backward", holidays=closed)
    years = np.arange(FIRST.year, 2011)
    new_years_eves = np.array([f"{year}-12-31" for year in years], dtype="datetime64[D]")
    return np.unique(np.concatenate([thanksgivings() + 1, eves, new_years_eves]))


@cache
def never_open() -> Days:
    """Days on which no root has any bar: some trade for hours on a Good Friday."""
    return _holidays(_ALWAYS_CLOSED)


def sessionless_days(root: str) -> Days:
    """Weekdays on which a root cannot have a session, ``datetime64[D]``, 2000 to 2050.

    Raises
    ------
    ConfigError
        If the root is unknown.
    """
    return grain_holidays() if keeps_grain_hours(get_instrument(root)) else never_open()
