"""Registry of features: one entry per column that a model may be given.

A feature is a pure function of `SymbolBars`; its unit and meaning stand in the contract of
``features.daily_ml_matrix``, its formula and code here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from soyoil.market.rolls import FloatArray, forward_index, log_positive

FeatureFunction = Callable[["SymbolBars"], npt.NDArray[np.generic]]


@dataclass(frozen=True)
class SymbolBars:
    """Sessions of one symbol without thin ones, ascending; every array has shape ``(n,)``.

    Attributes
    ----------
    open, high, low, close
        Unadjusted prices in quoted units.
    volume
        Lots.
    returns
        Roll-free daily log returns, NaN where missing.
    is_roll
        Whether the contract differs from the session before.
    """

    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    returns: FloatArray
    is_roll: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.close)

    @cached_property
    def index(self) -> FloatArray:
        """Roll-free index, 1.0 on the first session."""
        return forward_index(self.returns)

    @cached_property
    def price_of_index(self) -> FloatArray:
        """Quoted price per index point, ``close_t / index_t``.

        A price-like indicator of the index times this factor is in terms of the contract of
        session t and does not change when later sessions arrive.
        """
        return self.close / self.index

    @cached_property
    def carry(self) -> FloatArray:
        """Factor that turns a price of the session before into terms of today's contract.

        1 where the contract is the same; on a roll the ratio of the contracts that the
        roll-free return implies. NaN on the first session.
        """
        carry = np.ones(len(self))
        carry[:1] = np.nan
        rolls = np.flatnonzero(self.is_roll)
        log_close = log_positive(self.close)
        carry[rolls] = np.exp(log_close[rolls] - log_close[rolls - 1] - self.returns[rolls])
        return carry

    def prior(self, values: FloatArray) -> FloatArray:
        """Prices of the session before, in terms of today's contract."""
        out = np.full(len(self), np.nan)
        out[1:] = values[:-1] * self.carry[1:]
        return out


@dataclass(frozen=True)
class FeatureSpec:
    """One feature.

    Attributes
    ----------
    name
        Dotted column of the matrix, for example ``market_data.rsi_14``.
    formula
        The formula in words or symbols, with its source where it has one.
    history
        Sessions needed before the first value.
    function
        Computes the column from the bars of one symbol.
    """

    name: str
    formula: str
    history: int
    function: FeatureFunction


FEATURES: dict[str, FeatureSpec] = {}


def feature(
    name: str, *, formula: str, history: int
) -> Callable[[FeatureFunction], FeatureFunction]:
    """Register a function of `SymbolBars` as a feature column."""

    def register(function: FeatureFunction) -> FeatureFunction:
        if name in FEATURES:
            raise ValueError(f"feature {name!r} is registered twice")
        FEATURES[name] = FeatureSpec(name, formula, history, function)
        return function

    return register
