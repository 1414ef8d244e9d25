"""Golden zone: the 50 to 61.8 % retracement of the last leg between confirmed swings.

A swing high is a session whose high is above those of the k sessions before it and not below
those of the k after it; it is known, and used, from the k-th session after it on. So no value
ever changes when later sessions arrive, as those of a zig-zag over the whole series do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from soyoil.base.arrays import FloatArray, IntArray
from soyoil.features.registry import SymbolBars, feature, shared
from soyoil.features.volatility import in_atr
from soyoil.features.windows import rolling_max
from soyoil.market.rolls import log_positive

SWING_SESSIONS = 5
"""Sessions on each side of a swing: its fractal spans 11 sessions, about two weeks."""

HISTORY = 2 * SWING_SESSIONS + 1
FIB_SHALLOW = 0.5
FIB_DEEP = 0.618


def confirmed_swings(base: FloatArray, chain: IntArray, k: int) -> IntArray:
    """Session of the newest swing high that is confirmed by each session.

    Parameters
    ----------
    base
        Highs in terms of one contract, shape ``(n,)``; negated lows for swing lows.
    chain
        Number of the run of sessions that are comparable; a swing does not span two.
    k
        Sessions on each side.

    Returns
    -------
    IntArray
        Positions of shape ``(n,)``, -1 before the first swing. Entry t uses sessions up to t.
    """
    out = np.full(len(base), -1, dtype=np.int64)
    if len(base) > 2 * k:
        peak = base[k:-k]
        highest = rolling_max(base, k)
        before, after = highest[k - 1 : -k - 1], highest[2 * k :]
        swing = (peak > before) & (peak >= after) & (chain[: -2 * k] == chain[2 * k :])
        out[2 * k :] = np.where(swing, np.arange(k, len(base) - k), -1)
    return np.maximum.accumulate(out)


@dataclass(frozen=True)
class Leg:
    """The last leg as known at each session; prices in terms of its contract, shape ``(n,)``.

    Attributes
    ----------
    high, low
        Newest confirmed swing high and low, NaN where there is none.
    direction
        1 where the high is the newer one, -1 where the low is. NaN where high and low are one
        session, or the high is not above the low: then they bound no leg.
    shallow, deep
        Retracements of 50 and 61.8 %, measured back from the newer end of the leg.
    """

    high: FloatArray
    low: FloatArray
    direction: FloatArray
    shallow: FloatArray
    deep: FloatArray


def _level(bars: SymbolBars, base: FloatArray, at: IntArray) -> FloatArray:
    """Prices of earlier sessions, carried to the contract of each session."""
    known = (at >= 0) & (bars.chain == bars.chain[at])
    return np.where(known, base[at] * bars.factor, np.nan)


@shared
def last_leg(bars: SymbolBars) -> Leg:
    """Newest confirmed swings and the retracements of the leg between them."""
    base_high, base_low = bars.high / bars.factor, bars.low / bars.factor
    at_high = confirmed_swings(base_high, bars.chain, SWING_SESSIONS)
    at_low = confirmed_swings(-base_low, bars.chain, SWING_SESSIONS)
    high, low = _level(bars, base_high, at_high), _level(bars, base_low, at_low)
    direction = np.where((high > low) & (at_high != at_low), np.sign(at_high - at_low), np.nan)
    newer_end = np.where(direction > 0, high, low)
    back = direction * (high - low)
    return Leg(
        high=high,
        low=low,
        direction=direction,
        shallow=newer_end - FIB_SHALLOW * back,
        deep=newer_end - FIB_DEEP * back,
    )


@feature(
    "golden_zone.swing_high",
    formula="high of the newest session whose high tops 5 sessions on each side, the last by t",
    history=HISTORY,
)
def swing_high(bars: SymbolBars) -> FloatArray:
    """Newest confirmed swing high, quoted units of today's contract."""
    return last_leg(bars).high


@feature(
    "golden_zone.swing_low",
    formula="low of the newest session whose low is under 5 sessions on each side, the last by t",
    history=HISTORY,
)
def swing_low(bars: SymbolBars) -> FloatArray:
    """Newest confirmed swing low, quoted units of today's contract."""
    return last_leg(bars).low


@feature("golden_zone.swing_high_log_ratio", formula="ln(close / swing_high)", history=HISTORY)
def swing_high_log_ratio(bars: SymbolBars) -> FloatArray:
    """Log of the close over the swing high."""
    return log_positive(bars.close) - log_positive(last_leg(bars).high)


@feature("golden_zone.swing_low_log_ratio", formula="ln(close / swing_low)", history=HISTORY)
def swing_low_log_ratio(bars: SymbolBars) -> FloatArray:
    """Log of the close over the swing low."""
    return log_positive(bars.close) - log_positive(last_leg(bars).low)


@feature(
    "golden_zone.fib_50",
    formula="newer swing back towards the older one by 50 % of the leg",
    history=HISTORY,
)
def fib_50(bars: SymbolBars) -> FloatArray:
    """Retracement of 50 %, quoted units."""
    return last_leg(bars).shallow


@feature(
    "golden_zone.fib_618",
    formula="newer swing back towards the older one by 61.8 % of the leg",
    history=HISTORY,
)
def fib_618(bars: SymbolBars) -> FloatArray:
    """Retracement of 61.8 %, quoted units."""
    return last_leg(bars).deep


@feature(
    "golden_zone.direction",
    formula="1 if the swing high is newer than the swing low, -1 if older",
    history=HISTORY,
)
def direction(bars: SymbolBars) -> FloatArray:
    """Direction of the last leg."""
    return last_leg(bars).direction


def _distance(bars: SymbolBars) -> FloatArray:
    leg = last_leg(bars)
    top, bottom = np.maximum(leg.shallow, leg.deep), np.minimum(leg.shallow, leg.deep)
    return bars.close - np.clip(bars.close, bottom, top)


@feature(
    "golden_zone.state",
    formula="1 if the close is between fib_50 and fib_618, both included, else 0",
    history=HISTORY,
)
def state(bars: SymbolBars) -> FloatArray:
    """Whether the close is in the zone, as 1 or 0: models take numbers."""
    distance = _distance(bars)
    return np.where(np.isnan(distance), np.nan, distance == 0)


@feature(
    "golden_zone.distance_to_zone_atr",
    formula="(close - nearer edge of the zone) / atr_14, 0 inside it",
    history=15,
)
def distance_to_zone(bars: SymbolBars) -> FloatArray:
    """Signed distance of the close from the zone, in average true ranges."""
    return in_atr(bars, _distance(bars))
