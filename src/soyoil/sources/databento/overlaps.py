"""Bars that several files hold.

Equal copies and contradictions are told apart in `soyoil.sources.quarantine`. What is told here
is the bar at the end of a file that was downloaded before the bar was over: it loses to the whole
one of a later file, whichever of them came first.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import BoolArray

UNFINISHED: Final = "unfinished_bar"
"""Last bar of its file, cut off there; another file holds the whole bar."""

_KEY: Final = ["root", "ts_event", "instrument_id"]


def last_of_file(bars: pd.DataFrame) -> BoolArray:
    """Bars at the last time of their symbol in their file, shape ``(n,)``.

    Parameters
    ----------
    bars
        ``file``, ``root`` and ``ts_event``.
    """
    last = bars.groupby(["file", "root"])["ts_event"].transform("max")
    return np.asarray(bars["ts_event"] == last)


def split_unfinished(bars: pd.DataFrame, is_last: BoolArray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Set bars aside that are the beginning of a bar that another file holds.

    A bar is the beginning of the copy with the most volume if it opens at the same price, lies
    within its range, has less volume and is the last of its file. Copies of a bar are left alone
    unless each of them is either whole or such a beginning: then they contradict each other.

    Parameters
    ----------
    bars
        Sound raw bars of all files, with their ``file``.
    is_last
        Bars after which their file has none of the symbol, shape ``(n,)``.

    Returns
    -------
    tuple
        Bars that are kept, and the others with their ``reason`` (`UNFINISHED`).
    """
    repeated = bars.duplicated(_KEY, keep=False).to_numpy()
    copies = bars[repeated]
    # By value, so that the order of the files decides nothing.
    order = ["volume", "open", "high", "low", "close"]
    fullest = copies.sort_values([*_KEY, *order]).drop_duplicates(_KEY, keep="last")
    pairs = copies[_KEY].merge(fullest, on=_KEY, how="left")
    pairs.index = copies.index
    same = (copies[order] == pairs[order]).all(axis=1)
    beginning = (
        pd.Series(is_last[repeated], index=copies.index)
        & (copies["volume"] < pairs["volume"])
        & (copies["open"] == pairs["open"])
        & (copies["high"] <= pairs["high"])
        & (copies["low"] >= pairs["low"])
    )
    agreed = (same | beginning).groupby([copies[name] for name in _KEY]).transform("all")
    rejected = copies[beginning & agreed].assign(reason=UNFINISHED)
    return bars.drop(index=rejected.index), rejected
