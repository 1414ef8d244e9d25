"""Values of a user's table in the types of a contract, as far as that loses nothing."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from soyoil.adoption.columns import ColumnMap
from soyoil.base.arrays import BoolArray
from soyoil.contracts.contract import ARROW_TYPES, Column, TableContract
from soyoil.contracts.identifiers import parts_of

Unread = dict[str, tuple[str, BoolArray]]
"""Why values could not be read and in which rows, by column of the contract."""


def in_types_of(
    contract: TableContract, columns: ColumnMap, rows: pa.Table
) -> tuple[pd.DataFrame, Unread]:
    """Flat frame of rows under the names of a contract.

    Parameters
    ----------
    contract
        Whose names and types are wanted.
    columns
        Where its columns stand.
    rows
        As the warehouse gives them.

    Returns
    -------
    tuple
        Frame with all columns of the contract, and values that are not what their column is for.
        Times without a zone are read as UTC.
    """
    frame: dict[str, pd.Series] = {}
    unread: Unread = {}
    for name, column in contract.flat_columns().items():
        theirs = columns.columns[name]
        if theirs is None:
            values = pa.nulls(rows.num_rows, ARROW_TYPES[column.type])
        else:
            values = _leaf(rows, theirs)
        made, reason = _converted(values, column)
        if reason:
            bad = pc.and_(pc.is_valid(values), pc.is_null(made))
            mask: BoolArray = bad.to_numpy(zero_copy_only=False)
            if mask.any():
                unread[name] = (reason, mask)
        frame[name] = pd.Series(pd.array(made, dtype=pd.ArrowDtype(made.type)))
    return pd.DataFrame(frame, index=pd.RangeIndex(rows.num_rows)), unread


def _leaf(rows: pa.Table, name: str) -> pa.Array:
    top, *inner = parts_of(name)
    values = rows[top].combine_chunks()
    if isinstance(values, pa.ChunkedArray):
        values = pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], values.type)
    for part in inner:
        values = pc.struct_field(values, part)
    return values


def _converted(values: pa.Array, column: Column) -> tuple[pa.Array, str]:
    """Values, and what those are that became NULL."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    kind = values.type
    if pa.types.is_decimal(kind):
        return values.cast(pa.float64(), safe=False), ""
    if column.type == "DATE" and (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        # Two digits of a month or day are demanded: 2020-1-5 may be of another custom.
        plain = pc.match_substring_regex(values, r"^\d{4}-\d{2}-\d{2}$")
        texts = pc.if_else(plain, values, None)
        parsed = pc.strptime(texts, format="%Y-%m-%d", unit="s", error_is_null=True)
        return parsed.cast(pa.date32()), "no date of the form YYYY-MM-DD"
    if pa.types.is_timestamp(kind):
        if column.type == "DATE" and kind.tz is not None:
            return values.cast(pa.timestamp(kind.unit, "UTC")).cast(pa.timestamp(kind.unit)), ""
        if column.type == "TIMESTAMP" and kind.tz is None:
            return pc.assume_timezone(values, "UTC"), ""
    return values, ""
