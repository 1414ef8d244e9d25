"""Figures of a tracked run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import FloatArray
from soyoil.market.conventions import EXPERT_WEIGHT
from soyoil.reports.chart import (
    INK,
    Area,
    Axis,
    Chart,
    Line,
    Mark,
    Panel,
    Word,
    between,
    boxes,
    date_axis,
    days,
    log_axis,
    number_axis,
)

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


def _floats(values: pd.Series) -> FloatArray:
    return values.to_numpy(dtype="float64")


def cone_plot(predictions: pd.DataFrame, title: str, unit: str) -> Chart:
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
    rows = predictions.sort_values("label_end_date")
    when = days(rows["label_end_date"].to_numpy())
    close = _floats(rows["close"])
    price = {c: close * np.exp(_floats(rows[c])) for c in ("q10", "q50", "q90", "y")}
    cone = between(when, price["q10"], price["q90"])
    low = min(float(values.min()) for values in price.values())
    high = max(float(values.max()) for values in price.values())
    room = 0.045 * (high - low)
    label = f"{unit}, position rolled from the contract of the origin"
    panel = Panel(
        date_axis(float(when[0]), float(when[-1])),
        number_axis(low - room, high + room, label),
        (
            Area((cone,), CONE, "80 % interval given one horizon before", alpha=0.45),
            Line(when, price["q50"], MEDIAN, "median"),
            Line(when, price["y"], ACTUAL, "outcome"),
        ),
        legend="inside",
    )
    return Chart(title, 10, 4.5, (panel,))


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


def split_plan_plot(split_plan: pd.DataFrame, regimes: pd.DataFrame, title: str) -> Chart:
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
    spans = segments(split_plan)
    marks: list[Mark] = []
    for role in ROLE_NAMES:
        bars = spans[spans["role"] == role]
        if bars.empty:
            continue
        fold = _floats(bars["fold"])
        first, last = (days(bars[name].to_numpy()) for name in ("first", "last"))
        corners = boxes(first, last, fold - 0.31, fold + 0.31)
        marks.append(Area(corners, ROLE_COLOURS[role], ROLE_NAMES[role]))
    # Labels of neighbouring regimes alternate in height, so that short regimes stay readable.
    top, bottom = -1.1, max(folds) + 0.6
    shown = 0
    begin, end = split_plan["data_date"].min(), split_plan["data_date"].max()
    ends = regimes["end_date"].fillna(end)
    for start, stop, name in zip(regimes["start_date"], ends, regimes["regime_name"], strict=True):
        left, right = max(start, begin), min(stop, end)
        if left >= right:
            continue
        at, until = days(np.array([left, right], dtype="datetime64[us]"))
        marks += [
            Line(np.array([at, at]), np.array([bottom, top - 2.2]), INK, width=0.5, alpha=0.35),
            Word((at + until) / 2, top - 0.75 * (shown % 3), str(name), 6.5),
        ]
        shown += 1
    span = days(np.array([begin, end], dtype="datetime64[us]"))
    ticks = tuple((float(fold), str(fold)) for fold in folds)
    panel = Panel(
        date_axis(float(span[0]), float(span[1]), margin=0.01),
        Axis(bottom, top - 2.2, ticks, "fold"),
        tuple(marks),
    )
    return Chart(title, 10, 1.6 + 0.28 * len(folds), (panel,), columns=3)


def weight_shares_plot(weight_report: pd.DataFrame, title: str) -> Chart:
    """Share of the training weight per fold and regime, above the effective number of rows.

    Parameters
    ----------
    weight_report
        ``fold``, ``cutoff``, ``rows``, ``effective_n``, ``independent_n`` and one column
        ``share.<regime>`` per regime, NaN where a regime has no row.
    title
        Title of the figure.
    """
    place = np.arange(len(weight_report), dtype="float64")
    base = np.zeros(len(weight_report))
    bars: list[Mark] = []
    columns = [name for name in weight_report.columns if name.startswith("share.")]
    for number, column in enumerate(columns):
        height = 100 * _floats(weight_report[column].fillna(0.0))
        colour = REGIME_COLOURS[number % len(REGIME_COLOURS)]
        corners = boxes(place - 0.4, place + 0.4, base, base + height)
        bars.append(Area(corners, colour, column.removeprefix("share.")))
        base = base + height
    cutoffs = pd.to_datetime(weight_report["cutoff"])
    names = [f"{n}\n{day:%Y-%m}" for n, day in zip(weight_report["fold"], cutoffs, strict=True)]
    folds = Axis(
        -0.9, len(place) - 0.1, tuple(zip(place.tolist(), names, strict=True)),
        "fold and its cutoff", 6.5,
    )  # fmt: skip
    lines = tuple(
        Line(place, _floats(weight_report[column]), colour, label, width=1.5, dot=3)
        for column, colour, label in (
            ("rows", BAND, "rows"),
            ("effective_n", EFFECTIVE, "effective n"),
            ("independent_n", ACTUAL, "effective n / h"),
        )
    )
    counts = np.concatenate([line.y for line in lines])
    counts = counts[np.isfinite(counts) & (counts > 0)]
    panels = (
        Panel(folds, number_axis(0, 100, "share of training weight, %", most=6), tuple(bars)),
        Panel(folds, log_axis(float(counts.min()), float(counts.max())), lines, "inside"),
    )
    return Chart(title, 10, 5.4, panels, shares=(2.2, 1), legend="right")


def coverage_plot(coverage: pd.DataFrame, title: str) -> Chart:
    """Coverage of the 80 % interval with the band in which a calibrated one lies.

    Parameters
    ----------
    coverage
        As `soyoil.metrics.breakdown.coverage_table` gives it.
    title
        Title of the figure.
    """
    group = coverage["group"]
    gaps = (group != group.shift()).cumsum().to_numpy()
    place = np.arange(len(coverage)) + 0.7 * gaps
    low, high, covered = (
        100 * _floats(coverage[name]) for name in ("band_low", "band_high", "coverage_80")
    )
    ends = (float(place[0]) - 1.2, float(place[-1]) + 1.2)
    nominal = np.array([80.0, 80.0])
    marks: list[Mark] = [
        Area(
            boxes(low, high, place - 0.31, place + 0.31), BAND,
            "90 % of calibrated intervals, from n / h independent labels",
        ),
        Line(nominal, np.array(ends), INK, "nominal, 80 %", dashed=True),
    ]  # fmt: skip
    inside = (covered >= low) & (covered <= high)
    marks += [
        Line(covered[mask], place[mask], colour, label, width=0, dot=6)
        for mask, colour, label in (
            (inside, MEDIAN, "coverage"),
            (~inside, ACTUAL, "coverage outside its band"),
        )
        if mask.any()
    ]
    names = [
        f"{name}  (n {n:,}, n/h {m:.0f})" if m >= 10 else f"{name}  (n {n:,}, n/h {m:.1f})"
        for name, n, m in zip(
            coverage["name"], coverage["n"], coverage["independent_n"], strict=True
        )
    ]
    left = min(40.0, float(min(covered.min(), low.min())) - 3)
    panel = Panel(
        number_axis(left, 103, "outcomes inside the 80 % interval, %", most=7),
        Axis(ends[1], ends[0], tuple(zip(place.tolist(), names, strict=True)), size=7.5),
        tuple(marks),
    )
    return Chart(title, 9, 1.6 + 0.3 * len(coverage), (panel,), columns=2)


def expert_weights_plot(experts: pd.DataFrame, title: str) -> Chart:
    """Weights of a champion's experts over time, stacked.

    Parameters
    ----------
    experts
        ``data_date`` and a column ``weight.<expert>`` for each, in the order of the stack.
    title
        Title of the figure.
    """
    columns = [name for name in experts.columns if name.startswith(EXPERT_WEIGHT)]
    when = days(experts["data_date"].to_numpy())
    base = np.zeros(len(experts))
    marks = []
    for number, column in enumerate(columns):
        top = base + 100 * _floats(experts[column])
        colour = REGIME_COLOURS[number % len(REGIME_COLOURS)]
        name = column.removeprefix(EXPERT_WEIGHT)
        marks.append(Area((between(when, base, top),), colour, name))
        base = top
    panel = Panel(
        date_axis(float(when.min()), float(when.max()), margin=0.0),
        number_axis(0, 100, "weight, %", most=5),
        tuple(marks),
    )
    return Chart(title, 10, 3.6, (panel,), columns=6)


def ranked_plot(table: pd.DataFrame, labels: Mapping[str, str], title: str) -> Chart:
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
    shown = table.head(TOP_FEATURES).iloc[::-1]
    place = np.arange(len(shown), dtype="float64")
    names = tuple(zip(place.tolist(), shown["feature"].astype("str"), strict=True))
    features = Axis(-1.4, len(shown) + 0.4, names, size=7)
    panels = []
    for (column, label), colour in zip(labels.items(), (MEDIAN, CONE)[: len(labels)], strict=True):
        values = _floats(shown[column])
        bars = boxes(np.zeros(len(values)), values, place - 0.4, place + 0.4)
        values_axis = number_axis(0.0, 1.05 * float(np.nanmax(values)), label, most=7, size=7)
        panels.append(Panel(values_axis, features, (Area(bars, colour),)))
    width = 6.5 + 3.0 * (len(labels) - 1)
    return Chart(title, width, 1.3 + 0.26 * len(shown), tuple(panels))
