"""What is said of the champion beside its scores: its last weights, and what the engines add."""

from __future__ import annotations

from typing import Final

import pandas as pd

from soyoil.market.conventions import EXPERT_WEIGHT
from soyoil.metrics.evaluate import skill
from soyoil.metrics.losses import row_losses

PREFIX: Final = "champion."
ENGINES_ADD: Final = f"{PREFIX}engines_add"
"""Pinball loss that the engines save, as a share of that of the cones mixed alone."""


def champion_metrics(experts: pd.DataFrame, predictions: pd.DataFrame) -> dict[str, float]:
    """Metrics of a champion by key.

    Parameters
    ----------
    experts
        As `soyoil.models.champion.Mixed` has it, with ``data_date``.
    predictions
        Scored rows of the champion: ``data_date``, ``q10``, ``q50``, ``q90``, ``y``.

    Returns
    -------
    dict
        ``champion.weight.<expert>`` on the last row, and ``champion.engines_add``; NaN if the
        cones' loss is zero.
    """
    last = experts.sort_values("data_date").iloc[-1]
    weights = {
        f"{PREFIX}{name}": float(last[name])
        for name in experts.columns
        if name.startswith(EXPERT_WEIGHT)
    }
    cones = predictions[["data_date", "y"]].merge(experts, on="data_date", validate="1:1")
    alone = float(row_losses(cones)["pinball"].mean())
    with_engines = float(row_losses(predictions)["pinball"].mean())
    return {**weights, ENGINES_ADD: skill(with_engines, alone)}
