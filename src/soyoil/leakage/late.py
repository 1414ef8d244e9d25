"""Session bars with garbage in place of what was not known at a decision."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

PRICES: Final = ("high", "low", "close", "vwap")
"""Prices of a session that are not known before it ends; the open is."""


def spoil_sessions(
    sessions: pd.DataFrame, moment: pd.Timestamp, rng: np.random.Generator
) -> pd.DataFrame:
    """Sessions with garbage in all that was not known at a decision of the target.

    A session of a root that closes later keeps what its bars up to the decision say: contract,
    open and the last close by then.

    Parameters
    ----------
    sessions
        Rows of ``market_data.soyoil_futures_sessions``.
    moment
        Decision time, UTC.
    rng
        Source of the garbage.

    Returns
    -------
    DataFrame
        The same sessions, in the same order and dtypes.
    """
    late = (sessions["known_at"] > moment).to_numpy(dtype=bool)
    begun = late & (sessions["decision_time"] <= moment).to_numpy(dtype=bool)
    after = late & ~begun
    spoilt = sessions.copy()
    level = np.abs(sessions["close"].to_numpy(dtype="float64"))
    for rows, names in ((late, PRICES), (after, ("open", "decision_close"))):
        for name in names:
            there = rows & sessions[name].notna().to_numpy(dtype=bool)
            count = int(there.sum())
            spoilt.loc[there, name] = level[there] * np.exp(rng.normal(0, 0.3, count))
    for name, size in (("roll_free_return", 0.2), ("realized_vol_1h", 0.5)):
        there = late & sessions[name].notna().to_numpy(dtype=bool)
        spoilt.loc[there, name] = np.abs(rng.normal(0, size, int(there.sum())))
    spoilt.loc[late, "volume"] = rng.integers(1, 50_000, int(late.sum()))
    later = int(after.sum())
    spoilt.loc[after, "instrument_id"] = rng.integers(1, 9, later)
    for name, share in (("is_roll", 0.2), ("is_flip_back", 0.1), ("is_thin", 0.05)):
        spoilt.loc[after, name] = rng.random(later) < share
    return spoilt.astype(sessions.dtypes.to_dict())
