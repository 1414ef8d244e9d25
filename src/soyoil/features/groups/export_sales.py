"""Weekly export sales of soybean oil and soybeans, as the last report known at the decision has it.

A marketing year is compared with the same week of earlier ones, for sales and shipments have
seasons; weekly sales are set against their own size, for commodities trade in different ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import BoolArray, DayArray, FloatArray, IntArray
from soyoil.external.readers.export_sales import NAME, first_weeks
from soyoil.external.readers.usda import FIRST_MONTH
from soyoil.external.releases import WEEK
from soyoil.features.outside import Known, OutsideView, decisions, spec, view_of
from soyoil.features.registry import register

GROUP: Final = "export_sales"
YEARS: Final = 5
"""Earlier marketing years that are looked at."""
MIN_YEARS: Final = 3
SCALE_WEEKS: Final = 52
MIN_SCALE_WEEKS: Final = 40
FEW: Final = 4
WEEKS: Final = 53 * YEARS + 1
"""Weeks looked at: the same week of each earlier year is among them."""

COMMODITIES: Final = {
    "oil": ("soybean_oil", "soybean oil"),
    "soybean": ("soybeans", "soybeans"),
}

COLUMNS: Final = (
    *(
        column
        for name, (_, meaning) in COMMODITIES.items()
        for column in (
            spec(
                GROUP,
                f"{name}_commitments_log_ratio",
                f"log of the commitments of {meaning} (accumulated exports + outstanding sales of "
                "the marketing year of the newest week known) over their mean in the same week of "
                f"the {YEARS} marketing years before, as known, at least {MIN_YEARS}",
            ),
            spec(
                GROUP,
                f"{name}_net_sales_1w",
                f"net sales of {meaning} in the newest week known, for this and the next marketing "
                f"year, over the mean of their absolute values in the last {SCALE_WEEKS} weeks, at "
                f"least {MIN_SCALE_WEEKS}; a week after one that is missing does not count",
            ),
            spec(
                GROUP,
                f"{name}_net_sales_4w",
                f"mean of the net sales of {meaning} in the last {FEW} weeks over the same",
            ),
            spec(
                GROUP,
                f"{name}_outstanding_share",
                f"outstanding sales of {meaning} / commitments, of the marketing year of the "
                "newest week known",
            ),
        )
    ),
    spec(
        GROUP,
        "staleness_days",
        "days from the end of the newest week known to the trade date, the older of the two",
    ),
)
"""Every column of the group, in the order of the contract."""

for _column in COLUMNS:
    register(_column)


def export_sales_features(
    rows: pd.DataFrame, tables: Mapping[str, pd.DataFrame]
) -> dict[str, FloatArray]:
    """Columns of the group, alike on the rows of every root.

    Parameters
    ----------
    rows
        ``symbol``, ``data_date`` and ``decision_time`` of the matrix.
    tables
        Raw rows by source, of those that are on.
    """
    view = view_of(NAME, tables)
    if view is None:
        return {column.name: np.full(len(rows), np.nan) for column in COLUMNS}
    at, place = decisions(rows)
    found: dict[str, FloatArray] = {}
    ages = []
    for name, (commodity, _) in COMMODITIES.items():
        values, age = _of_commodity(view, commodity, at)
        found |= {f"{name}_{column}": value for column, value in values.items()}
        ages.append(age)
    found["staleness_days"] = np.fmax(*ages)
    return {f"{GROUP}.{name}": values[place] for name, values in found.items()}


def _of_commodity(
    view: OutsideView, commodity: str, at: pd.DataFrame
) -> tuple[dict[str, FloatArray], FloatArray]:
    def known(figure: str) -> Known:
        return view.known(f"{NAME}.{commodity}.{figure}", "value", at, WEEKS)

    books = known("outstanding_sales")
    newest = books.days[:, -1]
    outstanding = _by_week(books, newest)
    commitments = outstanding + _by_week(known("accumulated_exports"), newest)
    net = _by_week(known("net_sales"), newest) + _by_week(known("next_net_sales"), newest)
    # After a gap one report holds the sales of several weeks.
    sales = np.where(np.isnan(outstanding[:, 1:]), np.nan, net[:, :-1])
    scale = _mean(np.abs(sales[:, :SCALE_WEEKS]), MIN_SCALE_WEEKS)
    scale = np.where(scale > 0, scale, np.nan)
    now = commitments[:, 0]
    usual = _same_week(commitments, newest, int(FIRST_MONTH[commodity]))
    whole = (now > 0) & (usual > 0)
    ratio = np.where(whole, now, np.nan) / np.where(whole, usual, np.nan)
    return {
        "commitments_log_ratio": np.log(ratio),
        "net_sales_1w": sales[:, 0] / scale,
        "net_sales_4w": _mean(sales[:, :FEW], FEW) / scale,
        "outstanding_share": outstanding[:, 0] / np.where(now > 0, now, np.nan),
    }, books.staleness


def _by_week(known: Known, newest: DayArray) -> FloatArray:
    """Values by how many weeks they lie before the newest, shape ``(n, WEEKS)``; NaN if none."""
    out = np.full((len(newest), WEEKS), np.nan)
    days = newest[:, None] - known.days
    there: BoolArray = ~np.isnat(days)
    back = np.where(there, days, np.timedelta64(0, "D")).astype(np.int64)
    there &= (back % WEEK == 0) & (back >= 0) & (back < WEEK * WEEKS)
    row, column = np.nonzero(there)
    out[row, back[row, column] // WEEK] = known.values[row, column]
    return out


def _same_week(values: FloatArray, newest: DayArray, month: int) -> FloatArray:
    """Mean of the week of the newest in `YEARS` earlier marketing years, NaN of too few.

    Weeks are counted from the first Thursday of a marketing year; where a year has no 53rd, its
    last stands for it.

    Parameters
    ----------
    values
        By weeks before the newest, shape ``(n, WEEKS)``.
    newest
        Newest week of each row, a Thursday.
    month
        Month that marketing years begin with.
    """
    some: BoolArray = ~np.isnat(newest)
    day = np.where(some, newest, np.datetime64("2000-01-06"))
    year = day.astype("datetime64[Y]").astype(np.int64) + 1970
    year -= day.astype("datetime64[M]").astype(np.int64) % 12 + 1 < month
    week = day - first_weeks(year, month)
    earlier = []
    for ago in range(1, YEARS + 1):
        first, after = (first_weeks(year - ago + step, month) for step in (0, 1))
        same = np.minimum(first + week, after - np.timedelta64(WEEK, "D"))
        back: IntArray = np.asarray((day - same).astype(np.int64) // WEEK, dtype=np.int64)
        earlier.append(np.take_along_axis(values, back[:, None], axis=1)[:, 0])
    return np.where(some, _mean(np.stack(earlier, axis=1), MIN_YEARS), np.nan)


def _mean(values: FloatArray, least: int) -> FloatArray:
    """Mean of the numbers in each row; NaN where there are fewer than `least`."""
    there = ~np.isnan(values)
    count = there.sum(axis=1)
    total = np.where(there, values, 0.0).sum(axis=1)
    return np.asarray(np.where(count >= least, total / np.maximum(count, 1), np.nan))
