"""Commitments of Traders of the synthetic market."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import DayArray, FloatArray, IntArray
from soyoil.base.errors import ConfigError
from soyoil.external.readers.cftc import MARKETS, NAME
from soyoil.external.releases import GOVERNMENT_CLOSED, closed_days, cot_known_at
from soyoil.external.twins.market import TwinMarket, series_rows

TUESDAY: Final = np.datetime64("1970-01-06", "D")
_PERSISTENCE: Final = 0.9
_REACH: Final = 4.5
"""Standard deviations at which shares are cut, so that no side is negative."""
_NET: Final = (0.04, 0.08)
"""Mean and standard deviation of the net share of noncommercial traders."""
_GROSS, _SPREAD, _SMALL = 0.25, 0.12, 0.08


def cftc_twin(market: TwinMarket) -> pd.DataFrame:
    """Reports of every root that has a market; the driver is the net share of noncommercials.

    Raises
    ------
    ConfigError
        An effect is planted, and the target has no market in the report.
    """
    planted = market.planted is not None and market.planted.source == NAME
    if planted and market.target not in MARKETS:
        raise ConfigError(
            f"external.planted.source={NAME} needs a target with a market in the report; "
            f"{market.target} has none. Known: {', '.join(MARKETS)}."
        )
    days = report_days(market)
    known_at = cot_known_at(days)
    parts = []
    for root, code in MARKETS.items():
        if root == market.target:
            net = market.driver(NAME, code, days, known_at, _PERSISTENCE)
        else:
            net = market.steady(NAME, code, len(days), _PERSISTENCE, "driver")
        values = _sides(market, code, net)
        parts.append(series_rows(("market_code", code), days, known_at, values))
    return market.known(pd.concat(parts, ignore_index=True))


def report_days(market: TwinMarket) -> DayArray:
    """Tuesdays, or the day before where a Tuesday is a federal holiday."""
    days = market.days()
    tuesdays = days[(days - TUESDAY).astype("int64") % 7 == 0]
    extra = np.array(GOVERNMENT_CLOSED, dtype="datetime64[D]")
    holiday = np.isin(tuesdays, np.setdiff1d(closed_days(), extra))
    return np.asarray(tuesdays - holiday.astype("timedelta64[D]"), dtype="datetime64[D]")


def _sides(market: TwinMarket, code: str, net: FloatArray) -> dict[str, IntArray]:
    """Positions of all traders; the long sides and the short ones add up to the open interest."""
    count = len(net)
    level = market.noise(NAME, code, "size").uniform(np.log(80_000), np.log(600_000))
    interest = np.exp(level + 0.25 * market.steady(NAME, code, count, 0.98, "open interest"))
    total = np.rint(interest).astype(np.int64)
    tilt = _NET[0] + _NET[1] * np.clip(net, -_REACH, _REACH)
    small = 0.015 * np.clip(market.steady(NAME, code, count, 0.9, "small"), -_REACH, _REACH)

    def contracts(share: FloatArray) -> IntArray:
        return np.rint(share * total).astype(np.int64)

    spread = contracts(np.full(count, _SPREAD))
    noncommercial = [contracts(_GROSS + sign * tilt / 2) for sign in (1, -1)]
    nonreportable = [contracts(_SMALL + sign * small / 2) for sign in (1, -1)]
    commercial = [
        total - spread - big - rest for big, rest in zip(noncommercial, nonreportable, strict=True)
    ]
    return {
        "open_interest": total,
        "noncommercial_long": noncommercial[0],
        "noncommercial_short": noncommercial[1],
        "noncommercial_spread": spread,
        "commercial_long": commercial[0],
        "commercial_short": commercial[1],
        "nonreportable_long": nonreportable[0],
        "nonreportable_short": nonreportable[1],
    }
