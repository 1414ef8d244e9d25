"""The daily matrix: one complete row per symbol and session."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import FloatArray
from soyoil.contracts.contract import TableContract, load_contract
from soyoil.external.registry import SOURCES

# Importing the feature modules fills the registry.
from soyoil.features import calendar, golden_zone, pivots, technical, volatility  # noqa: F401
from soyoil.features.config import EVERY_GROUP, FeaturesConfig
from soyoil.features.cross_asset import cross_asset_features
from soyoil.features.groups.curve import curve_features
from soyoil.features.groups.energy_biofuel import biofuel_features
from soyoil.features.groups.export_sales import export_sales_features
from soyoil.features.groups.fundamentals import fundamental_features
from soyoil.features.groups.implied import implied_features
from soyoil.features.groups.macro import macro_features
from soyoil.features.groups.managed_money import managed_money_features
from soyoil.features.groups.policy import policy_features
from soyoil.features.groups.positioning import positioning_features
from soyoil.features.groups.vegoils import vegoil_features
from soyoil.features.groups.weather import weather_features
from soyoil.features.outside import NO_ROWS
from soyoil.features.registry import (
    FEATURES,
    FeatureSpec,
    SymbolBars,
    check_features,
    features_of,
)
from soyoil.market.instruments import TARGET_ROOT

TABLE: Final = "features.daily_ml_matrix"
KEY_COLUMNS: Final = ("symbol", "data_date", "decision_time", "known_at", "provenance", "rolls")
BAR_COLUMNS: Final = (
    "open", "high", "low", "close", "volume", "vwap", "realized_vol_1h", "instrument_id",
    "roll_free_return", "is_roll", "is_flip_back", "is_limit_locked", "is_vendor_degraded",
)  # fmt: skip
OUTSIDE: Final = (
    positioning_features,
    macro_features,
    fundamental_features,
    weather_features,
    biofuel_features,
    vegoil_features,
    implied_features,
    policy_features,
    curve_features,
    managed_money_features,
    export_sales_features,
)
"""What makes the columns of groups that outside sources fill."""
OWN: Final = ("market_data.close", "market_data.volatility_21d")
"""Columns of the row itself that some of these set against an outside value."""
REGIME_COLUMNS: Final = ("regime_name", "regime.name", "regime.weight")
SUPPLIED: Final = frozenset(
    {*KEY_COLUMNS, *(f"market_data.{c}" for c in BAR_COLUMNS), *REGIME_COLUMNS}
)
"""Columns of the contract that are no features; the regimes are joined by the next node."""


def symbol_bars(regular: pd.DataFrame) -> list[SymbolBars]:
    """Bars of each symbol.

    Parameters
    ----------
    regular
        Sessions without thin ones, sorted by ``symbol`` and ``data_date``.

    Returns
    -------
    list of SymbolBars
        One entry per symbol, in the order of the rows; the arrays are views of whole columns.
    """
    symbol = regular["symbol"]
    changes = (symbol != symbol.shift()).to_numpy(dtype=bool)
    bounds = np.r_[np.flatnonzero(changes), len(regular)]
    columns = {
        "dates": regular["data_date"].to_numpy(dtype="datetime64[D]"),
        "is_roll": regular["is_roll"].to_numpy(dtype=bool),
        "returns": regular["roll_free_return"].to_numpy(dtype="float64"),
    }
    for name in ("open", "high", "low", "close", "volume", "realized_vol_1h"):
        columns[name] = regular[name].to_numpy(dtype="float64")
    return [
        SymbolBars(**{name: values[a:b] for name, values in columns.items()})
        for a, b in itertools.pairwise(bounds)
    ]


def symbol_features(regular: pd.DataFrame, wanted: FeaturesConfig = EVERY_GROUP) -> pd.DataFrame:
    """Compute every registered feature of single symbols.

    Parameters
    ----------
    regular
        Sessions without thin ones, sorted by ``symbol`` and ``data_date``.
    wanted
        Groups that are computed; the others are missing.

    Returns
    -------
    DataFrame
        One column per feature of source ``bars`` on the index of `regular`, with the dtypes of
        the contract: ``float64``, ``boolean`` or ``Int64``.

    Raises
    ------
    ValueError
        If a feature function returns another number of values than there are sessions.
    """
    specs = features_of("bars")
    # One block for all symbols: joining a frame per symbol would hold everything twice.
    values = np.empty((len(specs), len(regular)))
    start = 0
    for bars in symbol_bars(regular):
        stop = start + len(bars)
        for row, spec in zip(values, specs, strict=True):
            row[start:stop] = _compute(spec, bars) if wanted.has(spec.group) else np.nan
        start = stop
    return _typed(values, specs, regular.index, load_contract(TABLE))


def _compute(spec: FeatureSpec, bars: SymbolBars) -> FloatArray:
    if spec.function is None:
        raise ValueError(f"feature {spec.name} of source bars has no function")
    result = spec.function(bars)
    if np.shape(result) != (len(bars),):
        raise ValueError(
            f"feature {spec.name} returned shape {np.shape(result)} for {len(bars)} sessions"
        )
    return result


def _typed(
    values: FloatArray,
    specs: tuple[FeatureSpec, ...],
    index: pd.Index,
    contract: TableContract,
) -> pd.DataFrame:
    """Frame of computed rows, those of BOOL and INT64 columns in nullable dtypes."""
    names = [spec.name for spec in specs]
    columns = contract.flat_columns()
    frame = pd.DataFrame(values.T, index=index, columns=names, copy=False)
    dtypes = {"BOOL": "boolean", "INT64": "Int64"}
    return frame.astype(
        {name: dtypes[columns[name].type] for name in names if columns[name].type in dtypes}
    )


def outside_features(rows: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Features of the outside sources that are on; NULL where a source is off.

    Parameters
    ----------
    rows
        ``symbol``, ``data_date`` and ``decision_time`` of the matrix, and the columns of `OWN`;
        without these what is made of them is NULL.
    tables
        Raw rows by source.

    Returns
    -------
    DataFrame
        One column per feature of source ``external`` on the index of `rows`, with the dtypes of
        the contract.
    """
    found = {name: values for make in OUTSIDE for name, values in make(rows, tables).items()}
    specs = features_of("external")
    values = np.stack([found[spec.name] for spec in specs])
    return _typed(values, specs, rows.index, load_contract(TABLE))


def build_matrix(
    sessions: pd.DataFrame,
    target: str = TARGET_ROOT,
    outside: Mapping[str, pd.DataFrame] = NO_ROWS,
    wanted: FeaturesConfig = EVERY_GROUP,
) -> pd.DataFrame:
    """Compute every registered feature for every symbol.

    Parameters
    ----------
    sessions
        Rows of ``market_data.soyoil_futures_sessions``. Thin sessions are left out: the
        sessions of the result are the index that counts horizons.
    target
        Root on whose rows the features of other markets stand.
    outside
        Raw rows of the outside sources that are on, by source.
    wanted
        Groups that are computed; the columns of the others are missing.

    Returns
    -------
    DataFrame
        Flat matrix with dotted columns, sorted by ``symbol`` and ``data_date``; regime name
        and weight are added by the next node.

    Raises
    ------
    ContractError
        If the feature registry and the contract of the matrix name different columns.
    """
    check_features(load_contract(TABLE), SUPPLIED)
    regular = sessions[~sessions["is_thin"].astype(bool)]
    regular = regular.sort_values(["symbol", "data_date"], kind="stable").reset_index(drop=True)
    bars = regular[list(BAR_COLUMNS)].add_prefix("market_data.")
    parts = [regular[list(KEY_COLUMNS)], bars, symbol_features(regular, wanted)]
    rows = regular[["symbol", "data_date", "decision_time"]]
    if features_of("external"):
        own = pd.concat([part[[n for n in OWN if n in part]] for part in parts], axis=1)
        used = {k: v for k, v in outside.items() if any(map(wanted.has, SOURCES[k].groups))}
        parts.append(outside_features(pd.concat([rows, own], axis=1), used))
    if any(wanted.has(spec.group) for spec in features_of("cross")):
        parts.append(cross_asset_features(regular, rows, target))
    matrix = pd.concat(parts, axis=1)
    return matrix if wanted.groups is None else _switched_off(matrix, wanted)


def _switched_off(matrix: pd.DataFrame, wanted: FeaturesConfig) -> pd.DataFrame:
    """The matrix with columns without a value in place of those of groups that are left out."""
    specs = tuple(s for s in FEATURES.values() if not wanted.has(s.group))
    empty = np.full((len(specs), len(matrix)), np.nan)
    nothing = _typed(empty, specs, matrix.index, load_contract(TABLE))
    kept = matrix.drop(columns=[name for name in nothing if name in matrix])
    return pd.concat([kept, nothing], axis=1)
