"""The futures curve of soybean oil: carry, and what it says of each horizon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import BoolArray, DayArray, FloatArray, IntArray
from soyoil.external.readers.curve import LABELS, NAME, SERIES
from soyoil.features.outside import OutsideView, decisions, spec, view_of
from soyoil.features.registry import register
from soyoil.market.conventions import TRADING_DAYS
from soyoil.market.instruments import TARGET_ROOT

GROUP: Final = "curve"
BACK: Final = {"3m": (3, 1, 5), "12m": (12, 9, 15)}
"""Months from the front to a back month: wanted, and the least and most that is taken."""
REACH: Final = {"1w": 5, "1m": 21, "3m": 63, "6m": 126, "12m": 252}
"""Sessions ahead by horizon."""
FARTHEST: Final = 75
"""Days between the end of a horizon and the last trade of the contract that stands for it."""
DAYS_PER_YEAR: Final = 365.25
MONTHS_PER_YEAR: Final = 12

COLUMNS: Final = (
    *(
        spec(
            GROUP,
            f"carry_{name}",
            f"log(front / back month) over the years between their deliveries; the back month is "
            f"the one nearest to {wanted} months after the front, {least} to {most}",
        )
        for name, (wanted, least, most) in BACK.items()
    ),
    *(
        spec(GROUP, f"months_{name}", f"months from the front to the back month of carry_{name}")
        for name in BACK
    ),
    *(
        spec(
            GROUP,
            f"log_price_{name}",
            "log(price / front) of the contract whose last trade is nearest to the trade date + "
            f"{sessions} x 365.25 / 252 days, at most {FARTHEST} days from it",
        )
        for name, sessions in REACH.items()
    ),
    spec(GROUP, "staleness_days", "days from the session of the prices to the trade date"),
)
"""Every column of the group, in the order of the contract."""

for _column in COLUMNS:
    register(_column)


def curve_features(rows: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> dict[str, FloatArray]:
    """Columns of the group, on rows of the root whose contracts they are made of.

    All prices of a row are of one session, the newest that the decision knows of any contract. The
    front is the first contract whose first notice lies after the trade date.

    Parameters
    ----------
    rows
        ``symbol``, ``data_date`` and ``decision_time`` of the matrix.
    tables
        Raw rows by source, of those that are on.
    """
    found = {column.name: np.full(len(rows), np.nan) for column in COLUMNS}
    view = view_of(NAME, tables)
    own = rows["symbol"].to_numpy(dtype="object") == TARGET_ROOT
    if view is None or view.rows.empty or not own.any():
        return found
    at, place = decisions(rows[own])
    for name, values in _features(view, at).items():
        found[f"{GROUP}.{name}"][own] = values[place]
    return found


def _features(view: OutsideView, at: pd.DataFrame) -> dict[str, FloatArray]:
    contracts = view.rows.drop_duplicates(SERIES).sort_values("delivery_month")
    delivery, notice, last_trade = (
        contracts[name].to_numpy(dtype="datetime64[D]") for name in LABELS
    )
    dates = at["data_date"].to_numpy(dtype="datetime64[D]")
    known = view.newest_day(at)
    column = pd.Index(contracts[SERIES]).get_indexer(pd.Index(known[SERIES]))
    prices = np.full((len(at), len(contracts)), np.nan)
    prices[known["at"], column] = known["price"]
    age = np.full(len(at), np.nan)
    age[known["at"]] = known["staleness"]
    usable = (prices > 0) & (notice[None, :] > dates[:, None])
    front = usable.argmax(axis=1)
    log_price = np.log(np.where(usable, prices, np.nan))
    over_front = log_price - np.take_along_axis(log_price, front[:, None], axis=1)
    month = delivery.astype("datetime64[M]").astype("int64")
    gap = month[None, :] - month[front][:, None]
    out: dict[str, FloatArray] = {}
    for name, (wanted, least, most) in BACK.items():
        fits = usable & (gap >= least) & (gap <= most)
        ratio, months = _nearest(np.abs(gap - wanted), fits, over_front, gap.astype("float64"))
        out[f"carry_{name}"] = -ratio * MONTHS_PER_YEAR / months
        out[f"months_{name}"] = months
    for name, sessions in REACH.items():
        distance = _days_from_end(dates, sessions, last_trade)
        (ratio,) = _nearest(distance, usable & (distance <= FARTHEST), over_front)
        out[f"log_price_{name}"] = ratio
    out["staleness_days"] = np.where(usable.any(axis=1), age, np.nan)
    return out


def _days_from_end(dates: DayArray, sessions: int, last_trade: DayArray) -> IntArray:
    """Days between the end of a horizon and each last trade, shape ``(n, m)``."""
    end = dates + round(sessions * DAYS_PER_YEAR / TRADING_DAYS)
    return np.asarray(np.abs((last_trade[None, :] - end[:, None]).astype("int64")))


def _nearest(distance: IntArray, fits: BoolArray, *values: FloatArray) -> tuple[FloatArray, ...]:
    """Values of the nearest contract that fits, the earlier of two; NaN where none does."""
    far = np.iinfo("int64").max
    pick = np.where(fits, distance, far).argmin(axis=1)[:, None]
    there = np.take_along_axis(fits, pick, axis=1)[:, 0]
    return tuple(
        np.where(there, np.take_along_axis(value, pick, axis=1)[:, 0], np.nan) for value in values
    )
