"""Two matrices cell by cell, to the bit."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import BoolArray
from soyoil.contracts.contract import load_contract
from soyoil.contracts.structs import flatten, unflatten
from soyoil.features.matrix import TABLE

KEYS: Final = ("symbol", "data_date")
DIFFERENCE_COLUMNS: Final = (*KEYS, "column", "stored", "rebuilt")
ROW: Final = "(row)"
"""Column of a difference that is a whole row."""


def as_stored(matrix: pd.DataFrame) -> pd.DataFrame:
    """Rows of the matrix as the warehouse gives them back, by key."""
    typed = flatten(unflatten(matrix, load_contract(TABLE)))
    return typed.sort_values(list(KEYS), kind="stable").reset_index(drop=True)


def same_cells(one: pd.Series, other: pd.Series) -> BoolArray:
    """Where two columns of equal length hold the same, missing values included, shape ``(n,)``.

    Floats are the same where their bits are; every NaN is a missing value.
    """
    missing = one.isna().to_numpy() & other.isna().to_numpy()
    if one.dtype == other.dtype == np.dtype("float64"):
        bits = one.to_numpy().view(np.int64) == other.to_numpy().view(np.int64)
        return np.asarray(bits | missing)
    equal = (one == other).fillna(value=False).to_numpy(dtype=bool)
    return np.asarray(equal | missing)


def differences(stored: pd.DataFrame, rebuilt: pd.DataFrame) -> pd.DataFrame:
    """Cells in which two sets of rows differ, and rows that only one of them has.

    Parameters
    ----------
    stored, rebuilt
        Rows as `as_stored` gives them.

    Returns
    -------
    DataFrame
        `DIFFERENCE_COLUMNS`, values as text; rows that one side lacks have `ROW` for a column.
    """
    keys = list(KEYS)
    both = stored[keys].merge(rebuilt[keys], on=keys, how="outer", indicator=True)
    lone = both[both["_merge"] != "both"]
    there = lone["_merge"].map({"left_only": "yes", "right_only": "no"}).astype("str")
    found = [
        lone[keys].assign(column=ROW, stored=there, rebuilt=there.map({"yes": "no", "no": "yes"}))
    ]
    common = both.loc[both["_merge"] == "both", keys]
    one, other = (
        common.merge(frame, on=keys, how="left").sort_values(keys, ignore_index=True)
        for frame in (stored, rebuilt)
    )
    for name in stored.columns:
        same = same_cells(one[name], other[name])
        if same.all():
            continue
        cells = one.loc[~same, keys].assign(
            column=name,
            stored=_text(one.loc[~same, name]),
            rebuilt=_text(other.loc[~same, name]),
        )
        found.append(cells)
    out = pd.concat(found, ignore_index=True)[list(DIFFERENCE_COLUMNS)]
    return out.astype(dict.fromkeys(("column", "stored", "rebuilt"), "str"))


def _text(values: pd.Series) -> pd.Series:
    """Values as text that tells two floats apart which differ in one bit."""
    text: pd.Series = values.map(repr, na_action="ignore").astype("str").fillna("NULL")
    return text


def summary(found: pd.DataFrame) -> str:
    """Columns that differ, with their first day; one line."""
    columns = list(dict.fromkeys(found["column"]))
    shown = ", ".join(columns[:6]) + (f" and {len(columns) - 6} more" if len(columns) > 6 else "")
    first = found["data_date"].min()
    return f"{len(found):,} cells of {len(columns)} columns, first on {first:%Y-%m-%d}: {shown}"
