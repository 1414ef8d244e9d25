"""What a walk-forward leaves behind besides its predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd


@dataclass(frozen=True)
class FitReport:
    """Folds, importance and native models of one horizon and model.

    Attributes
    ----------
    folds
        One row per fold: rows per role, boosting rounds, seconds, peak memory.
    importance
        Feature importance summed over folds, share of the total.
    models
        Native model files by name; empty for baselines.
    seconds
        Wall time of the whole walk-forward.
    """

    folds: pd.DataFrame
    importance: Mapping[str, float] = field(default_factory=dict)
    models: Mapping[str, bytes] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def devices(self) -> tuple[str, ...]:
        """Devices that the folds were fitted on, each once."""
        names = self.folds["device"].astype("str").str.split(" ").str[0]
        return tuple(dict.fromkeys(names))
