"""Back months: prices of single contracts of soybean oil, by session."""

from __future__ import annotations

from collections.abc import Sequence
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
)
from soyoil.external.config import OutsideSection
from soyoil.external.readers.contracts import (
    DAY,
    HOUR,
    KINDS,
    SOURCE,
    WHAT,
    Prices,
    read_prices,
)
from soyoil.external.readers.files import files_at, sift
from soyoil.external.releases import close_known_at, day_over_known_at
from soyoil.external.schedule import DELIVERY_MONTHS, first_notices, last_trades
from soyoil.market.coverage import IN_PROGRESS
from soyoil.market.instruments import TARGET_ROOT, get_instrument
from soyoil.market.sessions import scheduled_closes, trade_dates
from soyoil.sources.databento.symbols import MONTH_CODES

NAME: Final = SOURCE
SERIES: Final = "contract"
VALUES: Final = ("price",)
LABELS: Final = ("delivery_month", "first_notice_day", "last_trade_day")
NO_MONTH: Final = "no_delivery_month"
NO_SESSION: Final = "no_session"
ROOT: Final = get_instrument(TARGET_ROOT)

_POOLED_TYPES: Final = {
    "code": "str",
    "year": "str",
    "price": "float64",
    "time": "datetime64[us, UTC]",
    "file_name": "str",
    "of": "int64",
}
_NO_PRICES: Final = pd.DataFrame(
    {name: pd.Series(dtype=kind) for name, kind in _POOLED_TYPES.items()}
)
_SOME_DAY: Final = pd.Timestamp("1970-01-01", tz="UTC")
"""In place of a moment that is not known."""
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
        ``path`` is a file, or a folder of files in any of three forms: DBN by contract, hourly or
        of UTC days; CSV or Parquet of such bars (``ts_event``, ``symbol`` or ``raw_symbol``,
        ``close``); or ``date``, ``contract`` and ``settle``. Other roots and spreads are left out.

    Raises
    ------
    SourceError
        A file is not there, is empty, damaged or none of the three, or none holds a contract of
        the root.
    """
    path = Path(str(config.path))
    files = [read_prices(file) for file in files_at(path, WHAT, KINDS)]
    # What hourly bars say is known first, so their row stays of two that say the same.
    rows = pd.concat(
        [
            _of_sessions([file for file in files if file.length == HOUR]),
            _of_days([file for file in files if file.length != HOUR]),
        ],
        ignore_index=True,
    )
    rows, bad = _sifted(path, rows)
    if rows.empty:
        raise SourceError(
            f"{path} holds no price of a single contract of {TARGET_ROOT}: it should hold {WHAT}, "
            f"with contracts as {TARGET_ROOT}H4 or {TARGET_ROOT}H2024. Continuous symbols "
            f"({TARGET_ROOT}.v.0) are no contracts."
        )
    names = [SERIES, "event_time", "known_at", "vintage", *LABELS, *VALUES]
    rejected = pd.concat([*(file.rejected for file in files), bad], ignore_index=True)
    return Reading(rows.assign(vintage=UNDATED)[names], rejected)


def _sifted(path: Path, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    month = _delivery(rows)
    rows = rows.assign(contract=contract_names(month), month=month)
    rows = rows[[SERIES, "event_time", "price", "month", "is_close", "is_over", "file_name"]]
    low, high = ROOT.prices
    checks = {
        NO_DAY: rows["event_time"].isna(),
        NO_SESSION: rows["event_time"].dt.dayofweek >= _SATURDAY,
        IN_PROGRESS: ~rows["is_over"],
        NO_MONTH: ~np.isin(rows["month"] % _YEAR_MONTHS + 1, DELIVERY_MONTHS),
        NO_NUMBER: rows["price"].isna(),
        IMPLAUSIBLE: ~rows["price"].between(low, high),
    }
    rows, bad = sift(NAME, path, rows, checks, VALUES)
    at = rows["event_time"].dt.tz_localize(None).to_numpy(dtype="datetime64[D]")
    known = close_known_at(at).where(rows["is_close"].astype(bool), day_over_known_at(at))
    rows = rows.assign(known_at=known, **labels(rows["month"].to_numpy(dtype="int64")))
    return rows[[SERIES, "event_time", "known_at", *LABELS, *VALUES]], bad


def _pooled(files: Sequence[Prices]) -> pd.DataFrame:
    """Rows of files, with the name of each."""
    parts = [_NO_PRICES, *(f.rows.assign(file_name=f.path.name, of=i) for i, f in enumerate(files))]
    return pd.concat(parts, ignore_index=True).astype(_POOLED_TYPES)


def _of_sessions(files: Sequence[Prices]) -> pd.DataFrame:
    """Last bar of each contract and session that starts before the close.

    Of all files at once: a session may begin in one of them and end in the next.
    """
    bars = _pooled(files)
    time = bars["time"]
    dates = trade_dates(time)
    closes = scheduled_closes(dates.fillna(_SOME_DAY.tz_localize(None)), ROOT)
    over = time.isna() | _is_over(closes, bars["of"], files)
    bars = bars.assign(event_time=dates.dt.tz_localize("UTC"), is_close=True, is_over=over)
    bars = bars[time.isna() | (time < closes)]
    last = bars.groupby(["code", "year", "event_time"])["time"].transform("max")
    return bars[bars["time"].isna() | (bars["time"] == last)]


def _of_days(files: Sequence[Prices]) -> pd.DataFrame:
    """UTC days and settlements, as they are."""
    days = _pooled(files)
    over = days["time"].isna() | _is_over(days["time"] + DAY, days["of"], files)
    return days.assign(event_time=days["time"], is_close=False, is_over=over)


def _is_over(ends: pd.Series, of: pd.Series, files: Sequence[Prices]) -> pd.Series:
    """Whether the files reach until the end of the session or day that each row belongs to.

    A session that a download was cut off in has a price that is not its last. A file that does
    not say what it covers is taken to hold whole sessions.

    Parameters
    ----------
    ends
        End of the session or day of each row, UTC.
    of
        Number of the file of each row.
    files
        The files.
    """
    silent = [i for i, file in enumerate(files) if file.end is None]
    distinct = pd.DatetimeIndex(ends.dropna().unique())
    reached = distinct.isin(ends[of.isin(silent)])
    for file in files:
        if file.end is not None:
            reached |= (distinct >= (file.start or _SOME_DAY)) & (distinct <= file.end)
    return ends.isin(distinct[reached])


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
