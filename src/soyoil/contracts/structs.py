"""Between flat frames (``market_data.close``) and Arrow tables with STRUCT columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from soyoil.base.errors import ContractError
from soyoil.contracts.contract import ARROW_TYPES, Column, TableContract
from soyoil.contracts.conversion import TypeMismatchError, to_arrow

_NULLABLE: Final = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
_DTYPES: Final[dict[pa.DataType, Any]] = {
    ARROW_TYPES["STRING"]: "str",
    ARROW_TYPES["DATE"]: "datetime64[us]",
    ARROW_TYPES["TIMESTAMP"]: "datetime64[us, UTC]",
}


def flatten(table: pa.Table) -> pd.DataFrame:
    """Flat frame of a table.

    Parameters
    ----------
    table
        Any table of STRING, INT64, FLOAT64, BOOL, DATE, TIMESTAMP and STRUCT columns.

    Returns
    -------
    DataFrame
        Leaf columns by dotted name: ``str``, ``float64`` (NULL is NaN), ``int64`` or ``bool``
        (``Int64`` or ``boolean`` where the schema allows NULL), dates as ``datetime64[us]`` at
        midnight, timestamps as ``datetime64[us, UTC]``. A NULL struct is NULL in every field.
    """
    columns = {
        dotted: _to_series(field, values)
        for column, field in zip(table.columns, table.schema, strict=True)
        for dotted, field, values in _leaves(field, column.combine_chunks(), field.name)
    }
    return pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows))


def leaf_arrays(table: pa.Table, contract: TableContract) -> Iterator[tuple[str, pa.Array]]:
    """Leaf columns of a table by dotted name, in the order of its contract.

    Parameters
    ----------
    table
        Rows with ``contract.arrow_schema()``.
    contract
        Contract of the table.
    """
    for dotted in contract.flat_columns():
        top, *inner = dotted.split(".")
        values = table[top].combine_chunks()
        for name in inner:
            values = pc.struct_field(values, name)
        yield dotted, values


def _leaves(
    field: pa.Field, values: pa.Array, dotted: str
) -> Iterator[tuple[str, pa.Field, pa.Array]]:
    if not pa.types.is_struct(field.type):
        yield dotted, field, values
        return
    for inner in field.type:
        part = pc.struct_field(values, inner.name)
        yield from _leaves(inner, part, f"{dotted}.{inner.name}")


def _to_series(field: pa.Field, values: pa.Array) -> pd.Series:
    kind = field.type
    if pa.types.is_date(kind):
        values = values.cast(pa.timestamp("us"))
    nullable = field.nullable or values.null_count > 0
    series: pd.Series = values.to_pandas(types_mapper=_NULLABLE.get if nullable else None)
    dtype = _DTYPES.get(kind)
    return series if dtype is None else series.astype(dtype)


def assemble(leaves: Mapping[str, pa.Array], contract: TableContract) -> pa.Table:
    """Table of converted leaf columns, nested as the contract says.

    Parameters
    ----------
    leaves
        Arrow arrays of equal length for every name of ``contract.flat_columns()``.
    contract
        Contract of the table.
    """
    arrays = [_nest(column, column.name, leaves) for column in contract.columns]
    return pa.Table.from_arrays(arrays, schema=contract.arrow_schema())


def _nest(column: Column, dotted: str, leaves: Mapping[str, pa.Array]) -> pa.Array:
    if column.type != "STRUCT":
        return leaves[dotted]
    parts = [_nest(field, f"{dotted}.{field.name}", leaves) for field in column.fields]
    return pa.StructArray.from_arrays(parts, fields=list(column.arrow_type()))


def unflatten(frame: pd.DataFrame, contract: TableContract) -> pa.Table:
    """Table with STRUCT columns from a flat frame, by column name.

    Only types are checked; `validation.validate` checks everything. A STRUCT whose fields
    are all NULL stays a struct of NULLs.

    Parameters
    ----------
    frame
        Every column of ``contract.flat_columns()``, in any order.
    contract
        Contract of the table.

    Raises
    ------
    ContractError
        A column is missing or not of its type.
    """
    leaves = {}
    for dotted, column in contract.flat_columns().items():
        if dotted not in frame.columns:
            raise ContractError(f"{contract.name}: column {dotted} is missing")
        try:
            leaves[dotted] = to_arrow(frame[dotted], column)
        except TypeMismatchError as exc:
            raise ContractError(f"{contract.name}: column {dotted}: {exc}") from exc
    return assemble(leaves, contract)
