"""From pandas columns to Arrow arrays of the contract's types, without silent casts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from soyoil.base.arrays import BoolArray
from soyoil.contracts.contract import ARROW_TYPES, Column, ColumnType

MAX_EXACT_FLOAT: Final = 2**53
"""Beyond this an integer that travelled as float64 may have been rounded."""
# Years 1 to 9999, which BigQuery and Python's datetime know; seconds since 1970, end excluded.
_FIRST_SECOND: Final = -62_135_596_800
_END_SECOND: Final = 253_402_300_800
_PER_SECOND: Final = {"s": 1, "ms": 10**3, "us": 10**6}


class TypeMismatchError(Exception):
    """A column is not of its type.

    Attributes
    ----------
    rows
        Which rows are wrong; None if it is the column as a whole.
    """

    def __init__(self, reason: str, rows: BoolArray | None = None) -> None:
        super().__init__(reason)
        self.rows = rows


def to_arrow(series: pd.Series, column: Column) -> pa.Array:
    """Arrow array of a leaf column.

    Missing values of every pandas kind (NaN, NaT, None, NA) become NULL. Integers may come as
    floats without fraction, times in any unit that loses nothing in microseconds.

    Parameters
    ----------
    series
        Values.
    column
        Leaf column of the contract.

    Raises
    ------
    TypeMismatchError
        The values are not of the type of the column.
    """
    values = _infer(series)
    if values.null_count == len(values):
        return pa.nulls(len(values), ARROW_TYPES[column.type])
    return _CONVERTERS[column.type](values)


def _infer(series: pd.Series) -> pa.Array:
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.cat.categories.dtype)
    try:
        values = pa.array(series, from_pandas=True)
    except (pa.ArrowException, OverflowError) as exc:
        raise TypeMismatchError(f"the values have no single type ({exc})") from exc
    except UnicodeEncodeError as exc:
        raise TypeMismatchError(f"holds text that is no Unicode ({exc})") from exc
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if pa.types.is_floating(values.type):
        # Columns that pandas keeps in Arrow may hold NaN beside NULL.
        missing = pc.is_nan(values).fill_null(True)
        values = pc.if_else(missing, pa.scalar(None, values.type), values)
    return values


def _where(mask: pa.Array) -> BoolArray:
    rows: BoolArray = mask.fill_null(False).to_numpy(zero_copy_only=False)
    return rows


def _refuse(values: pa.Array, bad: pa.Array, reason: str) -> None:
    rows = _where(bad)
    if rows.any():
        raise TypeMismatchError(reason, rows)


def _string(values: pa.Array) -> pa.Array:
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        raise TypeMismatchError(f"needs STRING, has {values.type}")
    return values.cast(pa.string())


def _int64(values: pa.Array) -> pa.Array:
    kind = values.type
    if pa.types.is_floating(kind):
        fraction = pc.not_equal(pc.floor(values), values)
        _refuse(values, fraction, f"needs INT64, has {kind} with a fraction")
        large = pc.greater(pc.abs(values), pa.scalar(float(MAX_EXACT_FLOAT)).cast(kind))
        _refuse(values, large, "needs INT64, has float beyond 2**53, which may be rounded")
    elif not pa.types.is_integer(kind):
        raise TypeMismatchError(f"needs INT64, has {kind}")
    try:
        return values.cast(pa.int64())
    except pa.ArrowInvalid as exc:
        raise TypeMismatchError(f"needs INT64, has larger integers ({exc})") from exc


def _float64(values: pa.Array) -> pa.Array:
    kind = values.type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
        raise TypeMismatchError(f"needs FLOAT64, has {kind}")
    try:
        numbers = values.cast(pa.float64())
    except pa.ArrowInvalid as exc:
        raise TypeMismatchError(f"needs FLOAT64, has integers it cannot hold ({exc})") from exc
    _refuse(numbers, pc.is_inf(numbers), "infinite; a value that does not exist is missing")
    # -0.0 becomes 0.0: they are equal in SQL, so an update from one to the other would be lost.
    return pc.add(numbers, 0.0)


def _bool(values: pa.Array) -> pa.Array:
    if not pa.types.is_boolean(values.type):
        raise TypeMismatchError(f"needs BOOL, has {values.type}")
    return values


def _refuse_far(values: pa.Array) -> None:
    per_second = _PER_SECOND.get(values.type.unit)
    if per_second is None:
        return  # nanoseconds reach the years 1677 to 2262 only
    ticks = values.cast(pa.int64())
    early = pc.less(ticks, _FIRST_SECOND * per_second)
    late = pc.greater_equal(ticks, _END_SECOND * per_second)
    _refuse(values, pc.or_(early, late), "outside the years 1 to 9999")


def _date(values: pa.Array) -> pa.Array:
    if pa.types.is_date(values.type):
        values = values.cast(pa.timestamp("s" if pa.types.is_date32(values.type) else "ms"))
    kind = values.type
    if not pa.types.is_timestamp(kind):
        raise TypeMismatchError(f"needs DATE, has {kind}")
    if kind.tz is not None:
        raise TypeMismatchError(f"needs DATE, has a time in {kind.tz}: a session date has no zone")
    _refuse_far(values)
    days = pc.floor_temporal(values, unit="day")
    _refuse(values, pc.not_equal(days, values), "needs DATE, has a time of day")
    return days.cast(pa.date32())


def _timestamp(values: pa.Array) -> pa.Array:
    kind = values.type
    if not pa.types.is_timestamp(kind):
        raise TypeMismatchError(f"needs TIMESTAMP, has {kind}")
    if kind.tz is None:
        raise TypeMismatchError("needs TIMESTAMP, has times without a zone: localise to UTC")
    _refuse_far(values)
    if kind.unit == "ns":
        micros = pc.floor_temporal(values, unit="microsecond")
        _refuse(values, pc.not_equal(micros, values), "has nanoseconds, TIMESTAMP has microseconds")
    return values.cast(pa.timestamp("us", tz="UTC"))


_CONVERTERS: Final[dict[ColumnType, Callable[[pa.Array], pa.Array]]] = {
    "STRING": _string,
    "INT64": _int64,
    "FLOAT64": _float64,
    "BOOL": _bool,
    "DATE": _date,
    "TIMESTAMP": _timestamp,
}
