"""Bars against those around them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soyoil.base.errors import SourceError
from soyoil.market.instruments import INSTRUMENTS, get_instrument
from soyoil.sources.databento.plausibility import (
    CONSTANT,
    JUMP,
    LEVEL,
    MAX_CONSTANT,
    split_implausible,
)
from soyoil.sources.quarantine import BarRules, split_defective

HOUR = 3_600_000_000_000


def bars(close: np.ndarray, root: int = 0) -> pd.DataFrame:
    close = np.asarray(close, dtype=float)
    open_ = np.r_[close[0], close[:-1]]
    return pd.DataFrame(
        {
            "ts_event": 1_700_000_000_000_000_000 // HOUR * HOUR + HOUR * np.arange(len(close)),
            "root": root,
            "instrument_id": 1,
            "open": open_,
            "high": np.maximum(open_, close),
            "low": np.minimum(open_, close),
            "close": close,
            "volume": 5,
            "mapped": True,
        }
    )


def reasons(frame: pd.DataFrame, root: str) -> dict[int, str]:
    kept, rejected = split_implausible(frame, "ohlcv-1h", (root,))
    assert sorted([*kept.index, *rejected.index]) == frame.index.tolist()
    return dict(rejected["reason"].to_dict())


def walk(level: float, count: int = 300, seed: int = 0) -> np.ndarray:
    return level * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.004, count)))


@pytest.mark.parametrize("root", sorted(INSTRUMENTS))
def test_limits_leave_no_room_for_another_unit(root: str) -> None:
    """A factor of 100 either way is noticed wherever within a tenth of its range a price lies."""
    low, high = get_instrument(root).prices
    assert 0 < low < high
    level = float(np.sqrt(low * high))
    assert level * 100 > high
    assert level / 100 < low
    assert 0 < get_instrument(root).max_move < np.log(100)
    assert get_instrument(root).max_volume < 2**53


@pytest.mark.parametrize("root", sorted(INSTRUMENTS))
@given(seed=st.integers(0, 10**6))
@settings(max_examples=5, deadline=None)
def test_a_market_is_plausible(root: str, seed: int) -> None:
    low, high = get_instrument(root).prices
    frame = bars(walk(float(np.sqrt(low * high)), seed=seed))
    assert reasons(frame, root) == {}
    assert split_defective(frame, BarRules("ohlcv-1h", (root,)))[1].empty


def test_a_crash_through_zero_is_plausible() -> None:
    """Crude oil in April 2020: down hour by hour, below zero, and back the next day."""
    down = np.r_[18, 17, 14, 11, 7, 4, 1.5, 0.4, 0.02, -5, -20, -37.6, -30, -13, -8, -2, 0.3, 1.2]
    path = np.r_[walk(20, 100), down, 3, 6, 9, walk(10, 60), walk(13, 100, 1)]
    assert reasons(bars(path), "CL") == {}


def test_a_deep_low_within_an_hour_is_not() -> None:
    frame = bars(walk(60))
    frame.loc[120, "low"] = 0.6
    assert reasons(frame, "CL") == {120: JUMP}


def test_crude_oil_in_dollars_a_tenth_of_a_gallon() -> None:
    assert set(reasons(bars(walk(0.6)), "CL").values()) == {LEVEL}


@pytest.mark.parametrize("count", [1, 18, 30])
@pytest.mark.parametrize("factor", [0.2, 3.0, 10.0])
def test_bars_that_leave_and_come_back(factor: float, count: int) -> None:
    close = walk(50)
    close[100 : 100 + count] *= factor
    found = reasons(bars(close), "ZL")
    assert set(found.values()) == {JUMP}
    # The bar after opens where the last one closed.
    assert set(found) == set(range(100, 101 + count))


@pytest.mark.parametrize("root", ["ZL", "CL"])
def test_a_new_level_is_refused(root: str) -> None:
    close = walk(50)
    close[150:] *= 8
    frame = bars(close)
    frame.loc[150, ["open", "low"]] = close[150]
    with pytest.raises(SourceError, match=f"{root}: the price goes from .* and stays there"):
        split_implausible(frame, "ohlcv-1h", (root,))


def test_a_new_level_after_years_is_not() -> None:
    frame = bars(np.r_[walk(50), walk(150)])
    frame.loc[300:, "ts_event"] += 1000 * 24 * HOUR
    frame.loc[300, ["open", "low"]] = frame.loc[300, "close"]
    assert reasons(frame, "ZL") == {}


def test_a_price_that_stands_still() -> None:
    limit = MAX_CONSTANT["ohlcv-1h"]
    close = walk(50)
    close[100 : 100 + limit] = 50.0
    assert reasons(bars(close), "ZL") == {}
    close[100 + limit] = 50.0
    assert reasons(bars(close), "ZL") == dict.fromkeys(range(100, 101 + limit), CONSTANT)


def test_roots_do_not_mix() -> None:
    frame = pd.concat([bars(walk(50), 1), bars(walk(4700), 0)], ignore_index=True)
    frame = frame.sample(frac=1, random_state=3)
    kept, rejected = split_implausible(frame, "ohlcv-1h", ("ES", "ZL"))
    assert rejected.empty
    pd.testing.assert_frame_equal(kept, frame)
