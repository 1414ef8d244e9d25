"""Features against slow references, and causality of every column."""

import math

import numpy as np
import pandas as pd
import pytest

from soyoil.features.matrix import build_matrix
from soyoil.features.registry import FEATURES, SymbolBars
from soyoil.market.bars import add_roll_free


def make_sessions(seed: int, n: int = 260, symbol: str = "ZL") -> pd.DataFrame:
    """Random sessions with rolls, flip-backs and thin days, as the raw table holds them."""
    rng = np.random.default_rng(seed)
    close = 40 * np.exp(np.cumsum(rng.normal(0, 0.015, n)))
    open_ = close * np.exp(rng.normal(0, 0.01, n))
    contract = np.cumsum(rng.random(n) < 0.04) + 1
    back = rng.random(n) < 0.02
    contract[back] = np.maximum(contract[back] - 1, 1)
    frame = pd.DataFrame(
        {
            "symbol": pd.Series([symbol] * n, dtype="str"),
            "data_date": pd.bdate_range("2015-01-01", periods=n).as_unit("us"),
            "instrument_id": contract,
            "open": open_,
            "high": np.maximum(open_, close) * (1 + rng.random(n) * 0.01),
            "low": np.minimum(open_, close) * (1 - rng.random(n) * 0.01),
            "close": close * (1 + 0.02 * (contract % 3)),
            "volume": rng.integers(1000, 90_000, n),
            "vwap": close,
            "realized_vol_1h": np.nan,
            "is_limit_locked": pd.array([False] * n, dtype="boolean"),
            "is_vendor_degraded": False,
            "is_thin": rng.random(n) < 0.02,
            "provenance": pd.Series(["synthetic"] * n, dtype="str"),
        }
    )
    frame["high"] = frame[["high", "close"]].max(axis=1)
    frame["low"] = frame[["low", "close"]].min(axis=1)
    frame["known_at"] = (frame["data_date"] + pd.Timedelta(hours=19)).dt.tz_localize("UTC")
    frame["decision_time"] = frame["known_at"]
    return add_roll_free(frame)


def wilder_rsi(values: np.ndarray, n: int = 14) -> np.ndarray:
    """Wilder's own recursion, row by row."""
    out = np.full(len(values), np.nan)
    change = np.diff(values)
    gain, loss = np.maximum(change, 0), np.maximum(-change, 0)
    if len(values) <= n:
        return out
    up, down = gain[:n].mean(), loss[:n].mean()
    out[n] = 100 * up / (up + down)
    for t in range(n + 1, len(values)):
        up = (up * (n - 1) + gain[t - 1]) / n
        down = (down * (n - 1) + loss[t - 1]) / n
        out[t] = 100 * up / (up + down)
    return out


@pytest.fixture(scope="module")
def sessions() -> pd.DataFrame:
    return make_sessions(1)


@pytest.fixture(scope="module")
def matrix(sessions: pd.DataFrame) -> pd.DataFrame:
    return build_matrix(sessions)


def test_thin_sessions_are_left_out(sessions: pd.DataFrame, matrix: pd.DataFrame) -> None:
    assert sessions["is_thin"].sum() > 0
    assert len(matrix) == (~sessions["is_thin"]).sum()


def test_indicators_match_slow_references(matrix: pd.DataFrame) -> None:
    r = matrix["market_data.roll_free_return"].to_numpy()
    close = matrix["market_data.close"].to_numpy()
    index = np.exp(np.cumsum(np.nan_to_num(r)))
    n = len(matrix)
    np.testing.assert_allclose(matrix["market_data.rsi_14"], wilder_rsi(index), rtol=1e-9)
    for t in range(n):
        row = matrix.iloc[t]
        for window in (5, 21, 63):
            if t + 1 < window:
                assert math.isnan(row[f"market_data.ma_{window}"])
                continue
            mean = index[t + 1 - window : t + 1].mean()
            assert row[f"market_data.ma_{window}"] == pytest.approx(mean * close[t] / index[t])
            assert row[f"market_data.ma_{window}_log_ratio"] == pytest.approx(
                math.log(index[t] / mean), abs=1e-12
            )
        for window in (1, 5, 21):
            if t >= window:
                assert row[f"market_data.return_{window}d"] == pytest.approx(
                    r[t + 1 - window : t + 1].sum(), abs=1e-12
                )
        if t >= 21:
            last = r[t - 20 : t + 1]
            assert row["market_data.volatility_21d"] == pytest.approx(
                last.std(ddof=1) * math.sqrt(252)
            )
            assert row["market_data.momentum_21d"] == pytest.approx(index[t] / index[t - 21] - 1)


def test_vol_percentile_is_the_rank_within_history(matrix: pd.DataFrame) -> None:
    vol = matrix["market_data.volatility_21d"].to_numpy()
    got = matrix["regime.vol_percentile"].to_numpy()
    for t in range(len(vol)):
        past = vol[: t + 1][~np.isnan(vol[: t + 1])]
        if len(past) < 63:
            assert math.isnan(got[t])
        else:
            assert got[t] == pytest.approx((past <= vol[t]).mean(), abs=1e-9)


def test_pivots_are_in_terms_of_todays_contract(matrix: pd.DataFrame) -> None:
    """On a roll the prior bar moves by open of the new contract over close of the old."""
    rolled = 0
    for t in range(1, len(matrix)):
        today, prior = matrix.iloc[t], matrix.iloc[t - 1]
        factor = 1.0
        if today["market_data.is_roll"]:
            rolled += 1
            factor = (
                today["market_data.close"]
                / prior["market_data.close"]
                / math.exp(today["market_data.roll_free_return"])
            )
        high, low, close = (prior[f"market_data.{c}"] * factor for c in ("high", "low", "close"))
        p = (high + low + close) / 3
        levels = {
            "P": p, "R1": 2 * p - low, "S1": 2 * p - high, "R2": p + high - low,
            "S2": p - high + low,
        }  # fmt: skip
        for name, value in levels.items():
            assert today[f"pivots.{name}"] == pytest.approx(value)
        distance = today["market_data.close"] - min(
            levels.values(), key=lambda v: abs(today["market_data.close"] - v)
        )
        assert today["pivots.distance_to_nearest_pivot"] == pytest.approx(distance, abs=1e-9)
        assert today["pivots.price_above_P"] == (today["market_data.close"] > p)
    assert rolled > 3


def test_every_column_is_causal() -> None:
    """Columns of truncated history equal those of the full one, bit for bit."""
    full = pd.concat([make_sessions(2), make_sessions(3, symbol="CL")], ignore_index=True)
    whole = build_matrix(full)
    for cut in ("2015-01-02", "2015-03-02", "2015-06-01", "2015-11-17"):
        part = build_matrix(full[full["data_date"] <= cut])
        expected = whole[whole["data_date"] <= cut].reset_index(drop=True)
        pd.testing.assert_frame_equal(part, expected, check_exact=True)


@pytest.mark.parametrize("n", [1, 2, 14, 15])
def test_short_and_constant_histories(n: int) -> None:
    bars = SymbolBars(
        *(np.full(n, 40.0) for _ in range(5)),
        returns=np.r_[np.nan, np.zeros(n - 1)],
        is_roll=np.zeros(n, dtype=bool),
    )
    for name, spec in FEATURES.items():
        assert len(spec.function(bars)) == n, name
