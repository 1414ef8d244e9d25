"""Daily floor-trader pivots from the session before, in terms of today's contract."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from soyoil.features.registry import FeatureFunction, SymbolBars, feature
from soyoil.market.rolls import FloatArray

LEVELS: dict[str, str] = {
    "P": "(H + L + C) / 3 of the session before",
    "R1": "2 P - L",
    "S1": "2 P - H",
    "R2": "P + (H - L)",
    "S2": "P - (H - L)",
}


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


def _level(name: str) -> FeatureFunction:
    def compute(bars: SymbolBars) -> FloatArray:
        return pivot_levels(bars)[name]

    return compute


for _name, _formula in LEVELS.items():
    feature(f"pivots.{_name}", formula=_formula, history=2)(_level(_name))


@feature("pivots.distance_to_P", formula="close - P", history=2)
def distance_to_pivot(bars: SymbolBars) -> FloatArray:
    """Signed distance of the close from the pivot, quoted units."""
    return bars.close - pivot_levels(bars)["P"]


@feature(
    "pivots.distance_to_nearest_pivot",
    formula="close - the level of P, R1, S1, R2, S2 that is nearest to it",
    history=2,
)
def distance_to_nearest_pivot(bars: SymbolBars) -> FloatArray:
    """Signed distance of the close from the nearest level, quoted units."""
    distances = bars.close[:, None] - np.column_stack(list(pivot_levels(bars).values()))
    nearest = np.argmin(np.where(np.isnan(distances), np.inf, np.abs(distances)), axis=1)
    return np.asarray(distances[np.arange(len(bars)), nearest], dtype=np.float64)


@feature("pivots.price_above_P", formula="close > P", history=2)
def price_above_pivot(bars: SymbolBars) -> npt.NDArray[np.object_]:
    """Whether the close is above the pivot; None on the first session."""
    pivot = pivot_levels(bars)["P"]
    above = (bars.close > pivot).astype(object)
    above[np.isnan(pivot)] = None
    return above
