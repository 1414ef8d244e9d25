"""Combinatorial purged cross-validation, for selection only.

Lopez de Prado (2018), Advances in Financial Machine Learning, ch. 12: rows are cut into N
contiguous groups, each fold tests k of them and trains on the rest. Training rows stand on
both sides of a test group, so both sides are purged, and later ones embargoed.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from soyoil.base.arrays import BoolArray, IntArray
from soyoil.base.errors import SplitError
from soyoil.splits.plan import Fold, SplitConfig, SplitPlan, span_text, usable_rows


def row_groups(rows: IntArray, groups: int) -> list[IntArray]:
    """Contiguous groups of rows whose sizes differ by one at most."""
    return list(np.array_split(rows, groups))


def backtest_paths(groups: int, test_groups: int) -> IntArray:
    """Which fold forecasts each group on each path.

    Every group is tested in C(groups - 1, test_groups - 1) folds, so the forecasts recombine
    to as many paths, each of which covers every row once.

    Returns
    -------
    Array of shape ``(paths, groups)``
        Fold numbers; on path p group g is forecast by fold ``[p, g]``.
    """
    tested = np.array(
        [
            [group in chosen for chosen in combinations(range(groups), test_groups)]
            for group in range(groups)
        ]
    )
    return np.asarray(np.nonzero(tested)[1].reshape(groups, -1).T, dtype=np.int64)


def _far_from(rows: IntArray, test: IntArray, h: int, embargo: int) -> IntArray:
    """Rows whose label [t, t + h] touches no test label, nor starts in an embargo after one."""
    latest = np.searchsorted(test, rows + h, side="right")
    earliest = np.searchsorted(test, rows - h - embargo, side="left")
    return np.asarray(rows[latest == earliest], dtype=np.int64)


def combinatorial_purged(
    dates: pd.Series, labelled: BoolArray, horizon: tuple[str, int], config: SplitConfig
) -> SplitPlan:
    """Make the folds of combinatorial purged cross-validation.

    Parameters
    ----------
    dates
        Sessions of one symbol, ascending.
    labelled
        Whether a row has a label. To select on what was known at some date, leave only the
        rows whose labels end by then.
    horizon
        Name and length in sessions.
    config
        `groups`, `test_groups`, `embargo_sessions`, `warm_up`, `min_train_rows`,
        `last_origin`, `origins`.

    Returns
    -------
    SplitPlan
        C(groups, test_groups) folds in lexical order of their test groups. A training row i
        stays if for no test row j either ``|i - j| <= h`` or ``j + h < i <= j + h + embargo``
        (positions are sessions). The cutoff of every fold is the end of the last label.

    Raises
    ------
    SplitError
        If a fold keeps fewer than `min_train_rows` training rows, or a group is empty.
    """
    name, h = horizon
    days = dates.to_numpy(dtype="datetime64[us]")
    rows = np.flatnonzero(usable_rows(days, labelled, config)).astype("int64")
    rows = rows[rows >= config.warm_up]
    if len(rows) < config.groups:
        raise SplitError(
            f"Horizon {name}: {len(rows)} usable rows cannot form split.groups={config.groups} "
            f"groups, after warm-up {config.warm_up}; the data covers {span_text(days)}, "
            f"{int(labelled.sum())} with a label {h} sessions ahead. Use longer data or fewer "
            "groups."
        )
    groups = row_groups(rows, config.groups)
    cutoff = int(rows[-1]) + h
    none = np.empty(0, dtype="int64")
    folds = []
    for number, chosen in enumerate(combinations(range(config.groups), config.test_groups)):
        test = np.concatenate([groups[g] for g in chosen])
        rest = np.concatenate([part for g, part in enumerate(groups) if g not in chosen])
        train = _far_from(rest, test, h, config.embargo_sessions)
        if len(train) < config.min_train_rows:
            raise SplitError(
                f"Horizon {name}: fold {number} of split.plan=cpcv (test groups "
                f"{', '.join(map(str, chosen))} of {config.groups}) keeps {len(train)} of "
                f"{len(rest)} training rows after a purge of {h} sessions on both sides and "
                f"embargo {config.embargo_sessions}; split.min_train_rows is "
                f"{config.min_train_rows}. Groups hold {len(groups[-1])} rows: use fewer groups "
                "or fewer test groups."
            )
        folds.append(Fold(number, cutoff, train, none, none, test))
    return SplitPlan(name, h, days, tuple(folds))
