"""Where raw rows of outside sources are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import pandas as pd

from soyoil.contracts.contract import load_contract
from soyoil.contracts.structs import flatten


class ExternalStore(Protocol):
    """Reads raw tables; nothing is read before it is asked for."""

    def rows(self, table: str) -> pd.DataFrame:
        """Rows of a raw table; none if there is no such table."""


@dataclass(frozen=True)
class ExternalRecords:
    """What a load writes.

    Attributes
    ----------
    tables
        By table, all rows, old and new, of the series that have new ones.
    """

    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)


class NoExternalStore:
    """A store that holds nothing."""

    def rows(self, table: str) -> pd.DataFrame:
        """No rows."""
        return empty_rows(table)


def empty_rows(table: str) -> pd.DataFrame:
    """A raw table without rows."""
    return flatten(load_contract(table).arrow_schema().empty_table())
