"""Plans as data, and the walk-forward plan on literal dates; brute force: test_oracle.py."""

import dataclasses
import datetime as dt

import numpy as np
import pandas as pd
import pytest

from soyoil.base.errors import SplitError
from soyoil.splits.plan import SplitConfig, SplitPlan, check_purged, origin_mask, plan_from_frame
from soyoil.splits.walkforward import walk_forward


@pytest.fixture
def decade() -> pd.Series:
    return pd.Series(pd.bdate_range("2010-06-07", "2023-12-29").as_unit("us"))


def test_literal_dates_of_the_first_fold(decade: pd.Series) -> None:
    """Weekdays, 1m: the test starts 2016-01-04; a label of 21 sessions must end before it."""
    labelled = np.arange(len(decade)) < len(decade) - 21
    plan = walk_forward(decade, labelled, ("1m", 21), SplitConfig(refit_every=126))
    fold = plan.folds[0]
    assert decade.iloc[fold.test[0]] == pd.Timestamp("2016-01-04")
    assert decade.iloc[fold.cutoff] == pd.Timestamp("2016-01-01")
    # 2015-12-03 + 21 weekdays = 2016-01-01, the last end strictly before 2016-01-04.
    assert decade.iloc[fold.valid[-1]] == pd.Timestamp("2015-12-03")
    assert len(fold.valid) == 126
    assert decade.iloc[fold.train[0]] == pd.Timestamp("2011-05-25")
    assert decade.iloc[fold.train[-1] + 21] < decade.iloc[fold.valid[0]]
    assert decade.iloc[fold.train[-1] + 22] == decade.iloc[fold.valid[0]]


def test_profiles_differ_in_refits_only(decade: pd.Series) -> None:
    labelled = np.arange(len(decade)) < len(decade) - 21
    config = SplitConfig(last_origin=dt.date(2022, 12, 30))
    quick, full = (
        walk_forward(decade, labelled, ("1m", 21), config.for_profile(p)) for p in ("quick", "full")
    )
    assert (len(quick.folds), len(full.folds)) == (8, 15)
    ends = [[t for f in p.folds for t in f.test] for p in (quick, full)]
    assert ends[0] == ends[1]


def test_source_that_ends_before_the_first_fold_is_refused(decade: pd.Series) -> None:
    early = decade[decade < "2014-01-01"]
    labelled = np.arange(len(early)) < len(early) - 5
    with pytest.raises(SplitError, match=r"1w: no session from split.first_origin=2016-01-04"):
        walk_forward(early, labelled, ("1w", 5), SplitConfig())


def test_horizon_longer_than_history_is_refused(decade: pd.Series) -> None:
    short = decade.iloc[:200]
    with pytest.raises(SplitError, match="12m needs more than 252 sessions; the data has 200"):
        walk_forward(short, np.zeros(200, dtype=bool), ("12m", 252), SplitConfig())


def test_too_few_training_rows_are_refused_with_counts(decade: pd.Series) -> None:
    labelled = np.arange(len(decade)) < len(decade) - 252
    config = SplitConfig(first_origin=dt.date(2012, 1, 2))
    with pytest.raises(
        SplitError, match=r"fold 0 .* keeps 0 training .* warm-up 252 and purge 252"
    ):
        walk_forward(decade, labelled, ("12m", 252), config)


def test_max_folds_keeps_the_last(decade: pd.Series) -> None:
    labelled = np.arange(len(decade)) < len(decade) - 5
    every = walk_forward(decade, labelled, ("1w", 5), SplitConfig(refit_every=252))
    last = walk_forward(decade, labelled, ("1w", 5), SplitConfig(refit_every=252, max_folds=2))
    assert [f.number for f in last.folds] == [0, 1]
    np.testing.assert_array_equal(last.folds[-1].test, every.folds[-1].test)


def test_literal_dates_of_early_stopping(decade: pd.Series) -> None:
    """Weekdays, 1w: every block ends five sessions and a strict step before the next."""
    labelled = np.arange(len(decade)) < len(decade) - 5
    config = SplitConfig(valid_sessions=10)
    fold = walk_forward(decade, labelled, ("1w", 5), config).folds[0]
    assert {
        role: [decade.iloc[rows[i]].strftime("%F") for i in (0, -1)]
        for role, rows in fold.rows().items()
        if role != "test"
    } == {
        "valid": ["2015-12-14", "2015-12-25"],
        "train": ["2011-05-25", "2015-12-04"],
    }
    for earlier, later in (("train", "valid"), ("valid", "test")):
        ends = decade.iloc[fold.rows()[earlier][-1] + 5]
        assert ends < decade.iloc[fold.rows()[later][0]]


def test_rolling_window_on_literal_dates(decade: pd.Series) -> None:
    labelled = np.arange(len(decade)) < len(decade) - 5
    config = SplitConfig(window="rolling", train_sessions=20, valid_sessions=0, min_train_rows=1)
    fold = walk_forward(decade, labelled, ("1w", 5), config).folds[0]
    assert decade.iloc[fold.train[0]] == pd.Timestamp("2015-11-30")
    assert decade.iloc[fold.train[-1]] == pd.Timestamp("2015-12-25")


def test_weekly_origins_are_the_last_sessions_of_their_weeks() -> None:
    """2023-04-07 was Good Friday; 2023-04-14 is missing here too."""
    days = pd.bdate_range("2023-03-29", "2023-04-18").difference(
        pd.to_datetime(["2023-04-07", "2023-04-14"])
    )
    mask = origin_mask(days.to_numpy(dtype="datetime64[us]"), "weekly")
    assert days[mask].strftime("%F").tolist() == [
        "2023-03-31", "2023-04-06", "2023-04-13", "2023-04-18",
    ]  # fmt: skip


def test_a_block_without_rows_that_was_asked_for_is_refused(decade: pd.Series) -> None:
    labelled = np.arange(len(decade)) < len(decade) - 5
    config = SplitConfig(valid_sessions=3, origins="weekly", min_train_rows=1)
    with pytest.raises(SplitError, match="and 0 early-stopping rows"):
        walk_forward(decade, labelled, ("1w", 5), config)


@pytest.fixture
def plan(decade: pd.Series) -> SplitPlan:
    labelled = np.arange(len(decade)) < len(decade) - 21
    return walk_forward(decade, labelled, ("1m", 21), SplitConfig())


def test_hash_sees_role_dates_and_cutoff(plan: SplitPlan) -> None:
    fold = plan.folds[0]
    for changed in (
        dataclasses.replace(fold, cutoff=fold.cutoff - 1),
        dataclasses.replace(fold, train=fold.train[1:]),
        dataclasses.replace(fold, train=fold.valid, valid=fold.train),
    ):
        other = dataclasses.replace(plan, folds=(changed, *plan.folds[1:]))
        assert other.content_hash != plan.content_hash


def test_a_plan_is_rebuilt_once_per_content_and_cannot_be_changed(
    plan: SplitPlan, decade: pd.Series
) -> None:
    frame = plan.to_frame()
    found = plan_from_frame(frame, decade, "1m", 21)
    assert plan_from_frame(frame.copy(), decade.copy(), "1m", 21) is found
    with pytest.raises(ValueError, match="read-only"):
        found.folds[0].train[0] = 0
    shorter = frame[frame["fold"] != frame["fold"].max()]
    assert len(plan_from_frame(shorter, decade, "1m", 21).folds) == len(found.folds) - 1
    assert plan_from_frame(frame, decade, "1m", 21).content_hash == plan.content_hash


def test_a_plan_that_leaks_is_refused(plan: SplitPlan, decade: pd.Series) -> None:
    fold = plan.folds[1]
    one_more = np.append(fold.train, fold.train[-1] + 1)
    leaking = dataclasses.replace(
        plan, folds=(plan.folds[0], dataclasses.replace(fold, train=one_more))
    )
    message = "1m leaks: in fold 1 labels of role train overlap labels of role valid"
    with pytest.raises(SplitError, match=message):
        check_purged(leaking)
    with pytest.raises(SplitError, match=message):
        plan_from_frame(leaking.to_frame(), decade, "1m", 21)


def test_a_plan_of_another_snapshot_or_horizon_is_refused(
    plan: SplitPlan, decade: pd.Series
) -> None:
    with pytest.raises(SplitError, match="1w holds labels that do not end 5 sessions after"):
        plan_from_frame(plan.to_frame(), decade, "1w", 5)
    with pytest.raises(SplitError, match="uses 2011-05-25, which is no session"):
        plan_from_frame(plan.to_frame(), decade[decade != "2011-05-25"], "1m", 21)
    with pytest.raises(SplitError, match="do not end 22 sessions after"):
        plan_from_frame(plan.to_frame(), decade[decade != "2010-06-08"].iloc[1:], "1m", 22)


def test_a_plan_that_could_not_have_been_scored_is_refused(
    plan: SplitPlan, decade: pd.Series
) -> None:
    first, second = plan.folds[:2]
    # Clear of the test block by more than a label, but after it.
    later = np.append(first.train, first.test[-1] + 22)
    for folds in (
        (dataclasses.replace(first, train=later),),
        (dataclasses.replace(first, test=np.append(first.test, second.test[0])), second),
    ):
        frame = dataclasses.replace(plan, folds=folds).to_frame()
        with pytest.raises(SplitError, match="after its test rows or tests a row more than once"):
            plan_from_frame(frame, decade, "1m", 21)


def test_last_origin_is_the_last_that_is_used(decade: pd.Series) -> None:
    labelled = np.arange(len(decade)) < len(decade) - 21
    config = SplitConfig(last_origin=dt.date(2017, 3, 3))
    got = walk_forward(decade, labelled, ("1m", 21), config)
    assert decade.iloc[got.folds[-1].test[-1]] == pd.Timestamp("2017-03-03")
