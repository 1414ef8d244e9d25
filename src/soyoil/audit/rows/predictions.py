"""Forecasts that are too good to have been made before the fact."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import numpy as np

from soyoil.audit.defect import Defect, count
from soyoil.audit.rows.table_data import TableData, leaf
from soyoil.base.arrays import FloatArray

_PREDICTED: Final = re.compile(r"(?:^|_)(?:pred(?:icted|iction)?|forecast(?:ed)?|y_?hat)(?:_|$)")
_ACTUAL: Final = re.compile(r"(?:^|_)(?:actual|observed|realized|realised|y_?true)(?:_|$)")
_BOUND: Final = re.compile(
    r"(?:^|_)(?:p\d+|q\d+|lower|upper|low|high|error|err|residual|interval|confidence|std|direction"
    r"|return|change|pct)(?:_|$)"
)
_FIT: Final = re.compile(r"(?:^|_)r_?(?:2|sq|squared)(?:_|$)|(?:^|_)r2_score$")
MIN_ROWS: Final = 30
TOO_GOOD: Final = 0.3
"""Mean absolute error as a share of that of the last price known, below which nobody forecasts."""
FIT_TOO_GOOD: Final = 0.95


def impossible_forecasts(data: TableData) -> Iterator[Defect]:
    """Predictions beside actual prices whose errors are too small to be out of sample.

    The error is held against that of the price of the row before, which no forecast over one
    session or more beats by far.

    Parameters
    ----------
    data
        Rows of different keys, of any table.
    """
    if not data.is_foreign or data.date is None:
        return
    for name in data.numbers:
        if not _PREDICTED.search(leaf(name)) or _BOUND.search(leaf(name)):
            continue
        actual = _actual(data, name)
        if actual is None:
            continue
        values, label = actual
        guess = data.frame[name].to_numpy()
        naive = np.full(len(values), np.nan)
        naive[1:] = np.where(data.group[1:] == data.group[:-1], values[:-1], np.nan)
        rows = ~np.isnan(values) & ~np.isnan(guess) & ~np.isnan(naive)
        if rows.sum() < MIN_ROWS:
            continue
        error = float(np.abs(guess - values)[rows].mean())
        usual = float(np.abs(naive - values)[rows].mean())
        if usual > 0 and error < TOO_GOOD * usual:
            spread = float(np.var(values[rows]))
            fit = 1 - float(np.mean((guess - values)[rows] ** 2)) / spread if spread else 1.0
            yield Defect(
                "impossible_forecast",
                "error",
                (f"{data.name}.{name}",),
                f"mean absolute error {error:.3g} against {label} in "
                f"{count(int(rows.sum()), 'row')} (R^2 {fit:.3f}); the price of the row before "
                f"errs by {usual:.3g}",
                "The model has seen what it forecasts: nothing of this skill will come back.",
                "Forecast out of sample only (`kedro run --pipeline=train`), and drop this table.",
            )


def _actual(data: TableData, predicted: str) -> tuple[FloatArray, str] | None:
    """What came of a prediction, and what it is called."""
    found = [n for n in data.numbers if _ACTUAL.search(leaf(n)) and not _BOUND.search(leaf(n))]
    if found:
        return data.frame[found[0]].to_numpy(), found[0]
    if data.close is not None and data.close != predicted:
        return data.frame[data.close].to_numpy(), data.close
    return None


def impossible_fits(data: TableData) -> Iterator[Defect]:
    """Scores of models on prices that only levels or known rows can give."""
    if not data.is_foreign:
        return
    for name in data.numbers:
        if data.is_declared(name) or not _FIT.search(leaf(name)):
            continue
        values = data.frame[name].to_numpy()
        good = values >= FIT_TOO_GOOD
        if good.any():
            yield Defect(
                "impossible_fit",
                "warning",
                (f"{data.name}.{name}",),
                f"{count(int(good.sum()), 'score')} of {int((~np.isnan(values)).sum()):,} at "
                f"{FIT_TOO_GOOD} or above, up to {np.nanmax(values):.4f}",
                "A price that is repeated has an R^2 of 0.99 too: it says nothing of skill, or the "
                "rows were known.",
                "Score returns against the random walk on the same rows.",
            )
