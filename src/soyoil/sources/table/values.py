"""Values of a user's columns in the types of bars, whatever they are stored as."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from soyoil.base.arrays import BoolArray, FloatArray, IntArray

MAX_LOTS = 2**62
"""Larger volumes are cut to it; no root has a bar of so many lots."""


def texts(column: pa.ChunkedArray) -> pd.Series:
    """Texts without blanks around them, empty where there is none; ``str``."""
    filled = pc.fill_null(column.cast(pa.string()), "")
    found: pd.Series = pc.utf8_trim_whitespace(filled).to_pandas().astype("str")
    return found


def numbers(column: pa.ChunkedArray) -> FloatArray:
    """Floats of numbers, decimals or texts; NaN where there is none."""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        found = pd.to_numeric(texts(column), errors="coerce")
        return found.to_numpy(dtype="float64", na_value=np.nan)
    if pa.types.is_decimal(column.type):
        # By way of text: Arrow's own conversion misses the nearest float by a bit.
        column = column.cast(pa.string())
    return np.asarray(column.cast(pa.float64(), safe=False).to_pandas(), dtype=np.float64)


def lots(column: pa.ChunkedArray) -> IntArray:
    """Whole lots; 0 where there is no volume."""
    found = np.nan_to_num(numbers(column), nan=0.0, posinf=MAX_LOTS, neginf=-1)
    return np.clip(np.rint(found), -1, MAX_LOTS).astype(np.int64)


def flags(column: pa.ChunkedArray) -> BoolArray:
    """Truth values; NULL is false."""
    if pa.types.is_boolean(column.type):
        return np.asarray(pc.fill_null(column, False).to_pandas(), dtype=bool)
    return np.asarray(texts(column).str.lower().isin(("true", "t", "yes", "y", "1", "1.0")))


def instants(column: pa.ChunkedArray) -> npt.NDArray[np.datetime64]:
    """Instants, UTC, ``datetime64[us]``; NaT where there is none.

    Dates are their midnight; times without a zone are UTC; numbers and texts are dates as
    ``20240131`` or ISO 8601.
    """
    kind = column.type
    if pa.types.is_date(kind):
        return np.array(column.cast(pa.timestamp("us")).to_pandas(), dtype="datetime64[us]")
    if pa.types.is_timestamp(kind):
        zone = "UTC" if kind.tz else None
        stamps = column.cast(pa.timestamp("us", zone), safe=False).to_pandas()
        if zone:
            stamps = stamps.dt.tz_localize(None)
        return np.array(stamps, dtype="datetime64[us]")
    text = texts(column.cast(pa.int64(), safe=False) if _is_number(kind) else column)
    digits = pd.to_datetime(text, format="%Y%m%d", errors="coerce")
    iso = pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True).dt.tz_localize(None)
    return np.array(digits.fillna(iso), dtype="datetime64[us]")


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def contract_numbers(column: pa.ChunkedArray) -> IntArray:
    """Numbers of contracts, the same for the same contract; 0 where there is none.

    Whole numbers stand for themselves. Of texts and dates the number is a hash, so that it depends
    on nothing else.
    """
    if _is_number(column.type):
        found = np.nan_to_num(numbers(column), nan=0.0, posinf=0.0, neginf=0.0)
        return np.clip(np.rint(found), 0, MAX_LOTS).astype(np.int64)
    text = texts(column)
    hashed = pd.util.hash_array(text.to_numpy(dtype=object)) >> np.uint64(1)
    return np.where(text == "", 0, hashed.astype(np.int64) | 1)
