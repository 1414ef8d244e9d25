"""WASDE of the synthetic market: balances that add up, one release a month."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import DayArray, FloatArray, IntArray
from soyoil.external.readers.usda import FIRST_MONTH, NAME
from soyoil.external.releases import wasde_known_at
from soyoil.external.schedule import wasde_schedule
from soyoil.external.twins.market import TwinMarket, series_rows, vintage_days

NO_RELEASE: Final = ("2013-10", "2019-01", "2025-10")
"""Months in which none came out."""
NEW_YEAR_MONTH: Final = 5
"""Month whose release first forecasts the marketing year of that autumn."""
YEARS: Final = 3
"""Marketing years that a release holds."""

_SIZES: Final = {
    "soybeans": (3_600.0, 0.10, {"crush": 0.50, "exports": 0.46, "seed": 0.03}, "residual"),
    "soybean_oil": (
        19_500.0, 0.09, {"exports": 0.08, "biofuel": 0.40}, "food_feed_other_industrial",
    ),
    "soybean_meal": (40_000.0, 0.01, {"exports": 0.26}, "domestic_total"),
}  # fmt: skip
"""Use of a year, stocks over use, shares of single uses, and the use that takes the rest."""
DRIVEN: Final = "soybean_oil"


def usda_twin(market: TwinMarket) -> pd.DataFrame:
    """Every release; the driver is the log of the oil's stocks over use of the newest year."""
    days = release_days(market)
    known_at = wasde_known_at(days)
    parts = []
    for commodity in _SIZES:
        if commodity == DRIVEN:
            tilt = market.driver(NAME, commodity, days, known_at, 0.9)
        else:
            tilt = market.steady(NAME, commodity, len(days), 0.9, "driver")
        parts += _commodity(market, commodity, days, tilt)
    return market.known(pd.concat(parts, ignore_index=True))


def release_days(market: TwinMarket) -> DayArray:
    """Days of the schedule, of its year or the rule beyond, none in `NO_RELEASE`."""
    months, days = market.months(), wasde_schedule()
    month = days.astype("datetime64[M]")
    out = np.isin(month, months.astype("datetime64[M]"))
    out &= ~np.isin(month, np.array(NO_RELEASE, "datetime64[M]"))
    return np.asarray(days[out], dtype="datetime64[D]")


def newest_years(days: DayArray) -> IntArray:
    """Calendar year in which the newest marketing year of each release begins."""
    year = days.astype("datetime64[Y]").astype(np.int64) + 1970
    month = days.astype("datetime64[M]").astype(np.int64) % 12 + 1
    return np.asarray(year - (month < NEW_YEAR_MONTH), dtype=np.int64)


def _commodity(
    market: TwinMarket, commodity: str, days: DayArray, tilt: FloatArray
) -> list[pd.DataFrame]:
    newest = newest_years(days)
    first = int(newest[0]) - YEARS
    known_at = wasde_known_at(days)
    vintage = vintage_days(known_at)
    # What a year was last forecast at stays its value; years before the first release have noise.
    last = pd.Series(tilt).groupby(newest).last()
    early = market.steady(NAME, commodity, YEARS + 1, 0.5, "years before")
    settled = pd.Series(early, index=range(first, first + len(early)))
    settled = last.combine_first(settled)
    values = settled.to_numpy(dtype="float64")
    offset = int(settled.index[0])
    parts = []
    for back in range(YEARS):
        year = newest - back
        ratio = np.asarray(tilt if back == 0 else values[year - offset], dtype=np.float64)
        before = np.asarray(values[year - 1 - offset], dtype=np.float64)
        figures = _balance(market, commodity, year, (ratio, before))
        start = pd.Series(year).astype("str") + f"-{FIRST_MONTH[commodity]}-01"
        starts = start.to_numpy().astype("datetime64[D]")
        parts += [
            series_rows(
                ("series_id", f"{commodity}.{name}"),
                starts,
                known_at,
                {"value": np.round(figure, 3)},
                vintage,
            )
            for name, figure in figures.items()
        ]
    return parts


def _balance(
    market: TwinMarket, commodity: str, year: IntArray, tilts: tuple[FloatArray, FloatArray]
) -> dict[str, FloatArray]:
    """Supply and use of marketing years: beginning + production + imports = use + ending."""
    size, share, uses, rest = _SIZES[commodity]

    def use_of(years: IntArray) -> FloatArray:
        return np.asarray(size * 1.015 ** (years - 2010), dtype=np.float64)

    use = use_of(year)
    ending = share * np.exp(0.25 * tilts[0]) * use
    beginning = share * np.exp(0.25 * tilts[1]) * use_of(year - 1)
    imports = 0.005 * use
    figures = {name: part * use for name, part in uses.items()}
    figures[rest] = use - sum(figures.values())
    if commodity == DRIVEN:
        figures["domestic_total"] = use - figures["exports"]
    return {
        "beginning_stocks": beginning,
        "imports": imports,
        "production": use + ending - beginning - imports,
        "supply_total": use + ending,
        **figures,
        "use_total": use,
        "ending_stocks": ending,
    }
