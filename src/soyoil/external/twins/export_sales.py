"""Export sales of the synthetic market: sales, shipments and books that add up."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import BoolArray, DayArray, FloatArray, IntArray
from soyoil.external.readers.export_sales import NAME, first_weeks
from soyoil.external.readers.usda import FIRST_MONTH
from soyoil.external.releases import WEEK, export_sales_known_at
from soyoil.external.twins.market import TwinMarket, series_rows
from soyoil.sources.synthetic.streams import autoregression

EARLIER_YEARS: Final = 6
"""Marketing years before the market's first session: five whole ones to compare with."""
SALES: Final = {"soybeans": 900_000.0, "soybean_meal": 230_000.0, "soybean_oil": 18_000.0}
"""Mean net sales of a week, metric tons."""
DRIVEN: Final = "soybean_oil"
SPREAD: Final = 0.7
"""Standard deviation of net sales over their mean."""
PERSISTENCE: Final = 0.3
SHIPPED: Final = 0.08
"""Part of what is sold and not shipped that leaves in a week."""
NEXT_WEEKS: Final = 20
"""Last weeks of a marketing year in which the next one is sold as well."""
NEXT_SALES: Final = 0.4
"""Sales for the next marketing year over those for the running one, in these weeks."""


def export_sales_twin(market: TwinMarket) -> pd.DataFrame:
    """Weeks of each commodity; the driver is the net sales of soybean oil."""
    first = np.datetime64(market.config.start, "Y") - EARLIER_YEARS
    start = first_weeks(np.array([int(first.astype(np.int64)) + 1970]), 1)[0]
    weeks: DayArray = np.arange(start, market.end + np.timedelta64(1, "D"), WEEK)
    known_at = export_sales_known_at(weeks)
    parts = []
    for commodity in SALES:
        if commodity == DRIVEN:
            tilt = market.driver(NAME, commodity, weeks, known_at, PERSISTENCE)
        else:
            tilt = market.steady(NAME, commodity, len(weeks), PERSISTENCE, "driver")
        for figure, values in _books(market, commodity, weeks, tilt).items():
            name = ("series_id", f"{NAME}.{commodity}.{figure}")
            parts.append(series_rows(name, weeks, known_at, {"value": values}))
    return market.known(pd.concat(parts, ignore_index=True))


def _books(
    market: TwinMarket, commodity: str, weeks: DayArray, tilt: FloatArray
) -> dict[str, FloatArray]:
    """Figures of a commodity, whole tons.

    What is outstanding at the end of a marketing year is carried into the next, with what was sold
    ahead for it: outstanding = outstanding before + net sales + carried - exports.
    """
    mean = SALES[commodity]
    year, left = _years(weeks, int(FIRST_MONTH[commodity]))
    begins = np.r_[True, year[1:] != year[:-1]]
    net = np.round(mean * (1.0 + SPREAD * tilt))
    noise = market.steady(NAME, commodity, len(weeks), PERSISTENCE, "next year")
    ahead = np.where(left < NEXT_WEEKS, NEXT_SALES * mean * np.exp(0.3 * noise), 0.0)
    next_net = np.round(ahead)
    books = pd.DataFrame({"year": year, "ahead": next_net})
    next_outstanding = books.groupby("year")["ahead"].cumsum().to_numpy(dtype="float64")
    carried = np.where(begins, np.r_[0.0, next_outstanding[:-1]], 0.0)
    carried[0] = np.round(mean / SHIPPED)
    flow = net + carried
    # Each week ships a part of what stands in the books after its sales.
    book = autoregression((1.0 - SHIPPED) * flow, 1.0 - SHIPPED)
    exports = np.maximum(np.round(book * SHIPPED / (1.0 - SHIPPED)), 0.0)
    shipped = pd.DataFrame({"year": year, "exports": exports})
    return {
        "weekly_exports": exports,
        "accumulated_exports": shipped.groupby("year")["exports"].cumsum().to_numpy("float64"),
        "outstanding_sales": np.cumsum(flow - exports),
        "net_sales": net,
        "next_outstanding_sales": next_outstanding,
        "next_net_sales": next_net,
    }


def _years(weeks: DayArray, month: int) -> tuple[IntArray, IntArray]:
    """Calendar year in which the marketing year of each week begins, and weeks left of it."""
    calendar = weeks.astype("datetime64[Y]").astype(np.int64) + 1970
    of_year = weeks.astype("datetime64[M]").astype(np.int64) % 12 + 1
    before: BoolArray = of_year < month
    year = np.asarray(calendar - before, dtype=np.int64)
    ends = first_weeks(year + 1, month)
    return year, np.asarray((ends - weeks).astype(np.int64) // WEEK - 1, dtype=np.int64)
