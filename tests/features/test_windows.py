"""Trailing windows against one window at a time."""

import statistics
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soyoil.features import windows

VALUES = st.lists(
    st.one_of(st.floats(-1e6, 1e6), st.sampled_from([0.0, 1.0, float("nan")])), max_size=30
)
NAIVE: dict[str, Callable[[list[float]], float]] = {
    "rolling_sum": sum,
    "rolling_mean": lambda v: sum(v) / len(v),
    "rolling_max": max,
    "rolling_min": min,
    "rolling_median": statistics.median,
}


def each_window(
    values: list[float], window: int, function: Callable[[list[float]], float]
) -> list[float]:
    out = []
    for t in range(len(values)):
        part = values[max(t + 1 - window, 0) : t + 1]
        whole = len(part) == window and not any(np.isnan(part))
        out.append(function(part) if whole else np.nan)
    return out


@pytest.mark.parametrize("name", NAIVE)
@settings(max_examples=40, deadline=None)
@given(values=VALUES, window=st.sampled_from([1, 3, 5, 9]))
def test_windows_match_each_window(name: str, values: list[float], window: int) -> None:
    got = getattr(windows, name)(np.array(values), window)
    want = each_window(values, window, NAIVE[name])
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(values=VALUES, ddof=st.sampled_from([0, 1]))
def test_deviation_matches_each_window(values: list[float], ddof: int) -> None:
    got = windows.rolling_std(np.array(values), 5, ddof)
    want = each_window(values, 5, statistics.pstdev if ddof == 0 else statistics.stdev)
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9)


def test_a_window_carries_nothing_of_what_came_before() -> None:
    """A running sum keeps the rounding of a huge value after that has left the window."""
    tail = np.array([0.1, 0.2, 0.3, 0.4, 0.7])
    for name in ("rolling_sum", "rolling_mean"):
        alone = getattr(windows, name)(tail, 3)
        after = getattr(windows, name)(np.r_[1e17, 3.3, tail], 3)
        assert np.array_equal(alone[2:], after[4:])


def test_equal_values_deviate_by_nothing() -> None:
    assert np.array_equal(windows.rolling_std(np.full(50, 0.1), 21, 1)[20:], np.zeros(30))


def test_ratio_is_never_infinite() -> None:
    got = windows.ratio(
        np.array([1.0, 1.0, 1.0, np.nan, 1e300, -4.0]),
        np.array([0.0, -2.0, np.nan, 1.0, 1e-300, 2]),
    )
    assert np.array_equal(got, [np.nan] * 5 + [-2.0], equal_nan=True)
