"""Sessions against what the vendor's files speak for: those cut off, and those missing.

A file that was downloaded during a session ends inside it. What it holds of that session looks
like one that closed early, so such a session is set aside until a file brings the rest.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

import numpy as np
import pandas as pd

from soyoil.market.calendar import expected_sessions
from soyoil.market.conventions import BarSchema
from soyoil.market.flags import ends_early, starts_late
from soyoil.market.instruments import get_instrument
from soyoil.market.sessions import DATE_US, scheduled_closes, scheduled_opens

IN_PROGRESS: Final = "session_in_progress"
"""The range that the files cover ends before the session's scheduled close."""
CUT: Final = "session_cut"
"""The range begins inside the session, or leaves a part of it out."""
MISSING_COLUMNS: Final = ("symbol", "data_date")


def session_bounds(sessions: pd.DataFrame, schema: BarSchema) -> pd.DataFrame:
    """Scheduled open and close of every session.

    Parameters
    ----------
    sessions
        ``symbol`` and ``data_date``.
    schema
        A session of daily bars is a UTC day.

    Returns
    -------
    DataFrame
        ``opens`` and ``closes`` (``datetime64[us, UTC]``) on the index of `sessions`.
    """
    if schema == "ohlcv-1d" or sessions.empty:
        opens = sessions["data_date"].dt.tz_localize("UTC").dt.as_unit("us")
        return pd.DataFrame({"opens": opens, "closes": opens + pd.Timedelta(days=1)})
    parts = []
    for symbol, dates in sessions.groupby("symbol", sort=False)["data_date"]:
        instrument = get_instrument(str(symbol))
        opens, closes = scheduled_opens(dates, instrument), scheduled_closes(dates, instrument)
        parts.append(pd.DataFrame({"opens": opens, "closes": closes}))
    return pd.concat(parts).reindex(sessions.index)


def covered_spans(coverage: pd.DataFrame) -> pd.DataFrame:
    """Union of the ranges that files speak for.

    Parameters
    ----------
    coverage
        See `soyoil.market.bars.BarOrigin`.

    Returns
    -------
    DataFrame
        One row per symbol and span without a hole, sorted: ``symbol``, ``start``, ``end``
        (``datetime64[us, UTC]``), ``start_declared`` and ``end_declared`` (``bool``), whether
        a file says so itself.
    """
    rows = coverage.sort_values(["symbol", "start", "end"], ignore_index=True)
    before = rows.groupby("symbol")["end"].cummax().groupby(rows["symbol"]).shift()
    rows["span"] = (before.isna() | (rows["start"] > before)).cumsum()
    spans = rows.groupby("span").agg(
        symbol=("symbol", "first"), start=("start", "min"), end=("end", "max")
    )
    for edge in ("start", "end"):
        at_edge = rows[edge] == spans[edge].reindex(rows["span"]).to_numpy()
        spans[f"{edge}_declared"] = (rows["declared"] & at_edge).groupby(rows["span"]).any()
    return spans.reset_index(drop=True)


def cut_sessions(sessions: pd.DataFrame, coverage: pd.DataFrame, schema: BarSchema) -> pd.Series:
    """Sessions that the files hold a part of only.

    Where a file declares the range it was requested for, that decides. Where it does not, as in
    CSV, the range ends with its last bar, and the last session counts as cut if it also ends
    earlier than nearly all of those before it; likewise the first.

    Parameters
    ----------
    sessions
        ``symbol``, ``data_date``, ``first_bar``, ``last_bar``, ``last_seen`` (start of the last
        bar, quarantined ones counted); sorted by symbol and date.
    coverage
        See `soyoil.market.bars.BarOrigin`.
    schema
        Schema of the bars.

    Returns
    -------
    Series
        `IN_PROGRESS`, `CUT` or missing, on the index of `sessions`.
    """
    spans = covered_spans(coverage)
    bounds = session_bounds(sessions, schema)
    head, tail = (_span_of(sessions, edge, spans) for edge in ("first_bar", "last_seen"))
    short = tail["end"] < bounds["closes"]
    late = head["start"] > bounds["opens"]
    if schema == "ohlcv-1h":
        short &= tail["end_declared"] | ends_early(sessions)
        late &= head["start_declared"] | starts_late(sessions, bounds["opens"])
    else:
        short &= tail["end_declared"]
        late &= head["start_declared"]
    hole = (head["end"] < tail["start"]) & head["end_declared"] & tail["start_declared"]
    reason = np.select([short, late | hole], [IN_PROGRESS, CUT], default="")
    found = pd.Series(reason, index=sessions.index, dtype="str")
    return found.where(found != "")


def _span_of(sessions: pd.DataFrame, edge: str, spans: pd.DataFrame) -> pd.DataFrame:
    """The span in which a bar of every session lies."""
    bars = sessions[["symbol", edge]].sort_values(edge, kind="stable")
    known = spans.sort_values("start", kind="stable")
    found = pd.merge_asof(bars, known, left_on=edge, right_on="start", by="symbol")
    found.index = bars.index
    # A bar before every span is of a file that says nothing.
    declared = ["start_declared", "end_declared"]
    found[declared] = found[declared].astype("boolean").fillna(False).astype(bool)
    return found.reindex(sessions.index)


def missing_sessions(
    sessions: pd.DataFrame, coverage: pd.DataFrame, schema: BarSchema
) -> pd.DataFrame:
    """Sessions that the exchange held and the files have not a bar of.

    Parameters
    ----------
    sessions
        ``symbol`` and ``data_date`` of every session that has bars, whole or not.
    coverage
        See `soyoil.market.bars.BarOrigin`. Looked at is each symbol from the first start to the
        last end, so that a file that is missing in between is noticed.
    schema
        Schema of the bars.

    Returns
    -------
    DataFrame
        `MISSING_COLUMNS`, sorted; ``data_date`` is ``datetime64[us]``.
    """
    parts = [
        pd.DataFrame({"symbol": pd.Series(dtype="str"), "data_date": pd.Series(dtype=DATE_US)})
    ]
    held = {str(symbol): days for symbol, days in sessions.groupby("symbol")["data_date"]}
    for key, ranges in coverage.groupby("symbol"):
        symbol, start, end = str(key), ranges["start"].min(), ranges["end"].max()
        days = expected_sessions(symbol, start.date(), end.date() + dt.timedelta(days=1))
        wanted = pd.DataFrame({"symbol": symbol, "data_date": days.astype(DATE_US)})
        bounds = session_bounds(wanted, schema)
        inside = (bounds["opens"] >= start) & (bounds["closes"] <= end)
        there = wanted["data_date"].isin(held.get(symbol, []))
        parts.append(wanted[inside & ~there])
    out = pd.concat(parts, ignore_index=True).astype({"symbol": "str"})
    return out.sort_values(list(MISSING_COLUMNS), ignore_index=True)


def describe_missing(missing: pd.DataFrame, shown: int = 10) -> list[str]:
    """Missing sessions as lines of text, symbols that miss the same ones together.

    Parameters
    ----------
    missing
        What `missing_sessions` gives.
    shown
        Number of dates that a line names.
    """
    dates = missing["data_date"].dt.strftime("%F").groupby(missing["symbol"]).agg(tuple)
    lines = []
    for days, symbols in dates.groupby(dates).groups.items():
        more = f" and {len(days) - shown} more" if len(days) > shown else ""
        noun = "session" if len(days) == 1 else "sessions"
        lines.append(
            f"{', '.join(symbols)}: {len(days)} {noun} missing: {', '.join(days[:shown])}{more}"
        )
    return sorted(lines)
