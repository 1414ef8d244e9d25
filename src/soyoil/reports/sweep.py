"""The page of a sweep: what was tried, what mattered, what luck would have given."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from markupsafe import escape

from soyoil.reports.page import Html, Page, Table, data_banners, details, facts, join, paragraph
from soyoil.splits.snapshot import Snapshot
from soyoil.sweep.config import Choice, Dimension
from soyoil.sweep.ledger import Trial
from soyoil.sweep.summary import StudySummary

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

DONE: Final = "#1f5f8b"
PRUNED: Final = "#8a97a3"
BEST: Final = "#c8502d"
LUCK: Final = "#b8860b"
PLOT: Final = 320
"""Height of a plot, pixels."""


def _per_cent(trials: Sequence[Trial]) -> list[float]:
    return [100.0 * (t.value if t.value is not None else math.nan) for t in trials]


def history_figure(summary: StudySummary) -> Figure:
    """Skill of every trial, the best so far, and what luck alone gives."""
    from plotly import graph_objects as go

    done = [t for t in summary.trials if t.state == "complete"]
    pruned = [t for t in summary.trials if t.state == "pruned"]
    figure = go.Figure()
    for trials, name, colour in ((pruned, "pruned", PRUNED), (done, "complete", DONE)):
        figure.add_scatter(
            x=[t.number for t in trials],
            y=_per_cent(trials),
            mode="markers",
            name=name,
            marker={"color": colour, "symbol": "circle" if name == "complete" else "x-thin-open"},
        )
    figure.add_scatter(
        x=[t.number for t in done],
        y=np.maximum.accumulate(_per_cent(done)).tolist() if done else [],
        mode="lines",
        line={"shape": "hv", "color": BEST},
        name="best so far",
    )
    if summary.luck is not None:
        figure.add_hline(
            y=100.0 * summary.luck.expected,
            line={"dash": "dash", "color": LUCK},
            annotation_text=f"luck alone, N = {summary.luck.trials}",
        )
    figure.update_layout(
        height=PLOT,
        xaxis_title="trial",
        yaxis_title="skill, %",
        legend={"orientation": "h", "y": 1.12},
        margin={"l": 56, "r": 12, "t": 32, "b": 44},
    )
    return figure


def slice_figure(summary: StudySummary, dimensions: Mapping[str, Dimension]) -> Figure:
    """Skill of the complete trials over each dimension; darker points came later."""
    from plotly.subplots import make_subplots

    done = [t for t in summary.trials if t.state == "complete"]
    keys = list(dimensions)
    columns = min(3, len(keys))
    rows = -(-len(keys) // columns)
    figure = make_subplots(rows=rows, cols=columns, shared_yaxes=True, vertical_spacing=0.42 / rows)
    for place, key in enumerate(keys):
        row, column = divmod(place, columns)
        values = [t.params.get(key) for t in done]
        text = isinstance(dimensions[key], Choice)
        figure.add_scatter(
            x=[str(v).replace("+", "<br>+") for v in values] if text else values,
            y=_per_cent(done),
            mode="markers",
            showlegend=False,
            marker={"color": [t.number for t in done], "colorscale": "Blues", "cmin": -len(done)},
            row=row + 1,
            col=column + 1,
        )
        kind = "log" if getattr(dimensions[key], "log", False) else "category" if text else "linear"
        title = {"text": key, "font": {"size": 11}, "standoff": 4}
        figure.update_xaxes(type=kind, title=title, row=row + 1, col=column + 1)
        if column == 0:
            figure.update_yaxes(title_text="skill, %", row=row + 1, col=1)
    figure.update_layout(height=70 + 200 * rows, margin={"l": 56, "r": 12, "t": 32, "b": 44})
    return figure


def importance_figure(importance: Mapping[str, float]) -> Figure:
    """Share of each dimension in the spread of good values."""
    from plotly import graph_objects as go

    ordered = sorted(importance.items(), key=lambda item: item[1])
    figure = go.Figure()
    figure.add_bar(
        x=[100.0 * value for _, value in ordered],
        y=[key for key, _ in ordered],
        orientation="h",
        marker={"color": DONE},
    )
    figure.update_layout(
        height=110 + 24 * len(ordered),
        xaxis_title="share of the spread of good values, %",
        yaxis={"automargin": True},
        margin={"l": 12, "r": 12, "t": 12, "b": 44},
    )
    return figure


def _text(value: float, digits: int = 2) -> str:
    return "n/a" if math.isnan(value) else f"{value:.{digits}f}"


def _verdict(summary: StudySummary) -> Html:
    luck, best = summary.luck, summary.best
    if luck is None or best is None:
        return paragraph("No trial was scored on all folds.")
    return facts(
        [
            ("champion of the cones, same rows", f"{100 * summary.champion:.1f} %"),
            ("best skill, inner folds", f"{100 * luck.best:.1f} % (trial {best.number})"),
            (
                "luck alone gives",
                f"{100 * luck.expected:.1f} % as the best of N = {luck.trials} trials",
            ),
            ("independent labels, about", _text(luck.independent, 1)),
            ("probability that luck gives as much", _text(luck.p_value)),
            ("deflated probability of skill", _text(luck.deflated)),
            ("probability of backtest overfitting", _text(luck.overfit)),
        ]
    )


def _best_table(summary: StudySummary) -> Html:
    if summary.best is None:
        return Html("")
    rows = [(key, str(value)) for key, value in sorted(summary.best.params.items())]
    table = Table("Best configuration", ("key", "value"), [("", rows)], frozenset({0, 1}))
    return details("Best configuration", table.render())


def sweep_page(
    summaries: Sequence[StudySummary], dimensions: Mapping[str, Dimension], snapshot: Snapshot
) -> str:
    """One self-contained page for all studies of a sweep.

    Parameters
    ----------
    summaries
        Studies.
    dimensions
        Their search space.
    snapshot
        What they were made on.
    """
    first = summaries[0].key
    horizons = ", ".join(s.key.horizon for s in summaries)
    lead = paragraph(
        f"{first.model}, {horizons}; objective {first.objective} on purged folds inside the outer "
        f"training span; {snapshot.data_text}. The outer test blocks were not seen."
    )
    banners = data_banners(snapshot.provenance, snapshot.rolls)
    page = Page(f"Sweep of {first.model}", join((*banners, lead)))
    for summary in summaries:
        parts = [paragraph(summary.line), _verdict(summary)]
        if summary.trials:
            parts.append(page.figure(history_figure(summary), "Skill by trial"))
        if summary.best is not None and dimensions:
            parts.append(page.figure(slice_figure(summary, dimensions), "Skill over each key"))
        if summary.importance:
            caption = "Importance of the keys (PED-ANOVA)"
            parts.append(page.figure(importance_figure(summary.importance), caption))
        parts.append(_best_table(summary))
        parts.append(paragraph(Html(f"Study <code>{escape(summary.key.name)}</code>.")))
        page.add(f"h-{summary.key.horizon}", f"Horizon {summary.key.horizon}", *parts)
    return page.render()
