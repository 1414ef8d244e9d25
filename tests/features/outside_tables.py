"""Raw rows of outside sources, made up."""

from typing import Any

import numpy as np
import pandas as pd

from soyoil.external.readers.cftc import DISAGGREGATED, LEGACY, Report
from soyoil.external.releases import series_known_at, wasde_known_at

LOADED = pd.Timestamp("2027-01-04", tz="UTC").as_unit("us")


def raw(series: str, name: str, days: Any, known: pd.Series, **values: Any) -> pd.DataFrame:
    """Raw rows of one series."""
    moments = pd.DatetimeIndex(days, tz="UTC").as_unit("us")
    frame = pd.DataFrame({series: name, "event_time": moments, "known_at": known.array})
    return frame.assign(vintage="undated", provenance="observed", ingested_at=LOADED, **values)


LONG = {LEGACY.name: "noncommercial_long", DISAGGREGATED.name: "managed_money_long"}
"""The column that `cot` sets, by report."""


def cot(
    days: np.ndarray, net: np.ndarray, market: str = "007601", report: Report = LEGACY
) -> pd.DataFrame:
    """Reports with an open interest of 1,000 and a given net position."""
    counts = dict.fromkeys(report.values, 100) | {"open_interest": 1000}
    rows = raw("market_code", market, days, report.known_at(days), **counts)
    return rows.assign(**{LONG[report.name]: 100 + net})


def fred(series: str, days: np.ndarray, value: np.ndarray) -> pd.DataFrame:
    return raw("series_id", series, days, series_known_at(series, days), value=value)


def tuesdays(first: str, last: str) -> np.ndarray:
    return np.arange(first, last, np.timedelta64(7, "D"), dtype="datetime64[D]")


def with_revisions(rng: np.random.Generator, rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Rows in any order, some of them with another value that came later."""
    some = rows.sample(60, random_state=int(rng.integers(1e6)))
    hours = pd.to_timedelta(rng.integers(1, 4000, len(some)), unit="h")
    changed = some.assign(
        known_at=(some["known_at"] + hours).dt.as_unit("us"), vintage="seen later"
    )
    changed[column] = changed[column] + 7
    return pd.concat([rows, changed]).sample(frac=1, random_state=1).reset_index(drop=True)


def random_disaggregated(rng: np.random.Generator, reports: np.ndarray) -> pd.DataFrame:
    """Disaggregated reports of two markets with gaps, and revisions at random moments."""
    parts = []
    for market in ("007601", "005602"):
        kept = np.sort(rng.choice(reports, int(0.9 * len(reports)), replace=False))
        rows = cot(kept, rng.integers(-60, 60, len(kept)), market, DISAGGREGATED)
        for name in ("producer_long", "swap_dealer_short"):
            rows[name] = rng.integers(40, 160, len(kept))
        parts.append(rows)
    return with_revisions(rng, pd.concat(parts, ignore_index=True), "managed_money_long")


def random_tables(
    rng: np.random.Generator, first: str = "2016-01-05", last: str = "2018-06-01"
) -> dict[str, pd.DataFrame]:
    """Both reports of two markets and five series, with gaps and revisions at random moments."""
    reports = tuesdays(first, last)
    parts = []
    for market in ("007601", "005602"):
        kept = np.sort(rng.choice(reports, int(0.87 * len(reports)), replace=False))
        parts.append(cot(kept, rng.integers(-60, 60, len(kept)), market))
    series = []
    every = np.arange("2017-01-02", last, dtype="datetime64[D]")
    of_rates = np.sort(rng.choice(every, int(0.8 * len(every)), replace=False))
    for name in ("DGS10", "DGS2", "DTWEXBGS", "VIXCLS"):
        # Now and then one of the two rates has a day that the other lacks.
        days = of_rates if name.startswith("DGS") else every
        days = days[rng.random(len(days)) < 0.9]
        series.append(fred(name, days, rng.uniform(1, 9, len(days))))
    months = np.arange(first[:7], last[:7], dtype="datetime64[M]").astype("datetime64[D]")
    series.append(fred("CPIAUCSL", months, rng.uniform(200, 210, len(months))))

    releases = np.arange("2016-01", last[:7], dtype="datetime64[M]").astype("datetime64[D]") + 9
    known = wasde_known_at(releases)
    wasde = []
    for name in (
        "soybean_oil.ending_stocks",
        "soybean_oil.use_total",
        "soybeans.ending_stocks",
        "soybeans.use_total",
    ):
        for year in ("2014", "2015", "2016", "2017", "2018"):
            rows = raw("series_id", name, [f"{year}-09-01"] * len(releases), known)
            rows = rows.assign(value=rng.uniform(1, 9, len(rows)), vintage=releases.astype(str))
            # A year is forecast from May of its first calendar year on, for two years.
            about = (releases >= np.datetime64(f"{year}-05")) & (
                releases < np.datetime64(f"{int(year) + 2}-05")
            )
            wasde.append(rows[about])

    return {
        "usda": pd.concat(wasde, ignore_index=True),
        "cftc": with_revisions(rng, pd.concat(parts, ignore_index=True), "noncommercial_long"),
        "fred": with_revisions(rng, pd.concat(series, ignore_index=True), "value"),
        "cftc_disaggregated": random_disaggregated(rng, reports),
    }
