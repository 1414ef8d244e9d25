"""Rows that stand twice, and rows copied to other dates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd

from soyoil.audit.defect import Defect, count, names
from soyoil.audit.rows.table_data import TableData

MIN_VALUES: Final = 3
"""A row with fewer values that change daily says too little to be called a copy."""


def duplicate_keys(data: TableData) -> Iterator[Defect]:
    """Keys that more than one row has."""
    if not data.key or data.frame.empty:
        return
    frame, key = data.frame, list(data.key)
    surplus = frame.duplicated(key).to_numpy()
    if not surplus.any():
        return
    repeated = frame.duplicated(key, keep=False).to_numpy()
    per_key = frame.loc[repeated, key].groupby(key, dropna=False).size()
    # Times of loading, identifiers and notes differ between copies of one row; values do not.
    values = [*key, *data.numbers, *data.targets]
    equal = frame.duplicated(values).to_numpy()
    contradicting = frame.loc[surplus & ~equal, key].drop_duplicates()
    guess = ", a guess: it is under no contract" if data.key_is_guessed else ""
    share = 100 * surplus.sum() / len(frame)
    yield Defect(
        "duplicate_key",
        "error",
        (data.name,),
        f"{count(int(surplus.sum()), 'surplus row')} of {len(frame):,} ({share:.1f} %): "
        f"{count(len(per_key), 'key')} up to {int(per_key.max())} times, "
        f"{len(contradicting):,} of them with contradicting values; key {'+'.join(key)}{guess}; "
        f"for example {data.labels(surplus)}",
        "Every copy weighs again in training and in every sum; joins multiply.",
        "Keep one row per key, the first loaded; of contradicting rows none until the source is "
        "asked. Write through the contract, which refuses a key given twice.",
    )


def cloned_rows(data: TableData) -> Iterator[Defect]:
    """Rows that equal the row of another date in all values but the key.

    Parameters
    ----------
    data
        Rows of different keys.
    """
    moving = [name for name in data.moving if name in data.numbers]
    if data.date is None or len(moving) < MIN_VALUES:
        return
    values = data.frame[list(data.numbers)]
    telling = (values[moving].notna().sum(axis=1) >= MIN_VALUES).to_numpy()
    rows = np.flatnonzero(telling)
    compared = values.iloc[rows].assign(_group=data.group[rows])
    codes = pd.util.hash_pandas_object(compared, index=False).to_numpy()
    first = pd.Series(rows).groupby(codes).transform("min").to_numpy()
    copies = first != rows
    if not copies.any():
        return
    pairs = [
        f"{data.label(int(row))} = {data.days[int(origin)]}"
        for row, origin in zip(rows[copies], first[copies], strict=True)
    ]
    yield Defect(
        "cloned_rows",
        "error",
        (data.name,),
        f"{count(len(pairs), 'row')} of {len(data.frame):,} equal the row of another date in all "
        f"{count(len(data.numbers), 'value')}: {names(pairs)}",
        "Sessions that never were: returns of zero, and labels that count them.",
        "Delete the copies; a date without a session has no row.",
    )
