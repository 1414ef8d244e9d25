"""The fold after the last one of a walk-forward: everything that has a label by now."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from soyoil.base.arrays import BoolArray
from soyoil.splits.plan import SplitConfig, SplitPlan, check_purged, usable_rows
from soyoil.splits.walkforward import check_counts, fold_before


def final_plan(
    dates: pd.Series, labelled: BoolArray, horizon: tuple[str, int], config: SplitConfig
) -> SplitPlan:
    """A plan of one fold that is fitted at the close of the last session and scores nothing.

    Parameters
    ----------
    dates
        Sessions of one symbol, ascending.
    labelled
        Whether a row has a label.
    horizon
        Name and length in sessions.
    config
        Warm-up, early-stopping block and window; a fixed plan has those of a walk-forward by
        default. ``last_origin`` is no bound here: what was held back is used.

    Returns
    -------
    SplitPlan
        One fold, numbered 0, without test rows.

    Raises
    ------
    SplitError
        Too few rows have a label.
    """
    days = dates.to_numpy(dtype="datetime64[us]")
    usable = usable_rows(days, labelled, config.model_copy(update={"last_origin": None}))
    none = np.empty(0, dtype="int64")
    fold = fold_before(0, (len(days), none), usable, horizon[1], config)
    check_counts(fold, days, horizon, config)
    plan = SplitPlan(horizon[0], horizon[1], days, (replace(fold, test=none),))
    check_purged(plan)
    return plan
