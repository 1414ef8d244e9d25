"""Symbols of Databento and the instruments behind them, by date."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import pandas as pd

from soyoil.base.arrays import IntArray

DAY_NS = 86_400_000_000_000
RULES = {"v": "volume", "c": "calendar", "n": "open interest"}
"""Roll rules of continuous symbols, by their letter in ``ZL.v.0``."""
MONTH_CODES = "FGHJKMNQUVXZ"
"""Letters of the delivery months, January first."""

_CONTINUOUS = re.compile(r"(?P<root>[A-Z0-9]+)\.(?P<rule>[vcn])\.(?P<rank>\d+)")


class Interval(TypedDict):
    """One entry of a symbol mapping, as `databento_dbn.Metadata.mappings` gives it."""

    start_date: dt.date
    end_date: dt.date
    symbol: str


@dataclass(frozen=True, order=True)
class Continuous:
    """A continuous symbol such as ``ZL.v.0``."""

    root: str
    rule: str
    rank: int

    def __str__(self) -> str:
        return f"{self.root}.{self.rule}.{self.rank}"


def parse_continuous(symbol: str) -> Continuous | None:
    """Parse ``ZL.v.0``; None for any other kind of symbol."""
    match = _CONTINUOUS.fullmatch(symbol)
    if match is None:
        return None
    return Continuous(match["root"], match["rule"], int(match["rank"]))


def continuous_symbols(symbols: Iterable[str]) -> frozenset[Continuous]:
    """Continuous symbols among `symbols`."""
    return frozenset(c for c in map(parse_continuous, symbols) if c is not None)


def contract_pattern(root: str) -> str:
    """Pattern of the symbols of single contracts: letter of the month, then the year.

    Examples
    --------
    >>> re.fullmatch(contract_pattern("ZL"), "ZLH4").groups()
    ('H', '4')
    >>> re.fullmatch(contract_pattern("ZL"), "ZLH4-ZLK4") is None
    True
    """
    return rf"{re.escape(root)}([{MONTH_CODES}])(\d{{4}}|\d{{1,2}})"


def standing(mappings: Mapping[str, Sequence[Interval]]) -> frozenset[str]:
    """Symbols that stand for an instrument on at least one day."""
    return frozenset(
        symbol for symbol, intervals in mappings.items() if any(i["symbol"] for i in intervals)
    )


class IntervalMap:
    """Which symbol an instrument stood for on which UTC day.

    Parameters
    ----------
    mappings
        Per symbol its intervals; ``symbol`` of an interval is the instrument id in digits, or
        empty where the vendor knows none. Intervals are half-open, ``[start_date, end_date)``.
    codes
        Numbers of the wanted symbols, from 0.

    Attributes
    ----------
    instrument_ids
        Instruments behind wanted symbols, ascending.
    known_ids
        Instruments behind any symbol, ascending.

    Raises
    ------
    ValueError
        An interval names something else than an instrument id.
    """

    def __init__(
        self, mappings: Mapping[str, Sequence[Interval]], codes: Mapping[str, int]
    ) -> None:
        rows = [
            (int(i["symbol"]), _day(i["start_date"]), _day(i["end_date"]), symbol)
            for symbol, intervals in mappings.items()
            for i in intervals
            if i["symbol"]
        ]
        table = pd.DataFrame(
            [(number, start, end, codes.get(symbol, -1)) for number, start, end, symbol in rows],
            columns=["instrument_id", "start", "end", "code"],
        ).astype("int64")
        self.known_ids: IntArray = np.unique(table["instrument_id"].to_numpy())
        wanted = table.loc[table["code"] >= 0, "instrument_id"].unique()
        # Intervals of unwanted symbols stay if they share an instrument with a wanted one: they
        # tell another symbol's bar from a bar that nothing explains.
        self._intervals = table[table["instrument_id"].isin(wanted)].reset_index(drop=True)
        self.instrument_ids: IntArray = np.sort(wanted.astype("int64"))

    def assign(self, ts_event: IntArray, instrument_id: IntArray) -> pd.DataFrame:
        """Give each record the wanted symbol that its instrument stood for on its day.

        Parameters
        ----------
        ts_event
            Nanoseconds since 1970, UTC, shape ``(n,)``.
        instrument_id
            Instruments, shape ``(n,)``.

        Returns
        -------
        DataFrame
            ``row`` (position in the input), ``code`` and ``mapped``, sorted by row. A record of
            another symbol has no row; a record of two symbols has two. A record whose instrument
            stands for no symbol at all on its day has ``mapped`` False and the code that the
            instrument has on other days.
        """
        position = np.flatnonzero(np.isin(instrument_id, self.instrument_ids))
        records = pd.DataFrame(
            {
                "row": position,
                "instrument_id": instrument_id[position],
                "day": ts_event[position] // DAY_NS,
            }
        )
        joined = records.merge(self._intervals, on="instrument_id", how="inner")
        hits = joined[(joined["start"] <= joined["day"]) & (joined["day"] < joined["end"])]
        kept = hits.loc[hits["code"] >= 0, ["row", "code"]].drop_duplicates().assign(mapped=True)
        stray = joined[(joined["code"] >= 0) & ~joined["row"].isin(hits["row"])]
        stray = stray.drop_duplicates("row")[["row", "code"]].assign(mapped=False)
        return pd.concat([kept, stray], ignore_index=True).sort_values("row", kind="stable")


class SymbolMap(IntervalMap):
    """Which configured root a contract stood for on which UTC day.

    Parameters
    ----------
    mappings
        As `IntervalMap` takes them, of continuous symbols.
    roots
        Configured roots; their positions are the codes that `assign` gives.

    Attributes
    ----------
    symbols
        Continuous symbols that stand for a contract on at least one day.

    Raises
    ------
    ValueError
        An interval names something else than an instrument id.
    """

    def __init__(self, mappings: Mapping[str, Sequence[Interval]], roots: Sequence[str]) -> None:
        self.symbols = continuous_symbols(standing(mappings))
        super().__init__(
            mappings,
            {str(c): roots.index(c.root) for c in self.symbols if c.rank == 0 and c.root in roots},
        )


class ContractMap(IntervalMap):
    """Which single contract of a root an instrument was on which UTC day.

    Parameters
    ----------
    mappings
        As `IntervalMap` takes them, of the exchange's own symbols (``ZLH4``, ``ZLH4-ZLK4``).
    root
        The root; spreads and other roots have no code.

    Attributes
    ----------
    names
        Symbols of contracts, ascending; their positions are the codes that `assign` gives.

    Raises
    ------
    ValueError
        An interval names something else than an instrument id.
    """

    def __init__(self, mappings: Mapping[str, Sequence[Interval]], root: str) -> None:
        is_contract = re.compile(contract_pattern(root)).fullmatch
        self.names = tuple(sorted(filter(is_contract, standing(mappings))))
        super().__init__(mappings, {name: code for code, name in enumerate(self.names)})


def _day(date: dt.date) -> int:
    return (date - dt.date(1970, 1, 1)).days
