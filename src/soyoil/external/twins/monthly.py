"""Monthly sources of the synthetic market: biofuels of the EIA, palm oil of the Pink Sheet."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import DayArray
from soyoil.external.readers.eia import NAME as EIA
from soyoil.external.readers.palm import NAME as PALM
from soyoil.external.releases import biofuel_known_at, pink_sheet_known_at
from soyoil.external.twins.market import TwinMarket, series_rows

EIA_DRIVEN: Final = "M_EPOOBDSO_YIFBP_NUS_MMLB"
EIA_SERIES: Final = {
    "M_EPOORDB_YNP_NUS_MBBL": 3_300.0,
    "M_EPOORDO_YNP_NUS_MBBL": 4_200.0,
    EIA_DRIVEN: 850.0,
    "M_EPOOBDCNO_YIFBP_NUS_MMLB": 280.0,
    "M_EPOOBDCO_YIFBP_NUS_MMLB": 180.0,
    "M_EPOOBDFSTL_YIFBP_NUS_MMLB": 330.0,
    "M_EPOOBDFSWG_YIFBP_NUS_MMLB": 70.0,
    "M_EPOOBDFSYG_YIFBP_NUS_MMLB": 400.0,
}
"""Series and their mean: biodiesel, renewable diesel, soybean oil in them, and other feedstocks."""

PALM_DRIVEN: Final = "pink_sheet.palm_oil"
PALM_SERIES: Final = {
    PALM_DRIVEN: 850.0,
    "pink_sheet.soybean_oil": 1_000.0,
    "pink_sheet.rapeseed_oil": 1_080.0,
    "pink_sheet.sunflower_oil": 1_100.0,
}
"""Series and their mean, US dollars per metric ton."""


def eia_twin(market: TwinMarket) -> pd.DataFrame:
    """Months of biofuels; the driver is the log of the soybean oil that went into them."""
    months = market.months()
    return _months(market, EIA, (EIA_SERIES, EIA_DRIVEN), (months, biofuel_known_at(months)))


def palm_twin(market: TwinMarket) -> pd.DataFrame:
    """Months of the Pink Sheet; the driver is the log price of palm oil."""
    months = market.months()
    known_at = pink_sheet_known_at(months)
    return _months(market, PALM, (PALM_SERIES, PALM_DRIVEN), (months, known_at))


def _months(
    market: TwinMarket,
    source: str,
    series: tuple[dict[str, float], str],
    when: tuple[DayArray, pd.Series],
) -> pd.DataFrame:
    (means, driven), (months, known_at) = series, when
    parts = []
    for name, mean in means.items():
        if name == driven:
            tilt = market.driver(source, name, months, known_at, 0.9)
        else:
            tilt = market.steady(source, name, len(months), 0.9, "driver")
        values = {"value": np.round(mean * np.exp(0.15 * tilt), 2)}
        parts.append(series_rows(("series_id", name), months, known_at, values))
    return market.known(pd.concat(parts, ignore_index=True))
