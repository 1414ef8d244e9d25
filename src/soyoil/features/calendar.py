"""What the calendar says: season, the next WASDE, the next first notice, the last roll.

It is known long before and has a value on every row, without any source. Models get the group only
where ``fit.feature_groups`` names it: season is the one thing here that a model could take for
knowledge about a year.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from soyoil.base.arrays import FloatArray
from soyoil.external.schedule import days_until, first_notice_days, wasde_schedule
from soyoil.features.registry import SymbolBars, feature

YEAR: Final = 365.25


def _season(bars: SymbolBars) -> FloatArray:
    """Angle of the day of the year, 0 on January 1st."""
    start = bars.dates.astype("datetime64[Y]").astype("datetime64[D]")
    day = (bars.dates.astype("datetime64[D]") - start).astype("float64")
    return np.asarray(2.0 * np.pi * day / YEAR)


@feature("calendar.season_sin", formula="sin(2 pi (day of the year - 1) / 365.25)", history=1)
def season_sin(bars: SymbolBars) -> FloatArray:
    """Sine of the season; highest in early April."""
    return np.sin(_season(bars))


@feature("calendar.season_cos", formula="cos(2 pi (day of the year - 1) / 365.25)", history=1)
def season_cos(bars: SymbolBars) -> FloatArray:
    """Cosine of the season; highest in early January."""
    return np.cos(_season(bars))


@feature(
    "calendar.days_to_wasde",
    formula="calendar days to the next scheduled WASDE after the trade date",
    history=1,
)
def days_to_wasde(bars: SymbolBars) -> FloatArray:
    """On its own day a release is out before the close, so the next one counts."""
    return days_until(wasde_schedule(), bars.dates, same_day=False).astype("float64")


@feature(
    "calendar.days_to_first_notice",
    formula="calendar days to the next first notice day of a soybean oil contract, 0 on it",
    history=1,
)
def days_to_first_notice(bars: SymbolBars) -> FloatArray:
    """Of the calendar's front month: bars name no delivery month."""
    return days_until(first_notice_days(), bars.dates, same_day=True).astype("float64")


@feature(
    "calendar.days_since_roll",
    formula="calendar days since the last change of the row's own contract, 0 on it",
    history=2,
)
def days_since_roll(bars: SymbolBars) -> FloatArray:
    """NaN before the first change."""
    days = bars.dates.astype("datetime64[D]").astype("int64")
    last = np.maximum.accumulate(np.where(bars.is_roll, days, np.iinfo(np.int64).min))
    known = last > np.iinfo(np.int64).min
    return np.where(known, days - np.where(known, last, 0), np.nan)
