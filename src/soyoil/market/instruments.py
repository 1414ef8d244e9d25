"""The futures roots that soyoil knows, with their units and closing times."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from soyoil.base.errors import ConfigError
from soyoil.base.suggest import nearest

TARGET_ROOT = "ZL"
EXCHANGE_TZ = "America/Chicago"


@dataclass(frozen=True)
class CloseRule:
    """Scheduled close of electronic trading, valid from a trade date on.

    Attributes
    ----------
    valid_from
        First trade date of the rule.
    close
        Local wall time in Chicago.
    """

    valid_from: dt.date
    close: dt.time


@dataclass(frozen=True)
class OpenRule:
    """Scheduled open of electronic trading, valid from a trade date on.

    Attributes
    ----------
    valid_from
        First trade date of the rule.
    open
        Local wall time in Chicago, on the day before the trade date.
    """

    valid_from: dt.date
    open: dt.time


@dataclass(frozen=True)
class Instrument:
    """One futures root.

    Attributes
    ----------
    root
        Exchange code, for example ``ZL``.
    name
        Plain name.
    unit
        Unit of the quoted price.
    tick
        Smallest price step in quoted units.
    closes
        Closing times, ascending by `CloseRule.valid_from`.
    opens
        Opening times, ascending by `OpenRule.valid_from`.
    may_be_negative
        Whether a price at or below zero can be real. Energy futures may: CL settled at
        -37.63 on 2020-04-20.
    prices
        Lowest and highest price that is taken for one: far outside of all that was ever quoted,
        but less than a factor of 100 away from it, so that another unit is noticed. Where prices
        may be negative the highest bounds their size, and the lowest the typical price of the
        hours around.
    max_volume
        Largest volume of a bar that is taken for one, at least seven times that of the busiest
        day since 2010.
    max_move
        Largest log move of a price against those around it that is taken for one, at least twice
        the largest since 2010 at hourly bars, rolls included.
    listed
        First trade date; None is before 2010.
    """

    root: str
    name: str
    unit: str
    tick: float
    closes: tuple[CloseRule, ...]
    opens: tuple[OpenRule, ...]
    may_be_negative: bool = False
    prices: tuple[float, float] = (0.0, math.inf)
    max_volume: int = 2**53
    max_move: float = math.inf
    listed: dt.date | None = None


_START = dt.date(1990, 1, 1)

# CBOT grains and oilseeds: 21-hour sessions from trade date 2012-05-21, back to 13:15 from
# 2013-04-08, electronic close 13:20 since 2015-07-06 (CBOT rule filings of those dates).
_GRAIN_CLOSES = (
    CloseRule(_START, dt.time(13, 15)),
    CloseRule(dt.date(2012, 5, 21), dt.time(14, 0)),
    CloseRule(dt.date(2013, 4, 8), dt.time(13, 15)),
    CloseRule(dt.date(2015, 7, 6), dt.time(13, 20)),
)
# The same filings; all other products open at 17:00.
_GRAIN_OPENS = (
    OpenRule(_START, dt.time(18, 0)),
    OpenRule(dt.date(2012, 5, 21), dt.time(17, 0)),
    OpenRule(dt.date(2013, 4, 8), dt.time(19, 0)),
)
_GLOBEX_OPENS = (OpenRule(_START, dt.time(17, 0)),)
# Energy, metals, rates, FX and equity index: until 16:15 CT before 2015-09-21, 16:00 CT since.
_GLOBEX_CLOSES = (
    CloseRule(_START, dt.time(16, 15)),
    CloseRule(dt.date(2015, 9, 21), dt.time(16, 0)),
)


def _grain(root: str, name: str, unit: str, tick: float) -> Instrument:
    return Instrument(root, name, unit, tick, _GRAIN_CLOSES, _GRAIN_OPENS)


def _globex(root: str, name: str, unit: str, tick: float) -> Instrument:
    return Instrument(root, name, unit, tick, _GLOBEX_CLOSES, _GLOBEX_OPENS)


def _energy(root: str, name: str, unit: str, tick: float) -> Instrument:
    return replace(_globex(root, name, unit, tick), may_be_negative=True)


def _micro(root: str, name: str) -> Instrument:
    return replace(_globex(root, name, "index points", 0.25), listed=dt.date(2019, 5, 6))


def _limited(
    instrument: Instrument, prices: tuple[float, float], max_volume: int, max_move: float
) -> Instrument:
    return replace(instrument, prices=prices, max_volume=max_volume, max_move=max_move)


_MILLION = 1_000_000
_HUGE = 50 * _MILLION

INSTRUMENTS: dict[str, Instrument] = {
    instrument.root: instrument
    for instrument in (
        _limited(_grain("ZL", "soybean oil", "US cents/lb", 0.01), (5, 400), 2 * _MILLION, 0.7),
        _limited(_grain("ZS", "soybeans", "US cents/bu", 0.25), (200, 8_000), 4 * _MILLION, 0.7),
        _limited(_grain("ZM", "soybean meal", "USD/short ton", 0.1), (60, 2_500), _MILLION, 0.7),
        _limited(_grain("ZC", "corn", "US cents/bu", 0.25), (80, 4_000), 5 * _MILLION, 0.7),
        _limited(_grain("ZW", "wheat (SRW)", "US cents/bu", 0.25), (100, 6_000), 2 * _MILLION, 0.7),
        _limited(_energy("CL", "WTI crude oil", "USD/bbl", 0.01), (2, 600), 20 * _MILLION, 1.8),
        _limited(_energy("HO", "NY Harbor ULSD", "USD/gal", 0.0001), (0.1, 30), _MILLION, 1.0),
        _limited(_energy("RB", "RBOB gasoline", "USD/gal", 0.0001), (0.1, 30), _MILLION, 1.0),
        _limited(
            _energy("NG", "Henry Hub natural gas", "USD/MMBtu", 0.001), (0.2, 80), 5 * _MILLION, 1.0
        ),
        _limited(_globex("GC", "gold", "USD/troy oz", 0.1), (150, 20_000), 10 * _MILLION, 0.4),
        _limited(_globex("HG", "copper", "USD/lb", 0.0005), (0.4, 40), 3 * _MILLION, 0.4),
        _limited(_globex("ES", "E-mini S&P 500", "index points", 0.25), (200, 50_000), _HUGE, 0.4),
        _limited(_micro("MES", "Micro E-mini S&P 500"), (200, 50_000), _HUGE, 0.4),
        _limited(_globex("ZN", "10-year T-note", "points", 0.015625), (50, 300), _HUGE, 0.2),
        _limited(_globex("6E", "euro FX", "USD/EUR", 0.00005), (0.3, 5), 10 * _MILLION, 0.3),
        _limited(_globex("6L", "Brazilian real", "USD/BRL", 0.00005), (0.03, 3), _MILLION, 0.4),
    )
}


def get_instrument(root: str, where: str = "source.symbols") -> Instrument:
    """Return the instrument of a root.

    Parameters
    ----------
    root
        Exchange code.
    where
        Parameter that names it, for the message.

    Raises
    ------
    ConfigError
        If the root is unknown; the message suggests the nearest ones.
    """
    try:
        return INSTRUMENTS[root]
    except KeyError:
        near = nearest(root.upper(), INSTRUMENTS, n=3, cutoff=0.4)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        raise ConfigError(
            f"Unknown futures root {root!r} in {where}.{hint} "
            f"Known roots: {', '.join(INSTRUMENTS)}."
        ) from None


def check_roots(roots: Iterable[str], where: str = "source.symbols") -> None:
    """Raise `ConfigError` for the first root that is not in the registry; see `get_instrument`."""
    for root in roots:
        get_instrument(root, where)


def keeps_grain_hours(instrument: Instrument) -> bool:
    """Whether an instrument closes at the same times as the target."""
    return instrument.closes == get_instrument(TARGET_ROOT).closes
