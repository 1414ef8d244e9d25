"""Registry of features: one entry per computed column of the daily matrix.

A feature is a pure function of the bars that it needs; its formula and code stand here, its
unit, range and meaning in the contract of ``features.daily_ml_matrix`` and nowhere else.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol, TypeVar

import numpy as np

from soyoil.base.arrays import BoolArray, DayArray, FloatArray, IntArray
from soyoil.base.errors import ContractError
from soyoil.contracts.contract import TableContract
from soyoil.market.rolls import forward_index, log_positive

FeatureFunction = Callable[[Any], FloatArray]
Source = Literal["bars", "cross", "external"]


@dataclass(frozen=True)
class SymbolBars:
    """Sessions of one symbol without thin ones, ascending; every array has shape ``(n,)``.

    Attributes
    ----------
    dates
        Trade dates, ``datetime64[D]``.
    open, high, low, close
        Unadjusted prices in quoted units; they may be negative.
    volume
        Lots.
    returns
        Roll-free daily log returns, NaN on the first session and where missing.
    realized_vol_1h
        Annualised realised volatility of hourly closes, NaN from daily sources.
    is_roll
        Whether the contract differs from the session before.
    intermediates
        Results of `shared` functions.
    """

    dates: DayArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    returns: FloatArray
    realized_vol_1h: FloatArray
    is_roll: BoolArray
    intermediates: dict[Callable[..., Any], Any] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

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
    def high_of_index(self) -> FloatArray:
        """High on the scale of the index, ``high / close x index``."""
        return self._on_index(self.high)

    @cached_property
    def low_of_index(self) -> FloatArray:
        """Low on the scale of the index, ``low / close x index``."""
        return self._on_index(self.low)

    def _on_index(self, prices: FloatArray) -> FloatArray:
        # In this order a price that equals the close is exactly the index.
        return prices / np.where(self.close > 0, self.close, np.nan) * self.index

    @cached_property
    def carry(self) -> FloatArray:
        """Factor that turns a price of the session before into terms of today's contract.

        1 where the contract is the same; on a roll the ratio of the contracts that the
        roll-free return implies. NaN on the first session and on a roll without a return.
        """
        carry = np.ones(len(self))
        carry[:1] = np.nan
        rolls = np.flatnonzero(self.is_roll)
        log_close = log_positive(self.close)
        carry[rolls] = np.exp(log_close[rolls] - log_close[rolls - 1] - self.returns[rolls])
        return carry

    @cached_property
    def chain(self) -> IntArray:
        """Number of the run of sessions whose prices can be carried into each other."""
        return np.cumsum(np.isnan(self.carry), dtype=np.int64)

    @cached_property
    def factor(self) -> FloatArray:
        """Product of `carry` so far, missing ones left out.

        A price of session s is ``price x factor_t / factor_s`` in terms of the contract of t,
        where both are in one `chain`. Unlike the index it leaves negative prices usable.
        """
        return np.asarray(np.cumprod(np.where(np.isnan(self.carry), 1.0, self.carry)))

    @cached_property
    def missing(self) -> IntArray:
        """Number of missing returns up to each session, that of the first session included."""
        return np.cumsum(np.isnan(self.returns), dtype=np.int64)

    def prior(self, values: FloatArray) -> FloatArray:
        """Prices of the session before, in terms of today's contract."""
        out = np.full(len(self), np.nan)
        out[1:] = values[:-1] * self.carry[1:]
        return out

    def known_moves(self, count: int) -> BoolArray:
        """Whether all of the last `count` returns are known: the index does not span a gap."""
        out = np.zeros(len(self), dtype=np.bool_)
        out[count:] = self.missing[count:] == self.missing[: max(len(self) - count, 0)]
        return out


class HasIntermediates(Protocol):
    """An input of features that keeps the results of `shared` functions."""

    @property
    def intermediates(self) -> dict[Callable[..., Any], Any]:
        """Results by function."""


InputT = TypeVar("InputT", bound=HasIntermediates)
ResultT = TypeVar("ResultT")


def shared(function: Callable[[InputT], ResultT]) -> Callable[[InputT], ResultT]:
    """Compute an intermediate result once per input, however many features use it."""

    @functools.wraps(function)
    def once(bars: InputT) -> ResultT:
        if function not in bars.intermediates:
            bars.intermediates[function] = function(bars)
        result: ResultT = bars.intermediates[function]
        return result

    return once


@dataclass(frozen=True)
class FeatureSpec:
    """One computed column.

    Attributes
    ----------
    name
        Dotted column of the matrix, for example ``market_data.rsi_14``.
    formula
        The formula in words or symbols, with its source where it has one.
    history
        Sessions needed before the first value.
    function
        Computes the column from the input of its source: float64 of shape ``(n,)``, NaN where
        there is no value; 1 and 0 for a BOOL column. None where the module of the source
        computes all its columns at once.
    source
        ``bars``: `SymbolBars` of one symbol. ``cross``: sessions of several symbols. ``external``:
        raw rows of an outside source as they were known.
    """

    name: str
    formula: str
    history: int
    function: FeatureFunction | None = None
    source: Source = "bars"

    @property
    def group(self) -> str:
        """STRUCT of the column."""
        return self.name.partition(".")[0]


FEATURES: dict[str, FeatureSpec] = {}


def register(spec: FeatureSpec) -> None:
    """Enter a computed column.

    Raises
    ------
    ValueError
        The column is registered already, or is not of the form ``struct.column``.
    """
    if spec.name in FEATURES:
        raise ValueError(f"feature {spec.name!r} is registered twice")
    if spec.name.count(".") != 1:
        raise ValueError(f"feature {spec.name!r} is not of the form struct.column")
    FEATURES[spec.name] = spec


def feature(
    name: str, *, formula: str, history: int
) -> Callable[[FeatureFunction], FeatureFunction]:
    """Register a function of `SymbolBars` as a column; see `FeatureSpec`."""

    def decorate(function: FeatureFunction) -> FeatureFunction:
        register(FeatureSpec(name, formula, history, function))
        return function

    return decorate


def features_of(source: Source) -> tuple[FeatureSpec, ...]:
    """Registered features of one kind of input, in the order of their registration."""
    return tuple(spec for spec in FEATURES.values() if spec.source == source)


def check_features(contract: TableContract, supplied: frozenset[str]) -> None:
    """Check that the registry and the contract name the same columns.

    Parameters
    ----------
    contract
        Contract of the daily matrix.
    supplied
        Columns of the contract that are no features: taken from the bars as they are, or filled
        in by a later stage.

    Raises
    ------
    ContractError
        A registered feature has no column, with the lines to add; or a column has no feature.
    """
    columns = set(contract.flat_columns())
    problems = [_undeclared(spec, contract) for n, spec in FEATURES.items() if n not in columns]
    problems += [
        f"  - {name}: in the contract, but nothing computes it. Register it with "
        f'@feature("{name}", ...) in a module that features/matrix.py imports, or take it out'
        for name in contract.flat_columns()
        if name not in FEATURES and name not in supplied
    ]
    if problems:
        raise ContractError(
            f"the feature registry and contract {contract.name} disagree:\n" + "\n".join(problems)
        )


def _undeclared(spec: FeatureSpec, contract: TableContract) -> str:
    group, column = spec.name.split(".")
    head = f"  - {spec.name}: registered, but not in the contract. Add to "
    line = (
        f"      - {{name: {column}, type: FLOAT64, unit: <unit>, minimum: <low>, "
        'maximum: <high>,\n         description: "<meaning>."}'
    )
    where = f"src/soyoil/contracts/{contract.name}.yml under the fields of STRUCT {group}"
    if group not in {c.name for c in contract.columns}:
        where += " (there is no such STRUCT yet)"
    return f"{head}{where}, then run `make docs`:\n{line}"
