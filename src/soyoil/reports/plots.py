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
EFFECTIVE: Final = "#5c6b7a"
ROLE_COLOURS: Final = {
    "train": "#7aa6c2",
    "valid": "#e0b04f",
    "test": "#c8502d",
}
ROLE_NAMES: Final = {
    "train": "training",
    "valid": "early stopping",
    "test": "scored",
}


REGIME_COLOURS: Final = (
    "#4e79a7", "#f28e2b", "#b6514f", "#76b7b2", "#59a14f", "#d9b13b", "#9c6f9c", "#9c755f",
)  # fmt: skip
TOP_FEATURES: Final = 20
BAND: Final = "#c9d6df"


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


def segments(split_plan: pd.DataFrame) -> pd.DataFrame:
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
    spans = segments(split_plan)
    shown_roles = [role for role in ROLE_NAMES if (spans["role"] == role).any()]
    for role in shown_roles:
        bars = spans[spans["role"] == role]
        axes.barh(
            bars["fold"], bars["last"] - bars["first"], left=bars["first"], height=0.62,
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


def weight_shares_plot(weight_report: pd.DataFrame, title: str) -> Figure:
    """Share of the training weight per fold and regime, above the effective number of rows.

    Parameters
    ----------
    weight_report
        ``fold``, ``cutoff``, ``rows``, ``effective_n``, ``independent_n`` and one column
        ``share.<regime>`` per regime, NaN where a regime has no row.
    title
        Title of the figure.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 5.4), layout="constrained")
    shares, counts = figure.subplots(2, 1, sharex=True, height_ratios=[2.2, 1])
    for axes in (shares, counts):
        axes.spines[["top", "right"]].set_visible(False)
    shares.set_title(title, loc="left", fontsize=11, color=INK)
    place = np.arange(len(weight_report))
    base = np.zeros(len(weight_report))
    columns = [name for name in weight_report.columns if name.startswith("share.")]
    for number, column in enumerate(columns):
        height = 100 * weight_report[column].fillna(0.0).to_numpy(dtype="float64")
        shares.bar(
            place, height, bottom=base, width=0.8, label=column.removeprefix("share."),
            color=REGIME_COLOURS[number % len(REGIME_COLOURS)],
        )  # fmt: skip
        base += height
    shares.set_ylabel("share of training weight, %", fontsize=8)
    figure.legend(loc="outside right upper", frameon=False, fontsize=8)
    for column, colour, label in (
        ("rows", BAND, "rows"),
        ("effective_n", EFFECTIVE, "effective n"),
        ("independent_n", ACTUAL, "effective n / h"),
    ):
        values = weight_report[column].to_numpy(dtype="float64")
        counts.plot(place, values, color=colour, marker="o", markersize=3, label=label)
    counts.set_yscale("log")
    counts.minorticks_off()
    cutoffs = pd.to_datetime(weight_report["cutoff"])
    ticks = [f"{n}\n{day:%Y-%m}" for n, day in zip(weight_report["fold"], cutoffs, strict=True)]
    counts.set_xticks(place, ticks, fontsize=6.5)
    counts.set_xlabel("fold and its cutoff", fontsize=8)
    counts.legend(loc="upper left", frameon=False, fontsize=8)
    return figure


def coverage_plot(coverage: pd.DataFrame, title: str) -> Figure:
    """Coverage of the 80 % interval with the band in which a calibrated one lies.

    Parameters
    ----------
    coverage
        As `soyoil.metrics.breakdown.coverage_table` gives it.
    title
        Title of the figure.
    """
    figure, axes = _figure(9, 1.6 + 0.3 * len(coverage), title)
    group = coverage["group"]
    gaps = (group != group.shift()).cumsum().to_numpy()
    place = np.arange(len(coverage)) + 0.7 * gaps
    low, high, covered = (
        100 * coverage[name].to_numpy(dtype="float64")
        for name in ("band_low", "band_high", "coverage_80")
    )
    axes.barh(
        place, high - low, left=low, height=0.62, color=BAND,
        label="90 % of calibrated intervals, from n / h independent labels",
    )  # fmt: skip
    axes.axvline(80, color=INK, linewidth=0.9, linestyle="--", label="nominal, 80 %")
    inside = (covered >= low) & (covered <= high)
    for mask, colour, label in (
        (inside, MEDIAN, "coverage"),
        (~inside, ACTUAL, "coverage outside its band"),
    ):
        if mask.any():
            axes.plot(covered[mask], place[mask], "o", color=colour, markersize=6, label=label)
    names = [
        f"{name}  (n {n:,}, n/h {m:.0f})" if m >= 10 else f"{name}  (n {n:,}, n/h {m:.1f})"
        for name, n, m in zip(
            coverage["name"], coverage["n"], coverage["independent_n"], strict=True
        )
    ]
    axes.set_yticks(place, names, fontsize=7.5)
    axes.invert_yaxis()
    axes.set_xlim(min(40.0, float(min(covered.min(), low.min())) - 3), 103)
    axes.set_xlabel("outcomes inside the 80 % interval, %", fontsize=8)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    return figure


def ranked_plot(table: pd.DataFrame, labels: Mapping[str, str], title: str) -> Figure:
    """Importance per feature, one panel per kind, ordered by the first.

    Parameters
    ----------
    table
        ``feature`` and one column per kind, largest value of the first kind first.
    labels
        Axis label by column to draw, in the order of the panels.
    title
        Title of the figure.
    """
    from matplotlib.figure import Figure

    shown = table.head(TOP_FEATURES).iloc[::-1]
    width = 6.5 + 3.0 * (len(labels) - 1)
    figure = Figure(figsize=(width, 1.3 + 0.26 * len(shown)), layout="constrained")
    panels = figure.subplots(1, len(labels), sharey=True, squeeze=False)[0]
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, color=INK)
    for axes, (column, label), colour in zip(
        panels, labels.items(), (MEDIAN, CONE)[: len(labels)], strict=True
    ):
        axes.barh(shown["feature"], shown[column].to_numpy(dtype="float64"), color=colour)
        axes.set_xlabel(label, fontsize=8)
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    return figure
