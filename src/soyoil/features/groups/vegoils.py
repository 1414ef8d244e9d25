"""Soybean oil against palm oil and its rivals, as their prices were known at the decision.

A spread in dollars names its period almost as a date does, so models are given log ratios.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import FloatArray
from soyoil.external.readers.palm import DAILY, NAME, PALM, RAPESEED, SOYBEAN, SUNFLOWER
from soyoil.features.outside import Known, OutsideView, decisions, own_column, spec, view_of
from soyoil.features.registry import register
from soyoil.market.instruments import TARGET_ROOT

GROUP: Final = "vegoils"
PER_TON: Final = 22.0462
"""US dollars per metric ton of one cent per pound."""
MONTHS: Final = 3
DAYS: Final = 63
CLOSE: Final = "market_data.close"

COLUMNS: Final = (
    spec(GROUP, "palm_spread", f"close of ZL x {PER_TON} - palm oil, newest month known"),
    spec(
        GROUP, "zl_palm_log_ratio", f"log(close of ZL x {PER_TON} / palm oil), newest month known"
    ),
    spec(GROUP, "soybean_palm_log_ratio", "log(soybean oil / palm oil) of one month, Pink Sheet"),
    spec(
        GROUP,
        "soybean_palm_log_ratio_change_3m",
        f"soybean_palm_log_ratio less that of {MONTHS} months before, as known",
    ),
    spec(GROUP, "palm_log_change_3m", f"log palm oil less that of {MONTHS} months before"),
    spec(GROUP, "soybean_rapeseed_log_ratio", "log(soybean oil / rapeseed oil) of one month"),
    spec(GROUP, "soybean_sunflower_log_ratio", "log(soybean oil / sunflower oil) of one month"),
    spec(GROUP, "staleness_days_monthly", "days from the first of the month to the trade date"),
    spec(GROUP, "palm_spread_daily", f"close of ZL x {PER_TON} - newest daily price of palm oil"),
    spec(
        GROUP,
        "zl_palm_log_ratio_daily",
        f"log(close of ZL x {PER_TON} / newest daily price of palm oil)",
    ),
    spec(GROUP, "palm_log_change_63d", f"log daily price less that of {DAYS} values before"),
    spec(GROUP, "staleness_days_daily", "days from the day of the price to the trade date"),
)
"""Every column of the group, in the order of the contract."""

for _column in COLUMNS:
    register(_column)


def vegoil_features(
    rows: pd.DataFrame, tables: Mapping[str, pd.DataFrame]
) -> dict[str, FloatArray]:
    """Columns of the group; those of ZL's close on its own rows only, the rest on all.

    Parameters
    ----------
    rows
        ``symbol``, ``data_date``, ``decision_time`` and ``market_data.close`` of the matrix.
    tables
        Raw rows by source, of those that are on.
    """
    view = view_of(NAME, tables)
    if view is None:
        return {column.name: np.full(len(rows), np.nan) for column in COLUMNS}
    at, place = decisions(rows)
    month, daily = view.known(PALM, "value", at, MONTHS + 1), view.known(DAILY, "value", at, 64)
    found = {name: values[place] for name, values in _alike(view, at, month, daily).items()}
    close = own_column(rows, CLOSE, TARGET_ROOT) * PER_TON
    close = np.where(close > 0, close, np.nan)
    for suffix, palm in (("", month.latest[place]), ("_daily", daily.latest[place])):
        found[f"palm_spread{suffix}"] = close - palm
        found[f"zl_palm_log_ratio{suffix}"] = np.log(close / palm)
    return {f"{GROUP}.{name}": values for name, values in found.items()}


def _alike(
    view: OutsideView, at: pd.DataFrame, month: Known, daily: Known
) -> dict[str, FloatArray]:
    soybean = view.known(SOYBEAN, "value", at, MONTHS + 1)
    palm, rival = _by_month(month), _by_month(soybean)
    ratio = np.where(_same(soybean, month)[:, None], rival - palm, np.nan)
    log_daily = np.log(daily.values)
    others = {}
    for name, series in (("rapeseed", RAPESEED), ("sunflower", SUNFLOWER)):
        other = view.known(series, "value", at, 1)
        both = np.log(soybean.latest / other.latest)
        others[f"soybean_{name}_log_ratio"] = np.where(_same(soybean, other), both, np.nan)
    return {
        "soybean_palm_log_ratio": ratio[:, 1],
        "soybean_palm_log_ratio_change_3m": ratio[:, 1] - ratio[:, 0],
        "palm_log_change_3m": palm[:, 1] - palm[:, 0],
        **others,
        "staleness_days_monthly": month.staleness,
        "palm_log_change_63d": log_daily[:, -1] - log_daily[:, -1 - DAYS],
        "staleness_days_daily": daily.staleness,
    }


def _same(one: Known, other: Known) -> np.ndarray:
    """Whether the newest values are of one month."""
    return np.asarray(one.days[:, -1] == other.days[:, -1])


def _by_month(known: Known) -> FloatArray:
    """Log prices of the month 3 before the newest and of the newest, shape ``(n, 2)``.

    NaN where that month has no value: a gap must not make the change one over four months.
    """
    months = known.days.astype("datetime64[M]")
    apart = months[:, -1] - months[:, 0] == np.timedelta64(MONTHS, "M")
    logs = np.log(known.values)
    return np.column_stack([np.where(apart, logs[:, 0], np.nan), logs[:, -1]])
