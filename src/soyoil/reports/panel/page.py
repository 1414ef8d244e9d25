"""The page of a panel: evidence across markets, root by root, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from soyoil.market.rolls import ROLLS_UNKNOWN
from soyoil.metrics.bootstrap import LEVEL, MIN_INDEPENDENT
from soyoil.models.registry import CHAMPION
from soyoil.panel.gate import GATE_HORIZONS, MIN_SHARE, WORST, Gate
from soyoil.panel.losses import REFERENCE
from soyoil.panel.result import PanelResult
from soyoil.reports.page import Html, Page, Table, badge, facts, join, paragraph
from soyoil.reports.panel.terminal import (
    ABSENT,
    bounds,
    engines_add,
    figure,
    notes,
    scored_span,
    unfitted,
)
from soyoil.reports.terminal import percent

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

GREY: Final = "#7b828c"
GRID: Final = "rgba(123, 130, 140, 0.25)"
COLOURS: Final = {"above": "#4c9a5f", "below": "#c8502d", "open": GREY, "mean": "#3d87b8"}

_Row = Mapping[Hashable, Any]


def _side(low: float, high: float) -> str:
    return "above" if low > 0 else "below" if high < 0 else "open"


def panel_figure(roots: pd.DataFrame, mean: _Row) -> Figure:
    """Skill of each root with its interval, best first, and the mean above them.

    Parameters
    ----------
    roots
        Scored roots of one horizon and model: ``symbol``, ``counted``, ``skill_pinball`` and its
        bounds, ``n``, ``independent_n``.
    mean
        Row of the means.
    """
    from plotly.graph_objects import Figure, Layout

    axis = {"gridcolor": GRID, "linecolor": GRID, "zerolinecolor": GREY, "automargin": True}
    shown = roots.sort_values("skill_pinball", ascending=False)
    plot = Figure(
        layout=Layout(
            height=130 + 20 * (len(shown) + 1),
            font={"color": GREY, "size": 12},
            paper_bgcolor="rgba(0, 0, 0, 0)",
            plot_bgcolor="rgba(0, 0, 0, 0)",
            margin={"l": 60, "r": 20, "t": 15, "b": 45},
            showlegend=False,
            template="none",
            xaxis={**axis, "title": {"text": "pinball skill against the vol cone, %"}},
            yaxis={**axis, "autorange": "reversed", "type": "category"},
        )
    )
    head = {**mean, "symbol": "mean", "counted": True, "n": mean["dates"], "independent_n": 0.0}
    rows = [head, *shown.to_dict("records")] if mean["roots"] else shown.to_dict("records")
    values = [[100 * float(row[f"skill_pinball{end}"]) for row in rows] for end in ENDS]
    skill, low, high = values
    sides = [_side(float(a), float(b)) for a, b in zip(low, high, strict=True)]
    colours = [
        COLOURS["mean" if row["symbol"] == "mean" else s]
        for row, s in zip(rows, sides, strict=True)
    ]
    plot.add_scatter(
        x=skill,
        y=[str(row["symbol"]) if row["counted"] else f"({row['symbol']})" for row in rows],
        mode="markers",
        marker={"color": colours, "size": 9},
        error_x={
            "type": "data", "symmetric": False, "thickness": 1.5, "width": 3, "color": GREY,
            "array": [b - s for s, b in zip(skill, high, strict=True)],
            "arrayminus": [s - a for s, a in zip(skill, low, strict=True)],
        },
        customdata=[[a, b, row["n"]] for a, b, row in zip(low, high, rows, strict=True)],
        hovertemplate="%{y}: %{x:+.2f} % [%{customdata[0]:+.2f}, %{customdata[1]:+.2f}], "
        "n %{customdata[2]:,}<extra></extra>",
    )  # fmt: skip
    return plot


ENDS: Final = ("", "_low", "_high")


def _skill(row: _Row) -> Html:
    sides = bounds(row).replace(",", ", ")
    return Html('{}<span class="interval">{}</span>').format(figure(row["skill_pinball"]), sides)


def _skill_cell(row: _Row) -> object:
    return _skill(row) if row["status"] == "scored" else ABSENT[str(row["status"])]


def _coverage_cell(row: _Row) -> str:
    value = float(row["coverage_80"])
    return ABSENT.get(str(row["status"]), "") if math.isnan(value) else f"{100 * value:.1f}"


def _worst(row: _Row) -> str:
    return f"{row['worst_symbol']} {figure(row['worst_skill'])}" if row["roots"] else "n/a"


def _means_table(means: pd.DataFrame, model: str) -> Table:
    rows = [
        [
            row["horizon"],
            _skill(row),
            f"{row['positive']} of {row['roots']}",
            _worst(row),
            f"{100 * row['coverage_80']:.1f}",
            f"{row['dates'] / row['sessions']:.0f}",
        ]
        for row in means.to_dict("records")
    ]
    header = (
        "Horizon", "Mean pinball skill, %", "Roots above zero", "Worst root, %", "80 % covers, %",
        "Dates / h",
    )  # fmt: skip
    caption = (
        f"{model.capitalize()} over the counted roots, in brackets {percent(LEVEL, 0)} intervals"
    )
    return Table(caption, header, [("", rows)])


def _roots_table(roots: pd.DataFrame, caption: str, cell: Any) -> Table:
    horizons = list(dict.fromkeys(roots["horizon"]))
    rows: list[list[object]] = []
    for symbol, own in roots.groupby("symbol", sort=False):
        name = str(symbol) if own["counted"].all() else f"({symbol})"
        rows.append([name, *map(cell, own.to_dict("records"))])
    return Table(caption, ("Root", *horizons), [("", rows)])


def _models_table(means: pd.DataFrame) -> Table:
    groups = [
        (
            str(horizon),
            [
                [row["model"], _skill(row), f"{row['positive']} of {row['roots']}", _worst(row),
                 f"{100 * row['coverage_80']:.1f}"]
                for row in rows.to_dict("records")
            ],
        )
        for horizon, rows in means.groupby("horizon", sort=False)
    ]  # fmt: skip
    header = ("Model", "Mean pinball skill, %", "Roots above zero", "Worst root, %", "Covers, %")
    return Table(
        f"Every model against the {REFERENCE}, mean over the counted roots", header, groups
    )


def _verdict(gate: Gate) -> Html:
    lines = [paragraph(Html("{} {}").format(badge("holds", "good"), text)) for text in gate.held]
    lines += [paragraph(Html("{} {}").format(badge("fails", "bad"), text)) for text in gate.failed]
    return join(lines)


def _views(result: PanelResult, model: str) -> list[tuple[str, Figure]]:
    """One figure per horizon."""
    roots = result.roots[(result.roots["model"] == model) & (result.roots["status"] == "scored")]
    means = result.means[result.means["model"] == model]
    return [
        (str(row["horizon"]), panel_figure(roots[roots["horizon"] == row["horizon"]], row))
        for row in means.to_dict("records")
    ]


def _engine(page: Page, result: PanelResult, model: str, gate: Gate) -> list[Html]:
    """Verdict, figure and tables of one engine."""
    roots = result.roots[result.roots["model"] == model]
    means = result.means[result.means["model"] == model]
    return [
        paragraph(f"Feature groups: {result.feature_groups[model]}.", "note"),
        paragraph(gate.sentence(model, REFERENCE)),
        _means_table(means, model).render(),
        page.figure(
            _views(result, model),
            f"Pinball skill of {model} on each root with its {percent(LEVEL, 0)} interval",
        ),
        _roots_table(
            roots, f"Pinball skill of {model} against the vol cone, %", _skill_cell
        ).render(),
        _roots_table(
            roots, f"Outcomes within the 80 % interval of {model}, %", _coverage_cell
        ).render(),
    ]


def panel_page(result: PanelResult) -> str:
    """The whole page.

    Parameters
    ----------
    result
        What the panel has shown.
    """
    roots = result.roots[result.roots["model"] == CHAMPION]
    means = result.means[result.means["model"] == CHAMPION]
    page = Page("Panel of futures roots")
    lead = [
        facts(
            [
                ("Verdict", badge(result.gate.word, "good" if result.gate.passed else "bad")),
                ("Method", CHAMPION),
                *([("Engines", ", ".join(result.engines))] if result.engines else []),
                ("Roots", roots["symbol"].nunique()),
                ("Counted", roots.loc[roots["counted"], "symbol"].nunique()),
                ("Origins", scored_span(roots)),
                ("Data", result.provenance),
            ]
        ),
        paragraph(result.gate.sentence(CHAMPION, REFERENCE)),
        *(paragraph(text) for text in [engines_add(result)] if text),
        *(paragraph(text, "note") for text in (*notes(result), unfitted(result)) if text),
    ]
    if result.provenance == "synthetic":
        lead.insert(0, paragraph("The data are synthetic: an invented market.", "banner"))
    if result.rolls_unknown:
        text = f"{', '.join(result.rolls_unknown)}: {ROLLS_UNKNOWN}"
        lead.insert(0, paragraph(text, "banner"))
    page.lead = join(lead)
    page.add(
        "means",
        "Evidence across markets",
        paragraph(
            "Each root is forecast on its own sessions, out of sample. The interval of the mean "
            "resamples stretches of dates for all roots together, so that markets which move "
            "together do not count as many. Skill is against the vol cone on the same rows.",
            "note",
        ),
        _means_table(means, CHAMPION).render(),
    )
    page.add(
        "gate",
        "Verdict",
        paragraph(
            f"Wanted: at {' and '.join(GATE_HORIZONS)} the lower bound of the mean above zero and "
            f"{percent(MIN_SHARE, 0)} of the roots positive; at no horizon a root below "
            f"{percent(WORST, 1)}.",
            "note",
        ),
        _verdict(result.gate),
    )
    page.add(
        "roots",
        "Root by root",
        page.figure(
            _views(result, CHAMPION),
            f"Pinball skill of each root with its {percent(LEVEL, 0)} interval",
        ),
        paragraph(
            f"A horizon with fewer than {MIN_INDEPENDENT:.0f} independent labels per root proves "
            "nothing about a root; that is so from 6m on, and often at 3m.",
            "note",
        ),
        _roots_table(roots, "Pinball skill of the champion against the vol cone, %", _skill_cell)
        .render(),
    )  # fmt: skip
    page.add(
        "coverage",
        "Coverage",
        _roots_table(
            roots, "Outcomes within the 80 % interval of the champion, %", _coverage_cell
        ).render(),
    )
    for name, gate in result.engines.items():
        page.add(f"engine-{name}", f"Engine {name}", *_engine(page, result, name, gate))
    page.add("models", f"The {len(result.models)} models", _models_table(result.means).render())
    return page.render()
