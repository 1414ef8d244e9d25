"""Prices of single contracts of soybean oil from one file, whatever its form."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from soyoil.base.errors import SourceError
from soyoil.external.base import no_rejects, quarantine, reference_days
from soyoil.external.readers.files import PARQUET, cut_lines, read_text
from soyoil.market.instruments import TARGET_ROOT
from soyoil.sources.databento.file import DBN_SUFFIXES, WANTED_CONTRACTS
from soyoil.sources.databento.symbols import contract_pattern

SOURCE: Final = "curve"
WHAT: Final = (
    "prices by contract: Databento's bars (DBN, or ts_event, symbol, close), or date, contract, "
    "settle"
)
KINDS: Final = (".csv", PARQUET, *DBN_SUFFIXES)

HOUR: Final = pd.Timedelta(hours=1)
DAY: Final = pd.Timedelta(days=1)

_CONTRACTS: Final = ("raw_symbol", "symbol", "contract", "instrument")
_PRICES: Final = ("settle", "settlement", "price", "close")
_CODE: Final = rf"^{contract_pattern(TARGET_ROOT)}$"
_FRONT: Final = rf"{TARGET_ROOT}\.[VCN]\.\d+"
_FIXED: Final = r"^-?\d{7,}$"
_UNDEFINED: Final = "9223372036854775807"
_BILLION: Final = 1e9
"""Databento's prices as whole numbers are in billionths; the largest whole number is none."""


@dataclass(frozen=True)
class Prices:
    """Prices of one file.

    Attributes
    ----------
    rows
        ``code`` (letter of the month) and ``year`` of the contract as text, ``price`` in cents/lb,
        NaN where it is none, and ``time``: start of the bar or the day, ``datetime64[us, UTC]``.
    length
        Of a bar; None for settlements.
    rejected
        `soyoil.external.base.QUARANTINE_COLUMNS`.
    path
        The file.
    start, end
        Half-open range that it claims to cover; None where it does not say.
    """

    rows: pd.DataFrame
    length: pd.Timedelta | None
    rejected: pd.DataFrame
    path: Path
    start: pd.Timestamp | None = None
    end: pd.Timestamp | None = None


def read_prices(path: Path) -> Prices:
    """Read the prices of one file; other roots and spreads are left out.

    Parameters
    ----------
    path
        DBN by contract, or CSV or Parquet of bars or settlements, told by its name.

    Raises
    ------
    SourceError
        It is not there, is empty, damaged, or none of these.
    """
    return _read_dbn(path) if path.name.lower().endswith(DBN_SUFFIXES) else _read_text(path)


def _read_dbn(path: Path) -> Prices:
    from soyoil.sources.databento.contracts import read_contracts

    file = read_contracts(path, TARGET_ROOT)
    bars = file.bars.assign(time=pd.to_datetime(file.bars["ts_event"], utc=True).dt.as_unit("us"))
    sound = bars["reason"] == ""
    rejected = [
        quarantine(SOURCE, str(reason), path, rows.rename(columns={"symbol": "series"}))
        for reason, rows in bars[~sound].assign(event_time=bars["time"]).groupby("reason")
    ]
    bars = bars[sound].reset_index(drop=True)
    code, year = _parts(bars["symbol"])
    return Prices(
        pd.DataFrame({"code": code, "year": year, "price": bars["close"], "time": bars["time"]}),
        HOUR if file.schema == "ohlcv-1h" else DAY,
        pd.concat([no_rejects(), *rejected], ignore_index=True),
        path,
        *(None if t is None else pd.Timestamp(t, tz="UTC") for t in (file.start, file.end)),
    )


def _parts(symbols: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Letter of the month and year of contracts; missing where a symbol is none of the root's."""
    found = symbols.astype("category")
    parts = pd.Series(found.cat.categories, dtype="str").str.extract(_CODE)
    parts = parts.reindex(found.cat.codes).reset_index(drop=True)
    return parts[0], parts[1]


def _first_of(raw: pd.DataFrame, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in raw), None)


def _read_text(path: Path) -> Prices:
    raw, broken = read_text(path, WHAT)
    contract, bars = _first_of(raw, _CONTRACTS), "ts_event" in raw
    price = "close" if bars and "close" in raw else _first_of(raw, _PRICES)
    if contract is None or price is None or not (bars or "date" in raw):
        raise SourceError(
            f"{path} is none of {WHAT}. It has {', '.join(raw.columns[:8])}; a file of Databento "
            "needs a column of symbols (map_symbols)."
        )
    symbols = raw[contract].str.upper()
    code, year = _parts(symbols)
    fronts = symbols[symbols.str.fullmatch(_FRONT)]
    if code.isna().all() and len(fronts):
        raise SourceError(
            f"{path} holds front months ({raw.loc[fronts.index[0], contract]}), which are no "
            f"contracts: it belongs in the folder of source.path. {WANTED_CONTRACTS}"
        )
    # A settlement that is not there is an empty cell; a bar has a price, or its price is undefined.
    own = code.notna() & (bars | (raw[price] != ""))
    time = _moments(raw["ts_event"]) if bars else reference_days(raw["date"])
    rows = pd.DataFrame({"code": code, "year": year, "price": _numbers(raw[price]), "time": time})
    rows = rows[own].reset_index(drop=True)
    daily = (rows["time"].isna() | (rows["time"] == rows["time"].dt.normalize())).all()
    length = (DAY if daily else HOUR) if bars else None
    return Prices(rows, length, cut_lines(SOURCE, path, broken), path)


def _numbers(text: pd.Series) -> pd.Series:
    """Prices in quoted units, ``float64``; NaN where the text is none, or says so."""
    number = pd.to_numeric(text, errors="coerce").astype("float64")
    prices: pd.Series = number.where(~text.str.fullmatch(_FIXED), number / _BILLION)
    return prices.mask(text == _UNDEFINED)


def _moments(text: pd.Series) -> pd.Series:
    """Starts of bars, as text of ISO form or nanoseconds since 1970, ``datetime64[us, UTC]``."""
    if len(text) and text.str.fullmatch(r"\d{16,}").all():
        found = pd.to_datetime(pd.to_numeric(text), unit="ns", utc=True)
    else:
        found = pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True)
    moments: pd.Series = found.dt.as_unit("us")
    return moments
