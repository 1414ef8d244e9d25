"""Weather stations of the synthetic market: seasons, heat that lasts, showers."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import DayArray, FloatArray
from soyoil.external.readers.weather import NAME
from soyoil.external.releases import station_known_at
from soyoil.external.twins.market import TwinMarket, series_rows

REGION_DRIVEN: Final = "us"

STATIONS: Final = {
    "USW00014933": ("us", 15.0, 15.0, 200.0),
    "USW00094846": ("us", 15.0, 14.0, 200.0),
    "INMET_A901": ("brazil", 32.0, 2.0, 20.0),
    "AR000875850": ("argentina", 23.0, 7.0, 20.0),
}
"""Region, mean and amplitude of the highest temperature over the year, and its warmest day."""


def weather_twin(market: TwinMarket) -> pd.DataFrame:
    """Days of four stations; the driver is the anomaly of temperature in the United States."""
    days = market.days()
    known_at = station_known_at(days)
    shared = market.driver(NAME, REGION_DRIVEN, days, known_at, 0.8)
    parts = []
    for station, (region, *season) in STATIONS.items():
        own = market.steady(NAME, station, len(days), 0.8)
        anomaly = shared + 0.2 * own if region == REGION_DRIVEN else own
        values = _station(market, station, (_season(days, season), anomaly))
        rows = series_rows(("station_id", station), days, known_at, values)
        parts.append(rows.assign(region=region).astype({"region": "str"}))
    return market.known(pd.concat(parts, ignore_index=True))


def _season(days: DayArray, season: list[float]) -> FloatArray:
    mean, amplitude, warmest = season
    year = days.astype("datetime64[Y]").astype("datetime64[D]")
    day = (days - year).astype("int64") + 1
    swing = np.cos(2 * np.pi * (day - warmest) / 365.25)
    return np.asarray(mean + amplitude * swing, dtype=np.float64)


def _station(
    market: TwinMarket, station: str, parts: tuple[FloatArray, FloatArray]
) -> dict[str, FloatArray]:
    usual, anomaly = parts
    count = len(usual)
    tmax = np.clip(usual + 4.0 * anomaly, -40.0, 55.0)
    spread = 10.0 + 1.5 * np.clip(market.steady(NAME, station, count, 0.3, "range"), -4.0, 4.0)
    # It rains on three days of ten.
    showers = market.noise(NAME, station, "rain").random((count, 2))
    rain = -9.0 * np.log1p(-showers[:, 1]) * (showers[:, 0] < 0.3)
    return {
        "tmax_c": np.round(tmax, 1),
        "tmin_c": np.round(tmax - spread, 1),
        "precip_mm": np.asarray(np.round(rain, 1), dtype=np.float64),
    }
