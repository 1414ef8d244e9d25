"""As-of view against a slow oracle."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from soyoil.market.asof import AsOfView

START = pd.Timestamp("2024-01-01", tz="UTC")


def moments(hours: np.ndarray) -> pd.Series:
    return pd.Series(START + pd.to_timedelta(hours, unit="h")).dt.as_unit("us")


@given(st.integers(0, 2**32 - 1), st.integers(0, 30), st.integers(1, 12))
@settings(max_examples=120, deadline=None)
def test_latest_matches_the_oracle(seed: int, n: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    event = rng.integers(0, 40, n)
    rows = pd.DataFrame({"symbol": rng.choice(["A", "B"], n), "value": rng.random(n)})
    rows["symbol"] = rows["symbol"].astype("str")
    rows["event_time"] = moments(event)
    # Distinct known times: a tie has no defined order.
    rows["known_at"] = moments(event + rng.integers(0, 20, n) + rng.random(n))
    decisions = pd.DataFrame({"symbol": pd.Series(rng.choice(["A", "B"], m), dtype="str")})
    decisions["decision_time"] = moments(rng.integers(0, 60, m))
    got = AsOfView(rows).latest(decisions, ["value"])
    for i, decision in decisions.iterrows():
        known = rows[
            (rows["symbol"] == decision["symbol"]) & (rows["known_at"] <= decision["decision_time"])
        ]
        if known.empty:
            assert np.isnan(got.loc[i, "value"])
            continue
        newest = known[known["event_time"] == known["event_time"].max()]
        assert got.loc[i, "value"] == newest.sort_values("known_at")["value"].iloc[-1]


def test_known_by_excludes_later_rows() -> None:
    rows = pd.DataFrame({"symbol": ["A", "A"], "value": [1.0, 2.0]})
    rows["event_time"] = moments(np.array([0, 1]))
    rows["known_at"] = moments(np.array([5, 6]))
    assert AsOfView(rows).known_by(START + pd.Timedelta(hours=5))["value"].tolist() == [1.0]
