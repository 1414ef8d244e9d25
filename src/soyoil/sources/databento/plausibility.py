"""Bars that no market makes, told by the bars around them.

What lies in one bar is checked in `soyoil.sources.quarantine`. Here bars of a root are compared
with each other, in order of time: prices that leave their surroundings and come back, prices that
stand still for days, and levels that shift for good, as between files of two units. Limits come
from `soyoil.market.instruments`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from soyoil.base.arrays import BoolArray, FloatArray
from soyoil.base.errors import SourceError
from soyoil.market.conventions import BarSchema
from soyoil.market.instruments import Instrument, get_instrument
from soyoil.sources.databento.file import PRICE_COLUMNS
from soyoil.sources.databento.symbols import DAY_NS

JUMP: Final = "implausible_move"
"""Far from the median of the bars around it, by more than `Instrument.max_move`."""
LEVEL: Final = "implausible_level"
"""The typical price around it is below `Instrument.prices`, of a root that may be negative."""
CONSTANT: Final = "constant_price"
"""One of many bars in a row with the same close."""

REASONS: Final = (JUMP, LEVEL, CONSTANT)

WINDOW: Final[dict[BarSchema, int]] = {"ohlcv-1h": 61, "ohlcv-1d": 11}
"""Bars whose median close is the level around the middle one. Up to half of them may be wrong:
more than a session at hourly bars."""

MAX_CONSTANT: Final[dict[BarSchema, int]] = {"ohlcv-1h": 60, "ohlcv-1d": 10}
"""Longest run of one close. The longest since 2010 has 15 hours; no limit lock lasts for days."""

MAX_GAP_NS: Final = 10 * DAY_NS
"""After a longer gap a new level is no surprise."""

Mask = BoolArray
Floats = FloatArray


def split_implausible(
    bars: pd.DataFrame, schema: BarSchema, roots: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split bars into those that a market can have made and the others.

    Parameters
    ----------
    bars
        Sound raw bars of all files, one per root, time and contract.
    schema
        Their schema.
    roots
        Roots by code.

    Returns
    -------
    tuple
        Plausible bars, and the others with their ``reason`` (`REASONS`), each in the order of
        `bars`.

    Raises
    ------
    SourceError
        The level of a root shifts by more than `Instrument.max_move` between two plausible bars
        and stays there.
    """
    order = np.lexsort((bars["instrument_id"], bars["ts_event"], bars["root"]))
    code = bars["root"].to_numpy()[order]
    found = np.full(len(bars), -1)
    bounds = np.searchsorted(code, np.arange(len(roots) + 1))
    for root, start, stop in zip(roots, bounds[:-1], bounds[1:], strict=True):
        if stop == start:
            continue
        rows = order[start:stop]
        own = bars.iloc[rows]
        reason = _reasons(own, schema, get_instrument(root))
        _refuse_shift(own[reason < 0], schema, get_instrument(root))
        found[rows] = reason
    bad = found >= 0
    reasons = pd.array(np.array(REASONS)[found[bad]], dtype="str")
    return bars[~bad], bars[bad].assign(reason=reasons)


def _reasons(bars: pd.DataFrame, schema: BarSchema, instrument: Instrument) -> npt.NDArray[np.intp]:
    """Position in `REASONS` of each bar, -1 for none, shape ``(n,)``."""
    price = bars[list(PRICE_COLUMNS)].to_numpy()
    level = _level(bars, schema)
    checks = {
        JUMP: _jumps(price, level, instrument),
        LEVEL: np.full(len(bars), instrument.may_be_negative) & (level < instrument.prices[0]),
        CONSTANT: _run_lengths(bars["close"].to_numpy()) > MAX_CONSTANT[schema],
    }
    return np.select([checks[r] for r in REASONS], range(len(REASONS)), default=-1)


def _jumps(price: Floats, level: Floats, instrument: Instrument) -> Mask:
    far = _move(price, level[:, None]) > instrument.max_move
    if not instrument.may_be_negative:
        return np.asarray(far.any(axis=1))
    # Such a price can fall through zero within hours, hour by hour: a low one alone proves
    # nothing. What it does not do is to visit the depth and be back at the end of the hour.
    open_, _, low, close = price.T
    bottom = np.minimum(open_, close)
    dip = (_move(low, bottom) > instrument.max_move) & (bottom - low > level / 2)
    return np.asarray((far & (price > level[:, None])).any(axis=1) | dip)


def _move(price: Floats, other: Floats) -> Floats:
    """Absolute log move, 0 where a price at or below zero has none."""
    both = (price > 0) & (other > 0)
    ratio = np.divide(price, other, out=np.ones_like(price), where=both)
    return np.abs(np.log(ratio))


def _run_lengths(values: Floats) -> npt.NDArray[np.intp]:
    """Length of the run of equal values that each belongs to."""
    run = np.cumsum(np.r_[True, values[1:] != values[:-1]]) - 1
    return np.asarray(np.bincount(run)[run], dtype=np.intp)


def _level(bars: pd.DataFrame, schema: BarSchema) -> Floats:
    window = bars["close"].rolling(WINDOW[schema], center=True, min_periods=1)
    return np.asarray(window.median().to_numpy(), dtype=np.float64)


def _refuse_shift(bars: pd.DataFrame, schema: BarSchema, instrument: Instrument) -> None:
    time = bars["ts_event"].to_numpy()
    open_, close = bars["open"].to_numpy(), bars["close"].to_numpy()
    near = np.diff(time) <= MAX_GAP_NS
    # Near zero, where energy may go, the smallest steps are large ratios.
    wide = np.abs(open_[1:] - close[:-1]) > _level(bars, schema)[:-1] / 4
    shifted = np.flatnonzero(near & wide & (_move(open_[1:], close[:-1]) > instrument.max_move))
    if not len(shifted):
        return
    i = int(shifted[0])
    first, second = (pd.Timestamp(t, tz="UTC").strftime("%F %H:%M") for t in time[i : i + 2])
    raise SourceError(
        f"{instrument.root}: the price goes from {close[i]:g} ({first} UTC) to {open_[i + 1]:g} "
        f"({second} UTC) and stays there, in {len(shifted)} places of its {len(bars):,} bars: a "
        "move that no market makes. A file is in another unit or of another product. Look at the "
        "files of these days and take the wrong one out."
    )
