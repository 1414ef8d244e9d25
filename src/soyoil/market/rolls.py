"""Contract changes, roll-free returns and the forward-chained index.

Front-only data never quotes the old and the new contract together, so the return of a roll
session is ``log(close / open)`` of the new contract: the night's gap is left out. When the
mapping flips back to a contract seen a few sessions before, that day's return is the
contract's own return since it was last seen, minus what was booked in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from soyoil.base.arrays import BoolArray, FloatArray, IntArray

ROLLS_UNKNOWN: Final = (
    "Rolls unknown: the bars name no contract, so returns, features and scores hold the jumps "
    "between contracts, and no session counts as a roll."
)
"""What is said wherever numbers stand that were made from such bars."""

FLIP_BACK_FLAG_SESSIONS = 3
"""A change to a contract seen within this many sessions is flagged as a flip-back."""

FLIP_BACK_RETURN_SESSIONS = 5
"""A change to a contract seen within this many sessions is booked as that contract's own."""


def data_text(provenance: str, rolls: str) -> str:
    """What rows are, for titles: ``observed data``, ``observed data, rolls unknown``."""
    return f"{provenance} data" + (", rolls unknown" if rolls == "unknown" else "")


@dataclass(frozen=True)
class RollFree:
    """Roll-free returns of one symbol, one entry per session of its index.

    Attributes
    ----------
    returns
        Roll-free daily log return; NaN on the first session and where a price is not
        positive.
    is_roll
        Whether the contract differs from the session before.
    is_flip_back
        Whether a roll returns to a contract of the last `FLIP_BACK_FLAG_SESSIONS`.
    """

    returns: FloatArray
    is_roll: BoolArray
    is_flip_back: BoolArray


def contract_changes(instrument_id: IntArray) -> BoolArray:
    """Sessions whose contract differs from that of the session before."""
    changed = np.zeros(len(instrument_id), dtype=np.bool_)
    changed[1:] = instrument_id[1:] != instrument_id[:-1]
    return changed


def sessions_since_seen(instrument_id: IntArray, within: int) -> IntArray:
    """Lag (1..`within`) of the latest earlier session with the same contract, else 0."""
    lag = np.zeros(len(instrument_id), dtype=np.int64)
    for k in range(within, 0, -1):
        lag[k:][instrument_id[k:] == instrument_id[:-k]] = k
    return lag


def log_positive(values: FloatArray) -> FloatArray:
    """Natural logarithm, NaN where the value is not positive."""
    out = np.full(len(values), np.nan)
    np.log(values, out=out, where=values > 0)
    return out


def roll_free(
    open_: FloatArray,
    close: FloatArray,
    instrument_id: IntArray,
    flip_back_sessions: int = FLIP_BACK_RETURN_SESSIONS,
) -> RollFree:
    """Roll-free daily log returns of one symbol.

    Parameters
    ----------
    open_, close
        Session prices in quoted units, shape ``(n,)``, ascending sessions without thin ones.
    instrument_id
        Contract of each session.
    flip_back_sessions
        Window of the flip-back rule; 0 books close/open on every change.

    Returns
    -------
    RollFree
        Every entry depends on sessions up to its own only.
    """
    log_close, log_open = log_positive(close), log_positive(open_)
    is_roll = contract_changes(instrument_id)
    returns = np.full(len(close), np.nan)
    returns[1:] = np.diff(log_close)
    returns[is_roll] = (log_close - log_open)[is_roll]
    lag = sessions_since_seen(instrument_id, max(flip_back_sessions, FLIP_BACK_FLAG_SESSIONS))
    # Only the few flip-backs are visited: each may need the booked return of an earlier one.
    for at in np.flatnonzero(is_roll & (lag > 0) & (lag <= flip_back_sessions)):
        seen = at - lag[at]
        booked = float(np.nansum(returns[seen + 1 : at]))
        returns[at] = log_close[at] - log_close[seen] - booked
    return RollFree(
        returns=returns,
        is_roll=is_roll,
        is_flip_back=is_roll & (lag > 0) & (lag <= FLIP_BACK_FLAG_SESSIONS),
    )


def forward_index(returns: FloatArray) -> FloatArray:
    """Index ``exp(cumsum(r))`` from the series' start, 1.0 on the first session.

    Missing returns count as zero, so the index goes on after a non-positive price. Later
    sessions never change earlier values.
    """
    return np.asarray(np.exp(np.cumsum(np.nan_to_num(returns, nan=0.0))), dtype=np.float64)
