"""What the rows of a table were made from: said by a batch, told by rows that were read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa

WRITE_ORIGIN: Final = "soyoil.origin"
"""In ``DataFrame.attrs`` and Arrow metadata: what the rows of a batch were made from."""
ORIGINS: Final = "soyoil.origins"
"""The same of rows that were read, by group."""
OTHERS: Final = "soyoil.others"
"""In ``DataFrame.attrs`` where no row was as wanted: values that rows have, by column."""


def batch_origin(table: pa.Table) -> str | None:
    """What a batch was made from, as its metadata says."""
    metadata = table.schema.metadata or {}
    found = metadata.get(WRITE_ORIGIN.encode())
    return None if found is None else found.decode()


def with_origin(table: pa.Table, origin: Mapping[str, Any] | None) -> pa.Table:
    """The batch with what it was made from in its metadata."""
    if not origin:
        return table
    text = json.dumps(origin, sort_keys=True)
    return table.replace_schema_metadata({WRITE_ORIGIN: text})


def with_origins(table: pa.Table, origins: Mapping[str, str | None]) -> pa.Table:
    """Rows that were read, with the origin of each group, as JSON, in their metadata."""
    found = {name: json.loads(origin) for name, origin in origins.items() if origin}
    if not found:
        return table
    return table.replace_schema_metadata({ORIGINS: json.dumps(found, sort_keys=True)})


def origins_of(table: pa.Table) -> dict[str, Any]:
    """Origin by group of rows that were read; empty if nothing is known."""
    text = (table.schema.metadata or {}).get(ORIGINS.encode())
    return {} if text is None else dict(json.loads(text))
