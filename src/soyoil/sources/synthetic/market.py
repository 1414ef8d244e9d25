"""The synthetic market: vendor bars without keys and vendor data, from a seed.

It knows its own truth: `true_signal` gives the conditional mean of every future return, which
is zero in the null market.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from soyoil.base.arrays import BoolArray, IntArray
from soyoil.base.errors import SourceError
from soyoil.market.instruments import check_roots
from soyoil.sources.base import BAR_COLUMNS, Advance, BarBatch, SourceConfig, empty_quarantine
from soyoil.sources.synthetic.calendar import Sessions
from soyoil.sources.synthetic.config import SyntheticConfig
from soyoil.sources.synthetic.dynamics import RootPath, feedback_of, simulate_root
from soyoil.sources.synthetic.hours import HOURS, HourlyBars, hourly_bars
from soyoil.sources.synthetic.rolls import plan_contracts

PROVENANCE = "synthetic"


def _require_path(config: SyntheticConfig, root: str) -> RootPath:
    path = simulate_root(config, root)
    if not len(path.returns):
        raise SourceError(
            f"The synthetic span {config.start}..{config.end} holds no session of {root}; "
            "move synthetic.start or synthetic.end"
        )
    return path


def _segments(sessions: Sessions, hourly_from: np.datetime64) -> IntArray:
    """Number of the bar, within its session, that each hour goes into, shape ``(n, 24)``.

    A compact session has three: the first hour, the hours that end by the target's scheduled
    close, and the rest; so the price at the decision is that of the hourly form.
    """
    hour = np.arange(HOURS)
    compact = (hour >= 1).astype(np.int64) + (hour > sessions.decided_bar[:, None])
    is_hourly = (sessions.dates >= hourly_from)[:, None]
    return np.asarray(np.where(is_hourly, hour, compact), dtype=np.int64)


def _stamped(bars: HourlyBars, segments: IntArray) -> BoolArray:
    """Hours that give their start to a bar: the last of each segment."""
    following = np.roll(bars.active, -1, axis=1)
    following[:, -1] = False
    changes = np.diff(segments, axis=1, append=-1) != 0
    return np.asarray(bars.active & (changes | ~following), dtype=np.bool_)


def _root_bars(config: SyntheticConfig, root: str) -> pd.DataFrame:
    path = _require_path(config, root)
    sessions = path.sessions
    bars = hourly_bars(config, root, path, plan_contracts(config, root, sessions))
    segments = _segments(sessions, np.datetime64(config.hourly_from, "D"))
    stamped = _stamped(bars, segments)
    starts = sessions.open_utc[:, None] + np.arange(HOURS) * np.timedelta64(1, "h")
    session, _ = np.nonzero(bars.active)
    # Active hours in time order; a bar begins wherever session or segment changes.
    segment = segments[bars.active]
    begins = np.flatnonzero(np.r_[True, (np.diff(session) != 0) | (np.diff(segment) != 0)])
    ts_event = pd.Series(starts[stamped].astype("datetime64[us]")).dt.tz_localize("UTC")
    columns = {
        "ts_event": ts_event,
        "symbol": pd.Series(np.full(len(begins), root), dtype="str"),
        "instrument_id": bars.contract[bars.active][begins],
        "open": bars.open[bars.active][begins],
        "high": np.maximum.reduceat(bars.high[bars.active], begins),
        "low": np.minimum.reduceat(bars.low[bars.active], begins),
        "close": bars.close[stamped],
        "volume": np.add.reduceat(bars.volume[bars.active], begins),
    }
    return pd.DataFrame({name: columns[name] for name in BAR_COLUMNS})


def generate_batch(source: SourceConfig, advance: Advance) -> BarBatch:
    """Hourly bars of the configured roots.

    Parameters
    ----------
    source
        Roots, and the options of the generator in ``synthetic``.
    advance
        Called with (roots done, roots in all).

    Returns
    -------
    BarBatch
        Schema ``ohlcv-1h``, provenance ``synthetic``. Trade dates before
        ``synthetic.hourly_from`` have three bars each, stamped with the last hour they hold.

    Raises
    ------
    ConfigError
        If a root is unknown.
    SourceError
        If the span holds no session of a root.
    """
    check_roots(source.symbols)
    parts = []
    for done, root in enumerate(sorted(source.symbols), start=1):
        parts.append(_root_bars(source.synthetic, root))
        advance(done, len(source.symbols))
    return BarBatch(
        bars=pd.concat(parts, ignore_index=True),
        quarantine=empty_quarantine(),
        schema="ohlcv-1h",
        provenance=PROVENANCE,
    )


def true_signal(
    market: SourceConfig | SyntheticConfig, symbol: str, horizon_sessions: int
) -> pd.DataFrame:
    """What the generator knows about the future: the conditional mean of the next return.

    Parameters
    ----------
    market
        Configuration of the market.
    symbol
        Futures root.
    horizon_sessions
        Sessions ahead, at least 1; every session counts, thin ones included.

    Returns
    -------
    DataFrame
        One row per session: ``data_date`` (``datetime64[us]``) and ``conditional_mean`` of
        the log return from its close over the next `horizon_sessions` sessions, given
        everything up to that close. Zero in the null market. The night before a roll, which
        roll-free returns leave out, is in it.

    Raises
    ------
    ConfigError
        If the root is unknown.
    ValueError
        If the horizon is below 1.
    """
    if horizon_sessions < 1:
        raise ValueError(f"horizon_sessions is {horizon_sessions}; it must be at least 1")
    config = market.synthetic if isinstance(market, SourceConfig) else market
    path = _require_path(config, symbol)
    weights = feedback_of(config).horizon_weights(horizon_sessions)
    return pd.DataFrame(
        {
            "data_date": path.sessions.dates.astype("datetime64[us]"),
            "conditional_mean": path.state @ weights,
        }
    )
