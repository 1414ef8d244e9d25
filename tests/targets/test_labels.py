"""Labels against a slow oracle, and the right edge of history."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soyoil.errors import ConfigError, ContractError
from soyoil.targets.horizons import HORIZONS, Horizon, get_horizon
from soyoil.targets.labels import build_labels, check_target_columns


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


def test_unknown_horizon_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="'2w'.*1w, 1m, 3m, 6m, 12m"):
        get_horizon("2w")
