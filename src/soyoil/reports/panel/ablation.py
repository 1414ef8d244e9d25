"""What feature groups add, for people: in the terminal, 80 columns wide, and as a page."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, Final

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table as Grid
from rich.text import Text

from soyoil.metrics.bootstrap import LEVEL, MIN_INDEPENDENT
from soyoil.panel.ablation.result import SIZE, AblationResult, sentences
from soyoil.reports.page import Html, Page, Table, badge, facts, join, paragraph
from soyoil.reports.panel.terminal import figure
from soyoil.reports.terminal import percent
from soyoil.reports.words import SYNTHETIC
from soyoil.targets.horizons import HORIZONS

MARKS: Final = {"adds": "*", "costs": "!", "nothing shown": " ", "too few labels": "?"}
TONES: Final = {"adds": "good", "costs": "bad"}

_Row = Mapping[Hashable, Any]


def _note(result: AblationResult) -> str:
    tests = result.trials * len(HORIZONS)
    return (
        "Mean over roots of 1 - pinball loss with the group / without it, %. * adds and ! costs: "
        f"told from nothing at {percent(SIZE, 0)} over all {tests} tests ({result.trials} groups "
        f"registered on this market, {len(HORIZONS)} horizons; Holm). ?: fewer than "
        f"{MIN_INDEPENDENT:.0f} independent labels."
    )


def _left_out(result: AblationResult) -> str:
    names = sorted({symbol for symbol, _ in result.unfitted})
    return f"Too short for a fold: {', '.join(names)}." if names else ""


def ablation_view(result: AblationResult) -> RenderableType:
    """Gains by group and horizon, and a sentence for each group."""
    grid = Grid(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    grid.add_column("", no_wrap=True)
    for horizon in HORIZONS:
        grid.add_column(horizon, justify="right", no_wrap=True)
    grid.add_column("roots", justify="right", no_wrap=True)
    for group, rows in result.table.groupby("group", sort=False):
        cells = [f"{figure(r['gain'])}{MARKS[r['verdict']]}" for r in rows.to_dict("records")]
        grid.add_row(str(group), *cells, str(rows["roots"].max()))
        champion = [f"{figure(r['champion_gain'])} " for r in rows.to_dict("records")]
        grid.add_row("  champion", *champion, "", style="dim")
    lines: list[RenderableType] = [
        Text(f"{result.engine} with {'+'.join(result.base)}, and what each group adds"),
        grid,
        Text(_note(result), style="dim"),
        *(Text(text) for text in [_left_out(result)] if text),
        *(Text(text, style="bold") for text in sentences(result, tuple(HORIZONS))),
    ]
    if result.provenance == "synthetic":
        lines.insert(0, Text(f"The data are {SYNTHETIC}."))
    return Group(*lines)


def _bounds(row: _Row, name: str) -> Html:
    sides = f"[{figure(row[f'{name}_low'])}, {figure(row[f'{name}_high'])}]"
    return Html('{}<span class="interval">{}</span>').format(figure(row[name]), sides)


def _group_row(row: _Row) -> list[object]:
    if not row["roots"]:
        return [row["horizon"], "none", *[""] * 6]
    adjusted = row["p_adjusted"]
    return [
        row["horizon"],
        badge(str(row["verdict"]), TONES.get(str(row["verdict"]), "")),
        _bounds(row, "gain"),
        f"{row['positive']} of {row['roots']}",
        f"{figure(row['gain_without_best'])} without {row['best_root']}",
        "n/a" if pd.isna(adjusted) else f"{adjusted:.3f}",
        _bounds(row, "champion_gain"),
        figure(row["skill_with"]),
    ]


def ablation_page(result: AblationResult) -> str:
    """The whole page."""
    page = Page("What each group of features adds")
    lead = [
        facts(
            [
                ("Engine", result.engine),
                ("Beside", ", ".join(result.base)),
                ("Groups tried here", result.table["group"].nunique()),
                ("Groups registered on this market", result.trials),
                ("Data", result.provenance),
            ]
        ),
        *(paragraph(text) for text in sentences(result, tuple(HORIZONS))),
        paragraph(_note(result), "note"),
        *(paragraph(text, "note") for text in [_left_out(result)] if text),
    ]
    if result.provenance == "synthetic":
        lead.insert(0, paragraph("The data are synthetic: an invented market.", "banner"))
    page.lead = join(lead)
    header = (
        "Horizon", "Verdict", "Gain of the engine, %", "Roots that gain",
        "Without its best root, %", "p over all trials", "Gain of the champion, %",
        "Engine against the cone, %",
    )  # fmt: skip
    groups = [
        (str(group), [_group_row(row) for row in rows.to_dict("records")])
        for group, rows in result.table.groupby("group", sort=False)
    ]
    caption = f"Mean over roots, in brackets {percent(LEVEL, 0)} intervals by dates"
    page.add(
        "groups",
        "Group by group",
        paragraph(
            "Every root is its own target; the fits with and without the group share folds, rows "
            "and seeds. A group that lowers the loss of an engine that loses to the cone is of "
            "use only through the champion.",
            "note",
        ),
        Table(caption, header, groups).render(),
    )
    if len(result.roots):
        page.add("roots", "Root by root", *_roots(result.roots))
    return page.render()


def _roots(roots: pd.DataFrame) -> list[Html]:
    parts = []
    for group, rows in roots.groupby("group", sort=False):
        wide = rows.pivot(index="symbol", columns="horizon", values="gain")
        wide = wide.reindex(columns=[h for h in HORIZONS if h in wide.columns])
        body: list[list[object]] = [
            [str(symbol), *map(figure, values)]
            for symbol, values in zip(wide.index, wide.to_numpy(), strict=True)
        ]
        caption = f"Gain by {group}, % of the pinball loss without it"
        parts.append(Table(caption, ("Root", *wide.columns), [("", body)]).render())
    return parts
