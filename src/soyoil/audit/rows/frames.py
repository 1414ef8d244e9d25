"""Any Arrow table as a flat frame of four kinds of columns."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from soyoil.contracts.identifiers import spelled


def audit_frame(table: pa.Table) -> pd.DataFrame:
    """Flat frame of a table of any types.

    Parameters
    ----------
    table
        As a warehouse gives it.

    Returns
    -------
    DataFrame
        Leaf columns by dotted name: numbers as ``float64`` (NULL is NaN), flags as ``boolean``,
        dates and times as ``datetime64[us]`` in UTC without a zone, text as ``str``. Columns of
        other types (arrays, bytes, times of day) are left out.
    """
    columns = {}
    for name, chunks in zip(table.column_names, table.columns, strict=True):
        for dotted, values in _leaves(spelled(name), chunks.combine_chunks()):
            series = _series(values)
            if series is not None:
                columns[dotted] = series
    return pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows))


def _leaves(dotted: str, values: pa.Array) -> Iterator[tuple[str, pa.Array]]:
    if not pa.types.is_struct(values.type):
        yield dotted, values
        return
    for field in values.type:
        yield from _leaves(f"{dotted}.{spelled(field.name)}", pc.struct_field(values, field.name))


def _series(values: pa.Array) -> pd.Series | None:
    kind = values.type
    if pa.types.is_dictionary(kind):
        return _series(values.dictionary_decode())
    if pa.types.is_boolean(kind):
        return pd.Series(values.to_pandas(integer_object_nulls=True), dtype="boolean")
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return pd.Series(np.asarray(values.cast(pa.float64(), safe=False).to_pandas()))
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        # Without a zone a timestamp is its UTC instant.
        naive = values.cast(pa.timestamp("us", tz=getattr(kind, "tz", None)), safe=False)
        return pd.Series(naive.cast(pa.int64()).cast(pa.timestamp("us")).to_pandas())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pd.Series(values.to_pandas(), dtype="str")
    return None
