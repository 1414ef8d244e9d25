"""Progress and results in the terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from soyoil.base.terminal import bar_on
from soyoil.metrics.keys import pooled
from soyoil.models.registry import REFERENCES
from soyoil.reports.answers import shown_verdict

Advance = Callable[[int, int], None]

COLUMNS: Final = (
    "MAE skill %\nvs random walk",
    "pinball skill %\nvs vol cone",
    "80 %\ncovers",
    "n/h",
    "verdict",
    "s",
)


REFERENCE_OF: Final = {"MAE": "random_walk", "pinball": "vol_cone"}
"""What each skill is measured by; its own skill is nothing."""


@contextmanager
def progress_bar(label: str, total: int | None = None) -> Iterator[Advance]:
    """Show a progress bar that vanishes when the work is done.

    Where the output is no terminal nothing is drawn: logs keep one line per finished result.

    Parameters
    ----------
    label
        What is being done.
    total
        Units in all, if known at the start.

    Yields
    ------
    Callable
        To be called with (units done, units in all).
    """
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar_on(console), bar as progress:
        task = progress.add_task(label, total=total)

        def advance(done: int, of: int) -> None:
            progress.update(task, completed=done, total=of)

        yield advance


def percent(value: float, digits: int = 1, *, signed: bool = False) -> str:
    """A share as per cent; ``n/a`` if it does not exist."""
    if math.isnan(value):
        return "n/a"
    sign = "+" if signed else ""
    return f"{100 * value:{sign}.{digits}f} %"


def result_line(scores: Mapping[str, Any]) -> str:
    """One line per finished horizon and model, short enough for a terminal of 80 columns.

    The skills are those of `skill_table`, which has their intervals and the rest.
    """
    model = str(scores["model"]).replace("_uniform", " unif.")
    said = {
        name: f"{name} {percent(scores[pooled(f'skill_{name.lower()}')], signed=True)}"
        for name, own in REFERENCE_OF.items()
        if own != scores["model"]
    }
    return f"{scores['horizon']} {model}: skill {', '.join(said.values())}, {shown_verdict(scores)}"


def _count(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


_LOSS: Final = {"skill_mae": "MAE", "skill_pinball": "pinball"}


def _with_interval(row: Mapping[str, Any], metric: str) -> str:
    """A skill with the bounds of its interval, per cent; a dash for what it is measured by."""
    if row["model"] in REFERENCES and row["model"] == REFERENCE_OF[_LOSS[metric]]:
        return "-"
    value, low, high = (row[pooled(f"{metric}{part}")] for part in ("", "_low", "_high"))
    if any(math.isnan(v) for v in (value, low, high)):
        return "n/a"
    return f"{100 * value:+.1f} [{100 * low:+.0f},{100 * high:+.0f}]"


def skill_table(
    scores: Sequence[Mapping[str, Any]], title: str = "Skill out of sample", *, spaced: bool = True
) -> Table:
    """Table of horizon x model with both skills, their intervals and the verdict.

    It fits a terminal of 80 columns. Regime-weighted values are in ``skill_table.csv``.

    Parameters
    ----------
    scores
        One mapping per horizon and model: ``horizon``, ``model``, ``seconds``, ``verdict`` and
        the pooled metrics by key.
    title
        What they are of, and what they were scored on.
    spaced
        Whether horizons stand apart.
    """
    table = Table(
        title=title,
        caption=(
            "skill = 1 - loss / loss of the reference, uniform weights, with its 90 % interval; "
            "negative: the reference was better. n/h: scored rows over the horizon, about the "
            "number of independent labels. The verdict is on the pinball skill."
        ),
        box=None,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for header in ("", "model"):
        table.add_column(header, no_wrap=True)
    for header in COLUMNS:
        table.add_column(header, justify="right", no_wrap=True)
    previous = None
    for row in scores:
        first = row["horizon"] != previous
        if spaced and first and previous is not None:
            table.add_row()
        previous = row["horizon"]
        table.add_row(
            str(row["horizon"]) if first else "",
            str(row["model"]).replace("_uniform", " unif."),
            _with_interval(row, "skill_mae"),
            _with_interval(row, "skill_pinball"),
            f"{100 * row[pooled('coverage_80')]:.0f}",
            _count(row[pooled("independent_n")]),
            shown_verdict(row),
            f"{row['seconds']:.0f}" if row["seconds"] else "",
        )
    return table
