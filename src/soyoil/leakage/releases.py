"""Raw rows against the release rules: nothing is known before it was out.

The rules themselves are held against dates that stand here as they were published, so that a rule
that has become a day too early is found although the stored rows agree with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import BoolArray, DayArray
from soyoil.external.base import ExternalSource
from soyoil.external.readers.policy import DAILY as POLICY_DAILY
from soyoil.external.releases import (
    DAY_OVER,
    SERIES_RULES,
    biofuel_known_at,
    close_known_at,
    cot_known_at,
    disaggregated_known_at,
    export_sales_known_at,
    next_business_day_known_at,
    pink_sheet_known_at,
    series_known_at,
    station_known_at,
    wasde_known_at,
)
from soyoil.leakage.result import Finding
from soyoil.market.sessions import trade_dates

DAY_FORM: Final = r"^\d{4}-\d{2}-\d{2}$"


def _days(*text: str) -> DayArray:
    return np.array(text, dtype="datetime64[D]")


LITERALS: Final[Mapping[str, tuple[tuple[str, Callable[[], pd.Series], str], ...]]] = {
    "cftc": (
        ("report of 2023-09-26", lambda: cot_known_at(_days("2023-09-26")), "2023-09-29 19:30"),
        ("report of 2022-11-22", lambda: cot_known_at(_days("2022-11-22")), "2022-11-28 20:30"),
        ("report of 2023-01-31", lambda: cot_known_at(_days("2023-01-31")), "2023-02-24 20:30"),
    ),
    "cftc_disaggregated": (
        ("report of 2023-09-26", lambda: disaggregated_known_at(_days("2023-09-26")),
         "2023-09-29 19:30"),
        ("report of 2022-11-22", lambda: disaggregated_known_at(_days("2022-11-22")),
         "2022-11-28 20:30"),
        ("report of 2008-06-03", lambda: disaggregated_known_at(_days("2008-06-03")),
         "2009-10-20 19:30"),
    ),
    "fred": (
        ("DGS10 of 2023-09-29", lambda: series_known_at("DGS10", _days("2023-09-29")),
         "2023-10-02 20:15"),
        ("DTWEXBGS of 2023-09-25", lambda: series_known_at("DTWEXBGS", _days("2023-09-25")),
         "2023-10-02 20:15"),
        ("CPIAUCSL of August 2023", lambda: series_known_at("CPIAUCSL", _days("2023-08-01")),
         "2023-10-02 20:15"),
    ),
    "usda": (
        ("WASDE of 2023-09-12", lambda: wasde_known_at(_days("2023-09-12")), "2023-09-12 16:00"),
        ("WASDE of 2012-09-12", lambda: wasde_known_at(_days("2012-09-12")), "2012-09-12 12:30"),
    ),
    "export_sales": (
        ("week of 2023-09-21", lambda: export_sales_known_at(_days("2023-09-21")),
         "2023-09-28 12:30"),
        ("week of 2024-02-15", lambda: export_sales_known_at(_days("2024-02-15")),
         "2024-02-23 13:30"),
        ("week of 2018-12-20", lambda: export_sales_known_at(_days("2018-12-20")),
         "2019-01-31 13:30"),
    ),
    "palm": (
        ("Pink Sheet of September 2023", lambda: pink_sheet_known_at(_days("2023-09-01")),
         "2023-10-10 20:15"),
        ("palm oil of 2023-09-29", lambda: next_business_day_known_at(_days("2023-09-29")),
         "2023-10-02 20:15"),
    ),
    "volatility": (
        ("volatility of 2023-09-29", lambda: next_business_day_known_at(_days("2023-09-29")),
         "2023-10-02 20:15"),
    ),
    "curve": (
        ("closes of 2023-09-29", lambda: close_known_at(_days("2023-09-29")), "2023-09-29 18:20"),
    ),
    "weather": (
        ("weather of 2023-09-25", lambda: station_known_at(_days("2023-09-25")),
         "2023-09-28 20:15"),
    ),
    "eia": (
        ("biofuels of March 2023", lambda: biofuel_known_at(_days("2023-03-01")),
         "2023-06-05 20:15"),
    ),
}  # fmt: skip
"""By source: what was published, its rule, and when it was out, UTC."""


def _event_days(rows: pd.DataFrame) -> DayArray:
    naive = rows["event_time"].dt.tz_convert(None)
    return np.asarray(naive.to_numpy(dtype="datetime64[us]"), dtype="datetime64[D]")


def _cftc(rows: pd.DataFrame) -> pd.Series:
    return cot_known_at(_event_days(rows))


def _fred(rows: pd.DataFrame) -> pd.Series:
    days = _event_days(rows)
    out = pd.Series(rows["event_time"].to_numpy(), index=range(len(rows)))
    series = rows["series_id"].to_numpy(dtype="object")
    dated = rows["vintage"].str.match(DAY_FORM).to_numpy(dtype=bool)
    for name in np.unique(series):
        # A dated vintage may well be older than the rule, which is an upper bound.
        own = (series == name) & ~dated
        if own.any() and name in SERIES_RULES:
            out[own] = series_known_at(str(name), days[own]).to_numpy()
    return out


def _usda(rows: pd.DataFrame) -> pd.Series:
    return wasde_known_at(rows["vintage"].to_numpy(dtype="datetime64[D]"))


def _palm(rows: pd.DataFrame) -> pd.Series:
    days = _event_days(rows)
    monthly = ~rows["series_id"].str.startswith("daily.").to_numpy(dtype=bool)
    out = next_business_day_known_at(days)
    out[monthly] = pink_sheet_known_at(days[monthly]).to_numpy()
    return out


def _policy(rows: pd.DataFrame) -> pd.Series:
    over = rows["event_time"] + DAY_OVER
    return rows["event_time"].where(rows["series_id"] != POLICY_DAILY, over)


RULES: Final[Mapping[str, Callable[[pd.DataFrame], pd.Series]]] = {
    "palm": _palm,
    "policy": _policy,
    "volatility": lambda rows: next_business_day_known_at(_event_days(rows)),
    "curve": lambda rows: close_known_at(_event_days(rows)),
    "weather": lambda rows: station_known_at(_event_days(rows)),
    "export_sales": lambda rows: export_sales_known_at(_event_days(rows)),
    "eia": lambda rows: biofuel_known_at(_event_days(rows)),
    "cftc": _cftc,
    "cftc_disaggregated": lambda rows: disaggregated_known_at(_event_days(rows)),
    "fred": _fred,
    "usda": _usda,
}
"""By source: the earliest moment at which each raw row can have been known."""


def too_early(source: ExternalSource, rows: pd.DataFrame) -> BoolArray:
    """Raw rows that claim to be known before they were out, shape ``(n,)``.

    Of a source without a rule in `RULES`: before the day of their vintage, and before their
    reference day where a value's age counts from it.
    """
    known = rows["known_at"].dt.tz_convert(None).to_numpy(dtype="datetime64[us]")
    early = np.zeros(len(rows), dtype=bool)
    if source.name in RULES:
        rule = RULES[source.name](rows)
        early |= known < pd.to_datetime(rule, utc=True).dt.tz_convert(None).to_numpy()
    elif source.age_from == "event_time":
        early |= known < _event_days(rows)
    dated = rows["vintage"].str.match(DAY_FORM).to_numpy(dtype=bool)
    vintage = rows["vintage"].where(dated).to_numpy(dtype="datetime64[D]")
    return np.asarray(early | (dated & (known < vintage)))


def check_source(source: ExternalSource, rows: pd.DataFrame) -> Finding:
    """Stored rows of a source, and its rule, against what was published."""
    for what, rule, literal in LITERALS.get(source.name, ()):
        made = rule().iloc[0]
        if made != pd.Timestamp(literal, tz="UTC"):
            detail = f"the rule has the {what} known at {made:%Y-%m-%d %H:%M} UTC, not {literal}"
            return Finding("release", source.name, passed=False, detail=detail)
    early = too_early(source, rows)
    if early.any():
        first = rows[early].iloc[0]
        detail = (
            f"{int(early.sum()):,} of {len(rows):,} rows are known before their release, first "
            f"{first[source.series]} of {first['event_time']:%Y-%m-%d} at "
            f"{first['known_at']:%Y-%m-%d %H:%M} UTC"
        )
        return Finding("release", source.name, passed=False, detail=detail)
    rule_text = "" if source.name in RULES else " (no rule of its own: vintage and reference day)"
    detail = f"{len(rows):,} rows, none known before {source.release}{rule_text}"
    return Finding("release", source.name, passed=True, detail=detail)


def check_sessions(sessions: pd.DataFrame) -> Finding:
    """No session is known before its close, nor before its trade date has begun."""
    begun = trade_dates(sessions["known_at"]) >= sessions["data_date"]
    early = (sessions["known_at"] < sessions["event_time"]) | ~begun
    if early.any():
        first = sessions[early].iloc[0]
        detail = (
            f"{int(early.sum()):,} of {len(sessions):,} sessions are known before their close, "
            f"first {first['symbol']} {first['data_date']:%Y-%m-%d}"
        )
        return Finding("release", "bars", passed=False, detail=detail)
    detail = f"{len(sessions):,} sessions, none known before its close"
    return Finding("release", "bars", passed=True, detail=detail)
