"""From vendor bars to session bars.

Hourly bars are grouped by trade date; where a session holds bars of two contracts the one
with more volume is kept. Bars stamped by UTC day are a degraded form: Sunday stubs go into
Monday, evenings of holidays into the next session, and the value is known only at the end of the
UTC day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from soyoil.base.errors import SourceError
from soyoil.market.conventions import TRADING_DAYS, BarSchema, Rolls
from soyoil.market.coverage import MISSING_COLUMNS, cut_sessions, missing_sessions
from soyoil.market.flags import ends_early, limit_locked, lost_bars, thin_sessions
from soyoil.market.holidays import sessionless_days
from soyoil.market.instruments import TARGET_ROOT, get_instrument, keeps_grain_hours
from soyoil.market.rolls import roll_free
from soyoil.market.sessions import (
    decision_times,
    scheduled_closes,
    to_utc_us,
    trade_dates,
)

HOUR = pd.Timedelta(hours=1)
EVENING_SHARE = 0.25
"""Lots of a holiday's evening, of those of the session that it opens, at most."""
MAX_LOTS = 2**62
"""Lots of a session beyond which their sum may not fit into 64 bits."""
THIN_REASON = "volume below 2 % of the previous median and 500 lots"


@dataclass(frozen=True)
class BarOrigin:
    """Where vendor bars come from.

    Attributes
    ----------
    schema
        ``ohlcv-1h`` (required form) or ``ohlcv-1d`` (UTC days, degraded form).
    provenance
        ``observed`` or ``synthetic``.
    degraded_days
        UTC days that the vendor marks as degraded.
    coverage
        What the bars were read from, one row per symbol and file: ``symbol`` (``str``), ``start``
        and ``end`` (``datetime64[us, UTC]``, half-open range of time that the file speaks for)
        and ``declared`` (``bool``; False where the range is only that of the bars in it). None
        where nothing can be missing, as from a generator.
    set_aside
        Bars of the symbols that were quarantined: ``symbol``, ``ts_event``, ``reason``. None is
        without any.
    rolls
        By symbol, whether its contracts are known; a symbol that is not named here is ``known``.
    """

    schema: BarSchema
    provenance: str
    degraded_days: Collection[dt.date] = ()
    coverage: pd.DataFrame | None = None
    set_aside: pd.DataFrame | None = None
    rolls: Mapping[str, Rolls] = field(default_factory=dict)


@dataclass(frozen=True)
class SessionBars:
    """Session bars, the vendor bars that found no session, and the sessions without a bar.

    Attributes
    ----------
    sessions
        One row per symbol and session, columns of the raw-bar contract.
    rejected
        Vendor bars left out, with a ``reason``.
    missing
        ``symbol`` and ``data_date`` of sessions that the exchange held within the coverage, and
        of which there is no bar.
    """

    sessions: pd.DataFrame
    rejected: pd.DataFrame
    missing: pd.DataFrame


def _assign_sessions(bars: pd.DataFrame, schema: BarSchema) -> pd.DataFrame:
    out = bars.reset_index(drop=True)
    ts = to_utc_us(out["ts_event"])
    if schema == "ohlcv-1h":
        out["data_date"] = trade_dates(ts)
    else:
        out["data_date"] = ts.dt.tz_localize(None).dt.normalize()
    session = _next_sessions(out, holidays=schema == "ohlcv-1d")
    out["early"] = out["data_date"] != session
    out["data_date"] = session
    return out


def _next_sessions(bars: pd.DataFrame, *, holidays: bool) -> pd.Series:
    """The day of each bar, or the next one that it opens the evening before.

    A weekend opens its Monday, and no later day if that is a holiday. Hours know their trade date;
    of a UTC day that is a holiday the evening is all that traded, unless it has lots like a
    session: then the market was open after all.
    """
    days = bars["data_date"].to_numpy(dtype="datetime64[D]")
    session = np.busday_offset(days, 0, "forward")
    if not holidays:
        return pd.Series(session.astype("datetime64[us]"), index=bars.index)
    lots = bars.groupby(["symbol", "data_date"])["volume"].sum()
    for symbol, positions in bars.groupby("symbol", sort=False).indices.items():
        rows = np.asarray(positions, dtype=np.int64)
        closed = sessionless_days(str(symbol))
        evening = rows[np.isin(days[rows], closed) & np.is_busday(days[rows])]
        after = np.busday_offset(days[evening], 0, "forward", holidays=closed)
        own, opened = (
            lots.reindex(pd.MultiIndex.from_product([[symbol], d.astype("datetime64[us]")]))
            for d in (days[evening], after)
        )
        small = own.to_numpy() <= EVENING_SHARE * opened.fillna(np.inf).to_numpy()
        session[evening[small]] = after[small]
    return pd.Series(session.astype("datetime64[us]"), index=bars.index)


def _split_orphans(bars: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bars of the days before a session are kept only if it has bars of its own."""
    opened = (~bars["early"]).groupby([bars["symbol"], bars["data_date"]]).transform("any")
    orphan = bars["early"] & ~opened
    weekend = to_utc_us(bars.loc[orphan, "ts_event"]).dt.dayofweek >= 5
    reason = np.where(weekend, "weekend_bar_without_session", "holiday_bar_without_session")
    rejected = bars[orphan].assign(reason=pd.Series(reason, index=weekend.index, dtype="str"))
    return bars[~orphan], rejected


def _keep_main_contract(bars: pd.DataFrame) -> pd.DataFrame:
    """Keep, per symbol and session, the contract with the largest volume."""
    key = ["symbol", "data_date", "instrument_id"]
    volume = bars.groupby(key)["volume"].sum().reset_index()
    main = volume.sort_values(
        ["symbol", "data_date", "volume", "instrument_id"], ascending=[True, True, False, True]
    ).drop_duplicates(["symbol", "data_date"])
    return bars.merge(main[key], on=key, how="inner")


def _refuse_overflow(bars: pd.DataFrame) -> None:
    """Refuse lots whose exact sum may not fit into 64 bits: it would wrap to another number."""
    lots = bars[["symbol", "data_date"]].assign(lots=bars["volume"].astype("float64"))
    sums = lots.groupby(["symbol", "data_date"], as_index=False)["lots"].sum()
    above = sums[sums["lots"] > MAX_LOTS]
    if len(above):
        row = above.iloc[0]
        raise SourceError(
            f"The bars of {row['symbol']} on {row['data_date']:%F} hold {row['lots']:.3g} lots, "
            "more than can be added up exactly: their volumes are no lots. Download the file of "
            "that day again."
        )


def _aggregate(bars: pd.DataFrame) -> pd.DataFrame:
    typical = (bars["high"] + bars["low"] + bars["close"]) / 3
    grouped = bars.assign(turnover=typical * bars["volume"]).groupby(
        ["symbol", "data_date"], as_index=False, sort=True
    )
    out = grouped.agg(
        instrument_id=("instrument_id", "first"),
        open=("open", "first"),
        high=("high", "max"),
        low=("low", "min"),
        close=("close", "last"),
        volume=("volume", "sum"),
        turnover=("turnover", "sum"),
        n_bars=("close", "size"),
        first_bar=("ts_event", "first"),
        last_bar=("ts_event", "last"),
    )
    out["vwap"] = (out.pop("turnover") / out["volume"]).where(out["volume"] > 0)
    return out


def _realized_vol(hourly: pd.DataFrame, count: int) -> np.ndarray:
    """Annualised realised volatility of hourly closes within each session."""
    positive = hourly["close"].where(hourly["close"] > 0)
    log_close = np.log(positive)
    step = log_close.groupby(hourly["session_id"]).diff()
    total = (step**2).groupby(hourly["session_id"]).sum(min_count=2).reindex(range(count))
    return np.asarray(np.sqrt(total.to_numpy() * TRADING_DAYS), dtype=np.float64)


def _known_at_decision(hourly: pd.DataFrame, sessions: pd.DataFrame) -> pd.DataFrame:
    """Bars that had ended by the target's decision time."""
    row = hourly["session_id"].to_numpy()
    # Naive UTC on both sides: arrays of zoned timestamps would be Python objects.
    at = sessions["decision_time"].dt.tz_localize(None).to_numpy()[row]
    ends = (hourly["ts_event"].dt.tz_localize(None) + HOUR).to_numpy()
    # The target's own final bar is stamped 13:00 and its hour runs past the close, so a
    # root that shares the target's schedule is complete at the decision time.
    shares = sessions["last_in_time"].to_numpy()[row]
    known: pd.DataFrame = hourly.loc[(ends <= at) | shares]
    return known


def _decision_volume(known: pd.DataFrame, sessions: pd.DataFrame) -> pd.Series:
    """Lots by the decision; those of the session where no bar had ended by then."""
    by_then = known.groupby("session_id")["volume"].sum().reindex(sessions.index)
    volume: pd.Series = by_then.fillna(sessions["volume"])
    return volume


def _last_lost_bars(origin: BarOrigin) -> pd.DataFrame:
    """Start of the last quarantined bar of every session: ``symbol``, ``data_date``, ``lost``."""
    if origin.set_aside is None or origin.set_aside.empty:
        types = {"symbol": "str", "data_date": "datetime64[us]", "lost": "datetime64[us, UTC]"}
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in types.items()})
    lost = _assign_sessions(lost_bars(origin.set_aside), origin.schema)
    return lost.groupby(["symbol", "data_date"], as_index=False).agg(lost=("ts_event", "max"))


def _with_lost_bars(sessions: pd.DataFrame, origin: BarOrigin) -> pd.DataFrame:
    """Add ``last_seen`` and ``is_incomplete``.

    A quarantined bar says nothing of prices, yet there was trade in its hour: without it a
    session would seem to have closed early.
    """
    key = ["symbol", "data_date"]
    seen = sessions[key].merge(_last_lost_bars(origin), on=key, how="left")["lost"]
    return sessions.assign(
        last_seen=seen.where(seen > sessions["last_bar"], sessions["last_bar"]),
        is_incomplete=seen.notna(),
    )


def _cut_reasons(sessions: pd.DataFrame, origin: BarOrigin) -> pd.Series:
    """Why the files hold a part of a session only; missing where they hold all of it."""
    if origin.coverage is None:
        return pd.Series(pd.NA, index=sessions.index, dtype="str")
    return cut_sessions(sessions, origin.coverage, origin.schema)


def _target_decision_times(sessions: pd.DataFrame, schema: BarSchema) -> pd.Series:
    """Decision time of the target root for the date of every session row."""
    if schema == "ohlcv-1d":
        end_of_day = sessions["data_date"] + pd.Timedelta(days=1)
        return end_of_day.dt.tz_localize("UTC").dt.as_unit("us")
    target = get_instrument(TARGET_ROOT)
    own = sessions[sessions["symbol"] == TARGET_ROOT]
    known = decision_times(own["data_date"], own["last_seen"], target)
    by_date = pd.Series(known.to_numpy(), index=own["data_date"].to_numpy())
    mapped = sessions["data_date"].map(by_date)
    mapped = pd.to_datetime(mapped, utc=True).dt.as_unit("us")
    filled: pd.Series = mapped.fillna(scheduled_closes(sessions["data_date"], target))
    return filled


def _closing_times(sessions: pd.DataFrame, schema: BarSchema) -> pd.Series:
    """Close of every session of every symbol, UTC."""
    if schema == "ohlcv-1d" or sessions.empty:
        return sessions["decision_time"]
    parts = []
    for symbol, rows in sessions.groupby("symbol", sort=False):
        instrument = get_instrument(str(symbol))
        close = decision_times(rows["data_date"], rows["last_seen"], instrument)
        if not keeps_grain_hours(instrument):
            # The earliest possible close is safe for the root that decides. What others traded
            # is known for certain only when their last hour has ended.
            scheduled = scheduled_closes(rows["data_date"], instrument)
            close = close.where(close == scheduled, rows["last_seen"] + HOUR)
        parts.append(close)
    closes: pd.Series = pd.concat(parts).reindex(sessions.index)
    return closes


def _degraded(bars: pd.DataFrame, count: int, days: Collection[dt.date]) -> np.ndarray:
    utc_day = bars["ts_event"].dt.tz_localize(None).dt.normalize()
    marked = utc_day.isin(pd.to_datetime(sorted(days)))
    any_marked = marked.groupby(bars["session_id"]).any().reindex(range(count))
    return np.asarray(any_marked.to_numpy(dtype=bool))


def add_roll_free(sessions: pd.DataFrame) -> pd.DataFrame:
    """Add roll-free returns and roll flags over the sessions that are not thin.

    Parameters
    ----------
    sessions
        Sorted by symbol and date, with ``open``, ``close``, ``instrument_id``, ``is_thin``.

    Returns
    -------
    DataFrame
        ``roll_free_return`` (log, NaN on thin sessions), ``is_roll``, ``is_flip_back``.
    """
    count = len(sessions)
    returns = np.full(count, np.nan)
    is_roll = np.zeros(count, dtype=bool)
    is_flip_back = np.zeros(count, dtype=bool)
    regular = np.flatnonzero(~sessions["is_thin"].to_numpy(dtype=bool))
    symbol = sessions["symbol"].to_numpy()[regular]
    starts = np.flatnonzero(symbol[1:] != symbol[:-1]) + 1
    open_, close = (sessions[c].to_numpy(dtype="float64") for c in ("open", "close"))
    contract = sessions["instrument_id"].to_numpy(dtype="int64")
    for rows in np.split(regular, starts):
        result = roll_free(open_[rows], close[rows], contract[rows])
        returns[rows] = result.returns
        is_roll[rows] = result.is_roll
        is_flip_back[rows] = result.is_flip_back
    return sessions.assign(roll_free_return=returns, is_roll=is_roll, is_flip_back=is_flip_back)


def session_bars(bars: pd.DataFrame, origin: BarOrigin) -> SessionBars:
    """Aggregate vendor bars to sessions with their flags.

    Parameters
    ----------
    bars
        Vendor bars: ``ts_event`` (UTC, bar start), ``symbol``, ``instrument_id``, ``open``,
        ``high``, ``low``, ``close``, ``volume``; sorted by symbol and time.
    origin
        Schema, provenance and degraded days of the bars.

    Returns
    -------
    SessionBars
        Sessions sorted by symbol and date; ``vwap``, ``realized_vol_1h``, ``decision_close``,
        ``is_limit_locked`` and ``is_short`` are missing for daily bars.

    Raises
    ------
    SourceError
        Volumes of a session that cannot be added up exactly.
    """
    assigned = _assign_sessions(bars, origin.schema)
    _refuse_overflow(assigned)
    kept, orphans = _split_orphans(assigned)
    main = _keep_main_contract(kept).sort_values(["symbol", "ts_event"], kind="stable")
    seen = _with_lost_bars(_aggregate(main), origin)
    cut = seen[["symbol", "data_date"]].assign(reason=_cut_reasons(seen, origin)).dropna()
    rejected = pd.concat([orphans, kept.merge(cut, on=["symbol", "data_date"])])
    sessions = seen.drop(index=cut.index).reset_index(drop=True)
    count = len(sessions)
    ids = sessions[["symbol", "data_date"]].assign(session_id=np.arange(count))
    hourly = main.merge(ids, on=["symbol", "data_date"])
    sessions["decision_time"] = _target_decision_times(sessions, origin.schema)
    sessions["event_time"] = _closing_times(sessions, origin.schema)
    sessions["is_vendor_degraded"] = _degraded(hourly, count, origin.degraded_days)
    if origin.schema == "ohlcv-1h":
        in_time = sessions["event_time"] <= sessions["decision_time"]
        same = {
            root: keeps_grain_hours(get_instrument(root)) for root in sessions["symbol"].unique()
        }
        sessions["last_in_time"] = in_time & sessions["symbol"].map(same)
        known = _known_at_decision(hourly, sessions)
        sessions["is_thin"] = thin_sessions(sessions, _decision_volume(known, sessions))
        last = known.groupby("session_id")["close"].last()
        sessions["decision_close"] = last.reindex(sessions.index)
        sessions["realized_vol_1h"] = _realized_vol(hourly, count)
        sessions["is_limit_locked"] = limit_locked(hourly, sessions).astype("boolean")
        sessions["is_short"] = ends_early(sessions).astype("boolean")
    else:
        sessions["is_thin"] = thin_sessions(sessions, sessions["volume"])
        sessions["decision_close"] = np.nan
        sessions["realized_vol_1h"] = np.nan
        sessions["vwap"] = np.nan
        sessions["is_limit_locked"] = pd.array([pd.NA] * count, dtype="boolean")
        sessions["is_short"] = pd.array([pd.NA] * count, dtype="boolean")
    sessions["thin_reason"] = pd.Series(THIN_REASON, index=sessions.index, dtype="str").where(
        sessions["is_thin"]
    )
    sessions = add_roll_free(sessions)
    sessions["source_schema"] = origin.schema
    sessions["provenance"] = origin.provenance
    sessions["rolls"] = sessions["symbol"].map(dict(origin.rolls)).fillna("known").astype("str")
    sessions["known_at"] = sessions["event_time"]
    sessions["vintage"] = sessions["event_time"]
    columns = ["first_bar", "last_bar", "last_seen", "last_in_time"]
    return SessionBars(
        sessions=sessions.drop(columns=[c for c in columns if c in sessions]),
        rejected=rejected.drop(columns=["data_date", "early"]),
        missing=_missing(seen, origin),
    )


def _missing(sessions: pd.DataFrame, origin: BarOrigin) -> pd.DataFrame:
    if origin.coverage is None:
        return sessions.loc[sessions.index[:0], list(MISSING_COLUMNS)]
    return missing_sessions(sessions, origin.coverage, origin.schema)
