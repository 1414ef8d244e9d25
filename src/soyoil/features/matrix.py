"""The daily matrix: one complete row per symbol and session."""

from __future__ import annotations

import numpy as np
import pandas as pd

# Importing the feature modules fills the registry.
from soyoil.features import pivots, technical  # noqa: F401
from soyoil.features.registry import FEATURES, SymbolBars

LEVEL_COLUMNS = (
    "open", "high", "low", "close", "volume", "vwap", "realized_vol_1h", "instrument_id",
    "roll_free_return", "is_roll", "is_flip_back", "is_limit_locked", "is_vendor_degraded",
)  # fmt: skip


def _symbol_bars(rows: pd.DataFrame) -> SymbolBars:
    def floats(column: str) -> np.ndarray:
        return rows[column].to_numpy(dtype="float64")

    return SymbolBars(
        open=floats("open"),
        high=floats("high"),
        low=floats("low"),
        close=floats("close"),
        volume=floats("volume"),
        returns=floats("roll_free_return"),
        is_roll=rows["is_roll"].to_numpy(dtype=bool),
    )


def build_matrix(sessions: pd.DataFrame) -> pd.DataFrame:
    """Compute every registered feature for every symbol.

    Parameters
    ----------
    sessions
        Rows of ``market_data.databento_futures_ohlcv_1d``. Thin sessions are left out: the
        sessions of the result are the index that counts horizons.

    Returns
    -------
    DataFrame
        Flat matrix with dotted columns, sorted by ``symbol`` and ``data_date``; regime name
        and weight are added by the regimes stage.
    """
    regular = sessions[~sessions["is_thin"].astype(bool)]
    regular = regular.sort_values(["symbol", "data_date"], kind="stable").reset_index(drop=True)
    out = regular[["symbol", "data_date", "decision_time", "known_at", "provenance"]].copy()
    for column in LEVEL_COLUMNS:
        out[f"market_data.{column}"] = regular[column]
    parts: list[pd.DataFrame] = []
    for _, rows in regular.groupby("symbol", sort=False):
        bars = _symbol_bars(rows)
        columns = {name: spec.function(bars) for name, spec in FEATURES.items()}
        columns["market_data.roll_free_index"] = bars.index
        parts.append(pd.DataFrame(columns, index=rows.index))
    features = pd.concat(parts) if parts else pd.DataFrame(columns=list(FEATURES))
    features["pivots.price_above_P"] = features["pivots.price_above_P"].astype("boolean")
    return pd.concat([out, features], axis=1)
