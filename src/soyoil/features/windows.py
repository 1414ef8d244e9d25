"""Trailing windows that depend on nothing but the values inside them.

Running sums of pandas or TA-Lib carry the rounding of every earlier value along; here each
window is summed afresh, in one fixed order, so a value is the same bit for bit however long the
history before or after it is. A NaN makes every window that holds it NaN.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from soyoil.base.arrays import FloatArray

Combine = Callable[[FloatArray, FloatArray], FloatArray]


def _fold(values: FloatArray, window: int, combine: Combine) -> FloatArray:
    """Combine the values of each trailing window from the oldest to the newest."""
    out = np.full(len(values), np.nan)
    count = len(values) - window + 1
    if count > 0:
        total = values[:count]
        for k in range(1, window):
            total = combine(total, values[k : k + count])
        out[window - 1 :] = total
    return out


def rolling_sum(values: FloatArray, window: int) -> FloatArray:
    """Sum of the last `window` values, shape ``(n,)``, NaN before there are as many."""
    return _fold(values, window, np.add)


def rolling_mean(values: FloatArray, window: int) -> FloatArray:
    """Mean of the last `window` values."""
    return rolling_sum(values, window) / window


def rolling_max(values: FloatArray, window: int) -> FloatArray:
    """Largest of the last `window` values."""
    return _fold(values, window, np.maximum)


def rolling_min(values: FloatArray, window: int) -> FloatArray:
    """Smallest of the last `window` values."""
    return _fold(values, window, np.minimum)


def rolling_std(values: FloatArray, window: int, ddof: int) -> FloatArray:
    """Standard deviation of the last `window` values, about their own mean.

    It is exactly 0 where the values are all the same: rounding of the mean would leave a
    residue that ratios blow up.
    """
    out = np.full(len(values), np.nan)
    count = len(values) - window + 1
    if count > 0:
        mean = rolling_mean(values, window)[window - 1 :]
        total = np.zeros(count)
        for k in range(window):
            deviation = values[k : k + count] - mean
            total += deviation * deviation
        out[window - 1 :] = np.sqrt(total / (window - ddof))
        out[rolling_max(values, window) == rolling_min(values, window)] = 0.0
    return out


def rolling_median(values: FloatArray, window: int) -> FloatArray:
    """Median of the last `window` values; `window` is odd."""
    out = np.full(len(values), np.nan)
    if len(values) >= window:
        views = np.lib.stride_tricks.sliding_window_view(values, window)
        out[window - 1 :] = np.partition(views, window // 2, axis=-1)[:, window // 2]
        out[np.isnan(rolling_sum(values, window))] = np.nan
    return out


def ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Quotient, NaN where the denominator is not positive or the result not finite."""
    out = np.full(len(numerator), np.nan)
    with np.errstate(over="ignore", invalid="ignore"):
        np.divide(numerator, denominator, out=out, where=denominator > 0)
    out[~np.isfinite(out)] = np.nan
    return out
