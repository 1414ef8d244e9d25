"""Purged walk-forward plans.

Row i has its origin at session t_i and its label ends at session e_i. It may train for a
later block only if e_i lies strictly before the block's first origin, and the same holds
between training and early-stopping rows.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from soyoil.config import Config
from soyoil.errors import SplitError

IntArray = npt.NDArray[np.int64]
ROLES = ("train", "valid", "test")
PROFILE_REFIT = {"quick": 252, "full": 126}


class SplitConfig(Config):
    """Walk-forward plan.

    Attributes
    ----------
    first_origin
        First test origin.
    last_origin
        Last test origin; None runs to the last row with a label.
    refit_every
        Sessions per test block; None leaves it to the profile.
    warm_up
        Sessions at the start of history that never train: features are not there yet.
    valid_sessions
        Early-stopping rows at the end of each training span, in sessions; 0 for none.
    min_train_rows
        A fold with fewer training rows is refused.
    window
        ``expanding``, or ``rolling`` with `train_sessions`.
    train_sessions
        Length of the rolling training window in sessions.
    max_folds
        Keep only the last so many folds; None keeps all.
    """

    first_origin: dt.date = dt.date(2016, 1, 4)
    last_origin: dt.date | None = None
    refit_every: int | None = Field(default=None, ge=1)
    warm_up: int = Field(default=252, ge=0)
    valid_sessions: int = Field(default=126, ge=0)
    min_train_rows: int = Field(default=250, ge=1)
    window: Literal["expanding", "rolling"] = "expanding"
    train_sessions: int = Field(default=1260, ge=1)
    max_folds: int | None = Field(default=None, ge=1)

    def for_profile(self, profile: str) -> SplitConfig:
        """The plan with `refit_every` filled in: half-yearly in ``full``, yearly otherwise."""
        if self.refit_every is not None:
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
        Position of the last session before the first test origin; what is known at its close
        may be used to fit.
    train, valid, test
        Positions of the rows of each role.
    """

    number: int
    cutoff: int
    train: IntArray
    valid: IntArray
    test: IntArray


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
    dates: npt.NDArray[np.datetime64]
    folds: tuple[Fold, ...]

    def to_frame(self) -> pd.DataFrame:
        """Long form: ``fold``, ``role``, ``data_date``, ``label_end_date``, one row per use."""
        parts = [
            pd.DataFrame({"fold": fold.number, "role": role, "position": positions})
            for fold in self.folds
            for role, positions in zip(ROLES, (fold.train, fold.valid, fold.test), strict=True)
        ]
        out = pd.concat(parts, ignore_index=True)
        position = out.pop("position").to_numpy(dtype="int64")
        out["fold"] = out["fold"].astype("int64")
        out["role"] = out["role"].astype("str")
        out["data_date"] = self.dates[position]
        out["label_end_date"] = self.dates[position + self.sessions]
        return out

    @property
    def content_hash(self) -> str:
        """SHA-256 over the roles and dates of every fold."""
        text = self.to_frame().to_csv(index=False, date_format="%Y-%m-%d", lineterminator="\n")
        return hashlib.sha256(text.encode()).hexdigest()


def plan_from_frame(
    frame: pd.DataFrame, dates: pd.Series, horizon: str, sessions: int
) -> SplitPlan:
    """Rebuild a plan from its long form and the session dates it was made for.

    Raises
    ------
    SplitError
        If the plan names a date that is no session.
    """
    days = dates.to_numpy(dtype="datetime64[us]")
    used = frame["data_date"].to_numpy(dtype="datetime64[us]")
    position = np.searchsorted(days, used)
    known = (position < len(days)) & (days[np.minimum(position, len(days) - 1)] == used)
    if not known.all():
        missing = pd.Timestamp(used[~known][0])
        raise SplitError(
            f"The split plan of {horizon} uses {missing:%Y-%m-%d}, which is no session of the "
            "snapshot. Run the split stage again."
        )
    rows = frame.assign(position=position)
    folds = []
    for number, part in rows.groupby("fold", sort=True):
        train, valid, test = (
            part.loc[part["role"] == role, "position"].to_numpy(dtype="int64") for role in ROLES
        )
        folds.append(Fold(int(str(number)), int(test[0]) - 1, train, valid, test))
    return SplitPlan(horizon, sessions, days, tuple(folds))


def _span(dates: npt.NDArray[np.datetime64]) -> str:
    return f"{pd.Timestamp(dates[0]):%Y-%m-%d}..{pd.Timestamp(dates[-1]):%Y-%m-%d}"


def _test_origins(
    dates: npt.NDArray[np.datetime64], labelled: npt.NDArray[np.bool_], config: SplitConfig
) -> IntArray:
    inside = dates >= np.datetime64(config.first_origin, "us")
    if config.last_origin is not None:
        inside &= dates <= np.datetime64(config.last_origin, "us")
    return np.flatnonzero(inside & labelled)


def walk_forward(
    dates: pd.Series, labelled: npt.NDArray[np.bool_], horizon: tuple[str, int], config: SplitConfig
) -> SplitPlan:
    """Make a purged walk-forward plan.

    Parameters
    ----------
    dates
        Sessions of one symbol, ascending.
    labelled
        Whether a row has a label (its end lies within the data).
    horizon
        Name and length in sessions.
    config
        The plan's parameters.

    Returns
    -------
    SplitPlan
        Blocks of `refit_every` sessions from the first origin on (126 if it is None); only
        labelled rows have a role.

    Raises
    ------
    SplitError
        If no origin can be scored or a fold keeps too few training rows; the message gives
        the counts.
    """
    name, h = horizon
    days = dates.to_numpy(dtype="datetime64[us]")
    if len(days) <= h:
        raise SplitError(
            f"Horizon {name} needs more than {h} sessions; the data has {len(days)}. "
            "Use a longer history or leave this horizon out (--tags=<other horizon>)."
        )
    origins = _test_origins(days, labelled, config)
    if len(origins) == 0:
        raise SplitError(
            f"Horizon {name}: no session from split.first_origin={config.first_origin} on has a "
            f"label {h} sessions ahead; the data covers {_span(days)} ({len(days)} sessions, "
            f"{int(labelled.sum())} with a label). Set split.first_origin earlier or use data "
            "that runs longer."
        )
    first = int(np.searchsorted(days, np.datetime64(config.first_origin, "us")))
    folds: list[Fold] = []
    block = config.refit_every or PROFILE_REFIT["full"]
    for start in range(first, int(origins[-1]) + 1, block):
        test = origins[(origins >= start) & (origins < start + block)]
        if len(test) == 0:
            continue
        fold = _fold(len(folds), start, test, labelled, h, config)
        if len(fold.train) < config.min_train_rows:
            raise SplitError(
                f"Horizon {name}: fold {fold.number} (test from "
                f"{pd.Timestamp(days[start]):%Y-%m-%d}) keeps {len(fold.train)} training and "
                f"{len(fold.valid)} early-stopping rows of {start} sessions before it, after "
                f"warm-up {config.warm_up} and purge {h} at each boundary; split.min_train_rows "
                f"is {config.min_train_rows}. The data covers {_span(days)}. Set "
                "split.first_origin later, lower split.min_train_rows, or use longer data."
            )
        folds.append(fold)
    if config.max_folds is not None:
        kept = folds[-config.max_folds :]
        folds = [Fold(i, f.cutoff, f.train, f.valid, f.test) for i, f in enumerate(kept)]
    return SplitPlan(name, h, days, tuple(folds))


def _fold(
    number: int,
    start: int,
    test: IntArray,
    labelled: npt.NDArray[np.bool_],
    h: int,
    config: SplitConfig,
) -> Fold:
    # Strictly before: a label that ends at the close of the first test origin is left out.
    usable_end = start - h
    earliest = config.warm_up
    if config.window == "rolling":
        earliest = max(earliest, usable_end - config.train_sessions)
    valid_start = max(usable_end - config.valid_sessions, earliest)
    valid = np.arange(valid_start, max(usable_end, valid_start))
    train_end = valid_start - h if config.valid_sessions else usable_end
    train = np.arange(earliest, max(train_end, earliest))
    return Fold(
        number=number,
        cutoff=start - 1,
        train=train[labelled[train]].astype("int64"),
        valid=valid[labelled[valid]].astype("int64"),
        test=test.astype("int64"),
    )
