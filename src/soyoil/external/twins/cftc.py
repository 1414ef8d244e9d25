"""Commitments of Traders of the synthetic market."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import DayArray, FloatArray, IntArray
from soyoil.base.errors import ConfigError
from soyoil.external.readers.cftc import DISAGGREGATED, LEGACY, Report
from soyoil.external.releases import GOVERNMENT_CLOSED, closed_days
from soyoil.external.twins.market import TwinMarket, series_rows

TUESDAY: Final = np.datetime64("1970-01-06", "D")
_PERSISTENCE: Final = 0.9
_REACH: Final = 4.5
"""Standard deviations at which shares are cut, so that no side is negative."""
_NET: Final = (0.04, 0.08)
"""Mean and standard deviation of the net share of noncommercial traders, or of managed money."""
_GROSS, _SPREAD, _SMALL = 0.25, 0.12, 0.08
_SPREADS: Final = {"managed_money": 0.08, "swap_dealer": 0.01, "other_reportable": 0.03}
"""`_SPREAD` by kind of trader of the disaggregated report."""
_DEALERS: Final = (0.10, 0.02)
"""Mean and standard deviation of the net share of swap dealers."""
_DEALERS_GROSS, _OTHER_GROSS = 0.10, 0.04

Sides = Callable[[TwinMarket, str, FloatArray], dict[str, IntArray]]


def cftc_twin(market: TwinMarket) -> pd.DataFrame:
    """Reports of every root that has a market; the driver is the net share of noncommercials.

    Raises
    ------
    ConfigError
        An effect is planted, and the target has no market in the report.
    """
    return _twin(LEGACY, _legacy, market)


def disaggregated_twin(market: TwinMarket) -> pd.DataFrame:
    """Disaggregated reports; the driver is the net share of managed money.

    Open interest and positions too small to be reported are those of `cftc_twin`, all else is drawn
    anew: managed money and other reportables are not the noncommercial traders of the other twin.

    Raises
    ------
    ConfigError
        An effect is planted, and the target has no market in the report.
    """
    return _twin(DISAGGREGATED, _disaggregated, market)


def _twin(report: Report, sides: Sides, market: TwinMarket) -> pd.DataFrame:
    name = report.name
    planted = market.planted is not None and market.planted.source == name
    if planted and market.target not in report.markets:
        raise ConfigError(
            f"external.planted.source={name} needs a target with a market in the report; "
            f"{market.target} has none. Known: {', '.join(report.markets)}."
        )
    days = report_days(market)
    known_at = report.known_at(days)
    parts = []
    for root, code in report.markets.items():
        if root == market.target:
            net = market.driver(name, code, days, known_at, _PERSISTENCE)
        else:
            net = market.steady(name, code, len(days), _PERSISTENCE, "driver")
        values = sides(market, code, net)
        parts.append(series_rows(("market_code", code), days, known_at, values))
    return market.known(pd.concat(parts, ignore_index=True))


def report_days(market: TwinMarket) -> DayArray:
    """Tuesdays, or the day before where a Tuesday is a federal holiday."""
    days = market.days()
    tuesdays = days[(days - TUESDAY).astype("int64") % 7 == 0]
    extra = np.array(GOVERNMENT_CLOSED, dtype="datetime64[D]")
    holiday = np.isin(tuesdays, np.setdiff1d(closed_days(), extra))
    return np.asarray(tuesdays - holiday.astype("timedelta64[D]"), dtype="datetime64[D]")


def _total(market: TwinMarket, code: str, count: int) -> IntArray:
    """Open interest, alike in both reports."""
    level = market.noise(LEGACY.name, code, "size").uniform(np.log(80_000), np.log(600_000))
    wave = market.steady(LEGACY.name, code, count, 0.98, "open interest")
    return np.rint(np.exp(level + 0.25 * wave)).astype(np.int64)


def _small(market: TwinMarket, code: str, count: int) -> FloatArray:
    """Net share of positions too small to be reported, alike in both reports."""
    return 0.015 * _cut(market.steady(LEGACY.name, code, count, 0.9, "small"))


def _cut(noise: FloatArray) -> FloatArray:
    return np.clip(noise, -_REACH, _REACH)


def _sides(total: IntArray, kind: str, gross: float, net: FloatArray) -> dict[str, IntArray]:
    """Long and short positions of a kind of trader, each `gross` on average of its net share."""
    return {
        f"{kind}_{side}": np.rint((gross + sign * net / 2) * total).astype(np.int64)
        for side, sign in (("long", 1), ("short", -1))
    }


def _completed(report: Report, rest: str, values: dict[str, IntArray]) -> dict[str, IntArray]:
    """Positions in the order of the report; `rest` holds what makes the open interest whole."""
    whole = dict(values)
    for side in ("long", "short"):
        others = [name for name in report.side(side) if name != f"{rest}_{side}"]
        whole[f"{rest}_{side}"] = values["open_interest"] - sum(values[name] for name in others)
    return {name: whole[name] for name in report.values}


def _legacy(market: TwinMarket, code: str, net: FloatArray) -> dict[str, IntArray]:
    total = _total(market, code, len(net))
    values = {
        "open_interest": total,
        "noncommercial_spread": np.rint(_SPREAD * total).astype(np.int64),
        **_sides(total, "noncommercial", _GROSS, _NET[0] + _NET[1] * _cut(net)),
        **_sides(total, "nonreportable", _SMALL, _small(market, code, len(net))),
    }
    return _completed(LEGACY, "commercial", values)


def _disaggregated(market: TwinMarket, code: str, net: FloatArray) -> dict[str, IntArray]:
    total = _total(market, code, len(net))

    def wave(purpose: str) -> FloatArray:
        return _cut(market.steady(DISAGGREGATED.name, code, len(net), _PERSISTENCE, purpose))

    dealers = _DEALERS[0] + _DEALERS[1] * wave("swap dealers")
    values = {
        "open_interest": total,
        **{f"{k}_spread": np.rint(v * total).astype(np.int64) for k, v in _SPREADS.items()},
        **_sides(total, "managed_money", _GROSS, _NET[0] + _NET[1] * _cut(net)),
        **_sides(total, "swap_dealer", _DEALERS_GROSS, dealers),
        **_sides(total, "other_reportable", _OTHER_GROSS, 0.01 * wave("other reportables")),
        **_sides(total, "nonreportable", _SMALL, _small(market, code, len(net))),
    }
    return _completed(DISAGGREGATED, "producer", values)
