"""Labels against a slow oracle, and the right edge of history."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soyoil.base.errors import ConfigError, ContractError
from soyoil.targets.horizons import HORIZONS, Horizon, get_horizon
from soyoil.targets.labels import build_labels, check_target_columns, label_report


def sessions(returns: list[float]) -> pd.DataFrame:
    n = len(returns)
    return pd.DataFrame(
        {
            "data_date": pd.bdate_range("2020-01-01", periods=n).as_unit("us"),
            "close": 40 * np.exp(np.cumsum(np.nan_to_num(returns))),
            "roll_free_return": returns,
        }
    )


@given(
    st.lists(st.one_of(st.floats(-0.1, 0.1), st.just(float("nan"))), min_size=1, max_size=40),
    st.integers(1, 12),
)
@settings(max_examples=150, deadline=None)
def test_label_is_the_sum_of_the_next_returns(returns: list[float], h: int) -> None:
    horizon = Horizon("9w", h)
    frame = sessions(returns)
    got = build_labels(frame, horizon)
    for t in range(len(returns)):
        ahead = returns[t + 1 : t + 1 + h]
        complete = len(ahead) == h and not np.isnan(ahead).any()
        if complete:
            assert got[horizon.target].iloc[t] == pytest.approx(sum(ahead), abs=1e-12)
            assert got["label_end_date"].iloc[t] == frame["data_date"].iloc[t + h]
        else:
            assert np.isnan(got[horizon.target].iloc[t])
            assert pd.isna(got["label_end_date"].iloc[t])


def test_no_label_before_its_future_exists() -> None:
    got = build_labels(sessions([0.01] * 30), HORIZONS["1m"])
    assert got["target_1m_log_return"].notna().sum() == 9
    assert got["target_1m_log_return"].iloc[9:].isna().all()


def test_naive_label_shows_the_jump_at_a_roll() -> None:
    frame = sessions([0.0] * 10)
    frame.loc[5:, "close"] = 44.0
    got = build_labels(frame, Horizon("1w", 5))
    assert got["target_1w_log_return"].iloc[3] == 0.0
    assert got["naive_1w_log_return"].iloc[3] == pytest.approx(np.log(1.1))


def test_unsorted_sessions_are_refused() -> None:
    with pytest.raises(ContractError, match="ascending"):
        build_labels(sessions([0.0] * 10).iloc[::-1], HORIZONS["1w"])


def test_a_target_of_another_horizon_is_refused() -> None:
    columns = pd.Index(["data_date", "target_1m_log_return", "target_1w_log_return"])
    with pytest.raises(ContractError, match="horizon 1m but holds target_1w_log_return"):
        check_target_columns(columns, HORIZONS["1m"], "the label table")
    with pytest.raises(ContractError, match="lacks target_3m_log_return"):
        check_target_columns(pd.Index(["data_date"]), HORIZONS["3m"], "the label table")


def test_horizons_are_as_long_as_their_names_say() -> None:
    lengths = {name: horizon.sessions for name, horizon in HORIZONS.items()}
    assert lengths == {"1w": 5, "1m": 21, "3m": 63, "6m": 126, "12m": 252}


def test_unknown_horizon_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="'2w'.*1w, 1m, 3m, 6m, 12m"):
        get_horizon("2w")


@given(
    st.lists(st.floats(-0.05, 0.05), min_size=20, max_size=60),
    st.integers(1, 12),
    st.integers(1, 15),
)
@settings(max_examples=60, deadline=None)
def test_labels_do_not_change_when_history_goes_on(returns: list[float], h: int, cut: int) -> None:
    """A label is there as soon as its future is, never before, and is final."""
    horizon = Horizon("9w", h)
    whole = build_labels(sessions(returns), horizon)
    early = build_labels(sessions(returns[:-cut]), horizon)
    known = early[horizon.target].notna()
    assert int(known.sum()) == max(len(returns) - cut - h, 0)
    last = sessions(returns)["data_date"].iloc[len(returns) - cut - 1]
    assert (early.loc[known, "label_end_date"] <= last).all()
    pd.testing.assert_frame_equal(early[known], whole.iloc[: len(early)][known])


def test_label_report_by_hand() -> None:
    """Rolls of +10 % at session 5 and +20 % at session 8 of 10, h = 5.

    Labels of origins 0 to 4 span the first, those of 3 and 4 the second as well.
    """
    frame = sessions([0.01] * 10)
    frame["is_roll"] = pd.array([i in (5, 8) for i in range(10)], dtype="boolean")
    frame.loc[5:, "close"] *= 1.1
    frame.loc[8:, "close"] *= 1.2
    frame.loc[0, "close"] = -1.0
    horizon = Horizon("1w", 5)
    report = label_report(frame, build_labels(frame, horizon), horizon)
    assert report.columns.tolist() == [
        "horizon", "sessions", "rows", "rolled_share", "difference_rows", "difference_sd",
        "difference_mean_abs",
    ]  # fmt: skip
    row = report.iloc[0]
    assert (row["horizon"], row["sessions"], row["rows"], row["difference_rows"]) == ("1w", 5, 5, 4)
    assert row["rolled_share"] == 1.0
    assert row["difference_mean_abs"] == pytest.approx(np.log(1.1) + np.log(1.2) / 2)
    assert row["difference_sd"] == pytest.approx(np.log(1.2) / np.sqrt(3))


def test_label_report_counts_labels_that_span_a_roll() -> None:
    """The roll at session 2 lies within the labels of origins 0 and 1 only."""
    frame = sessions([0.0] * 12)
    frame["is_roll"] = [i == 2 for i in range(12)]
    horizon = Horizon("9w", 4)
    report = label_report(frame, build_labels(frame, horizon), horizon)
    assert report["rolled_share"].iloc[0] == pytest.approx(2 / 8)
    assert report["difference_mean_abs"].iloc[0] == 0.0


def test_label_report_without_labels_is_empty_not_wrong() -> None:
    frame = sessions([0.0] * 4).assign(is_roll=False)
    report = label_report(frame, build_labels(frame, HORIZONS["1w"]), HORIZONS["1w"])
    assert report["rows"].iloc[0] == 0
    assert report[["rolled_share", "difference_sd", "difference_mean_abs"]].isna().all(axis=None)
