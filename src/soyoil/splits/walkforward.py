"""Purged walk-forward plans."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from soyoil.base.arrays import BoolArray, IntArray
from soyoil.base.errors import SplitError
from soyoil.splits.plan import PROFILE_REFIT, Fold, SplitConfig, SplitPlan, span_text, usable_rows


def walk_forward(
    dates: pd.Series, labelled: BoolArray, horizon: tuple[str, int], config: SplitConfig
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
        labelled rows have a role. Before each block, going back in time and purged at each
        boundary: early stopping, training.

    Raises
    ------
    SplitError
        If no origin can be scored or a fold keeps too few training rows or none of a block
        that was asked for; the message gives the counts.
    """
    name, h = horizon
    days = dates.to_numpy(dtype="datetime64[us]")
    if len(days) <= h:
        raise SplitError(
            f"Horizon {name} needs more than {h} sessions; the data has {len(days)}. "
            "Use a longer history or leave this horizon out (--tags=<other horizon>)."
        )
    usable = usable_rows(days, labelled, config)
    first = int(np.searchsorted(days, np.datetime64(config.first_origin, "us")))
    origins = np.flatnonzero(usable[first:]) + first
    if len(origins) == 0:
        raise SplitError(
            f"Horizon {name}: no session from split.first_origin={config.first_origin} on has a "
            f"label {h} sessions ahead; the data covers {span_text(days)}, "
            f"{int(labelled.sum())} with a label. Set split.first_origin earlier or use data "
            "that runs longer."
        )
    folds: list[Fold] = []
    block = config.refit_every or PROFILE_REFIT["full"]
    for start in range(first, int(origins[-1]) + 1, block):
        test = origins[(origins >= start) & (origins < start + block)]
        if len(test) == 0:
            continue
        fold = fold_before(len(folds), (start, test), usable, h, config)
        check_counts(fold, days, horizon, config)
        folds.append(fold)
    if config.max_folds is not None:
        folds = [replace(f, number=i) for i, f in enumerate(folds[-config.max_folds :])]
    return SplitPlan(name, h, days, tuple(folds))


def fold_before(
    number: int, block: tuple[int, IntArray], usable: BoolArray, h: int, config: SplitConfig
) -> Fold:
    """The fold of a test block.

    Parameters
    ----------
    number
        Its number.
    block
        Position of the block's first session, and its test rows.
    usable
        Rows that may have a role, shape ``(n,)``.
    h
        Horizon in sessions.
    config
        Warm-up, early-stopping block and window.
    """
    start, test = block
    # Strictly before: a label that ends at the close of the first test origin is left out.
    end = start - h
    earliest = config.warm_up
    if config.window == "rolling":
        earliest = max(earliest, end - config.train_sessions)

    def take(begin: int, end: int) -> IntArray:
        rows = np.arange(begin, max(begin, end))
        return rows[usable[rows]].astype("int64")

    valid = take(0, 0)
    if config.valid_sessions:
        begin = max(end - config.valid_sessions, earliest)
        valid = take(begin, end)
        end = begin - h
    return Fold(
        number=number,
        cutoff=start - 1,
        train=take(earliest, end),
        valid=valid,
        test=test.astype("int64"),
    )


def check_counts(
    fold: Fold, days: np.ndarray, horizon: tuple[str, int], config: SplitConfig
) -> None:
    """Check that a fold keeps enough rows.

    Raises
    ------
    SplitError
        With the counts and what to change.
    """
    enough = len(fold.train) >= config.min_train_rows
    enough &= len(fold.valid) > 0 or config.valid_sessions == 0
    if enough:
        return
    name, h = horizon
    start = fold.cutoff + 1
    what = (
        f"fold {fold.number} (test from {pd.Timestamp(days[start]):%Y-%m-%d})"
        if start < len(days)
        else "the final fit"
    )
    raise SplitError(
        f"Horizon {name}: {what} "
        f"keeps {len(fold.train)} training and {len(fold.valid)} early-stopping "
        f"rows of {start} sessions before it, after warm-up {config.warm_up} and purge {h} at "
        f"each boundary; split.min_train_rows is {config.min_train_rows}. The data covers "
        f"{span_text(days)}. Set split.first_origin later, shorten split.valid_sessions, lower "
        "split.min_train_rows, or use longer data."
    )
