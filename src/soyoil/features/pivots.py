"""Floor-trader pivots of the session and of the week before, in terms of today's contract."""

from __future__ import annotations

import numpy as np

from soyoil.base.arrays import FloatArray
from soyoil.features.registry import FeatureFunction, SymbolBars, feature, shared
from soyoil.features.volatility import in_atr
from soyoil.market.rolls import log_positive

LEVELS: dict[str, str] = {
    "P": "(H + L + C) / 3 of the session before",
    "R1": "2 P - L",
    "S1": "2 P - H",
    "R2": "P + (H - L)",
    "S2": "P - (H - L)",
}


@shared
def pivot_levels(bars: SymbolBars) -> dict[str, FloatArray]:
    """The five levels in quoted units, each shape ``(n,)``, NaN on the first session."""
    high, low, close = (bars.prior(v) for v in (bars.high, bars.low, bars.close))
    pivot = (high + low + close) / 3.0
    return {
        "P": pivot,
        "R1": 2.0 * pivot - low,
        "S1": 2.0 * pivot - high,
        "R2": pivot + (high - low),
        "S2": pivot - (high - low),
    }


@shared
def weekly_pivot(bars: SymbolBars) -> FloatArray:
    """Pivot of the calendar week before, in quoted units of today's contract, shape ``(n,)``.

    NaN where that week has no session, where its prices cannot be carried to today's contract,
    and where it is the first of the series and that starts after its Monday.
    """
    out = np.full(len(bars), np.nan)
    if len(bars) == 0:
        return out
    # 1970-01-01 was a Thursday.
    day = bars.dates.astype("datetime64[D]").astype("int64") + 3
    week = day // 7
    starts = np.r_[0, np.flatnonzero(np.diff(week)) + 1]
    last = np.r_[starts[1:], len(bars)] - 1
    # In terms of the first contract of the chain, so that a roll within the week does no harm.
    high = np.maximum.reduceat(bars.high / bars.factor, starts)
    low = np.minimum.reduceat(bars.low / bars.factor, starts)
    pivot = (high + low + (bars.close / bars.factor)[last]) / 3.0
    if day[0] % 7 != 0:
        pivot[0] = np.nan
    ordinal = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(bars)]))
    before = np.maximum(ordinal - 1, 0)
    usable = (week - week[starts[before]] == 1) & (bars.chain == bars.chain[starts[before]])
    return np.where(usable, pivot[before] * bars.factor, np.nan)


def _level(name: str) -> FeatureFunction:
    return lambda bars: pivot_levels(bars)[name]


def _log_ratio(name: str) -> FeatureFunction:
    return lambda bars: log_positive(bars.close) - log_positive(pivot_levels(bars)[name])


for _name, _formula in LEVELS.items():
    feature(f"pivots.{_name}", formula=_formula, history=2)(_level(_name))
    feature(f"pivots.{_name}_log_ratio", formula=f"ln(close / {_name})", history=2)(
        _log_ratio(_name)
    )


@feature("pivots.distance_to_P", formula="close - P", history=2)
def distance_to_pivot(bars: SymbolBars) -> FloatArray:
    """Signed distance of the close from the pivot, quoted units."""
    return bars.close - pivot_levels(bars)["P"]


@feature("pivots.distance_to_P_atr", formula="(close - P) / atr_14", history=15)
def distance_to_pivot_in_atr(bars: SymbolBars) -> FloatArray:
    """Signed distance of the close from the pivot, in average true ranges."""
    return in_atr(bars, distance_to_pivot(bars))


@shared
def _nearest(bars: SymbolBars) -> FloatArray:
    distances = bars.close[:, None] - np.column_stack(list(pivot_levels(bars).values()))
    nearest = np.argmin(np.where(np.isnan(distances), np.inf, np.abs(distances)), axis=1)
    return np.asarray(distances[np.arange(len(bars)), nearest], dtype=np.float64)


@feature(
    "pivots.distance_to_nearest_pivot",
    formula="close - the level of P, R1, S1, R2, S2 that is nearest to it",
    history=2,
)
def distance_to_nearest_pivot(bars: SymbolBars) -> FloatArray:
    """Signed distance of the close from the nearest level, quoted units."""
    return _nearest(bars)


@feature(
    "pivots.distance_to_nearest_pivot_atr",
    formula="distance_to_nearest_pivot / atr_14",
    history=15,
)
def distance_to_nearest_pivot_in_atr(bars: SymbolBars) -> FloatArray:
    """Signed distance of the close from the nearest level, in average true ranges."""
    return in_atr(bars, _nearest(bars))


@feature("pivots.price_above_P", formula="close > P", history=2)
def price_above_pivot(bars: SymbolBars) -> FloatArray:
    """Whether the close is above the pivot; NaN on the first session."""
    pivot = pivot_levels(bars)["P"]
    return np.where(np.isnan(pivot), np.nan, bars.close > pivot)


@feature(
    "pivots.weekly_P",
    formula="(H + L + C) / 3 of the calendar week before the session's",
    history=2,
)
def weekly_level(bars: SymbolBars) -> FloatArray:
    """Weekly pivot, quoted units."""
    return weekly_pivot(bars)


@feature("pivots.weekly_P_log_ratio", formula="ln(close / weekly_P)", history=2)
def weekly_log_ratio(bars: SymbolBars) -> FloatArray:
    """Log of the close over the weekly pivot."""
    return log_positive(bars.close) - log_positive(weekly_pivot(bars))


@feature("pivots.weekly_pivot_distance", formula="close - weekly_P", history=2)
def weekly_pivot_distance(bars: SymbolBars) -> FloatArray:
    """Signed distance of the close from the weekly pivot, quoted units."""
    return bars.close - weekly_pivot(bars)
