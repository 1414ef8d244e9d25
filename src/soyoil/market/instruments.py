"""The futures roots that soyoil knows, with their units and closing times."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from soyoil.errors import ConfigError

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
    may_be_negative
        Whether a price at or below zero can be real. Energy futures may: CL settled at
        -37.63 on 2020-04-20.
    """

    root: str
    name: str
    unit: str
    tick: float
    closes: tuple[CloseRule, ...]
    may_be_negative: bool = False


_START = dt.date(1990, 1, 1)

# CBOT grains and oilseeds: 21-hour sessions from trade date 2012-05-21, back to 13:15 from
# 2013-04-08, electronic close 13:20 since 2015-07-06 (CBOT rule filings of those dates).
_GRAIN_CLOSES = (
    CloseRule(_START, dt.time(13, 15)),
    CloseRule(dt.date(2012, 5, 21), dt.time(14, 0)),
    CloseRule(dt.date(2013, 4, 8), dt.time(13, 15)),
    CloseRule(dt.date(2015, 7, 6), dt.time(13, 20)),
)
# Energy, metals, rates, FX and equity index: until 16:15 CT before 2015-09-21, 16:00 CT since.
_GLOBEX_CLOSES = (
    CloseRule(_START, dt.time(16, 15)),
    CloseRule(dt.date(2015, 9, 21), dt.time(16, 0)),
)


def _grain(root: str, name: str, unit: str, tick: float) -> Instrument:
    return Instrument(root, name, unit, tick, _GRAIN_CLOSES)


def _globex(
    root: str, name: str, unit: str, tick: float, *, may_be_negative: bool = False
) -> Instrument:
    return Instrument(root, name, unit, tick, _GLOBEX_CLOSES, may_be_negative)


INSTRUMENTS: dict[str, Instrument] = {
    instrument.root: instrument
    for instrument in (
        _grain("ZL", "soybean oil", "US cents/lb", 0.01),
        _grain("ZS", "soybeans", "US cents/bu", 0.25),
        _grain("ZM", "soybean meal", "USD/short ton", 0.1),
        _grain("ZC", "corn", "US cents/bu", 0.25),
        _grain("ZW", "wheat (SRW)", "US cents/bu", 0.25),
        _globex("CL", "WTI crude oil", "USD/bbl", 0.01, may_be_negative=True),
        _globex("HO", "NY Harbor ULSD", "USD/gal", 0.0001, may_be_negative=True),
        _globex("RB", "RBOB gasoline", "USD/gal", 0.0001, may_be_negative=True),
        _globex("NG", "Henry Hub natural gas", "USD/MMBtu", 0.001, may_be_negative=True),
        _globex("GC", "gold", "USD/troy oz", 0.1),
        _globex("HG", "copper", "USD/lb", 0.0005),
        _globex("ES", "E-mini S&P 500", "index points", 0.25),
        _globex("MES", "Micro E-mini S&P 500", "index points", 0.25),
        _globex("ZN", "10-year T-note", "points", 0.015625),
        _globex("6E", "euro FX", "USD/EUR", 0.00005),
        _globex("6L", "Brazilian real", "USD/BRL", 0.00005),
    )
}


def get_instrument(root: str) -> Instrument:
    """Return the instrument of a root.

    Raises
    ------
    ConfigError
        If the root is unknown; the message suggests the nearest ones.
    """
    try:
        return INSTRUMENTS[root]
    except KeyError:
        near = difflib.get_close_matches(root.upper(), INSTRUMENTS, n=3, cutoff=0.4)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        raise ConfigError(
            f"Unknown futures root {root!r} in source.symbols.{hint} "
            f"Known roots: {', '.join(INSTRUMENTS)}."
        ) from None


def check_roots(roots: Iterable[str]) -> None:
    """Raise `ConfigError` for the first root that is not in the registry."""
    for root in roots:
        get_instrument(root)
