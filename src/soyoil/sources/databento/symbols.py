"""Continuous symbols of Databento and the contracts behind them, by date."""

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


class SymbolMap:
    """Which continuous symbol a contract stood for on which UTC day.

    Parameters
    ----------
    mappings
        Per symbol its intervals; ``symbol`` of an interval is the instrument id in digits, or
        empty where the vendor knows none. Intervals are half-open, ``[start_date, end_date)``.
    roots
        Configured roots; their positions are the codes that `assign` gives.

    Attributes
    ----------
    symbols
        Continuous symbols that stand for a contract on at least one day.
    instrument_ids
        Contracts behind configured roots, ascending.
    known_ids
        Contracts behind any symbol, ascending.

    Raises
    ------
    ValueError
        An interval names something else than an instrument id.
    """

    def __init__(self, mappings: Mapping[str, Iterable[Interval]], roots: Sequence[str]) -> None:
        rows = [
            (int(i["symbol"]), _day(i["start_date"]), _day(i["end_date"]), symbol)
            for symbol, intervals in mappings.items()
            for i in intervals
            if i["symbol"]
        ]
        self.symbols = continuous_symbols({row[3] for row in rows})
        code = {
            str(c): roots.index(c.root) for c in self.symbols if c.rank == 0 and c.root in roots
        }
        table = pd.DataFrame(
            [(number, start, end, code.get(symbol, -1)) for number, start, end, symbol in rows],
            columns=["instrument_id", "start", "end", "root"],
        ).astype("int64")
        self.known_ids: IntArray = np.unique(table["instrument_id"].to_numpy())
        wanted = table.loc[table["root"] >= 0, "instrument_id"].unique()
        # Intervals of unwanted symbols stay if they share a contract with a wanted one: they
        # tell another symbol's bar from a bar that nothing explains.
        self._intervals = table[table["instrument_id"].isin(wanted)].reset_index(drop=True)
        self.instrument_ids: IntArray = np.sort(wanted.astype("int64"))

    def assign(self, ts_event: IntArray, instrument_id: IntArray) -> pd.DataFrame:
        """Give each record the configured root that its contract stood for on its day.

        Parameters
        ----------
        ts_event
            Nanoseconds since 1970, UTC, shape ``(n,)``.
        instrument_id
            Contracts, shape ``(n,)``.

        Returns
        -------
        DataFrame
            ``row`` (position in the input), ``root`` (code) and ``mapped``, sorted by row. A
            record of another symbol has no row; a record of two symbols has two. A record
            whose contract stands for no symbol at all on its day has ``mapped`` False and the
            root that the contract serves on other days.
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
        kept = hits.loc[hits["root"] >= 0, ["row", "root"]].drop_duplicates().assign(mapped=True)
        stray = joined[(joined["root"] >= 0) & ~joined["row"].isin(hits["row"])]
        stray = stray.drop_duplicates("row")[["row", "root"]].assign(mapped=False)
        return pd.concat([kept, stray], ignore_index=True).sort_values("row", kind="stable")


def _day(date: dt.date) -> int:
    return (date - dt.date(1970, 1, 1)).days
