"""What the calendar says on literal days, and that models do not see it unless they are told to."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from soyoil.features.calendar import (
    days_since_roll,
    days_to_first_notice,
    days_to_wasde,
    season_cos,
    season_sin,
)
from soyoil.features.matrix import build_matrix
from soyoil.features.outside import present
from soyoil.features.registry import SymbolBars
from soyoil.models.arrays import feature_names, horizon_arrays
from soyoil.models.selection import group_columns, with_groups


def bars_on(*text: str, rolls: tuple[str, ...] = ()) -> SymbolBars:
    dates = np.array(text, dtype="datetime64[D]")
    ones = np.ones(len(dates))
    columns = ("open", "high", "low", "close", "volume", "returns", "realized_vol_1h")
    is_roll = np.isin(dates, np.array(rolls, dtype="datetime64[D]"))
    return SymbolBars(dates=dates, is_roll=is_roll, **dict.fromkeys(columns, ones))


@pytest.mark.parametrize(
    ("day", "wanted"),
    [
        ("2023-05-11", 1),
        ("2023-05-12", 28),  # it is out before the close, so the next one counts
        ("2013-10-10", 1),  # it was on the schedule, and did not come
        ("2013-10-15", 24),
        ("2025-11-07", 3),  # the release came on the 14th, which was not known long before
        ("2025-12-31", 12),  # by rule: January 11th 2026 is a Sunday
    ],
)
def test_days_to_wasde(day: str, wanted: int) -> None:
    assert days_to_wasde(bars_on(day)).tolist() == [wanted]


@pytest.mark.parametrize(
    ("day", "wanted"),
    [
        ("2023-11-29", 1),  # December: November 30th
        ("2023-11-30", 0),
        ("2023-12-01", 28),  # January: December 29th, a Friday
        ("2024-01-02", 58),  # March: February 29th
        ("2023-05-01", 60),  # July: June 30th
    ],
)
def test_days_to_first_notice(day: str, wanted: int) -> None:
    assert days_to_first_notice(bars_on(day)).tolist() == [wanted]


def test_days_since_roll() -> None:
    bars = bars_on("2023-08-10", "2023-08-11", "2023-08-14", "2023-08-15", rolls=("2023-08-11",))
    np.testing.assert_array_equal(days_since_roll(bars), [math.nan, 0, 3, 4])
    assert np.isnan(days_since_roll(bars_on("2023-08-10"))).all()


def test_the_season_says_nothing_about_the_year() -> None:
    first, second = bars_on("2021-04-02", "2021-07-02"), bars_on("2022-04-02", "2022-07-02")
    for season in (season_sin, season_cos):
        np.testing.assert_array_equal(season(first), season(second))
    np.testing.assert_allclose(season_sin(first), [1, 0], atol=0.02)
    np.testing.assert_allclose(season_cos(first), [0, -1], atol=0.02)


def test_models_see_it_only_where_they_are_told_to(make_sessions: Any) -> None:
    matrix = build_matrix(make_sessions(3, 80))
    own = [name for name in feature_names() if name.startswith("calendar.")]
    assert len(own) == 5
    known = matrix[own].drop(columns="calendar.days_since_roll")
    assert known.notna().all(axis=None)
    arrays = horizon_arrays(matrix, np.zeros(len(matrix)), 5)
    usual = with_groups(arrays, ())
    others = [n for n in arrays.feature_names if not n.startswith("calendar.")]
    assert list(usual.feature_names) == others
    wanted = matrix[others].to_numpy(dtype="float64", na_value=np.nan)
    np.testing.assert_array_equal(usual.X, wanted)
    asked = with_groups(arrays, ("pivots", "calendar"))
    assert [n for n in asked.feature_names if n.startswith("calendar.")] == own
    names = arrays.feature_names
    assert [names[i] for i in group_columns(names, ())] == others
    # A snapshot of an earlier version has no such columns.
    earlier = matrix.drop(columns=own)
    assert not set(present(feature_names(), earlier)) & set(own)
    pd.testing.assert_index_equal(earlier.columns, matrix.columns.drop(own))
