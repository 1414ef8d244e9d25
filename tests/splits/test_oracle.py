"""Every plan against brute force over random calendars: pairs of dates, no positions."""

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
import pandas as pd
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from soyoil.base.errors import SplitError
from soyoil.splits.fixed import fixed_split
from soyoil.splits.plan import ROLES, SplitConfig, SplitPlan, plan_from_frame
from soyoil.splits.walkforward import walk_forward


@dataclass(frozen=True)
class Case:
    """Sessions with gaps, rows without a label at the end and in the middle."""

    dates: pd.Series
    labelled: np.ndarray
    h: int

    @cached_property
    def days(self) -> list[dt.date]:
        return [stamp.date() for stamp in self.dates]

    def end(self, i: int) -> dt.date:
        return self.days[i + self.h]

    def usable(self, origins: str) -> list[int]:
        """Labelled rows; for weekly origins those after which no session of the week comes."""
        weeks = [day.isocalendar()[:2] for day in self.days]
        return [
            i
            for i in range(len(self.days))
            if self.labelled[i] and (origins == "all" or weeks[i] not in weeks[i + 1 :])
        ]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    n, h = draw(st.integers(40, 150)), draw(st.integers(1, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    days = pd.bdate_range("2015-01-01", periods=2 * n)
    kept = np.sort(rng.choice(2 * n, n, replace=False)) if draw(st.booleans()) else np.arange(n)
    labelled = (np.arange(n) < n - h) & (rng.random(n) > draw(st.sampled_from([0.0, 0.15])))
    return Case(pd.Series(days[kept].as_unit("us")), labelled, h)


def no_pair_overlaps(plan: SplitPlan, case: Case) -> None:
    """Any two rows of different roles of a fold: one label ends strictly before the other."""
    days = case.days
    for fold in plan.folds:
        for (_, one), (_, other) in combinations(fold.rows().items(), 2):
            for a in one:
                for b in other:
                    assert case.end(a) < days[b] or case.end(b) < days[a]


def round_trip(plan: SplitPlan, case: Case) -> None:
    frame = plan.to_frame()
    again = plan_from_frame(frame, case.dates, "9w", case.h)
    assert again.content_hash == plan.content_hash
    for mine, theirs in zip(plan.folds, again.folds, strict=True):
        assert (mine.number, mine.cutoff) == (theirs.number, theirs.cutoff)
        for role in ROLES:
            np.testing.assert_array_equal(mine.rows()[role], theirs.rows()[role])


@given(
    cases(),
    st.integers(5, 40),
    st.integers(0, 20),
    st.sampled_from([0, 6, 25]),
    st.sampled_from([None, 30]),
    st.sampled_from(["all", "weekly"]),
)
@settings(max_examples=120, deadline=None)
def test_walk_forward(
    case: Case, block: int, warm_up: int, valid: int, window: int | None, origins: str
) -> None:
    days, h = case.days, case.h
    first = days[2 * len(days) // 3]
    rolling = {} if window is None else {"window": "rolling", "train_sessions": window}
    config = SplitConfig(
        first_origin=first, refit_every=block, warm_up=warm_up, valid_sessions=valid,
        min_train_rows=1, origins=origins, **rolling,
    )  # fmt: skip
    try:
        plan = walk_forward(case.dates, case.labelled, ("9w", h), config)
    except SplitError as error:
        assert "9w" in str(error)
        return
    no_pair_overlaps(plan, case)
    usable = case.usable(origins)
    tested = [int(t) for fold in plan.folds for t in fold.test]
    assert tested == [i for i in usable if days[i] >= first], "each origin is tested once"
    for fold in plan.folds:
        start = fold.cutoff + 1
        assert (start - days.index(first)) % block == 0
        assert all(start <= t < start + block for t in fold.test)
        # Going back: a block ends where its labels end strictly before the next block starts.
        last = [i for i in range(start) if i + h < len(days) and case.end(i) < days[start]]
        earliest = max([warm_up] if window is None else [warm_up, len(last) - window])
        span = [i for i in (last[-valid:] if valid else []) if i >= earliest]
        assert fold.valid.tolist() == [i for i in span if i in usable]
        if span:
            last = [i for i in last if case.end(i) < days[span[0]]]
        assert fold.train.tolist() == [i for i in last if i >= earliest and i in usable]
    round_trip(plan, case)


@given(cases(), st.integers(0, 20), st.integers(20, 60), st.sampled_from(["all", "weekly"]))
@settings(max_examples=60, deadline=None)
def test_fixed(case: Case, warm_up: int, third: int, origins: str) -> None:
    days, h = case.days, case.h
    valid_from, test_from = (days[len(days) * share // 100] for share in (third, third + 20))
    config = SplitConfig(
        plan="fixed", valid_from=valid_from, test_from=test_from, warm_up=warm_up,
        min_train_rows=1, origins=origins,
    )  # fmt: skip
    try:
        plan = fixed_split(case.dates, case.labelled, ("9w", h), config)
    except SplitError as error:
        assert "9w" in str(error)
        return
    no_pair_overlaps(plan, case)
    (fold,) = plan.folds
    rows = [i for i in case.usable(origins) if i >= warm_up]
    assert fold.train.tolist() == [i for i in rows if case.end(i) < valid_from]
    assert fold.valid.tolist() == [
        i for i in rows if valid_from <= days[i] and case.end(i) < test_from
    ]
    assert fold.test.tolist() == [i for i in rows if days[i] >= test_from]
    assert days[fold.cutoff] < test_from <= days[fold.cutoff + 1]
    round_trip(plan, case)


@given(cases(), st.sampled_from(["all", "weekly"]), st.integers(1, 30))
@settings(max_examples=60, deadline=None)
def test_later_data_change_no_fold_but_add_test_rows(case: Case, origins: str, cut: int) -> None:
    """What is planned at some date stays planned: no role before the test moves."""
    n, h = len(case.dates), case.h
    config = SplitConfig(
        first_origin=case.days[n // 2], refit_every=10, warm_up=2, valid_sessions=6,
        min_train_rows=1, origins=origins,
    )  # fmt: skip
    m = n - cut
    assume(m > h)
    known = case.labelled[:m] & (np.arange(m) < m - h)
    try:
        whole = walk_forward(case.dates, case.labelled, ("9w", h), config)
        early = walk_forward(case.dates.iloc[:m], known, ("9w", h), config)
    except SplitError:
        assume(False)
    for then, now in zip(early.folds, whole.folds, strict=False):
        assert then.cutoff == now.cutoff
        for role in ("train", "valid"):
            np.testing.assert_array_equal(then.rows()[role], now.rows()[role])
        np.testing.assert_array_equal(then.test, now.test[: len(then.test)])
