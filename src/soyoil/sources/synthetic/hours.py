"""Hourly bars of the synthetic market.

Every session is drawn hour by hour whatever form it is given in, so that a session's values do
not depend on `SyntheticConfig.hourly_from`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from soyoil.base.arrays import BoolArray, FloatArray, IntArray
from soyoil.market.conventions import TRADING_DAYS
from soyoil.market.instruments import get_instrument
from soyoil.sources.synthetic.config import SyntheticConfig
from soyoil.sources.synthetic.dynamics import RootPath
from soyoil.sources.synthetic.rolls import ContractPath
from soyoil.sources.synthetic.roots import root_spec
from soyoil.sources.synthetic.streams import stationary, stream

HOURS = 24
OVERNIGHT_SHARE = 0.06
"""Share of a session's variance that falls between the close before and its open."""

THIN_VOLUME_SHARE = 0.008
"""Largest volume of a thin session over the root's median; the flag's limit is 0.02."""

_THIN_MOST_LOTS = 400
_SHORT_SESSION_VOLUME = 0.35
_LOG_VOLUME = (0.9, 0.2)
_VOLUME_NOISE = 0.2
_PRICE_DIGITS = 9

# Share of the day's activity by wall hour in Chicago, 00:00 first: the evening is quiet, the
# open of the pit hours and the hour of the close are busy.
_GRAIN_HOURS = (1, 1, 1, 2, 2, 2, 3, 3, 15, 17, 13, 11, 13, 11, 0, 0, 0, 0, 0, 4, 2, 2, 1, 1)
_GLOBEX_HOURS = (2, 2, 4, 4, 4, 4, 5, 7, 11, 11, 9, 7, 8, 9, 4, 3, 1, 2, 2, 2, 2, 2, 1, 1)


@dataclass(frozen=True)
class HourlyBars:
    """Bars of one root by session and hour, arrays of shape ``(n, 24)``.

    Attributes
    ----------
    active
        Hours that the session has; they come first in each row.
    contract
        `instrument_id`.
    open, high, low, close
        Prices, quoted units, multiples of the tick.
    volume
        Lots, at least one in every active hour.
    """

    active: BoolArray
    contract: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: IntArray


def _activity(root: str, path: RootPath) -> FloatArray:
    """Share of each hour in its session's trading, rows sum to one; zero where inactive."""
    profile = np.array(_GRAIN_HOURS if root_spec(root).is_grain else _GLOBEX_HOURS, dtype=float)
    hours = (path.sessions.open_hour + np.arange(HOURS)) % HOURS
    active = np.arange(HOURS) < path.sessions.bars[:, None]
    weights = np.where(active, profile[hours], 0.0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float64)


def _log_path(config: SyntheticConfig, root: str, path: RootPath, shares: FloatArray) -> FloatArray:
    """Root index (log) at the open and after every hour, shape ``(n, 25)``.

    A Brownian bridge from the close before to the session's own close, in the time of the
    variance shares; so every part of the session has its share of the drift and no more.
    """
    overnight = np.full((len(shares), 1), OVERNIGHT_SHARE)
    weights = np.hstack([overnight, (1 - OVERNIGHT_SHARE) * shares])
    rng = stream(config.seed, root, "hours")
    noise = np.sqrt(weights) * rng.standard_normal(weights.shape)
    bridge = noise - weights * noise.sum(axis=1, keepdims=True)
    steps = weights * path.returns[:, None] + path.sigma[:, None] * bridge
    before = path.log_index - path.returns
    return np.asarray(before[:, None] + np.cumsum(steps, axis=1), dtype=np.float64)


def _extremes(
    config: SyntheticConfig, root: str, log_path: FloatArray, variance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Highest and lowest log index within each hour, given its two ends.

    The maximum of a Brownian bridge from `a` to `b` is
    ``(a + b + sqrt((b - a)² - 2 v log(u))) / 2`` with `v` its variance and `u` uniform. High
    and low are drawn independently of each other.
    """
    start, end = log_path[:, :-1], log_path[:, 1:]
    draws = stream(config.seed, root, "extremes").random((len(start), 2 * HOURS))
    # 1 - u is never zero.
    reach = np.sqrt(((end - start) ** 2)[:, None, :] - 2 * variance[:, None, :] * np.log1p(
        -draws.reshape(-1, 2, HOURS)
    ))  # fmt: skip
    return (start + end + reach[:, 0]) / 2, (start + end - reach[:, 1]) / 2


def _to_tick(values: FloatArray, tick: float) -> FloatArray:
    ticks = np.maximum(np.rint(values / tick), 1.0)
    return np.asarray(np.round(ticks * tick, _PRICE_DIGITS), dtype=np.float64)


def _session_volume(
    config: SyntheticConfig, root: str, path: RootPath, contracts: ContractPath
) -> IntArray:
    """Lots per session: persistent, higher in turbulent sessions, tiny in thin ones."""
    spec = root_spec(root)
    count = len(path.sigma)
    slow = stationary(stream(config.seed, root, "volume level"), count, *_LOG_VOLUME)
    draws = stream(config.seed, root, "volume").standard_normal(count)
    usual = spec.volatility / np.sqrt(TRADING_DAYS)
    turbulence = 0.5 * np.log(path.sigma / usual) + 0.1 * np.abs(path.returns / path.sigma)
    lots = spec.volume * np.exp(slow + _VOLUME_NOISE * draws + turbulence)
    lots = np.where(path.sessions.is_short, _SHORT_SESSION_VOLUME * lots, lots)
    uniform = stream(config.seed, root, "thin volume").random(count)
    most = max(HOURS, min(_THIN_MOST_LOTS, THIN_VOLUME_SHARE * spec.volume))
    lots = np.where(contracts.is_thin, HOURS + (most - HOURS) * uniform, lots)
    return np.asarray(np.floor(lots), dtype=np.int64)


def _hourly_volume(
    config: SyntheticConfig, root: str, shares: FloatArray, session_volume: IntArray
) -> IntArray:
    """Lots per hour that sum to the session's volume, one at least in every active hour."""
    noise = stream(config.seed, root, "hourly volume").standard_normal(shares.shape)
    weights = shares * np.exp(0.25 * noise)
    active = shares > 0
    spare = session_volume - active.sum(axis=1)
    ends = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
    ends[:, -1] = 1.0
    lots = np.diff(np.floor(ends * spare[:, None]), axis=1, prepend=0.0)
    # Rounding may leave the last lot behind the session's last hour.
    last = active.sum(axis=1) - 1
    rows = np.arange(len(lots))
    lots[rows, last] += np.where(active, 0.0, lots).sum(axis=1)
    return np.asarray(np.where(active, lots + 1, 0), dtype=np.int64)


def hourly_bars(
    config: SyntheticConfig, root: str, path: RootPath, contracts: ContractPath
) -> HourlyBars:
    """Every hourly bar of one root.

    Parameters
    ----------
    config
        Options of the market.
    root
        Futures root.
    path, contracts
        Daily path and contracts of the root, same sessions.
    """
    spec, tick = root_spec(root), get_instrument(root).tick
    shares = _activity(root, path)
    log_path = _log_path(config, root, path, shares)
    variance = (1 - OVERNIGHT_SHARE) * shares * (path.sigma**2)[:, None]
    high, low = _extremes(config, root, log_path, variance)
    first = np.arange(HOURS) == 0
    offset = np.where(first, contracts.first_offset[:, None], contracts.offset[:, None])
    level = spec.level * np.exp(offset)
    volume = _session_volume(config, root, path, contracts)
    return HourlyBars(
        active=shares > 0,
        contract=np.where(first, contracts.first_contract[:, None], contracts.contract[:, None]),
        open=_to_tick(level * np.exp(log_path[:, :-1]), tick),
        high=_to_tick(level * np.exp(high), tick),
        low=_to_tick(level * np.exp(low), tick),
        close=_to_tick(level * np.exp(log_path[:, 1:]), tick),
        volume=_hourly_volume(config, root, shares, volume),
    )
