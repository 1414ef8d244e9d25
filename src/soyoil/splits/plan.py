"""Split plans: their configuration and their form as data.

Row i has its origin at session t_i and its label ends at session e_i. Within a fold two rows
of different roles never have label intervals [t, e] that touch: a row may serve an earlier
role only if e_i lies strictly before the first origin of the later one.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final, Literal, Self

import numpy as np
import pandas as pd
from pydantic import SerializerFunctionWrapHandler, model_serializer, model_validator

from soyoil.base.arrays import BoolArray, DayArray, IntArray
from soyoil.base.config import SESSIONS, Config, bounded
from soyoil.base.errors import SplitError
from soyoil.base.handover import content_hash
from soyoil.base.kept import Kept

ROLES: Final = ("train", "valid", "test")
PROFILE_REFIT: Final = {"quick": 252, "full": 126}

PLAN_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "walk_forward": (
        "first_origin", "refit_every", "valid_sessions", "window", "train_sessions", "max_folds",
    ),
    "fixed": ("valid_from", "test_from"),
}  # fmt: skip
"""Keys that only one plan uses; the others are shared."""


class SplitConfig(Config):
    """Split plan; a key of another plan than `plan` is refused unless it has its default.

    Attributes
    ----------
    plan
        ``walk_forward``, or ``fixed``: one split at given dates.
    origins
        ``all`` sessions, or ``weekly``: the last session of each week, in every role.
    warm_up
        Sessions at the start of history that have no role: features are not there yet.
    min_train_rows
        A fold with fewer training rows is refused.
    last_origin
        Last origin that is used; None runs to the last row with a label.
    first_origin
        walk_forward: first test origin.
    refit_every
        walk_forward: sessions per test block; None leaves it to the profile.
    valid_sessions
        walk_forward: early-stopping block, in sessions; 0 for none.
    window
        walk_forward: ``expanding``, or ``rolling`` with `train_sessions`.
    train_sessions
        walk_forward: sessions of a rolling window, from its first training row to the last
        row usable before the test block.
    max_folds
        walk_forward: keep only the last so many folds; None keeps all.
    valid_from, test_from
        fixed: first session of validation and of test; equal dates leave out validation.
    """

    plan: Literal["walk_forward", "fixed"] = "walk_forward"
    origins: Literal["all", "weekly"] = "all"
    warm_up: int = bounded(252, ge=0, **SESSIONS)
    min_train_rows: int = bounded(250, ge=1, **SESSIONS)
    last_origin: dt.date | None = None
    first_origin: dt.date = dt.date(2016, 1, 4)
    refit_every: int | None = bounded(None, ge=1, **SESSIONS)
    valid_sessions: int = bounded(126, ge=0, **SESSIONS)
    window: Literal["expanding", "rolling"] = "expanding"
    train_sessions: int = bounded(1260, ge=1, **SESSIONS)
    max_folds: int | None = bounded(None, ge=1, le=20_000, why="a fold has a session at least")
    valid_from: dt.date = dt.date(2023, 1, 1)
    test_from: dt.date = dt.date(2024, 1, 1)

    @property
    def scored_from(self) -> tuple[str, dt.date]:
        """Key and date of the first origin that is scored."""
        key = "test_from" if self.plan == "fixed" else "first_origin"
        return key, getattr(self, key)

    def _changed(self, key: str) -> bool:
        return bool(getattr(self, key) != type(self).model_fields[key].default)

    @model_validator(mode="after")
    def _keys_fit_the_plan(self) -> Self:
        foreign = [
            f"split.{key} is a key of split.plan={plan}"
            for plan, keys in PLAN_KEYS.items()
            for key in keys
            if plan != self.plan and self._changed(key)
        ]
        if foreign:
            own = ", ".join(f"split.{key}" for key in PLAN_KEYS[self.plan])
            raise ValueError(
                f"{'; '.join(foreign)}, but split.plan is {self.plan}. Its own keys are {own}."
            )
        if self.window == "expanding" and self._changed("train_sessions"):
            raise ValueError("split.train_sessions is for split.window=rolling")
        return self

    @model_validator(mode="after")
    def _values_fit_together(self) -> Self:
        if self.valid_from > self.test_from:
            raise ValueError(
                f"split.valid_from={self.valid_from} is after split.test_from={self.test_from}"
            )
        start = self.first_origin if self.plan == "walk_forward" else self.test_from
        if self.last_origin is not None and self.last_origin < start:
            raise ValueError(
                f"split.last_origin={self.last_origin} is before the first test origin {start}"
            )
        return self

    @model_serializer(mode="wrap")
    def _own_keys(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # A run is compared by its parameters: those of another plan say nothing about it.
        foreign = {k for plan, keys in PLAN_KEYS.items() if plan != self.plan for k in keys}
        return {key: value for key, value in handler(self).items() if key not in foreign}

    def for_profile(self, profile: str) -> SplitConfig:
        """The plan with `refit_every` filled in: half-yearly in ``full``, yearly otherwise."""
        if self.plan != "walk_forward" or self.refit_every is not None:
            return self
        return self.model_copy(update={"refit_every": PROFILE_REFIT[profile]})


@dataclass(frozen=True)
class Fold:
    """One refit: positions into the session index.

    Attributes
    ----------
    number
        0, 1, ... in time order.
    cutoff
        Position of the session at whose close the fold is fitted: the last before the test block.
    train, valid, test
        Positions of the rows of each role, ascending.
    """

    number: int
    cutoff: int
    train: IntArray
    valid: IntArray
    test: IntArray

    def rows(self) -> dict[str, IntArray]:
        """Positions by role, in the order of `ROLES`."""
        return dict(zip(ROLES, (self.train, self.valid, self.test), strict=True))


@dataclass(frozen=True)
class SplitPlan:
    """Folds over the session index of one symbol and horizon.

    Attributes
    ----------
    horizon
        Name of the horizon.
    sessions
        Horizon length in sessions.
    dates
        Session dates, shape ``(n,)``.
    folds
        In time order.
    """

    horizon: str
    sessions: int
    dates: DayArray
    folds: tuple[Fold, ...]

    def test_rows(self) -> tuple[IntArray, IntArray]:
        """Fold number and position of every test row, in time order."""
        numbers = np.concatenate([np.full(len(f.test), f.number) for f in self.folds])
        return numbers, np.concatenate([f.test for f in self.folds])

    def to_frame(self) -> pd.DataFrame:
        """Long form, one row per use of a session.

        Returns
        -------
        DataFrame
            ``fold``, ``role``, ``cutoff``, ``data_date``, ``label_end_date``.
        """
        parts = [
            pd.DataFrame(
                {"fold": fold.number, "role": role, "cutoff": fold.cutoff, "position": positions}
            )
            for fold in self.folds
            for role, positions in fold.rows().items()
        ]
        out = pd.concat(parts, ignore_index=True)
        position = out.pop("position").to_numpy(dtype="int64")
        out["fold"] = out["fold"].astype("int64")
        out["role"] = out["role"].astype("str")
        out["cutoff"] = self.dates[out["cutoff"].to_numpy(dtype="int64")]
        out["data_date"] = self.dates[position]
        out["label_end_date"] = self.dates[position + self.sessions]
        return out

    @functools.cached_property
    def content_hash(self) -> str:
        """SHA-256 over the cutoff, roles and dates of every fold."""
        text = self.to_frame().to_csv(index=False, date_format="%Y-%m-%d", lineterminator="\n")
        return hashlib.sha256(text.encode()).hexdigest()


def _touching(one: IntArray, other: IntArray, h: int) -> bool:
    """Whether some label interval [t, t + h] of one set touches one of the other."""
    near = np.searchsorted(other, one + h, side="right") > np.searchsorted(other, one - h)
    return bool(near.any())


def check_purged(plan: SplitPlan) -> None:
    """Check that no label touches one of another role of its fold.

    Raises
    ------
    SplitError
        Naming the first fold and the two roles.
    """
    for fold in plan.folds:
        for (role, rows), (later, others) in combinations(fold.rows().items(), 2):
            if _touching(rows, others, plan.sessions):
                raise SplitError(
                    f"The split plan of {plan.horizon} leaks: in fold {fold.number} labels of "
                    f"role {role} overlap labels of role {later}. Run the split stage again."
                )


def check_scoreable(plan: SplitPlan) -> None:
    """Check that forecasts of the plan can be scored as if they had been made on their day.

    Raises
    ------
    SplitError
        If a fold trains on sessions after its test rows, or a row is tested more than once.
    """
    tested = np.concatenate([fold.test for fold in plan.folds])
    backward = any(len(f.train) and f.train[-1] > f.test[0] for f in plan.folds)
    if backward or len(np.unique(tested)) < len(tested):
        raise SplitError(
            f"The split plan of {plan.horizon} trains on sessions after its test rows or tests a "
            "row more than once: no score of it could have been had on that day. Run the split "
            "stage again."
        )


def _positions(days: DayArray, used: DayArray, horizon: str) -> IntArray:
    position = np.searchsorted(days, used)
    known = (position < len(days)) & (days[np.minimum(position, len(days) - 1)] == used)
    if not known.all():
        missing = pd.Timestamp(used[~known][0])
        raise SplitError(
            f"The split plan of {horizon} uses {missing:%Y-%m-%d}, which is no session of the "
            "snapshot. Run the split stage again."
        )
    return position.astype("int64")


def plan_from_frame(
    frame: pd.DataFrame, dates: pd.Series, horizon: str, sessions: int
) -> SplitPlan:
    """Rebuild a plan from its long form and the session dates it was made for.

    Parameters
    ----------
    frame
        As `SplitPlan.to_frame` gives it.
    dates
        Session dates of the snapshot, ascending.
    horizon, sessions
        Name and length of the horizon.

    Raises
    ------
    SplitError
        If the plan names a date that is no session, is of another horizon, leaks, trains on
        sessions after its test rows, or tests a row more than once.
    """
    days = dates.to_numpy(dtype="datetime64[us]", copy=True)
    key = (content_hash(frame), days.tobytes(), horizon, sessions)
    return _plans.get(key, lambda: _rebuilt(frame, days, horizon, sessions))


_plans: Kept[SplitPlan] = Kept(16)
"""Every model of a horizon has the same plan."""


def _rebuilt(frame: pd.DataFrame, days: DayArray, horizon: str, sessions: int) -> SplitPlan:
    names = ("data_date", "label_end_date", "cutoff")
    position, end, cutoff = (
        _positions(days, frame[name].to_numpy(dtype="datetime64[us]"), horizon) for name in names
    )
    if not np.array_equal(end, position + sessions):
        raise SplitError(
            f"The split plan of {horizon} holds labels that do not end {sessions} sessions after "
            "their origin in this snapshot. Run the split stage again."
        )
    rows = pd.DataFrame(
        {"fold": frame["fold"], "role": frame["role"], "position": position, "cutoff": cutoff}
    )
    folds = []
    for number, part in rows.groupby("fold", sort=True):
        train, valid, test = (
            part.loc[part["role"] == role, "position"].to_numpy(dtype="int64") for role in ROLES
        )
        for positions in (train, valid, test):
            positions.flags.writeable = False
        at = int(part["cutoff"].iloc[0])
        folds.append(Fold(int(str(number)), at, train, valid, test))
    plan = SplitPlan(horizon, sessions, days, tuple(folds))
    check_purged(plan)
    check_scoreable(plan)
    return plan


def origin_mask(days: DayArray, origins: str) -> BoolArray:
    """Sessions that may be an origin, shape ``(n,)``.

    The last session of a week, Monday to Sunday, is known from the exchange's calendar before
    the week ends. The last session of the data counts as one; it has no label.
    """
    if origins == "all":
        return np.ones(len(days), dtype=bool)
    # 1970-01-01 was a Thursday.
    week = (days.astype("datetime64[D]").astype("int64") + 3) // 7
    return np.append(week[1:] != week[:-1], True)


def span_text(days: DayArray) -> str:
    """First and last session and their number, for messages."""
    first, last = pd.Timestamp(days[0]), pd.Timestamp(days[-1])
    return f"{first:%Y-%m-%d}..{last:%Y-%m-%d} ({len(days)} sessions)"


def usable_rows(days: DayArray, labelled: BoolArray, config: SplitConfig) -> BoolArray:
    """Rows that may have a role: labelled, an origin, not after `last_origin`."""
    usable = labelled & origin_mask(days, config.origins)
    if config.last_origin is not None:
        usable &= days <= np.datetime64(config.last_origin, "us")
    return usable
