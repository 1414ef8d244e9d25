"""Back months: prices of single contracts of soybean oil, by session."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import DayArray, IntArray
from soyoil.base.errors import SourceError
from soyoil.external.base import (
    IMPLAUSIBLE,
    NO_DAY,
    NO_NUMBER,
    UNDATED,
    Reading,
    no_rejects,
    reference_days,
)
from soyoil.external.config import OutsideSection
from soyoil.external.readers.files import PARQUET, cut_lines, files_at, joined, read_text, sift
from soyoil.external.releases import close_known_at, day_over_known_at
from soyoil.external.schedule import DELIVERY_MONTHS, first_notices, last_trades
from soyoil.market.instruments import TARGET_ROOT, get_instrument
from soyoil.market.sessions import scheduled_closes, trade_dates

NAME: Final = "curve"
SERIES: Final = "contract"
VALUES: Final = ("price",)
LABELS: Final = ("delivery_month", "first_notice_day", "last_trade_day")
WHAT: Final = (
    "prices by contract: Databento's bars (ts_event, symbol, close), or date, contract, settle"
)
MONTH_CODES: Final = "FGHJKMNQUVXZ"
NO_MONTH: Final = "no_delivery_month"
NO_SESSION: Final = "no_session"
ROOT: Final = get_instrument(TARGET_ROOT)

_CONTRACTS: Final = ("raw_symbol", "symbol", "contract", "instrument")
_PRICES: Final = ("settle", "settlement", "price", "close")
_CODE: Final = rf"^{TARGET_ROOT}([{MONTH_CODES}])(\d{{4}}|\d{{1,2}})$"
_FIXED: Final = r"^-?\d{7,}$"
_NANO: Final = 1e-9
"""Databento's prices as whole numbers are in billionths."""
_YEAR_MONTHS: Final = 12
_DECADE: Final = 10
_EPOCH: Final = 1970
_SATURDAY: Final = 5


def contract_names(months: IntArray) -> pd.Series:
    """Names of contracts by delivery month, ``12 * year + month - 1``: ``ZLH2024``."""
    code = pd.Series(np.array(list(MONTH_CODES))[months % _YEAR_MONTHS], dtype="str")
    names: pd.Series = TARGET_ROOT + code + pd.Series(months // _YEAR_MONTHS).astype("str")
    return names


def first_days(months: IntArray) -> DayArray:
    """First day of each delivery month, ``12 * year + month - 1``."""
    since = (months - _EPOCH * _YEAR_MONTHS).astype("datetime64[M]")
    return np.asarray(since.astype("datetime64[D]"), dtype="datetime64[D]")


def labels(months: IntArray) -> dict[str, DayArray]:
    """`LABELS` of contracts, ``datetime64[us]``."""
    delivery = first_days(months)
    days = (delivery, first_notices(delivery), last_trades(delivery))
    return {name: value.astype("datetime64[us]") for name, value in zip(LABELS, days, strict=True)}


def read(config: OutsideSection) -> Reading:
    """Read prices by contract.

    Parameters
    ----------
    config
        ``path`` is a CSV or Parquet file, or a folder of them: bars of Databento with the symbols
        of contracts (``ts_event``, ``symbol`` or ``raw_symbol``, ``close``), hourly or of UTC days;
        or ``date``, ``contract`` and ``settle``. Other roots and spreads are left out.

    Raises
    ------
    SourceError
        A file is not there, is empty, neither of the two, or none holds a contract of the root.
    """
    path = Path(str(config.path))
    parts, rejected = [], [no_rejects()]
    for file in files_at(path, WHAT, (".csv", PARQUET)):
        rows, bad = _read_file(file)
        parts.append(rows)
        rejected.append(bad)
    rows, bad = joined(NAME, path, parts, VALUES)
    rejected.append(bad)
    if rows.empty:
        raise SourceError(
            f"{path} holds no price of a single contract of {TARGET_ROOT}: it should hold {WHAT}, "
            f"with contracts as {TARGET_ROOT}H4 or {TARGET_ROOT}H2024. Continuous symbols "
            f"({TARGET_ROOT}.v.0) are no contracts."
        )
    names = [SERIES, "event_time", "known_at", "vintage", *LABELS, *VALUES]
    return Reading(rows.assign(vintage=UNDATED)[names], pd.concat(rejected, ignore_index=True))


def _first_of(raw: pd.DataFrame, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in raw), None)


def _read_file(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    raw, broken = read_text(path, WHAT)
    contract, bars = _first_of(raw, _CONTRACTS), "ts_event" in raw
    price = "close" if bars and "close" in raw else _first_of(raw, _PRICES)
    if contract is None or price is None or not (bars or "date" in raw):
        raise SourceError(
            f"{path} is none of {WHAT}. It has {', '.join(raw.columns[:8])}; a file of Databento "
            "needs a column of symbols (map_symbols)."
        )
    parts = raw[contract].str.upper().str.extract(_CODE)
    own = parts[0].notna() & (raw[price] != "")
    raw, parts = raw[own].reset_index(drop=True), parts[own].reset_index(drop=True)
    number = pd.to_numeric(raw[price], errors="coerce").astype("float64")
    rows = pd.DataFrame(
        {
            "code": parts[0],
            "year": parts[1],
            "price": number.where(~raw[price].str.fullmatch(_FIXED), number * _NANO),
        }
    )
    if bars:
        rows = _of_sessions(rows.assign(time=_moments(raw["ts_event"])))
    else:
        rows = rows.assign(event_time=reference_days(raw["date"]), is_close=False)
    rows, bad = _sifted(path, rows.reset_index(drop=True))
    return rows, pd.concat([cut_lines(NAME, path, broken), bad], ignore_index=True)


def _sifted(path: Path, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    month = _delivery(rows)
    rows = rows.assign(contract=contract_names(month), month=month)
    rows = rows[[SERIES, "event_time", "price", "month", "is_close"]]
    low, high = ROOT.prices
    checks = {
        NO_DAY: rows["event_time"].isna(),
        NO_SESSION: rows["event_time"].dt.dayofweek >= _SATURDAY,
        NO_MONTH: ~np.isin(rows["month"] % _YEAR_MONTHS + 1, DELIVERY_MONTHS),
        NO_NUMBER: rows["price"].isna(),
        IMPLAUSIBLE: ~rows["price"].between(low, high),
    }
    rows, bad = sift(NAME, path, rows, checks, VALUES)
    at = rows["event_time"].dt.tz_localize(None).to_numpy(dtype="datetime64[D]")
    known = close_known_at(at).where(rows["is_close"].astype(bool), day_over_known_at(at))
    rows = rows.assign(known_at=known, **labels(rows["month"].to_numpy(dtype="int64")))
    return rows[[SERIES, "event_time", "known_at", *LABELS, *VALUES]], bad


def _moments(text: pd.Series) -> pd.Series:
    """Starts of bars, as text of ISO form or nanoseconds since 1970, ``datetime64[us, UTC]``."""
    if len(text) and text.str.fullmatch(r"\d{16,}").all():
        found = pd.to_datetime(pd.to_numeric(text), unit="ns", utc=True)
    else:
        found = pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True)
    moments: pd.Series = found.dt.as_unit("us")
    return moments


def _of_sessions(bars: pd.DataFrame) -> pd.DataFrame:
    """Last bar of each contract and session that starts before the close; UTC days as they are."""
    time = bars["time"]
    if (time.isna() | (time == time.dt.normalize())).all():
        return bars.assign(event_time=time, is_close=False)
    dates = trade_dates(time)
    closes = scheduled_closes(dates.fillna(time.min().tz_localize(None).normalize()), ROOT)
    bars = bars.assign(event_time=dates.dt.tz_localize("UTC"), is_close=True)
    bars = bars[time.isna() | (time < closes)]
    last = bars.groupby(["code", "year", "event_time"])["time"].transform("max")
    return bars[bars["time"].isna() | (bars["time"] == last)]


def _delivery(rows: pd.DataFrame) -> IntArray:
    """Delivery months, ``12 * year + month - 1``.

    A year of one digit is the first that has not ended on the day of the price: no contract is
    listed ten years ahead.
    """
    month = rows["code"].map(MONTH_CODES.index).to_numpy(dtype="int64")
    digits, year = rows["year"].str.len(), rows["year"].astype("int64")
    on = rows["event_time"].dt
    now = (on.year.fillna(_EPOCH) * _YEAR_MONTHS + on.month.fillna(1) - 1).to_numpy(dtype="int64")
    decade = (now // _YEAR_MONTHS // _DECADE) * _DECADE + year.to_numpy()
    decade = np.where(decade * _YEAR_MONTHS + month < now, decade + _DECADE, decade)
    full = np.where(digits == len("2024"), year, np.where(digits == len("24"), 2000 + year, decade))
    return np.asarray(full * _YEAR_MONTHS + month, dtype=np.int64)
