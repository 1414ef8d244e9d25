"""Sample weights of every fold of a plan."""

from __future__ import annotations

import pandas as pd

from soyoil.regimes.weights import (
    RoleRows,
    WeightReport,
    WeightsConfig,
    sample_weights,
    weight_report,
)
from soyoil.splits.plan import Fold, SplitPlan


def weigh_plan(
    plan: SplitPlan, dates: pd.Series, regimes: pd.DataFrame, weights: WeightsConfig
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Weights of the rows that are fitted on, and a report per fold.

    Parameters
    ----------
    plan
        Folds.
    dates
        Session dates that they count.
    regimes
        Regime table.
    weights
        Scheme.

    Returns
    -------
    tuple of DataFrame
        ``fold``, ``role``, ``data_date``, ``weight`` (mean 1 per fold and role), in the order
        of the plan; and per fold what `WeightReport` holds on its training rows.
    """
    halflife = weights.decay_halflife_sessions if weights.decays else None
    parts: list[pd.DataFrame] = []
    report: list[dict[str, object]] = []
    for fold in plan.folds:
        for role, positions in fold.rows().items():
            if role == "test" or len(positions) == 0:
                continue
            days = dates.iloc[positions]
            cutoff = dates.iloc[fold.cutoff]
            rows = RoleRows(days, positions, fold.cutoff, cutoff, plan.sessions)
            values = sample_weights(rows, regimes, weights.scheme, halflife)
            parts.append(
                pd.DataFrame(
                    {"fold": fold.number, "role": role, "data_date": days, "weight": values}
                )
            )
            if role == "train":
                report.append(_report_row(fold, rows, weight_report(rows, values, regimes)))
    return pd.concat(parts, ignore_index=True), pd.DataFrame(report)


def _report_row(fold: Fold, rows: RoleRows, summary: WeightReport) -> dict[str, object]:
    return {
        "fold": fold.number,
        "cutoff": rows.cutoff_date,
        "rows": len(rows.positions),
        "effective_n": summary.effective_n,
        "independent_n": summary.independent_n,
        "uniqueness_sum": summary.uniqueness_sum,
        "dominant": " ".join(summary.dominant),
        "unused": " ".join(summary.unused),
        **{f"share.{name}": share for name, share in summary.shares.items()},
    }
