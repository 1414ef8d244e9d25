"""Combinatorial purged cross-validation against skfolio's splits and on literal dates."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from soyoil.base.errors import SplitError
from soyoil.splits.cpcv import backtest_paths, combinatorial_purged
from soyoil.splits.plan import SplitConfig, SplitPlan

# skfolio 1.12.2, CombinatorialPurgedCV(4, 2, purged_size=2, embargo_size=1) on 24 rows.
TRAIN_4_2 = [
    [15, 16, 17, 18, 19, 20, 21, 22, 23],
    [9, 21, 22, 23],
    [9, 10, 11, 12, 13, 14, 15],
    [0, 1, 2, 3, 21, 22, 23],
    [0, 1, 2, 3, 15],
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
]
PATHS_4_2 = [[0, 1, 2], [0, 3, 4], [1, 3, 5], [2, 4, 5]]
# The same with (5, 3, purged_size=2, embargo_size=1) on 30 rows.
TRAIN_5_3 = [
    [21, 22, 23, 24, 25, 26, 27, 28, 29],
    [15, 27, 28, 29],
    [15, 16, 17, 18, 19, 20, 21],
    [9, 27, 28, 29],
    [9, 21],
    [9, 10, 11, 12, 13, 14, 15],
    [0, 1, 2, 3, 27, 28, 29],
    [0, 1, 2, 3, 21],
    [0, 1, 2, 3, 15],
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
]
PATHS_5_3 = [
    [0, 1, 2, 3, 4, 5],
    [0, 1, 2, 6, 7, 8],
    [0, 3, 4, 6, 7, 9],
    [1, 3, 5, 6, 8, 9],
    [2, 4, 5, 7, 8, 9],
]


def plan(rows: int, h: int, **keys: int) -> SplitPlan:
    """`rows` labelled weekdays and the `h` sessions after them."""
    dates = pd.Series(pd.bdate_range("2020-01-01", periods=rows + h).as_unit("us"))
    labelled = np.arange(rows + h) < rows
    config = SplitConfig(plan="cpcv", warm_up=0, min_train_rows=1, **keys)
    return combinatorial_purged(dates, labelled, ("9w", h), config)


@pytest.mark.parametrize(
    ("groups", "chosen", "train", "paths"),
    [(4, 2, TRAIN_4_2, PATHS_4_2), (5, 3, TRAIN_5_3, PATHS_5_3)],
)
def test_skfolio_with_purged_size_h(
    groups: int, chosen: int, train: list[list[int]], paths: list[list[int]]
) -> None:
    got = plan(6 * groups, 2, groups=groups, test_groups=chosen, embargo_sessions=1)
    assert [fold.train.tolist() for fold in got.folds] == train
    assert backtest_paths(groups, chosen).T.tolist() == paths


def test_literal_dates() -> None:
    """Three groups of ten weekdays, the middle one tested, h = 3, embargo 2."""
    got = plan(30, 3, groups=3, test_groups=1, embargo_sessions=2)
    fold = got.folds[1]
    days = pd.DatetimeIndex(got.dates)
    assert days[fold.test[[0, -1]]].strftime("%F").tolist() == ["2020-01-15", "2020-01-28"]
    # 2020-01-09 + 3 = 2020-01-14, the last end before the test. 2020-01-28 + 3 = 2020-01-31,
    # then two sessions of embargo: the first row is 2020-02-05.
    assert days[fold.train].strftime("%F").tolist() == [
        "2020-01-01", "2020-01-02", "2020-01-03", "2020-01-06", "2020-01-07", "2020-01-08",
        "2020-01-09", "2020-02-05", "2020-02-06", "2020-02-07", "2020-02-10", "2020-02-11",
    ]  # fmt: skip
    assert days[fold.cutoff] == pd.Timestamp("2020-02-14"), "the end of the last label"


def test_selection_before_a_date_uses_no_later_label() -> None:
    dates = pd.Series(pd.bdate_range("2010-01-01", "2020-12-31").as_unit("us"))
    labelled = np.arange(len(dates)) < len(dates) - 21
    known = labelled & (dates.shift(-21) < "2016-01-04").to_numpy()
    got = combinatorial_purged(dates, known, ("1m", 21), SplitConfig(plan="cpcv"))
    assert got.to_frame()["label_end_date"].max() == pd.Timestamp("2016-01-01")
    assert dates.iloc[got.folds[0].cutoff] == pd.Timestamp("2016-01-01")
    bounded = SplitConfig(plan="cpcv", last_origin=dt.date(2015, 12, 3))
    same = combinatorial_purged(dates, labelled, ("1m", 21), bounded)
    assert same.content_hash == got.content_hash


def test_too_few_training_rows_are_refused_with_counts() -> None:
    with pytest.raises(
        SplitError, match=r"fold 0 of split.plan=cpcv \(test groups 0, 1 of 3\) keeps 0 of 10 "
        r"training rows after a purge of 12 sessions on both sides and embargo 0"
    ):  # fmt: skip
        plan(30, 12, groups=3, test_groups=2)


def test_fewer_rows_than_groups_are_refused() -> None:
    with pytest.raises(SplitError, match="4 usable rows cannot form split.groups=6 groups"):
        plan(4, 3)
