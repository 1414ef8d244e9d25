"""Sessions for the features: random ones, and ones made to break formulas."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from soyoil.features.matrix import symbol_bars
from soyoil.features.registry import SymbolBars
from soyoil.market.bars import add_roll_free

KINDS = ("plain", "negative", "flat", "spikes")


def _prices(rng: np.random.Generator, n: int, kind: str) -> dict[str, np.ndarray]:
    """Open, high, low, close, volume and contract of `n` sessions."""
    contract = np.cumsum(rng.random(n) < 0.04) + 1
    back = rng.random(n) < 0.02
    contract[back] = np.maximum(contract[back] - 1, 1)
    close = 40 * np.exp(np.cumsum(rng.normal(0, 0.015, n))) * (1 + 0.02 * (contract % 3))
    volume = rng.integers(1000, 90_000, n)
    if kind == "spikes":
        at = rng.choice(n, 4, replace=False)
        close[at] *= rng.choice([0.01, 60.0], 4)
    open_ = close * np.exp(rng.normal(0, 0.01, n))
    spread = rng.random((2, n)) * 0.01
    if kind == "flat":
        for start in (0, n // 2):
            still = slice(start, start + 45)
            close[still] = open_[still] = 40.0
            spread[:, still] = 0.0
            contract[still] = contract[start]
        volume[n // 3 : n // 3 + 3] = 0
    high = np.maximum(open_, close) * (1 + spread[0])
    low = np.minimum(open_, close) * (1 - spread[1])
    if kind == "negative":
        # As CL in April 2020, and a roll on which the new contract opens below zero.
        for start in (n // 4, n // 2):
            close[start : start + 2] = [-37.0, 0.0]
            low[start : start + 2] = -40.0
        close[0], low[0] = -1.0, -2.0
        at = 3 * n // 4
        contract[at:] += 10
        open_[at], low[at] = -1.0, -2.0
    return {
        "instrument_id": contract,
        "open": open_,
        "high": high,
        "low": low,
        "close": close,
        "volume": volume,
    }


def random_sessions(
    seed: int, n: int = 260, symbol: str = "ZL", kind: str = "plain"
) -> pd.DataFrame:
    """Sessions as the raw table holds them, with rolls, flips back, thin days and holidays."""
    rng = np.random.default_rng(seed)
    dates = pd.bdate_range("2015-01-01", periods=n + n // 10 + 10, unit="us")
    # Two weeks are missing on end, so at least one from Monday to Friday.
    kept = np.delete(np.arange(len(dates)), slice(n // 2, n // 2 + 10))
    kept = np.sort(rng.choice(kept, n, replace=False))
    frame = pd.DataFrame(
        {
            "symbol": pd.Series([symbol] * n, dtype="str"),
            "data_date": dates[kept],
            **_prices(rng, n, kind),
            "realized_vol_1h": np.where(rng.random(n) < 0.03, np.nan, rng.uniform(0.1, 0.6, n)),
            "is_limit_locked": pd.array([False] * n, dtype="boolean"),
            "is_vendor_degraded": False,
            "is_thin": rng.random(n) < 0.02,
            "provenance": pd.Series(["synthetic"] * n, dtype="str"),
            "rolls": pd.Series(["known"] * n, dtype="str"),
        }
    )
    frame["vwap"] = frame["decision_close"] = frame["close"]
    known = (frame["data_date"] + pd.Timedelta(hours=19)).dt.tz_localize("UTC")
    frame["known_at"] = frame["decision_time"] = frame["event_time"] = known
    return add_roll_free(frame)


@pytest.fixture(scope="session")
def make_sessions() -> Callable[..., pd.DataFrame]:
    """Factory of sessions; see `random_sessions`."""
    return random_sessions


@pytest.fixture(scope="session", params=KINDS)
def bars(request: pytest.FixtureRequest) -> SymbolBars:
    """Bars of one symbol, of every kind in turn."""
    sessions = random_sessions(KINDS.index(request.param) + 11, kind=request.param)
    return symbol_bars(sessions[~sessions["is_thin"]].reset_index(drop=True))[0]


Reference = Callable[[SymbolBars, int], float | None]


@pytest.fixture(scope="session")
def check() -> Callable[..., None]:
    """Compare a column with a reference that is asked session by session.

    The reference gets the bars cut off after the session, so it cannot look ahead; None is NULL.
    """

    def compare(got: np.ndarray, bars: SymbolBars, reference: Reference) -> None:
        want = [reference(cut(bars, t + 1), t) for t in range(len(bars))]
        np.testing.assert_allclose(
            got, np.array([np.nan if v is None else v for v in want]), rtol=1e-9, atol=1e-11
        )

    return compare


def cut(bars: SymbolBars, stop: int) -> SymbolBars:
    """The first `stop` sessions."""
    names = (f for f in SymbolBars.__dataclass_fields__ if f != "intermediates")
    return SymbolBars(**{name: getattr(bars, name)[:stop] for name in names})
