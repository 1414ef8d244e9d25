"""Volatility that option prices imply, as it was known at the decision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import FloatArray
from soyoil.external.readers.volatility import NAME, OVX, VIX, ZL
from soyoil.features.outside import OutsideView, decisions, own_column, spec, view_of
from soyoil.features.registry import register
from soyoil.market.instruments import TARGET_ROOT

GROUP: Final = "implied"
WEEK: Final = 5
PERCENT: Final = 100.0
REALISED: Final = "market_data.volatility_21d"

COLUMNS: Final = (
    spec(GROUP, "ovx", f"{OVX}, latest known"),
    spec(GROUP, "ovx_change_5d", f"{OVX} less that of {WEEK} values before"),
    spec(GROUP, "ovx_vix_log_ratio", f"log({OVX} / {VIX}), latest known of one day"),
    spec(GROUP, "staleness_days_ovx", f"days from the day of {OVX} to the trade date"),
    spec(GROUP, "zl_30d", "implied volatility of soybean oil, 30 days, latest known"),
    spec(GROUP, "zl_30d_change_5d", f"zl_30d less that of {WEEK} values before"),
    spec(
        GROUP,
        "zl_implied_realised",
        "2 log((zl_30d / 100) / volatility_21d), the log ratio of two variances, on rows of ZL",
    ),
    spec(GROUP, "staleness_days_zl", "days from the day of zl_30d to the trade date"),
)
"""Every column of the group, in the order of the contract."""

for _column in COLUMNS:
    register(_column)


def implied_features(
    rows: pd.DataFrame, tables: Mapping[str, pd.DataFrame]
) -> dict[str, FloatArray]:
    """Columns of the group; what is set against realised volatility on rows of ZL only.

    Parameters
    ----------
    rows
        ``symbol``, ``data_date``, ``decision_time`` and ``market_data.volatility_21d`` of the
        matrix.
    tables
        Raw rows by source, of those that are on.
    """
    view = view_of(NAME, tables)
    if view is None:
        return {column.name: np.full(len(rows), np.nan) for column in COLUMNS}
    at, place = decisions(rows)
    found = {name: values[place] for name, values in _alike(view, at).items()}
    realised = own_column(rows, REALISED, TARGET_ROOT)
    realised = np.where(realised > 0, realised, np.nan)
    found["zl_implied_realised"] = 2.0 * np.log(found["zl_30d"] / PERCENT / realised)
    return {f"{GROUP}.{name}": values for name, values in found.items()}


def _alike(view: OutsideView, at: pd.DataFrame) -> dict[str, FloatArray]:
    ovx, zl = (view.known(series, "implied_vol", at, WEEK + 1) for series in (OVX, ZL))
    vix = view.known(VIX, "implied_vol", at, 1)
    together = ovx.days[:, -1] == vix.days[:, -1]
    return {
        "ovx": ovx.latest,
        "ovx_change_5d": ovx.change(WEEK),
        "ovx_vix_log_ratio": np.where(together, np.log(ovx.latest / vix.latest), np.nan),
        "staleness_days_ovx": ovx.staleness,
        "zl_30d": zl.latest,
        "zl_30d_change_5d": zl.change(WEEK),
        "staleness_days_zl": zl.staleness,
    }
