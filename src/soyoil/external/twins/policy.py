"""Policy of the synthetic market: events at random minutes, and a row of sentiment per day."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from soyoil.external.readers.policy import DAILY, DTYPES, KINDS, NAME
from soyoil.external.releases import DAY_OVER
from soyoil.external.twins.market import TwinMarket, series_rows

EVENTS: Final = "events"
PER_YEAR: Final = 30.0


def policy_twin(market: TwinMarket) -> pd.DataFrame:
    """Events, one day in twelve; the driver decides their sign and intensity."""
    days = market.days()
    draws = market.noise(NAME, EVENTS, "moments").random((len(days), 3))
    on = draws[:, 0] < PER_YEAR / 365.25
    minute = np.floor(draws[on, 1] * 24 * 60).astype(np.int64)
    moments = days[on].astype("datetime64[us]") + minute * np.timedelta64(1, "m")
    known_at = pd.Series(moments.astype("datetime64[us]")).dt.tz_localize("UTC")
    told = market.driver(NAME, EVENTS, days[on], known_at, 0.0)
    kinds = np.array(KINDS)[np.floor(draws[on, 2] * len(KINDS)).astype(np.int64)]
    intensity = np.round(np.minimum(np.abs(told) / 4.0, 1.0), 3)
    events = series_rows(
        ("series_id", EVENTS),
        moments,
        known_at,
        {"sign": np.sign(told), "intensity": np.asarray(intensity, dtype=np.float64)},
    ).assign(series_id=pd.Series(kinds, dtype="str"))
    midnight = pd.Series(days.astype("datetime64[us]")).dt.tz_localize("UTC")
    sentiment = np.clip(0.3 * market.steady(NAME, DAILY, len(days), 0.8), -1.0, 1.0)
    daily = series_rows(
        ("series_id", DAILY),
        days,
        (midnight + DAY_OVER).dt.as_unit("us"),
        {
            "mentions": market.noise(NAME, DAILY, "mentions").poisson(12.0, len(days)),
            "sentiment": np.round(sentiment, 3),
        },
    )
    columns = [*events.columns[:4], *DTYPES]
    rows = pd.concat([part.reindex(columns=columns) for part in (events, daily)])
    return market.known(rows.astype(DTYPES))
