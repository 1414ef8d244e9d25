"""Tables of a user, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from soyoil.warehouse.foreign import Beginnings, ForeignColumn, ForeignTable

NAME = "market_data.databento_futures_ohlcv_1d"
COLUMNS = ("open", "high", "low", "close", "volume")


class UserTables:
    """`soyoil.warehouse.foreign.ForeignTables` over Arrow tables; counts what was read."""

    place = "memory"

    def __init__(self, **tables: Any) -> None:
        self._tables = {name.replace("__", "."): table for name, table in tables.items()}
        self.reads: list[tuple[str, ...]] = []

    def find(self, name: str) -> ForeignTable | None:
        table = self._tables.get(name)
        if table is None:
            return None
        relation = duckdb.from_arrow(table)
        types = zip(relation.columns, map(str, relation.types), strict=True)
        return ForeignTable(name, tuple(ForeignColumn(n, kind) for n, kind in types))

    def names(self) -> list[str]:
        return sorted(self._tables)

    def read(
        self, table: ForeignTable, columns: Sequence[str], rows: Beginnings | None = None
    ) -> pa.Table:
        self.reads.append(tuple(columns))
        found = self._tables[table.name]
        if rows is not None:
            text = found[rows.column].cast(pa.string())
            starts = [pc.starts_with(text, beginning) for beginning in rows.texts]
            mask = starts[0]
            for other in starts[1:]:
                mask = pc.or_(mask, other)
            found = found.filter(pc.fill_null(mask, False))
        return found.select(list(columns))


def bars(
    first: str = "2024-01-01", days: int = 60, root: str = "ZL", level: float = 50.0, seed: int = 1
) -> pd.DataFrame:
    """Sound daily bars on weekdays: ``date``, ``symbol``, prices, ``volume``."""
    rng = np.random.default_rng(seed)
    close = np.round(level * np.exp(np.cumsum(rng.normal(0, 0.01, days))), 2)
    open_ = np.round(np.r_[level, close[:-1]] * np.exp(rng.normal(0, 0.002, days)), 2)
    return pd.DataFrame(
        {
            "date": pd.bdate_range(first, periods=days).date,
            "symbol": root,
            "open": open_,
            "high": np.maximum(open_, close) + 0.1,
            "low": np.minimum(open_, close) - 0.1,
            "close": close,
            "volume": rng.integers(20_000, 60_000, days),
        }
    )


def user_tables(frame: pd.DataFrame | pa.Table, name: str = NAME) -> UserTables:
    """One table."""
    table = (
        frame if isinstance(frame, pa.Table) else pa.Table.from_pandas(frame, preserve_index=False)
    )
    return UserTables(**{name.replace(".", "__"): table})
