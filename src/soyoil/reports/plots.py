"""Figures of a tracked run. Made without pyplot, so that no global state is left behind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK: Final = "#1b1f24"
CONE: Final = "#7aa6c2"
MEDIAN: Final = "#1f5f8b"
ACTUAL: Final = "#c8502d"
ROLE_COLOURS: Final = {
    "train": "#7aa6c2",
    "valid": "#e0b04f",
    "calibration": "#6b9e78",
    "test": "#c8502d",
}
ROLE_NAMES: Final = {
    "train": "training",
    "valid": "early stopping",
    "calibration": "calibration",
    "test": "scored",
}


def _figure(width: float, height: float, title: str) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def cone_plot(predictions: pd.DataFrame, title: str, unit: str) -> Figure:
    """Forecast cone against the outcome, in prices.

    Each forecast stands at the date on which its label ended: the interval that was given one
    horizon earlier, in terms of the contract of the origin, and what a position rolled from
    that contract was then worth.

    Parameters
    ----------
    predictions
        ``label_end_date``, ``close`` (quoted units at the origin), ``q10``, ``q50``, ``q90``,
        ``y`` (log returns).
    title
        Title of the figure.
    unit
        Unit of the prices.
    """
    figure, axes = _figure(10, 4.5, title)
    rows = predictions.sort_values("label_end_date")
    when = rows["label_end_date"].to_numpy()
    close = rows["close"].to_numpy(dtype="float64")
    price = {
        c: close * np.exp(rows[c].to_numpy(dtype="float64")) for c in ("q10", "q50", "q90", "y")
    }
    axes.fill_between(
        when, price["q10"], price["q90"], color=CONE, alpha=0.45, linewidth=0,
        label="80 % interval given one horizon before",
    )  # fmt: skip
    axes.plot(when, price["q50"], color=MEDIAN, linewidth=0.9, label="median")
    axes.plot(when, price["y"], color=ACTUAL, linewidth=0.9, label="outcome")
    axes.set_ylabel(f"{unit}, position rolled from the contract of the origin", fontsize=8)
    axes.legend(loc="upper left", frameon=False, fontsize=8)
    return figure


def _segments(split_plan: pd.DataFrame) -> pd.DataFrame:
    """Runs of rows of one role within a fold: ``fold``, ``role``, ``first``, ``last``.

    In combinatorial plans training stands on both sides of a test group.
    """
    rows = split_plan.sort_values(["fold", "data_date"])
    changed = (rows["role"] != rows["role"].shift()) | (rows["fold"] != rows["fold"].shift())
    return rows.groupby(changed.cumsum()).agg(
        fold=("fold", "first"),
        role=("role", "first"),
        first=("data_date", "min"),
        last=("data_date", "max"),
    )


def split_plan_plot(split_plan: pd.DataFrame, regimes: pd.DataFrame, title: str) -> Figure:
    """Folds with their roles and purge gaps, over the regimes.

    Parameters
    ----------
    split_plan
        ``fold``, ``role``, ``data_date``.
    regimes
        ``regime_name``, ``start_date``, ``end_date``.
    title
        Title of the figure.
    """
    folds = sorted(split_plan["fold"].unique())
    figure, axes = _figure(10, 1.6 + 0.28 * len(folds), title)
    segments = _segments(split_plan)
    shown_roles = [role for role in ROLE_NAMES if (segments["role"] == role).any()]
    for role in shown_roles:
        spans = segments[segments["role"] == role]
        axes.barh(
            spans["fold"], spans["last"] - spans["first"], left=spans["first"], height=0.62,
            color=ROLE_COLOURS[role], label=ROLE_NAMES[role],
        )  # fmt: skip
    first, last = split_plan["data_date"].min(), split_plan["data_date"].max()
    ends = regimes["end_date"].fillna(last)
    # Labels of neighbouring regimes alternate in height, so that short regimes stay readable.
    top = -1.1
    shown = 0
    for start, end, name in zip(regimes["start_date"], ends, regimes["regime_name"], strict=True):
        left, right = max(start, first), min(end, last)
        if left >= right:
            continue
        axes.axvline(left, color=INK, linewidth=0.5, alpha=0.35)
        axes.text(
            left + (right - left) / 2, top - 0.75 * (shown % 3), str(name), ha="center",
            va="center", fontsize=6.5, color=INK,
        )  # fmt: skip
        shown += 1
    axes.set_ylim(max(folds) + 0.6, top - 2.2)
    axes.set_yticks(folds)
    axes.set_ylabel("fold", fontsize=8)
    figure.legend(loc="outside lower center", ncols=len(shown_roles), frameon=False, fontsize=8)
    return figure


def importance_plot(importance: Mapping[str, float], limit: int = 20) -> Figure:
    """Share of importance per feature, the `limit` largest."""
    ranked = sorted(importance.items(), key=lambda item: item[1])[-limit:]
    figure, axes = _figure(8, 1.2 + 0.26 * len(ranked), "Feature importance (gain), all folds")
    axes.barh([name for name, _ in ranked], [100 * share for _, share in ranked], color=MEDIAN)
    axes.set_xlabel("share of total gain, %", fontsize=8)
    axes.tick_params(axis="y", labelsize=7)
    return figure
