"""Interactive figures (plotly) of plans, forecasts and scores.

Pure functions of frames. Backgrounds are transparent and text is a middle grey, so that a figure
reads on light and on dark pages. No numpy array or date column is longer than what is drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from soyoil.market.conventions import EXPERT_WEIGHT
from soyoil.metrics.keys import pooled
from soyoil.reports.answers import shown_verdict
from soyoil.reports.plots import (
    ACTUAL,
    CONE,
    REGIME_COLOURS,
    ROLE_COLOURS,
    ROLE_NAMES,
    TOP_FEATURES,
    segments,
)

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

GREY: Final = "#7b828c"
GRID: Final = "rgba(123, 130, 140, 0.25)"
BAND: Final = "rgba(122, 166, 194, 0.38)"
BLUE: Final = "#3d87b8"
CONE_POINTS: Final = 450
"""Most points of a line; more are not to be told apart on a screen."""

VERDICT_COLOURS: Final = {
    "skill": "#4c9a5f",
    "no skill": ACTUAL,
    "unprovable": GREY,
    "reference": BLUE,
}


def thin(rows: pd.DataFrame, points: int = CONE_POINTS) -> pd.DataFrame:
    """Every k-th row, counted from the last, so that at most `points` are left."""
    step = -(-len(rows) // points)
    return rows.iloc[::-1].iloc[::step].iloc[::-1] if step > 1 else rows


def base_figure(title: str, height: int) -> Figure:
    """An empty figure in the style of all."""
    from plotly.graph_objects import Figure, Layout

    axis = {"gridcolor": GRID, "linecolor": GRID, "zerolinecolor": GRID, "automargin": True}
    figure = Figure(
        layout=Layout(
            title={"text": title, "x": 0, "xref": "paper", "font": {"size": 15}},
            height=height,
            font={"color": GREY, "size": 12},
            paper_bgcolor="rgba(0, 0, 0, 0)",
            plot_bgcolor="rgba(0, 0, 0, 0)",
            margin={"l": 60, "r": 20, "t": 60, "b": 50},
            legend={"orientation": "h", "yanchor": "top", "y": -0.12, "x": 0},
            template="none",
        )
    )
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    return figure


def _days(dates: pd.Series) -> list[str]:
    return list(dates.dt.strftime("%Y-%m-%d"))


def split_plan_figure(split_plan: pd.DataFrame, regimes: pd.DataFrame, title: str) -> Figure:
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
    folds = split_plan["fold"].nunique()
    figure = base_figure(title, 190 + 22 * folds)
    spans = segments(split_plan)
    for role, name in ROLE_NAMES.items():
        rows = spans[spans["role"] == role]
        if rows.empty:
            continue
        length = (rows["last"] - rows["first"]).dt.total_seconds() * 1000
        figure.add_bar(
            y=rows["fold"].tolist(), x=length.tolist(), base=_days(rows["first"]),
            orientation="h", name=name, marker={"color": ROLE_COLOURS[role]}, width=0.65,
            customdata=np.column_stack([_days(rows["first"]), _days(rows["last"])]).tolist(),
            hovertemplate=f"fold %{{y}}, {name}<br>%{{customdata[0]}} to %{{customdata[1]}}"
            "<extra></extra>",
        )  # fmt: skip
    first, last = split_plan["data_date"].min(), split_plan["data_date"].max()
    starts = regimes["start_date"].clip(lower=first)
    ends = regimes["end_date"].fillna(last).clip(upper=last)
    shown = regimes.assign(left=starts, right=ends)[starts < ends]
    for number, row in enumerate(shown.to_dict("records")):
        figure.add_vrect(
            x0=f"{row['left']:%Y-%m-%d}", x1=f"{row['right']:%Y-%m-%d}", line_width=0,
            fillcolor=REGIME_COLOURS[number % len(REGIME_COLOURS)], opacity=0.2, layer="below",
            name=str(row["regime_name"]), showlegend=True,
        )  # fmt: skip
    figure.update_layout(barmode="overlay")
    figure.update_xaxes(type="date")
    figure.update_yaxes(title="fold", autorange="reversed", dtick=1, showgrid=False)
    return figure


def skill_card(skill_table: pd.DataFrame, title: str) -> Figure:
    """Pinball skill with its interval by horizon and model, coloured by verdict.

    Parameters
    ----------
    skill_table
        One row per horizon and model: ``horizon``, ``model``, ``verdict``,
        ``pooled.uniform.skill_pinball`` and the same with ``_low`` and ``_high``.
    title
        Title of the figure.
    """
    skill, low, high = (
        100 * skill_table[pooled(f"skill_pinball{end}")].astype("float64")
        for end in ("", "_low", "_high")
    )
    figure = base_figure(title, 150 + 19 * len(skill_table))
    verdicts = pd.Series(
        [shown_verdict(row) for row in skill_table.to_dict("records")], skill_table.index, dtype=str
    )
    for verdict, colour in VERDICT_COLOURS.items():
        mask = (verdicts == verdict) & skill.notna()
        if not mask.any():
            continue
        rows = skill_table[mask]
        figure.add_scatter(
            x=skill[mask].tolist(), y=[rows["horizon"].tolist(), rows["model"].tolist()],
            mode="markers", name=verdict, marker={"color": colour, "size": 8},
            error_x={
                "type": "data", "symmetric": False, "thickness": 1.6, "width": 3,
                "array": (high - skill)[mask].tolist(),
                "arrayminus": (skill - low)[mask].tolist(),
            },
            customdata=np.column_stack([low[mask], high[mask]]).tolist(),
            hovertemplate="%{y}: %{x:+.2f} % [%{customdata[0]:+.1f}, %{customdata[1]:+.1f}]"
            f", {verdict}<extra></extra>",
        )  # fmt: skip
    figure.add_vline(x=0, line={"color": GREY, "width": 1, "dash": "dash"})
    figure.update_xaxes(title="pinball skill against the vol cone, %", zeroline=False)
    order = list(dict.fromkeys(skill_table["horizon"]))
    figure.update_yaxes(
        autorange="reversed", type="multicategory", categoryorder="array", categoryarray=order
    )
    figure.update_layout(margin_l=150)
    return figure


def cone_figure(predictions: pd.DataFrame, title: str, unit: str) -> Figure:
    """Forecast cone against the outcome, in prices, at the dates on which the labels ended.

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
    figure = base_figure(title, 420)
    rows = predictions.sort_values("label_end_date")
    when = _days(rows["label_end_date"])
    close = rows["close"].to_numpy(dtype="float64")
    price: dict[str, list[float]] = {
        c: np.round(close * np.exp(rows[c].to_numpy(dtype="float64")), 4).tolist()
        for c in ("q10", "q50", "q90", "y")
    }
    edge: dict[str, Any] = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    figure.add_scatter(x=when, y=price["q10"], showlegend=False, **edge)
    figure.add_scatter(
        x=when, y=price["q90"], fill="tonexty", fillcolor=BAND,
        name="80 % interval given one horizon before", **edge,
    )  # fmt: skip
    for column, name, colour in (("q50", "median", BLUE), ("y", "outcome", ACTUAL)):
        figure.add_scatter(
            x=when, y=price[column], name=name, mode="lines", line={"color": colour, "width": 1.2}
        )
    figure.update_yaxes(title=f"{unit}, position rolled<br>from the contract of the origin")
    figure.update_layout(hovermode="x unified")
    return figure


def coverage_figure(coverage: pd.DataFrame, title: str) -> Figure:
    """Coverage of the 80 % interval with the band in which a calibrated one lies.

    Parameters
    ----------
    coverage
        As `soyoil.metrics.breakdown.coverage_table` gives it.
    title
        Title of the figure.
    """
    low, high, covered = (
        100 * coverage[name].astype("float64") for name in ("band_low", "band_high", "coverage_80")
    )
    figure = base_figure(title, 150 + 24 * len(coverage))
    names = [coverage["group"].tolist(), coverage["name"].tolist()]
    figure.add_bar(
        y=names, x=(high - low).tolist(), base=low.tolist(), orientation="h", width=0.65,
        marker={"color": BAND}, name="90 % of calibrated intervals", hoverinfo="skip",
    )  # fmt: skip
    inside = (covered >= low) & (covered <= high)
    for mask, name, colour in (
        (inside, "coverage", BLUE),
        (~inside, "coverage outside its band", ACTUAL),
    ):
        if not mask.any():
            continue
        rows = coverage[mask]
        figure.add_scatter(
            x=covered[mask].tolist(), y=[rows["group"].tolist(), rows["name"].tolist()],
            mode="markers", name=name, marker={"color": colour, "size": 9},
            customdata=np.column_stack([rows["n"], rows["independent_n"]]).tolist(),
            hovertemplate="%{y}: %{x:.1f} %, n %{customdata[0]:,}, n/h %{customdata[1]:.1f}"
            "<extra></extra>",
        )  # fmt: skip
    figure.add_vline(x=80, line={"color": GREY, "width": 1, "dash": "dash"})
    figure.update_xaxes(title="outcomes inside the 80 % interval, %")
    figure.update_yaxes(autorange="reversed", type="multicategory")
    figure.update_layout(margin_l=200)
    return figure


def weight_shares_figure(weight_report: pd.DataFrame, title: str) -> Figure:
    """Share of the training weight per fold and regime; effective numbers of rows on hover.

    Parameters
    ----------
    weight_report
        ``fold``, ``cutoff``, ``rows``, ``effective_n``, ``independent_n`` and one column
        ``share.<regime>`` per regime, NaN where a regime has no row.
    title
        Title of the figure.
    """
    figure = base_figure(title, 420)
    cutoffs = pd.to_datetime(weight_report["cutoff"])
    folds = [f"{n}<br>{day:%Y-%m}" for n, day in zip(weight_report["fold"], cutoffs, strict=True)]
    counts = weight_report[["rows", "effective_n", "independent_n"]].to_numpy(dtype="float64")
    columns = [name for name in weight_report.columns if name.startswith("share.")]
    for number, column in enumerate(columns):
        name = column.removeprefix("share.")
        figure.add_bar(
            x=folds, y=(100 * weight_report[column].fillna(0.0)).tolist(), name=name,
            marker={"color": REGIME_COLOURS[number % len(REGIME_COLOURS)]},
            customdata=counts.tolist(),
            hovertemplate=f"{name}: %{{y:.1f}} %<br>rows %{{customdata[0]:,.0f}}, effective n "
            "%{customdata[1]:,.0f}, over h %{customdata[2]:.1f}<extra></extra>",
        )  # fmt: skip
    figure.update_layout(barmode="stack", legend_y=-0.3)
    figure.update_xaxes(title="fold and its cutoff", type="category")
    figure.update_yaxes(title="share of training weight, %")
    return figure


def expert_weights_figure(experts: pd.DataFrame, title: str) -> Figure:
    """Weights of a champion's experts over time, stacked.

    Parameters
    ----------
    experts
        ``data_date`` and a column ``weight.<expert>`` for each, in the order of the stack.
    title
        Title of the figure.
    """
    figure = base_figure(title, 360)
    days = _days(experts["data_date"])
    columns = [name for name in experts.columns if name.startswith(EXPERT_WEIGHT)]
    for number, column in enumerate(columns):
        name = column.removeprefix(EXPERT_WEIGHT)
        figure.add_scatter(
            x=days, y=(100 * experts[column]).round(2).tolist(), name=name, mode="lines",
            stackgroup="weights", line={"width": 0.5, "color": REGIME_COLOURS[number % 8]},
            hovertemplate=f"{name}: %{{y:.1f}} %<extra></extra>",
        )  # fmt: skip
    figure.update_yaxes(title="weight, %", range=[0, 100])
    return figure


def importance_figure(table: pd.DataFrame, kind: str, label: str, title: str) -> Figure:
    """The largest values of one kind of importance.

    Parameters
    ----------
    table
        ``feature`` and the column `kind`.
    kind
        Column to draw.
    label
        Title of the axis.
    title
        Title of the figure.
    """
    shown = table.nlargest(TOP_FEATURES, kind)
    figure = base_figure(title, 130 + 20 * len(shown))
    figure.add_bar(
        y=shown["feature"].tolist(), x=shown[kind].tolist(), orientation="h",
        marker={"color": CONE}, hovertemplate="%{y}: %{x:.4g}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(title=label)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure
