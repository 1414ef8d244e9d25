"""Purged walk-forward: brute-force oracle and literal dates."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soyoil.errors import SplitError
from soyoil.splits.plan import SplitConfig, SplitPlan, plan_from_frame, walk_forward


def brute_force_check(plan: SplitPlan, labelled: np.ndarray) -> None:
    """Compare every pair of rows across every boundary of every fold."""
    h = plan.sessions
    for fold in plan.folds:
        first_test = fold.cutoff + 1
        for t in fold.test:
            assert t >= first_test
            assert labelled[t]
        for v in fold.valid:
            assert labelled[v]
            for t in (first_test, *fold.test):
                assert v + h < t, "an early-stopping label reaches the test block"
        for r in fold.train:
            assert labelled[r]
            for later in (*fold.valid, first_test):
                assert r + h < later, "a training label reaches a later block"
    used = [t for fold in plan.folds for t in fold.test]
    assert len(used) == len(set(used)), "a row is tested twice"


@given(
    st.integers(60, 220),
    st.integers(1, 12),
    st.integers(5, 40),
    st.integers(0, 20),
    st.integers(0, 25),
    st.sampled_from(["expanding", "rolling"]),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=120, deadline=None)
def test_no_label_crosses_a_boundary(
    n: int, h: int, block: int, warm_up: int, valid: int, window: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    days = pd.bdate_range("2015-01-01", periods=2 * n)
    dates = pd.Series(days[np.sort(rng.choice(2 * n, n, replace=False))].as_unit("us"))
    labelled = np.arange(n) < n - h
    labelled &= rng.random(n) > 0.05
    first = dates.iloc[n // 2].date()
    config = SplitConfig(
        first_origin=first,
        refit_every=block,
        warm_up=warm_up,
        valid_sessions=valid,
        min_train_rows=1,
        window=window,
        train_sessions=30,
    )
    try:
        plan = walk_forward(dates, labelled, ("9w", h), config)
    except SplitError as error:
        assert "9w" in str(error)
        return
    brute_force_check(plan, labelled)
    tested = {int(t) for fold in plan.folds for t in fold.test}
    expected = {i for i in range(n) if labelled[i] and dates.iloc[i].date() >= first}
    assert tested == expected, "every labelled origin from the first on is scored once"
    again = plan_from_frame(plan.to_frame(), dates, "9w", h)
    assert again.content_hash == plan.content_hash
    for mine, theirs in zip(plan.folds, again.folds, strict=True):
        np.testing.assert_array_equal(mine.train, theirs.train)
        np.testing.assert_array_equal(mine.test, theirs.test)


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
