"""Fields of a bar CSV: times, whole numbers and prices from text.

A field is read only if its text leaves no doubt. `FieldError` says which row is at fault, in
words that say what made it so: spreadsheets, regional formats, another tool's export.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from databento_dbn import FIXED_PRICE_SCALE, UNDEF_PRICE

from soyoil.base.arrays import FloatArray, IntArray
from soyoil.sources.databento.file import LATEST_NS

MIN_FIXED: Final = 1_000_000
"""Smallest size of a fixed-point price other than zero: 0.001 in quoted units."""
MAX_DECIMAL: Final = 1_000_000.0
"""No decimal price reaches this."""
EARLIEST_NS: Final = 631_152_000_000_000_000
"""Start of 1990; integers in seconds, milli- or microseconds stay far below."""

_NANOSECONDS: Final = r"^\d{1,19}$"
_DATE_TIME: Final = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?"
_ZONED: Final = _DATE_TIME + r"( ?(Z|UTC)|[+-]\d{2}(:?\d{2})?)$"
_INTEGER: Final = r"^\d{1,18}(\.0*)?$"
_FIXED: Final = r"^-?\d{1,19}$"
_DECIMAL: Final = r"^-?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?$"


class FieldError(Exception):
    """A field that cannot be read.

    Attributes
    ----------
    row
        Position among the rows at hand.
    column
        Name of its column.
    reason
        What is wrong, and what to do.
    """

    def __init__(self, row: int, column: str, reason: str) -> None:
        super().__init__(reason)
        self.row = row
        self.column = column
        self.reason = reason


def _refuse_first(text: pa.Array, good: pa.Array, column: str, kind: str) -> None:
    bad = np.flatnonzero(~good.to_numpy(zero_copy_only=False))
    if len(bad):
        value = text[int(bad[0])].as_py()
        raise FieldError(int(bad[0]), column, f"{value[:40]!r} {_explain(value, kind)}")


_CAUSES: Final = {
    "time": (
        (r"^$", "is no time: the field is empty. Download the file again."),
        (
            _DATE_TIME + "$",
            "has no time zone, and soyoil does not guess one. Export the times in UTC "
            "with a zone, such as 2024-01-08T01:00:00Z.",
        ),
        (
            r"^\d{1,4}[./-]\d{1,2}[./-]\d{1,4}( |$)|^\d{5}(\.\d+)?$",
            "is a date as a spreadsheet or a regional format writes it, without a time zone; day "
            "and month cannot be told apart. Use the file as it was downloaded, not as it was "
            "saved by a spreadsheet.",
        ),
        (
            r"^\d(\.\d+)?[eE]\+?\d+$|^\d+\.\d*$",
            "is a rounded number: a spreadsheet cut digits off the nanoseconds. Use the file as it "
            "was downloaded.",
        ),
        (r"^ts_event$", "is a header within the rows: files were joined. Keep one header."),
    ),
    "integer": (
        (r"^$", "is no number: the field is empty. Download the file again."),
        (r"^-", "is negative. Download the file again."),
        (
            r"^\d{1,3}([,.' ]\d{3})+$",
            "has thousands separators. Export the file without them.",
        ),
        (
            r"^\d+(\.\d+)?[eE][+]?\d+$",
            "is a rounded number as a spreadsheet writes it. Use the file as it was downloaded.",
        ),
        (r"^\d{19,}(\.0*)?$", "is too large. Download the file again."),
    ),
    "price": (
        (
            r"^-?\d+,\d+$",
            "has a decimal comma. Export the file with decimal points.",
        ),
        (
            r"^-?\d{1,3}([,' ]\d{3})+(\.\d*)?$",
            "has thousands separators. Export the file without them.",
        ),
        (
            r"(?i)^[+-]?(nan|inf|infinity|null|none|n/?a|#.*)$",
            "is no price. Databento leaves the field empty where there is no price.",
        ),
        (r"^[^\d-]+\d", "has a sign or currency before the number. Export plain numbers."),
        (r"^-?\d+['-]\d+", "is a fraction of ticks. Export decimal prices."),
    ),
}


def _explain(value: str, kind: str) -> str:
    for pattern, cause in _CAUSES[kind]:
        if re.search(pattern, value):
            return cause
    what = {"time": "time", "integer": "whole number", "price": "price"}[kind]
    return f"is no {what}. Mend the line or download the file again."


def parse_times(text: pa.Array) -> IntArray:
    """Nanoseconds since 1970 from times with a zone, or from integer nanoseconds.

    Parameters
    ----------
    text
        Trimmed fields, shape ``(n,)``; one form in all of them.

    Raises
    ------
    FieldError
        A field is neither, or out of range.
    """
    integer = pc.match_substring_regex(text, _NANOSECONDS)
    if len(text) and pc.all(integer).as_py():
        stamps = text.cast(pa.uint64()).to_numpy()
        bad = np.flatnonzero((stamps < EARLIEST_NS) | (stamps >= LATEST_NS))
        if len(bad):
            raise FieldError(
                int(bad[0]),
                "ts_event",
                f"has integer ts_event that are no nanoseconds since 1970 (such as "
                f"{stamps[bad[0]]}). Download the CSV again, with Databento's own time format.",
            )
        return np.asarray(stamps, dtype=np.int64)
    _refuse_first(text, pc.match_substring_regex(text, _ZONED), "ts_event", "time")
    plain = pc.replace_substring_regex(text, r" ?UTC$", "Z")
    # Arrow reads zones of two digits and of four with or without a colon.
    try:
        stamps = plain.cast(pa.timestamp("ns", tz="UTC")).cast(pa.int64())
    except pa.ArrowInvalid as error:
        raise FieldError(
            _first_impossible(plain), "ts_event", f"is an impossible time ({error})."
        ) from error
    return np.asarray(stamps.to_numpy(), dtype=np.int64)


def _first_impossible(text: pa.Array) -> int:
    for row in range(len(text)):
        try:
            text[row : row + 1].cast(pa.timestamp("ns", tz="UTC"))
        except pa.ArrowInvalid:
            return row
    return 0


def parse_integers(text: pa.Array, column: str) -> IntArray:
    """Whole numbers, also where another tool wrote ``783`` as ``783.0``.

    Raises
    ------
    FieldError
        A field is none.
    """
    _refuse_first(text, pc.match_substring_regex(text, _INTEGER), column, "integer")
    digits = pc.replace_substring_regex(text, r"\..*$", "")
    return np.asarray(digits.cast(pa.int64()).to_numpy(), dtype=np.int64)


def tell_form(text: pa.Array, column: str) -> bool | None:
    """Whether prices are decimal (True) or fixed-point (False); None if all are zero or missing.

    Raises
    ------
    FieldError
        A field is no price, or the two forms occur together.
    """
    missing = pc.equal(text, "")
    good = pc.or_(missing, pc.match_substring_regex(text, _DECIMAL))
    _refuse_first(text, good, column, "price")
    value = pc.if_else(missing, "0", text).cast(pa.float64()).to_numpy()
    whole = pc.match_substring_regex(text, _FIXED).to_numpy(zero_copy_only=False)
    size = np.abs(value)
    huge = np.flatnonzero(~whole & (size >= MAX_DECIMAL))
    if len(huge):
        raise FieldError(int(huge[0]), column, unclear(f"a decimal price is {size[huge[0]]:.0f}"))
    fixed = whole & (size >= MIN_FIXED)
    decimal = (size > 0) & ~fixed
    if fixed.any() and decimal.any():
        row = int(np.flatnonzero(decimal if decimal.sum() <= fixed.sum() else fixed)[0])
        raise FieldError(row, column, mixed(text[row].as_py()))
    return bool(decimal.any()) if fixed.any() or decimal.any() else None


def mixed(value: str) -> str:
    """Reason for a price of the one form among prices of the other."""
    return unclear(f"{value} is of the one kind and others are of the other")


def unclear(what: str) -> str:
    """Reason for prices of which the form is not clear."""
    return (
        "decimal prices and fixed-point prices (integers in units of 1e-9) cannot be told apart, "
        f"{what}. Export the file again with pretty_px=True."
    )


def parse_prices(text: pa.Array, *, decimal: bool) -> FloatArray:
    """Prices in quoted units, NaN where the vendor left one undefined.

    Parameters
    ----------
    text
        Fields that `tell_form` has passed.
    decimal
        Their form.
    """
    missing = pc.equal(text, "")
    if decimal:
        values = pc.if_else(missing, pa.scalar(None, pa.string()), text).cast(pa.float64())
        return np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.float64)
    units = pc.if_else(missing, str(UNDEF_PRICE), text).cast(pa.int64()).to_numpy()
    return np.where(units == UNDEF_PRICE, np.nan, units / FIXED_PRICE_SCALE)
