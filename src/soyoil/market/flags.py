"""Session flags: thin, limit-locked, vendor-degraded."""

from __future__ import annotations

from typing import Final

import pandas as pd

THIN_WINDOW: Final = 61
THIN_MIN_HISTORY: Final = 21
THIN_SHARE: Final = 0.02
THIN_LOTS: Final = 500
LIMIT_PINNED_BARS: Final = 2
LIMIT_MIN_MOVE: Final = 0.02


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
    Boolean Series on the index of `sessions`.
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
    Boolean Series on the index of `sessions`.
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
