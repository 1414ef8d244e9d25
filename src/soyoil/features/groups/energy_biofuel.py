"""Soybean oil that becomes fuel, as the EIA's last month known at the decision has it.

Changes over twelve months, for use grows with the capacity of plants and has seasons.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import FloatArray
from soyoil.external.readers.eia import (
    BIODIESEL,
    NAME,
    OTHER_FEEDSTOCKS,
    RENEWABLE_DIESEL,
    SOYBEAN_OIL,
)
from soyoil.features.outside import Known, OutsideView, decisions, spec, view_of
from soyoil.features.registry import register

GROUP: Final = "energy_biofuel"
YEAR: Final = 12
QUARTER: Final = 3
MONTHS: Final = 24
"""Months looked at: more than a year and a quarter, so that single ones may be missing."""

FUELS: Final = {
    "soybean_oil": (SOYBEAN_OIL, "soybean oil that became biofuel"),
    "biodiesel": (BIODIESEL, "biodiesel made"),
    "renewable_diesel": (RENEWABLE_DIESEL, "renewable diesel made"),
}
_SHARE: Final = (
    "soybean oil / (soybean, corn and canola oil, tallow, white and yellow grease) that became "
    "biofuel in a month, where none of them was withheld"
)

COLUMNS: Final = (
    *(
        column
        for name, (series, meaning) in FUELS.items()
        for column in (
            spec(
                GROUP,
                f"{name}_change_12m",
                f"{meaning} ({series}), log of the newest month known less that of the same month "
                "of the year before",
            ),
            spec(
                GROUP,
                f"{name}_change_3m_12m",
                f"{meaning}, log of the last {QUARTER} months known less that of the same months "
                "of the year before",
            ),
        )
    ),
    spec(GROUP, "soybean_oil_share", _SHARE),
    spec(
        GROUP,
        "soybean_oil_share_change_12m",
        "soybean_oil_share less that of the same month of the year before",
    ),
    spec(
        GROUP,
        "staleness_days",
        "days from the first of the newest month of soybean oil to the trade date",
    ),
)
"""Every column of the group, in the order of the contract."""

for _column in COLUMNS:
    register(_column)


def biofuel_features(
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
    found = _at(view, at)
    return {f"{GROUP}.{name}": values[place] for name, values in found.items()}


def _at(view: OutsideView, at: pd.DataFrame) -> dict[str, FloatArray]:
    out: dict[str, FloatArray] = {}
    for name, (series, _) in FUELS.items():
        months = _by_month(view.known(series, "value", at, MONTHS))
        out[f"{name}_change_12m"] = _log_change(months, 1)
        out[f"{name}_change_3m_12m"] = _log_change(months, QUARTER)
    oil = view.known(SOYBEAN_OIL, "value", at, MONTHS)
    own = _by_month(oil)
    newest = oil.days[:, -1]
    # The others count on the months of soybean oil, whatever months of them are newer.
    others = [
        _by_month(view.known(series, "value", at, MONTHS), newest) for series in OTHER_FEEDSTOCKS
    ]
    total = own + np.sum(others, axis=0)
    share = own / np.where(total > 0, total, np.nan)
    return out | {
        "soybean_oil_share": share[:, 0],
        "soybean_oil_share_change_12m": share[:, 0] - share[:, YEAR],
        "staleness_days": oil.staleness,
    }


def _by_month(known: Known, newest: np.ndarray | None = None) -> FloatArray:
    """Values by how many months they lie before the newest, shape ``(n, MONTHS)``; NaN if none."""
    last = known.days[:, -1] if newest is None else newest
    months = known.days.astype("datetime64[M]")
    back = last.astype("datetime64[M]")[:, None] - months
    out = np.full((len(months), MONTHS), np.nan)
    there = ~np.isnat(back)
    steps = np.where(there, back, np.timedelta64(0, "M")).astype(np.int64)
    row, column = np.nonzero(there & (steps >= 0) & (steps < MONTHS))
    out[row, steps[row, column]] = known.values[row, column]
    return out


def _log_change(months: FloatArray, count: int) -> FloatArray:
    """Log of the newest `count` months less those of the year before; NaN where one is missing."""
    now, before = (months[:, first : first + count].sum(axis=1) for first in (0, YEAR))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where((now > 0) & (before > 0), now / before, np.nan)
    return np.asarray(np.log(ratio))
