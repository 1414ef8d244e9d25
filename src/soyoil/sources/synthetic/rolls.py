"""Contracts of the synthetic market: which one leads by volume, and at what price.

All contracts of a root move by the same log return and differ by a constant offset, so that
prices are continuous within a contract and the continuous series jumps at rolls.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from soyoil.base.arrays import BoolArray, DayArray, FloatArray, IntArray
from soyoil.market.flags import THIN_MIN_HISTORY
from soyoil.sources.synthetic.calendar import Sessions
from soyoil.sources.synthetic.config import SyntheticConfig
from soyoil.sources.synthetic.roots import MONTH_CODES, RootSpec, instrument_id, root_spec
from soyoil.sources.synthetic.streams import stream

TWO_CONTRACT_SHARE = 0.12
"""Share of the contract changes whose session also holds bars of the contract before."""

NEAR_HOLIDAY_PER_YEAR = 18.1
_EPOCH_MONTH = 1970 * 12
_MONTHS_BEFORE, _MONTHS_AFTER = 12, 24


@dataclass(frozen=True)
class ContractPath:
    """Contracts of one root, one entry per session.

    Attributes
    ----------
    contract
        `instrument_id` of the contract that the session's bars show.
    offset
        Log price of that contract over the root's index.
    first_contract, first_offset
        The same for the first bar, which may still show the contract before.
    is_thin
        Sessions on which the mapping points at a nearly dead contract.
    """

    contract: IntArray
    offset: FloatArray
    first_contract: IntArray
    first_offset: FloatArray
    is_thin: BoolArray


@dataclass(frozen=True)
class _Chain:
    """Liquid contracts in order of delivery: month number, log offset, date of moving on."""

    months: IntArray
    offsets: FloatArray
    roll_dates: DayArray
    draws: FloatArray


def _delivers(months: IntArray, codes: str) -> BoolArray:
    """Whether each month number (12 * year + month - 1) is among the delivery codes."""
    wanted = [MONTH_CODES.index(code) for code in codes]
    return np.asarray(np.isin(months % 12, wanted), dtype=np.bool_)


def _chain(config: SyntheticConfig, root: str, spec: RootSpec) -> _Chain:
    first = config.start.year * 12 + config.start.month - 1 - _MONTHS_BEFORE
    last = config.end.year * 12 + config.end.month - 1 + _MONTHS_AFTER
    months = np.arange(first, last + 1, dtype=np.int64)
    months = months[_delivers(months, spec.liquid)]
    draws = stream(config.seed, root, "rolls").random((len(months), 4))
    jitter = np.floor(draws[:, 0] * (2 * spec.roll_jitter + 1)).astype(np.int64) - spec.roll_jitter
    delivery = (months - _EPOCH_MONTH).astype("datetime64[M]").astype("datetime64[D]")
    gaps = stream(config.seed, root, "gaps").standard_normal(len(months))
    # The mean of |x| is sqrt(2 / pi) for a standard normal x.
    scaled = np.cumsum(gaps * spec.gap * np.sqrt(np.pi / 2))
    roll_dates = np.asarray(delivery - spec.roll_lead + jitter, dtype="datetime64[D]")
    return _Chain(months, scaled, roll_dates, draws)


def _thin(config: SyntheticConfig, root: str, sessions: Sessions) -> BoolArray:
    """Holiday neighbours that turn out thin, once there is history to tell them by."""
    draws = stream(config.seed, root, "thin").random(len(sessions.dates))
    thin = sessions.near_holiday & (draws < config.thin_sessions_per_year / NEAR_HOLIDAY_PER_YEAR)
    thin[:THIN_MIN_HISTORY] = False
    return np.asarray(thin, dtype=np.bool_)


def _front(config: SyntheticConfig, chain: _Chain, dates: DayArray) -> IntArray:
    """Position in the chain of the leading contract on each regular session."""
    rolls = np.searchsorted(dates, chain.roll_dates)
    front = np.searchsorted(rolls, np.arange(len(dates)), side="right")
    # A roll is one change, an episode three of which two are flip-backs: with a share q of
    # episodes 2q / (1 + 2q) of the changes are flip-backs.
    share = config.flip_back_share
    episode = chain.draws[:, 1] < share / (2 * (1 - share))
    inside = (rolls > 0) & (rolls < len(dates))
    stays = np.where(chain.draws[:, 2:] < 0.5, 1, 2)
    for k in np.flatnonzero(episode & inside):
        new, old = stays[k]
        front[rolls[k] + new : rolls[k] + new + old] = k
    return np.asarray(front, dtype=np.int64)


def _dead_contracts(
    spec: RootSpec, chain: _Chain, front: IntArray, session_months: IntArray
) -> tuple[IntArray, FloatArray]:
    """Month number and offset of the nearly dead contract of each thin session.

    It is the nearest listed contract that has not expired and does not lead, else the one
    that led before.
    """
    known = dict(zip(chain.months.tolist(), chain.offsets.tolist(), strict=True))
    chosen = []
    for k, month in zip(front.tolist(), session_months.tolist(), strict=True):
        between = np.arange(month, chain.months[k])
        listed = between[_delivers(between, spec.listed)]
        dead = int(listed[0]) if len(listed) else int(chain.months[k - 1])
        known.setdefault(dead, float(chain.offsets[k]) - spec.gap / 2)
        chosen.append(dead)
    months = np.array(chosen, dtype=np.int64)
    return months, np.array([known[month] for month in chosen], dtype=np.float64)


def plan_contracts(config: SyntheticConfig, root: str, sessions: Sessions) -> ContractPath:
    """Contracts that the front by volume shows on each session.

    Rolls are counted on the regular sessions, as the session index that counts horizons does;
    a thin session shows a nearly dead contract in between.
    """
    spec = root_spec(root)
    chain = _chain(config, root, spec)
    is_thin = _thin(config, root, sessions)
    regular = np.flatnonzero(~is_thin)
    front = _front(config, chain, sessions.dates[regular])
    # A thin session never comes first, so there is always a regular one before it.
    leading = front[np.searchsorted(regular, np.arange(len(is_thin)), side="right") - 1]
    months = chain.months[leading]
    offset = chain.offsets[leading]
    thin = np.flatnonzero(is_thin)
    session_months = sessions.dates[thin].astype("datetime64[M]").astype(np.int64) + _EPOCH_MONTH
    months[thin], offset[thin] = _dead_contracts(spec, chain, leading[thin], session_months)
    first_months, first_offset = months.copy(), offset.copy()
    draws = stream(config.seed, root, "two contracts").random(len(is_thin))[regular[1:]]
    both = 1 + np.flatnonzero((front[1:] != front[:-1]) & (draws < TWO_CONTRACT_SHARE))
    first_months[regular[both]] = chain.months[front[both - 1]]
    first_offset[regular[both]] = chain.offsets[front[both - 1]]
    # The front of the first session sets the level, whatever led before it.
    base = offset[0]
    return ContractPath(
        contract=_ids(root, months),
        offset=offset - base,
        first_contract=_ids(root, first_months),
        first_offset=first_offset - base,
        is_thin=is_thin,
    )


def contract_offsets(
    config: SyntheticConfig, root: str, sessions: Sessions
) -> tuple[IntArray, FloatArray]:
    """Log price of every listed contract over the root's index, the same on each session.

    The liquid ones are those that the bars show; a month between two of them lies on the line.

    Parameters
    ----------
    config, root
        Market and root.
    sessions
        Sessions of the root, from the first.

    Returns
    -------
    Delivery months, ``12 * year + month - 1``, ascending, and offsets, shape ``(m,)`` each.
    """
    spec = root_spec(root)
    chain = _chain(config, root, spec)
    first = _front(config, chain, sessions.dates[~_thin(config, root, sessions)])[0]
    months = np.arange(chain.months[0], chain.months[-1] + 1, dtype=np.int64)
    months = months[_delivers(months, spec.listed)]
    offsets = np.interp(months, chain.months, chain.offsets) - chain.offsets[first]
    return months, np.asarray(offsets, dtype=np.float64)


def _ids(root: str, months: IntArray) -> IntArray:
    unique, inverse = np.unique(months, return_inverse=True)
    ids = [instrument_id(root, month // 12, month % 12 + 1) for month in unique.tolist()]
    return np.array(ids, dtype=np.int64)[inverse]
