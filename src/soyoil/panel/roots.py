"""The session index of each root, and the rows of it that are scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import BoolArray, DayArray, FloatArray, IntArray
from soyoil.base.errors import ContractError, SourceError
from soyoil.splits.plan import SplitConfig, usable_rows

COLUMNS: Final = (
    "symbol", "data_date", "roll_free_return", "realized_vol_1h", "is_thin", "provenance", "rolls",
)  # fmt: skip
"""What the panel needs of session bars."""


@dataclass(frozen=True)
class RootSeries:
    """Regular sessions of one root, ascending.

    Attributes
    ----------
    symbol
        Root.
    dates
        Trade dates, ``datetime64[us]``, shape ``(n,)``.
    returns
        Roll-free daily log returns, NaN where missing, shape ``(n,)``.
    hourly_vol
        Realised volatility of the hourly returns of each session, annualised, NaN where missing,
        shape ``(n,)``.
    """

    symbol: str
    dates: DayArray
    returns: FloatArray
    hourly_vol: FloatArray


def root_series(sessions: pd.DataFrame, symbols: Sequence[str]) -> tuple[RootSeries, ...]:
    """Cut session bars into roots; thin sessions are no part of the index.

    Parameters
    ----------
    sessions
        Rows with `COLUMNS`, in any order.
    symbols
        Roots to keep, in the order of the result.

    Raises
    ------
    SourceError
        A root has no session: its evidence would be missing in silence.
    ContractError
        A root has two sessions on one date.
    """
    groups = {str(name): rows for name, rows in sessions.groupby("symbol", sort=False)}
    missing = [symbol for symbol in symbols if symbol not in groups]
    if missing:
        raise SourceError(
            f"The warehouse holds no session of {', '.join(missing)}, so the panel cannot be made. "
            f"Run `kedro run --pipeline=ingest` with {'+'.join(missing)} in source.symbols, or "
            "name the roots of the panel in panel.symbols."
        )
    return tuple(_series(symbol, groups[symbol]) for symbol in symbols)


def _series(symbol: str, rows: pd.DataFrame) -> RootSeries:
    regular = rows[~rows["is_thin"].astype(bool)].sort_values("data_date")
    dates = regular["data_date"]
    if dates.duplicated().any():
        twice = dates[dates.duplicated()].iloc[0]
        raise ContractError(f"{symbol} has two sessions on {twice:%Y-%m-%d}; the panel needs one")
    returns, hourly = (
        regular[name].to_numpy(dtype="float64", na_value=float("nan"))
        for name in ("roll_free_return", "realized_vol_1h")
    )
    return RootSeries(symbol, dates.to_numpy(dtype="datetime64[us]"), returns, hourly)


def scored_rows(dates: DayArray, labelled: BoolArray, split: SplitConfig) -> IntArray:
    """Positions of the rows that are scored: the test rows of a plan that fits nothing.

    From ``split.first_origin`` on (``split.test_from`` of a fixed plan), not after
    ``split.last_origin``, one of ``split.origins``, and after the first ``split.warm_up``
    sessions of the root itself. With a history that reaches back far enough these are the test
    rows of the split stage; a root that starts later is scored from its own warm-up on.

    Parameters
    ----------
    dates
        Sessions of one root, ascending, ``datetime64[us]``, shape ``(n,)``.
    labelled
        Rows with a label, shape ``(n,)``.
    split
        The plan's parameters; those of training rows say nothing here.
    """
    _, first = split.scored_from
    usable = usable_rows(dates, labelled, split) & (dates >= np.datetime64(first, "us"))
    usable[: split.warm_up] = False
    return np.flatnonzero(usable).astype("int64")
