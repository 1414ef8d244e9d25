"""Raw rows of palm oil, implied volatility and policy, made up."""

from typing import Any

import numpy as np
import pandas as pd
from outside_tables import LOADED, raw

from soyoil.external.readers.palm import (
    DAILY,
    PALM,
    RAPESEED,
    SOYBEAN,
    SUNFLOWER,
)
from soyoil.external.readers.policy import DTYPES, FIELDS, KINDS, VALUES
from soyoil.external.readers.volatility import OVX, VIX
from soyoil.external.readers.volatility import ZL as ZL_30D
from soyoil.external.releases import next_business_day_known_at, pink_sheet_known_at


def days(*text: str) -> np.ndarray:
    return np.array(text, dtype="datetime64[D]")


def pink_sheet(series: str, months: np.ndarray, value: Any) -> pd.DataFrame:
    return raw("series_id", series, months, pink_sheet_known_at(months), value=value)


def daily_price(at: np.ndarray, value: Any) -> pd.DataFrame:
    return raw("series_id", DAILY, at, next_business_day_known_at(at), value=value)


def volatility(series: str, at: np.ndarray, value: Any) -> pd.DataFrame:
    return raw("series_id", series, at, next_business_day_known_at(at), implied_vol=value)


def event(moment: str, kind: str = "tariff", sign: float = -1, intensity: float = 1.0) -> Any:
    """One event; `moment` with a zone, or a day."""
    at = pd.Timestamp(moment)
    known = at if at.tzinfo else at.tz_localize("UTC") + pd.Timedelta(hours=36)
    at = at.tz_convert("UTC") if at.tzinfo else at.tz_localize("UTC")
    rows = pd.DataFrame({"series_id": [kind], "event_time": [at], "known_at": [known]})
    rows = rows.assign(**dict.fromkeys(VALUES, np.nan))
    rows = rows.assign(sign=sign, intensity=intensity, vintage="undated", provenance="observed")
    rows["known_at"] = rows["known_at"].dt.tz_convert("UTC")
    return rows


def policy(*parts: pd.DataFrame) -> pd.DataFrame:
    rows = pd.concat(parts, ignore_index=True).astype(DTYPES).assign(ingested_at=LOADED)
    for name in ("event_time", "known_at"):
        rows[name] = rows[name].dt.as_unit("us")
    return rows


def daily_row(day: str, **fields: Any) -> pd.DataFrame:
    return event(day, kind="daily").assign(sign=np.nan, intensity=np.nan, **fields)


def random_policy(rng: np.random.Generator, first: str, days_long: int) -> pd.DataFrame:
    """Events with a long silence, some revised later, and daily rows with gaps."""
    count = days_long // 2
    minutes = rng.choice(days_long * 1440, count, replace=False)
    start = pd.Timestamp(first, tz="UTC")
    at = start + pd.to_timedelta(minutes, unit="min")
    dated = rng.random(count) < 0.2
    rows = pd.DataFrame(
        {
            "series_id": pd.Series(rng.choice(KINDS, count), dtype="str"),
            "event_time": pd.Series(at).mask(dated, pd.Series(at.normalize())),
            "sign": rng.integers(-1, 2, count).astype("float64"),
            "intensity": rng.random(count),
        }
    )
    rows["known_at"] = rows["event_time"] + pd.to_timedelta(np.where(dated, 36, 0), unit="h")
    silence = start + pd.Timedelta(days=days_long // 3)
    silent = rows["event_time"].between(silence, silence + pd.Timedelta(days=60))
    rows = rows[~silent].drop_duplicates(["series_id", "event_time"])
    some = rows.sample(30, random_state=1)
    later = pd.to_timedelta(rng.integers(1, 400, len(some)), unit="h")
    changed = some.assign(known_at=some["known_at"] + later, intensity=some["intensity"] / 2)
    day = pd.Series(pd.date_range(start + pd.Timedelta(days=30), periods=days_long - 30))
    day = day[rng.random(len(day)) < 0.8]
    fields = {name: rng.integers(0, 2, len(day)) / 1.0 for name in FIELDS}
    scored = pd.DataFrame({"series_id": "daily", "event_time": day}).assign(
        known_at=day + pd.Timedelta(hours=36), **fields
    )
    both = pd.concat([rows.assign(vintage="undated"), changed.assign(vintage="seen later")])
    both = pd.concat([both, scored.assign(vintage="undated")]).reindex(
        columns=["series_id", "event_time", "known_at", "vintage", *VALUES]
    )
    return policy(both.sample(frac=1, random_state=2).assign(provenance="observed"))


def own_tables(
    rng: np.random.Generator, first: str = "2023-09-01", last: str = "2024-09-01"
) -> dict[str, pd.DataFrame]:
    """Tables of palm oil, implied volatility and policy with a value in every column."""
    every = np.arange(first, last, dtype="datetime64[D]")
    every = every[np.is_busday(every)]
    months = np.arange(first[:7], last[:7], dtype="datetime64[M]") - 8
    months = np.r_[months, months[-8:] + 8].astype("datetime64[D]")

    def values(at: np.ndarray) -> np.ndarray:
        return rng.uniform(10, 90, len(at))

    oils = (PALM, SOYBEAN, RAPESEED, SUNFLOWER)
    sheet = [pink_sheet(name, months, values(months)) for name in oils]
    vols = [volatility(name, every, values(every)) for name in (OVX, VIX, ZL_30D)]
    long = int((every[-1] - every[0]).astype("int64"))
    return {
        "palm": pd.concat([daily_price(every, values(every)), *sheet], ignore_index=True),
        "volatility": pd.concat(vols, ignore_index=True),
        "policy": random_policy(rng, first, long),
    }
