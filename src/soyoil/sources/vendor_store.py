"""The vendor's bars as the warehouse keeps them: what a source reads from it and adds to it.

Bars are stored as they were read, by file, and never changed. What is computed from them is a
function of the bars of all files that count, so it does not matter in which order or in how many
loads the files came.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import pandas as pd

from soyoil.base.errors import ContractError, SourceError

FILES: Final = "market_data.databento_files"
BARS: Final = "market_data.databento_bars"
SESSIONS: Final = "market_data.soyoil_futures_sessions"
OLD_SESSIONS: Final = "market_data.databento_futures_ohlcv_1d"
"""Where earlier versions kept them; a table of this name may as well be the user's."""

FILE_TYPES: Final = {
    "file_hash": "str",
    "symbol": "str",
    "name": "str",
    "encoding": "str",
    "source_schema": "str",
    "roll_rule": "str",
    "start_time": "datetime64[us, UTC]",
    "end_time": "datetime64[us, UTC]",
    "records": "int64",
    "n_bars": "int64",
    "degraded_days": "str",
    "is_retired": "bool",
}
"""Columns of `FILES`, one row per file and symbol."""

BAR_TYPES: Final = (
    {
        "file_hash": "category",
        "symbol": "category",
        "position": "int64",
        "ts_event": "datetime64[us, UTC]",
        "ts_nanoseconds": "int64",
        "instrument_id": "int64",
    }
    | dict.fromkeys(("open", "high", "low", "close"), "float64")
    | {"volume": "int64", "is_unmapped": "bool"}
)
"""Columns of `BARS`."""


class VendorStore(Protocol):
    """What the warehouse holds of a vendor's files."""

    def files(self) -> pd.DataFrame:
        """Rows of `FILES`, columns of `FILE_TYPES`; none if there is no such table."""

    def bars(self) -> pd.DataFrame:
        """Rows of `BARS`, columns of `BAR_TYPES`; none if there is no such table."""

    def sessions(self) -> pd.DataFrame:
        """``symbol``, ``data_date`` and ``provenance`` of `SESSIONS`; none without the table."""


@dataclass(frozen=True)
class VendorRecords:
    """What a load adds to the store.

    Attributes
    ----------
    files
        New and changed rows of `FILES`.
    bars
        New rows of `BARS`.
    counted
        Hash and symbol of all files that count once this is written, ``file_hash`` and
        ``symbol``: what the sessions were computed from.
    orphans
        Sessions of the warehouse that no stored file accounts for, ``symbol`` and
        ``data_date``.
    """

    files: pd.DataFrame
    bars: pd.DataFrame
    counted: pd.DataFrame
    orphans: pd.DataFrame

    @classmethod
    def none(cls) -> VendorRecords:
        """Nothing to add."""
        files = empty_files()
        keys = files[["file_hash", "symbol"]]
        return cls(files, empty_bars(), keys, empty_sessions()[["symbol", "data_date"]])

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return self.files.empty and self.bars.empty


def empty_files() -> pd.DataFrame:
    """`FILES` without rows."""
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in FILE_TYPES.items()})


def empty_bars() -> pd.DataFrame:
    """`BARS` without rows."""
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in BAR_TYPES.items()})


def empty_sessions() -> pd.DataFrame:
    """Keys and provenance of `SESSIONS` without rows."""
    types = {"symbol": "str", "data_date": "datetime64[us]", "provenance": "str"}
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in types.items()})


class NoStore:
    """A store that holds nothing, for reading files without a warehouse."""

    def files(self) -> pd.DataFrame:
        """No rows."""
        return empty_files()

    def bars(self) -> pd.DataFrame:
        """No rows."""
        return empty_bars()

    def sessions(self) -> pd.DataFrame:
        """No rows."""
        return empty_sessions()


def refuse_other_provenance(sessions: pd.DataFrame, provenance: str) -> None:
    """Refuse to add bars to a warehouse of another provenance, before anything is written.

    Raises
    ------
    ContractError
        It holds sessions of another one.
    """
    others = sorted(set(sessions["provenance"].unique()) - {provenance})
    if others:
        raise ContractError(
            f"{SESSIONS} holds provenance {', '.join(others)}, the source is {provenance}: they "
            "are never mixed. Use another warehouse for this source."
        )


def refuse_lost_sessions(orphans: pd.DataFrame, sessions: pd.DataFrame) -> None:
    """Refuse a load after which sessions would be gone that no stored file accounts for.

    Parameters
    ----------
    orphans
        `VendorRecords.orphans`.
    sessions
        Sessions that would replace those of the warehouse, with ``symbol`` and ``data_date``.

    Raises
    ------
    SourceError
        Some of the orphans are not among them: number, first and last, and the remedy.
    """
    key = ["symbol", "data_date"]
    lost = orphans.merge(sessions[key], on=key, how="left", indicator=True)
    lost = lost[lost["_merge"] == "left_only"].sort_values(key)
    if lost.empty:
        return
    first, last = (f"{lost['symbol'].iloc[i]} {lost['data_date'].iloc[i]:%F}" for i in (0, -1))
    raise SourceError(
        f"The warehouse holds {len(lost):,} sessions ({first} to {last}) whose bars it did not "
        "keep, and the files at source.path do not hold them: they would be lost. Load all files "
        "at once, the older ones included, or give the old sessions up with "
        "--params=source.replace=everything."
    )
