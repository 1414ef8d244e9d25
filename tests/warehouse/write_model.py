"""Oracle of the write modes on plain dictionaries."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from soyoil.warehouse.backend import WriteResult

Model = dict[tuple[str, int], tuple[float | None, int | None]]
"""Rows ``{(symbol, day): (m.x, m.n)}`` of the small table."""

MODES: dict[str, dict[str, Any]] = {
    "upsert": {"write_mode": "upsert"},
    "sync": {"write_mode": "sync", "sync_by": ["symbol"]},
    "replace": {"write_mode": "replace"},
}


def model_write(mode: str, table: Model, batch: Model) -> tuple[Model, WriteResult]:
    """Oracle of a write on plain dictionaries."""
    symbols = {symbol for symbol, _ in batch}
    gone = {
        key
        for key in table
        if key not in batch and (mode == "replace" or (mode == "sync" and key[0] in symbols))
    }
    after = {key: row for key, row in table.items() if key not in gone} | batch
    inserted = len(batch.keys() - table.keys())
    updated = sum(key in table and table[key] != row for key, row in batch.items())
    result = WriteResult(inserted, updated, len(gone), len(batch) - inserted - updated)
    return dict(sorted(after.items())), result


def as_model(table: pa.Table) -> Model:
    return {
        (row["symbol"], row["data_date"].day): (row["m"]["x"], row["m"]["n"])
        for row in table.to_pylist()
    }
