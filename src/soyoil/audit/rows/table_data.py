"""Rows of one table, and what its columns are for.

Tables under contract say it themselves. Of other tables it is told by names and types; the
findings say that a key was guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd

from soyoil.audit.defect import base_name
from soyoil.base.arrays import BoolArray, DayArray, FloatArray, IntArray
from soyoil.contracts.contract import TableContract, target_horizon
from soyoil.contracts.identifiers import last_part
from soyoil.market.instruments import INSTRUMENTS
from soyoil.warehouse.live import LiveColumn, LiveTable

DATE_NAMES: Final = (
    "data_date", "trade_date", "session_date", "date", "day", "time", "timestamp", "datetime",
    "event_time", "ts_event", "observation_date", "report_date", "as_of_date",
)  # fmt: skip
SYMBOL_NAMES: Final = ("symbol", "root", "ticker", "instrument", "contract", "commodity")
CLOSE_NAMES: Final = ("close", "settle", "settlement", "close_price", "px_last", "price", "last")
_PRICE_NAME: Final = re.compile(
    r"(?:(?P<root>[a-z0-9]+)_)??(?:(?:actual|current|spot|last|closing|settlement)_price"
    r"|price_(?:actual|current|spot|last|now|today|close|usd|cents)"
    r"|(?:actual|current|last)_close|price)"
)
SOURCE_NAMES: Final = (
    "provenance", "source", "source_name", "data_source", "vendor", "provider", "feed", "origin",
)  # fmt: skip
RETURN_NAME: Final = "roll_free_return"
DESCRIPTIVE: Final = re.compile(
    r"source|provenance|vendor|provider|feed|origin|uuid|hash|ingest|batch|regime|comment|note"
    r"|reason|description|confidence|version",
    re.IGNORECASE,
)
IDENTIFIER: Final = re.compile(r"__index_level_\d+__|index|(?:\w+_)?id|row_?(?:id|num|number)?")
TIMES: Final = ("DATE", "TIMESTAMP", "DATETIME")
MOVING: Final = 0.5


def leaf(dotted: str) -> str:
    """Last part of a dotted name, lower case."""
    return last_part(dotted).lower()


def root_of(value: str) -> str | None:
    """Futures root that a symbol stands for (``ZL.v.0``, ``ZL=F``), None if it is not one."""
    head = re.split(r"[.=_\s]", value.upper(), maxsplit=1)[0]
    return head if head in INSTRUMENTS else None


def date_column(columns: Mapping[str, LiveColumn]) -> str | None:
    """Top-level column that dates the rows of a table without a contract."""
    times = [n for n, c in columns.items() if "." not in n and c.type.upper() in TIMES]
    ranked = [n for wanted in DATE_NAMES for n in times if n.lower() == wanted]
    return ranked[0] if ranked else None


def symbol_column(columns: Mapping[str, LiveColumn]) -> str | None:
    """Top-level column that names the series of a row."""
    ranked = [n for wanted in SYMBOL_NAMES for n in columns if n.lower() == wanted]
    return next((name for name in ranked if columns[name].type == "STRING"), None)


def close_column(names: Sequence[str]) -> str | None:
    """Column with the closing price: ``close``, ``market_data.close``, ``zl_close``.

    Else one that means it: ``zl_price_current``, ``actual_price``.
    """
    exact = [n for wanted in CLOSE_NAMES for n in names if leaf(n) == wanted]
    of_root = [
        n for n in names if (m := re.fullmatch(r"(\w+?)_close", leaf(n))) and root_of(m.group(1))
    ]
    meant = [n for n in names if (m := _PRICE_NAME.fullmatch(leaf(n))) and _may_be_root(m["root"])]
    return next(iter((*exact, *of_root, *meant)), None)


def _may_be_root(word: str | None) -> bool:
    return word is None or root_of(word) is not None


@dataclass(frozen=True)
class TableData:
    """Rows of one table.

    Attributes
    ----------
    table
        What the warehouse says of it.
    contract
        None if it is under no contract.
    frame
        As `frames.audit_frame` gives it, sorted by series and date.
    """

    table: LiveTable
    contract: TableContract | None
    frame: pd.DataFrame

    @classmethod
    def of(cls, table: LiveTable, contract: TableContract | None, frame: pd.DataFrame) -> TableData:
        """Sort the rows by series and date."""
        unsorted = cls(table, contract, frame)
        by = [name for name in (*unsorted.series, unsorted.date) if name is not None]
        if by:
            frame = frame.sort_values(by, kind="stable", ignore_index=True)
        return cls(table, contract, frame)

    def once(self) -> TableData:
        """The first row of each key."""
        if not self.key:
            return self
        repeated = self.frame.duplicated(list(self.key))
        if not repeated.any():
            return self
        kept = self.frame[~repeated].reset_index(drop=True)
        return TableData(self.table, self.contract, kept)

    @property
    def name(self) -> str:
        """``dataset.table``."""
        return self.table.name

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Dotted names of the columns of the frame."""
        return tuple(map(str, self.frame.columns))

    @cached_property
    def columns(self) -> dict[str, LiveColumn]:
        """Leaf columns of the frame."""
        flat = self.table.flat_columns()
        return {name: column for name, column in flat.items() if name in self.frame}

    @cached_property
    def is_foreign(self) -> bool:
        """Whether its rows are not what a contract describes."""
        if self.table.contract_version is not None:
            return False
        return self.contract is None or not set(self.contract.flat_columns()) <= set(
            self.table.flat_columns()
        )

    def is_declared(self, column: str) -> bool:
        """Whether a contract says what a column is."""
        return self.contract is not None and column in self.contract.flat_columns()

    @cached_property
    def date(self) -> str | None:
        """Column that dates the rows."""
        if self.contract is not None:
            types = {c.name: c.type for c in self.contract.columns}
            dated = [n for n in self.contract.key if types[n] in TIMES and n in self.frame]
            return dated[0] if dated else None
        return date_column(self.columns)

    @cached_property
    def key(self) -> tuple[str, ...]:
        """Key of the contract; else date and all text that does not describe the row."""
        if self.contract is not None and set(self.contract.key) <= set(self.frame):
            return self.contract.key
        if self.date is None:
            return ()
        text = (n for n in self._top_level("str") if not DESCRIPTIVE.search(n))
        return (*text, self.date)

    @cached_property
    def key_is_guessed(self) -> bool:
        """Whether no contract names the key."""
        return self.contract is None

    @cached_property
    def series(self) -> tuple[str, ...]:
        """Key columns other than the date: one time series per value."""
        return tuple(name for name in self.key if name != self.date)

    @cached_property
    def group(self) -> IntArray:
        """Number of the series of each row, shape ``(n,)``."""
        if not self.series:
            return np.zeros(len(self.frame), dtype=np.int64)
        codes = self.frame.groupby(list(self.series), dropna=False).ngroup()
        return np.asarray(codes, dtype=np.int64)

    @cached_property
    def days(self) -> DayArray:
        """Date of each row, ``datetime64[D]``."""
        if self.date is None:
            raise ValueError(f"{self.name} has no date column")
        return self.frame[self.date].to_numpy().astype("datetime64[D]")

    @cached_property
    def is_daily(self) -> bool:
        """Whether rows are dated by day, about one per weekday or calendar day."""
        if self.date is None or len(self.frame) < 2:
            return False
        times = self.frame[self.date]
        if not (times.dropna() == times.dropna().dt.normalize()).all():
            return False
        steps = self._steps()
        return bool(len(steps)) and float(np.median(steps)) <= 1.0

    def _steps(self) -> FloatArray:
        """Days between different dates of one series."""
        step = np.diff(self.days).astype("float64")
        return np.asarray(step[(np.diff(self.group) == 0) & (step > 0)])

    @cached_property
    def usual_step(self) -> float:
        """Median days between the dates of a series; 1 if there is none."""
        steps = self._steps()
        return float(np.median(steps)) if len(steps) else 1.0

    @cached_property
    def roots(self) -> pd.Series:
        """Futures root of each row, missing where it is none."""
        symbol = symbol_column(self.columns)
        if symbol is not None:
            values = self.frame[symbol].dropna().unique()
            found: pd.Series = self.frame[symbol].map({v: root_of(v) for v in values})
            return found
        words = [base_name(self.name), leaf(self.close) if self.close else ""]
        root = next((of for word in words if (of := root_of(word))), None)
        return pd.Series(root, index=self.frame.index, dtype="object")

    @cached_property
    def is_market(self) -> bool:
        """Whether rows are sessions of futures: roots, a closing price, one row a day."""
        return self.is_daily and self.close is not None and bool(self.roots.notna().any())

    @cached_property
    def close(self) -> str | None:
        """Column with the closing price."""
        return close_column(self.numbers)

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """Numeric columns outside the key, without targets and identifiers."""
        return tuple(
            name
            for name in self.names
            if pd.api.types.is_float_dtype(self.frame[name].dtype)
            and name not in self.key
            and not IDENTIFIER.fullmatch(leaf(name))
            and target_horizon(name) is None
        )

    @cached_property
    def targets(self) -> tuple[str, ...]:
        """Numeric columns that are labels."""
        return tuple(
            name
            for name in self.names
            if target_horizon(name) is not None
            and pd.api.types.is_float_dtype(self.frame[name].dtype)
        )

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """Text columns that say where a row comes from."""
        return tuple(
            n for n in self.names if leaf(n) in SOURCE_NAMES and self.frame[n].dtype == "str"
        )

    def unchanged(self, column: str) -> BoolArray:
        """Whether a value equals the one of the row before in its series, shape ``(n,)``."""
        values = self.frame[column].to_numpy()
        same = np.zeros(len(values), dtype=np.bool_)
        same[1:] = (values[1:] == values[:-1]) & (self.group[1:] == self.group[:-1])
        return same

    @cached_property
    def moving(self) -> tuple[str, ...]:
        """Numeric columns that differ from row to row more often than not."""
        found = []
        for name in self.numbers:
            values = self.frame[name].to_numpy()
            known = ~np.isnan(values)
            pairs = known[1:] & known[:-1] & (self.group[1:] == self.group[:-1])
            changed = pairs & ~self.unchanged(name)[1:]
            if pairs.sum() and changed.sum() >= MOVING * pairs.sum():
                found.append(name)
        return tuple(found)

    def label(self, row: int) -> str:
        """Series and date of a row, for people."""
        parts = [str(self.frame[name].iloc[row]) for name in self.series]
        if self.date is not None:
            parts.append(str(self.days[row]))
        return " ".join(parts) or f"row {row + 1}"

    def labels(self, mask: BoolArray, limit: int = 3) -> str:
        """Series and dates of a mask's first rows, each once, and how many more there are."""
        rows = np.flatnonzero(mask)
        if self.date is not None:
            keys = pd.DataFrame({"group": self.group[rows], "day": self.days[rows]})
            rows = rows[~keys.duplicated().to_numpy()]
        more = f" and {len(rows) - limit:,} more" if len(rows) > limit else ""
        return ", ".join(self.label(int(row)) for row in rows[:limit]) + more

    def _top_level(self, dtype: str) -> list[str]:
        return [n for n in self.names if "." not in n and self.frame[n].dtype == dtype]
