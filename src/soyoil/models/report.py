"""What a walk-forward leaves behind besides its predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from soyoil.models.base import GAIN, FoldResult, Importance


@dataclass(frozen=True)
class FitReport:
    """Folds, importance and native models of one horizon and model.

    Attributes
    ----------
    folds
        One row per fold: rows per role, boosting rounds, seconds, peak memory.
    importance
        Importance per feature over all folds, by kind; see `pool_importance`.
    models
        Native model files by name; empty for baselines.
    seconds
        Wall time of the whole walk-forward.
    predictions
        Content hash of the forecasts of the same fit; empty if it is not known.
    """

    folds: pd.DataFrame
    importance: Importance = field(default_factory=dict)
    models: Mapping[str, bytes] = field(default_factory=dict)
    seconds: float = 0.0
    predictions: str = ""

    @property
    def devices(self) -> tuple[str, ...]:
        """Devices that the folds were fitted on, each once."""
        names = self.folds["device"].astype("str").str.split(" ").str[0]
        return tuple(dict.fromkeys(names))


def pool_importance(results: Sequence[FoldResult]) -> dict[str, dict[str, float]]:
    """Importance over all folds, by kind.

    Gain is summed over the folds and given as share of the total. The other kinds are means over
    test rows, so a fold counts by its number of test rows.
    """
    kinds = dict.fromkeys(kind for result in results for kind in result.importance)
    pooled: dict[str, dict[str, float]] = {}
    for kind in kinds:
        table = pd.DataFrame([r.importance.get(kind, {}) for r in results]).fillna(0.0)
        counts = np.ones(len(results)) if kind == GAIN else [float(len(r.test)) for r in results]
        total = table.mul(counts, axis="index").sum()
        divisor = float(total.sum() if kind == GAIN else np.sum(counts))
        values = total / divisor if divisor > 0 else total
        pooled[kind] = {str(name): float(value) for name, value in values.items()}
    return pooled


def importance_frame(importance: Importance) -> pd.DataFrame:
    """Importance as a table.

    Returns
    -------
    DataFrame
        ``feature`` and one column per kind, contributions first; rows in descending order of the
        first of these columns.
    """
    kinds = sorted(importance)
    table = pd.DataFrame({kind: pd.Series(importance[kind], dtype="float64") for kind in kinds})
    ordered = table.sort_values(kinds, ascending=False, kind="stable") if kinds else table
    return ordered.rename_axis("feature").reset_index()
