"""What groups of features add, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from soyoil.metrics.bootstrap import MIN_INDEPENDENT

SIZE: Final = 0.05
"""Probability, over all trials, that a group which adds nothing is said to."""

Verdict = Literal["adds", "costs", "nothing shown", "too few labels"]


@dataclass(frozen=True)
class AblationResult:
    """Outcome of an ablation.

    Attributes
    ----------
    table
        One row per group and horizon: ``group``, ``horizon``, ``sessions``, ``roots``,
        ``independent_n``, ``gain`` (mean over roots of 1 - pinball loss with the group / without
        it) with ``_low`` and ``_high``, ``positive`` (roots that gain), ``best_root``,
        ``gain_without_best``, ``champion_gain`` with ``_low`` and ``_high`` (the same of the
        champion that mixes the engine), ``skill_with`` (mean pinball skill of the engine with the
        group against the vol cone), ``p_value``, ``p_adjusted`` (Holm, over all trials),
        ``verdict``.
    roots
        One row per group, horizon and root: ``n``, ``gain`` with ``_low`` and ``_high``,
        ``skill_base`` and ``skill_with`` against the vol cone, ``champion_gain``.
    engine
        What was fitted.
    base
        Groups that the engine has in any case.
    trials
        Groups registered on this market so far; each is a trial at every horizon.
    provenance
        ``observed`` or ``synthetic``.
    unfitted
        Why roots were left out, by root and horizon.
    """

    table: pd.DataFrame
    roots: pd.DataFrame
    engine: str
    base: tuple[str, ...]
    trials: int
    provenance: str
    unfitted: dict[tuple[str, str], str]


def holm(p_values: npt.ArrayLike, trials: int) -> npt.NDArray[np.float64]:
    """P-values for so many trials that one false finding among all is as rare as the level says.

    Holm (1979), A simple sequentially rejective multiple test procedure. Trials without a p-value
    here, those of earlier runs among them, count as if they had found nothing.

    Parameters
    ----------
    p_values
        Of the trials at hand, shape ``(n,)``; NaN where there is none.
    trials
        How many trials there are in all, at least n.
    """
    values = np.asarray(p_values, dtype=np.float64)
    out = np.full(len(values), np.nan)
    known = np.flatnonzero(np.isfinite(values))
    order = known[np.argsort(values[known], kind="stable")]
    factors = max(trials, len(values)) - np.arange(len(order))
    out[order] = np.minimum(np.maximum.accumulate(values[order] * factors), 1.0)
    return out


def verdict(gain: float, adjusted: float, independent: float) -> Verdict:
    """What may be said of one group at one horizon.

    Parameters
    ----------
    gain
        Mean over roots.
    adjusted
        Its p-value over all trials.
    independent
        Dates over the horizon: about the number of independent labels of one root.
    """
    if independent < MIN_INDEPENDENT or not np.isfinite(adjusted):
        return "too few labels"
    if adjusted > SIZE:
        return "nothing shown"
    return "adds" if gain > 0 else "costs"


def sentences(result: AblationResult, horizons: Sequence[str]) -> list[str]:
    """One sentence per group: where it adds, where it costs, where nothing can be shown."""
    lines = []
    for group, rows in result.table.groupby("group", sort=False):
        by_word = {
            word: [h for h in horizons if h in set(rows.loc[rows["verdict"] == word, "horizon"])]
            for word in ("adds", "costs", "nothing shown", "too few labels")
        }
        words = {
            "adds": "adds at",
            "costs": "costs at",
            "nothing shown": "nothing shown at",
            "too few labels": "too few labels at",
        }
        parts = [f"{words[word]} {' '.join(names)}" for word, names in by_word.items() if names]
        lines.append(f"{group}: {', '.join(parts)}.")
    return lines
