"""Session flags: thin, limit-locked, short, incomplete."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from soyoil.market.calendar import earliest_closes
from soyoil.market.holidays import grain_holidays
from soyoil.market.instruments import get_instrument
from soyoil.market.sessions import scheduled_closes

HOUR_S: Final = 3600
THIN_WINDOW: Final = 61
THIN_MIN_HISTORY: Final = 21
THIN_SHARE: Final = 0.02
THIN_LOTS: Final = 500
LIMIT_PINNED_BARS: Final = 2
LIMIT_MIN_MOVE: Final = 0.02
USUAL_WINDOW: Final = 61
USUAL_MIN_HISTORY: Final = 5
USUAL_SHARE: Final = 0.9
KEPT_ELSEWHERE: Final = ("duplicate_bar", "unfinished_bar")
"""Reasons of quarantined bars that another copy takes the place of."""
NO_EVIDENCE: Final = "outside_file_range"
"""Reason of quarantined bars whose time is not to be believed."""


def thin_sessions(sessions: pd.DataFrame, volume: pd.Series) -> pd.Series:
    """Sessions on which the mapping pointed at a nearly dead contract.

    A session is thin if its volume is below `THIN_SHARE` of the median of the **previous**
    `THIN_WINDOW` sessions of its symbol and below `THIN_LOTS` lots. A centred median would
    look ahead.

    Parameters
    ----------
    sessions
        Columns ``symbol``, ``volume``; sorted by symbol and date.
    volume
        Lots of each session that were known at the decision.

    Returns
    -------
    Series
        Boolean, on the index of `sessions`.
    """
    previous = sessions.groupby("symbol")["volume"].shift(1).astype("float64")
    median = (
        previous.groupby(sessions["symbol"])
        .rolling(THIN_WINDOW, min_periods=THIN_MIN_HISTORY)
        .median()
        .droplevel(0)
        .reindex(sessions.index)
    )
    return (volume < THIN_SHARE * median) & (volume < THIN_LOTS)


def limit_locked(hourly: pd.DataFrame, sessions: pd.DataFrame) -> pd.Series:
    """Sessions that ended pinned at one price at the session's extreme.

    Exchange limits change twice a year and are not in the bars, so a lock is told by its
    trace: the last `LIMIT_PINNED_BARS` hourly bars have no range, their price is the
    session's high or low, and it lies at least `LIMIT_MIN_MOVE` (log) from the open of the
    session or from the previous close.

    Parameters
    ----------
    hourly
        Bars of the kept contracts with ``session_id`` (row label of `sessions`), in time order.
    sessions
        Session bars, sorted by symbol and date.

    Returns
    -------
    Series
        Boolean, on the index of `sessions`.
    """
    tail = hourly.groupby("session_id").tail(LIMIT_PINNED_BARS)
    pinned = (
        tail.assign(span=tail["high"] - tail["low"])
        .groupby("session_id")
        .agg(span=("span", "max"), first=("close", "first"), last=("close", "last"),
             bars=("close", "size"))
        .reindex(sessions.index)
    )  # fmt: skip
    flat = (
        (pinned["bars"] == LIMIT_PINNED_BARS)
        & (pinned["span"] == 0)
        & (pinned["first"] == pinned["last"])
    )
    close = sessions["close"]
    extreme = (close == sessions["high"]) | (close == sessions["low"])
    previous = sessions.groupby("symbol")["close"].shift(1)
    same_contract = sessions["instrument_id"] == sessions.groupby("symbol")["instrument_id"].shift(
        1
    )
    reference = previous.where(same_contract, sessions["open"])
    move = (close / reference - 1).abs()
    return flat & extreme & (move >= LIMIT_MIN_MOVE)


def ends_early(sessions: pd.DataFrame) -> pd.Series:
    """Sessions that end an hour or more before they should and earlier than usual.

    A session should end with the hour of its close, on days that may end early with the hour of
    the earliest regular one. Usual is what nine of ten of the previous `USUAL_WINDOW` regular
    sessions of the symbol did: outside grains the last hours before the close often see no trade.

    Parameters
    ----------
    sessions
        ``symbol``, ``data_date`` and ``last_seen`` (start of the last hourly bar, UTC); sorted
        by symbol and date.

    Returns
    -------
    Series
        Boolean, on the index of `sessions`.
    """
    parts = []
    for symbol, rows in sessions.groupby("symbol", sort=False):
        instrument = get_instrument(str(symbol))
        closes = earliest_closes(rows["data_date"], instrument)
        early = _hours(_last_hour(closes) - rows["last_seen"])
        regular = closes == scheduled_closes(rows["data_date"], instrument)
        parts.append((early > 0) & (early > _usual(early.where(regular))))
    return _joined(parts, sessions)


def starts_late(sessions: pd.DataFrame, opens: pd.Series) -> pd.Series:
    """Sessions that start an hour or more after their scheduled open and later than usual.

    Usual is what nine of ten of the following or of the previous `USUAL_WINDOW` sessions of the
    symbol did: the first session of all has none before it, the newest has none after it. The day
    after a holiday starts late by schedule.

    Parameters
    ----------
    sessions
        ``symbol``, ``data_date`` and ``first_bar``; sorted by symbol and date.
    opens
        Scheduled opens, same index.

    Returns
    -------
    Series
        Boolean, on the index of `sessions`.
    """
    late = _hours(sessions["first_bar"] - opens.dt.floor("h"))
    days = sessions["data_date"].to_numpy(dtype="datetime64[D]")
    holidays = grain_holidays()
    eve = np.busday_offset(days, -1, "backward")
    parts = []
    for _, own in late.groupby(sessions["symbol"], sort=False):
        usual = np.maximum(_usual(own), _usual(own.iloc[::-1]).iloc[::-1])
        parts.append((own > 0) & (own > usual))
    return _joined(parts, sessions) & ~np.isin(eve, holidays)


def _last_hour(closes: pd.Series) -> pd.Series:
    """Start of the last hourly bar before a close."""
    return (closes - pd.Timedelta(microseconds=1)).dt.floor("h")


def _hours(span: pd.Series) -> pd.Series:
    hours: pd.Series = span.dt.total_seconds() / HOUR_S
    return hours


def _usual(hours: pd.Series) -> pd.Series:
    previous = hours.shift(1).rolling(USUAL_WINDOW, min_periods=USUAL_MIN_HISTORY)
    return previous.quantile(USUAL_SHARE).fillna(0.0)


def _joined(parts: list[pd.Series], sessions: pd.DataFrame) -> pd.Series:
    if not parts:
        return pd.Series(False, index=sessions.index, dtype="bool")
    joined: pd.Series = pd.concat(parts).reindex(sessions.index)
    return joined.astype("bool")


def lost_bars(set_aside: pd.DataFrame) -> pd.DataFrame:
    """Quarantined bars that no copy takes the place of, `set_aside` by ``reason``."""
    reason = set_aside["reason"].astype("str")
    lost: pd.DataFrame = set_aside[~reason.isin((*KEPT_ELSEWHERE, NO_EVIDENCE))]
    return lost
