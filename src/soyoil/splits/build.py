"""From a configuration to a plan."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from soyoil.base.arrays import BoolArray
from soyoil.splits.fixed import fixed_split
from soyoil.splits.plan import SplitConfig, SplitPlan
from soyoil.splits.walkforward import walk_forward


def make_plan(
    dates: pd.Series,
    labelled: Mapping[str, tuple[int, BoolArray]],
    horizon: str,
    config: SplitConfig,
) -> SplitPlan:
    """Make the plan that ``config.plan`` names.

    Parameters
    ----------
    dates
        Sessions of one symbol, ascending.
    labelled
        Length in sessions and rows with a label, by name of the horizon. The fixed plan counts
        all of them when it refuses one.
    horizon
        Name of the horizon to plan.
    config
        The plan's parameters.

    Raises
    ------
    SplitError
        If the plan leaves too little to train or score.
    """
    sessions, mask = labelled[horizon]
    key = (horizon, sessions)
    if config.plan == "fixed":
        return fixed_split(dates, mask, key, config, labelled)
    return walk_forward(dates, mask, key, config)
