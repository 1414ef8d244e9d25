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


def known_of(rows: pd.DataFrame, decision: pd.Timestamp) -> pd.Series:
    """Value of each reference day in its last vintage known at a decision, the slow way."""
    known = rows[rows["known_at"] <= decision].sort_values("known_at", kind="stable")
    return known.groupby("event_time")["value"].last().sort_index()


def random_series(rng: np.random.Generator, n: int, share: float) -> pd.DataFrame:
    """Vintages of days, a share of them revisions or late, some known together."""
    day = np.sort(rng.choice(60, n, replace=False))
    late = np.where(rng.random(n) < share, rng.integers(0, 40, n), 3)
    again = rng.choice(n, int(share * n)) if n else np.array([], dtype="int64")
    event = np.concatenate([day, day[again]])
    known = event + np.concatenate([late, rng.integers(1, 50, len(again))])
    rows = pd.DataFrame({"value": rng.random(len(event))})
    rows["event_time"], rows["known_at"] = moments(24 * event), moments(24 * known)
    return rows.sample(frac=1, random_state=int(rng.integers(2**31))).reset_index(drop=True)


@given(st.integers(0, 2**32 - 1), st.integers(0, 40), st.sampled_from([0.0, 0.1, 0.6]))
@settings(max_examples=150, deadline=None)
def test_history_matches_the_oracle(seed: int, n: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    rows = random_series(rng, n, share)
    decisions = moments(24 * rng.integers(0, 120, 12))
    got = AsOfView(rows).history(decisions, "value", 4)
    for i, decision in enumerate(decisions):
        want = known_of(rows, decision).tail(4)
        blank = 4 - len(want)
        assert np.isnan(got.values[i, :blank]).all()
        assert np.isnat(got.days[i, :blank]).all()
        np.testing.assert_array_equal(got.values[i, blank:], want)
        days = want.index.tz_localize(None).to_numpy("datetime64[D]")
        np.testing.assert_array_equal(got.days[i, blank:], days)
        moment = rows.loc[rows["known_at"] <= decision, "known_at"].max()
        assert np.isnat(got.learned[i]) if pd.isna(moment) else moment.date() == got.learned[i]


@given(st.integers(0, 2**32 - 1), st.integers(0, 50), st.sampled_from([0.0, 0.1, 0.6]))
@settings(max_examples=100, deadline=None)
def test_window_means_match_the_oracle(seed: int, n: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    rows = random_series(rng, n, share)
    rows.loc[rng.random(len(rows)) < 0.1, "value"] = np.nan
    decisions = moments(24 * rng.integers(0, 120, 6))
    seen = 0
    for part in AsOfView(rows).stretches(decisions, ["value"]):
        seen += len(part.at)
        ends = part.newest[:, None] + np.array([0, -10, 1])
        got = part.window_means(part.values[:, 0], ends, 5, 3)
        for row, at in enumerate(part.at):
            known = rows[rows["known_at"] <= decisions.iloc[at]]
            known = known.sort_values("known_at", kind="stable").groupby("event_time").tail(1)
            days = known["event_time"].dt.tz_localize(None).to_numpy("datetime64[D]")
            for column, end in enumerate(ends[row]):
                inside = (days <= end) & (days > end - np.timedelta64(5, "D"))
                values = known["value"][inside].dropna()
                # A window that ends after the newest day is none, though it holds known days.
                if len(values) < 3 or column == 2:
                    assert np.isnan(got[row, column])
                else:
                    np.testing.assert_allclose(got[row, column], values.mean())
    assert seen == len(decisions)
