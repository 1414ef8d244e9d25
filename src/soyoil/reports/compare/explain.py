"""What a change between two runs comes from, in the terminal, 80 columns wide, and as a page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from rich.console import Group, RenderableType
from rich.table import Table as Grid
from rich.text import Text

from soyoil.explain.change import Planned
from soyoil.explain.result import (
    CODE,
    REPEATS,
    Explained,
    ExplainResult,
    Verdict,
    part_verdict,
    sentences,
)
from soyoil.explain.settings import CAUSES, TITLES
from soyoil.metrics.bootstrap import LEVEL
from soyoil.reports.compare.terminal import ID_LENGTH
from soyoil.reports.page import Html, Page, Table, badge, breakable, facts, join, paragraph
from soyoil.reports.panel.terminal import figure
from soyoil.reports.terminal import percent

MARKS: dict[Verdict, str] = {
    "raises": "*", "lowers": "*", "noise": " ", "no part": " ", "no band": "?",
}  # fmt: skip
TONES: dict[Verdict, str] = {"raises": "bad", "lowers": "good"}


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "a time that is not known: no fit of their engines was timed"
    if seconds < 90:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"


def plan_view(plans: Sequence[Planned], seconds: float | None) -> RenderableType:
    """What will be fitted, and how long it takes, before anything is."""
    grid = Grid(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for header in ("", "model", "differs", "fits"):
        grid.add_column(header, justify="right" if header == "fits" else "left")
    for plan in plans:
        run = plan.pair[0]
        words = ", ".join(TITLES[cause] for cause in plan.causes) or "nothing"
        grid.add_row(Text(run.horizon), Text(_model(run.model)), Text(words), str(len(plan.fits)))
    total = len({fit for plan in plans for fit in plan.fits})
    a, b = plans[0].pair
    return Group(
        Text(f"A {a.parent_name} ({a.parent_id[:ID_LENGTH]})\n"
             f"B {b.parent_name} ({b.parent_id[:ID_LENGTH]})", style="bold"),
        grid,
        Text(f"At most {total} fits, those that are kept are read; {_duration(seconds)}.\n"),
    )  # fmt: skip


def _model(name: str) -> str:
    return name.replace("_uniform", " unif.")


def _relative(cell: Explained, part: Fraction) -> str:
    return "0" if part == 0 else figure(float(part) / cell.score_a)


def _part(cell: Explained, cause: str) -> str:
    part = cell.parts[cause]
    if part == 0:
        return "0 "
    return f"{_relative(cell, part)}{MARKS[part_verdict(cause, part, cell.band)]}"


def _band(cell: Explained) -> str:
    return "" if math.isnan(cell.band) else f"±{100 * cell.band / cell.score_a:.2f}"


def _shown(cells: Sequence[Explained]) -> list[str]:
    """Causes with a column: those that differ in some cell, and the code."""
    differing = {cause for cell in cells for cause in cell.causes}
    return [*(cause for cause in CAUSES if cause in differing), CODE]


def _notes(result: ExplainResult) -> list[str]:
    lines = [
        f"Change of the {result.metric} loss in % of that of A, split over its causes (Shapley "
        "values of fits with each mix of both runs' settings: the mean over all orders of "
        "changing them one by one); the parts add up to the change. code: what is left when all "
        "others are B's, code and libraries among it.",
    ]
    if any(cell.seeds for cell in result.cells):
        seeds = max(cell.seeds for cell in result.cells)
        lines.append(
            f"* beyond the noise: ± is the {percent(LEVEL, 0)} half-width of what {seeds} seeds do "
            "to A; a part within it is noise, and that of the seed is noise in any case."
        )
    elif any(cell.causes for cell in result.cells):
        lines.append("? no band of noise was asked for (explain.seeds=0).")
    if any(cell.parts[CODE] for cell in result.cells):
        steps = "; ".join(
            f"{c.a.horizon} {c.a.model} A {_relative(c, c.steps[0])}, B {_relative(c, c.steps[1])}"
            for c in result.cells
            if c.parts[CODE]
        )
        lines.append(f"The code of now against that of A, and that of B against it, %: {steps}.")
    lines += [f"Code: {REPEATS[word]}." for word in sorted({c.repeats for c in result.cells})]
    rows = dict.fromkeys(
        f"{c.a.horizon} {c.n:,} (A {c.rows_a:,}, B {c.rows_b:,})" for c in result.cells
    )
    lines.append(f"Scored on rows that A, B and all fits have: {', '.join(rows)}.")
    return lines


def explain_view(result: ExplainResult) -> RenderableType:
    """Parts by horizon and model, and a sentence for each."""
    shown = _shown(result.cells)
    grid = Grid(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    grid.add_column("", no_wrap=True)
    grid.add_column("model", no_wrap=True)
    for header in ("change", *shown, "noise"):
        grid.add_column(header, justify="right", no_wrap=True)
    for cell in result.cells:
        grid.add_row(
            Text(cell.a.horizon),
            Text(_model(cell.a.model)),
            _relative(cell, cell.change),
            *(_part(cell, cause) for cause in shown),
            _band(cell),
        )
    return Group(
        grid,
        *(Text(line, style="dim") for line in _notes(result)),
        *(Text(line, style="bold") for line in sentences(result.cells)),
    )


def _cell_rows(cell: Explained) -> list[list[object]]:
    rows: list[list[object]] = []
    for cause in (*CAUSES, CODE):
        part = cell.parts[cause]
        verdict = part_verdict(cause, part, cell.band)
        differs = cause in cell.causes or (cause == CODE and part != 0)
        word: object = badge(verdict, TONES.get(verdict, "open")) if differs else "equal"
        if cause == CODE and not differs:
            word = "nothing left"
        rows.append(
            [
                TITLES[cause],
                f"{100 * float(part):+.4f}" if part else "0",
                _relative(cell, part) if part else "0",
                _band(cell) or "not measured",
                word,
            ]
        )
    return rows


def _heading(cell: Explained) -> str:
    return (
        f"{cell.a.horizon} {_model(cell.a.model)}: {100 * cell.score_a:.4f} to "
        f"{100 * cell.score_b:.4f}, {_relative(cell, cell.change)} % ({cell.n:,} rows, "
        f"{cell.first:%Y-%m-%d} to {cell.last:%Y-%m-%d})"
    )


def explain_page(result: ExplainResult) -> str:
    """The whole page."""
    page = Page("What the change comes from")
    a, b = result.cells[0].a, result.cells[0].b
    lead: list[Html] = [
        facts(
            [
                ("A", f"{a.parent_name} ({a.parent_id[:ID_LENGTH]})"),
                ("B", f"{b.parent_name} ({b.parent_id[:ID_LENGTH]})"),
                ("Loss", result.metric),
                ("Fits made here", result.fitted),
                ("Fits that were kept", result.kept),
                ("Data", a.tags.get("provenance", "unknown")),
            ]
        ),
        *(paragraph(line) for line in sentences(result.cells)),
        *(paragraph(line, "note") for line in _notes(result)),
    ]
    if a.tags.get("provenance") == "synthetic":
        lead.insert(0, paragraph("The data are synthetic: an invented market.", "banner"))
    page.lead = join(lead)
    header = ("Cause", "Part, % log return", "Part, % of the loss of A", "Noise, %", "Verdict")
    groups = [(_heading(cell), _cell_rows(cell)) for cell in result.cells]
    page.add("parts", "Cause by cause", Table("Parts of the change", header, groups).render())
    names = [
        (
            f"{cell.a.horizon} {_model(cell.a.model)}",
            [
                [
                    breakable(" + ".join(TITLES[c] for c in CAUSES if c in mixed) or "none"),
                    f"{100 * score:.6f}",
                ]
                for mixed, score in cell.scores.items()
            ],
        )
        for cell in result.cells
    ]
    page.add(
        "fits",
        "Fit by fit",
        paragraph("What is not named is that of A. Losses in % log return.", "note"),
        Table("Loss of every mix", ("Of B", f"{result.metric}, %"), names).render(),
    )
    return page.render()
