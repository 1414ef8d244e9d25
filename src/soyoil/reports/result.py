"""The result of a run at the end of its log: words first, then the table."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console

from soyoil.forecast.outlook import Outlook
from soyoil.market.instruments import get_instrument
from soyoil.market.rolls import ROLLS_UNKNOWN, data_text
from soyoil.metrics.keys import pooled
from soyoil.models.engines import ENGINES
from soyoil.reports.answers import CONE_NOTE, Row, answers, by_horizon, champion_of
from soyoil.reports.terminal import skill_table

WIDTH: Final = 80
"""Columns: what is kept as a text must read everywhere."""
_PLAIN: Final[dict[str, Any]] = {"markup": False, "highlight": False, "soft_wrap": True}


@dataclass(frozen=True)
class About:
    """What scores are of.

    Attributes
    ----------
    symbol
        Root.
    provenance, rolls
        As in the tags of a run.
    outlooks
        Forecasts from the last session; empty where none were made.
    """

    symbol: str
    provenance: str
    rolls: str = "known"
    outlooks: Sequence[Outlook] = ()

    @property
    def data(self) -> str:
        """What the data is, in words."""
        return data_text(self.provenance, self.rolls)


def _title(about: About) -> str:
    said = f"Result for {about.symbol}, {about.data}"
    if not about.outlooks:
        return said
    first = about.outlooks[0]
    unit = get_instrument(about.symbol).unit
    return f"{said}, from {first.origin:%Y-%m-%d} at {first.close:.2f} {unit}"


def shown_models(rows: Sequence[Row]) -> list[Row]:
    """Of one horizon the champion, and the best engine."""
    champion = champion_of(rows)
    key = pooled("skill_pinball")
    engines = [row for row in rows if row["model"] in ENGINES and row[key] == row[key]]
    best = max(engines, key=lambda row: float(row[key]), default=None)
    return [row for row in (champion, best) if row is not None]


def result_text(scores: Sequence[Row], about: About) -> str:
    """A line per horizon in words, and below it a short table of what they come from.

    Both fit on one screen; the table of all models is `table_text`.

    Parameters
    ----------
    scores
        Rows of the skill table.
    about
        What they are of.

    Returns
    -------
    str
        Lines of 80 columns at most.
    """
    out = io.StringIO()
    console = Console(file=out, width=WIDTH)
    console.print(f"\n{_title(about)}", **_PLAIN)
    lines = answers(scores, about.outlooks)
    width = max(map(len, lines), default=0) + 1
    for horizon, text in lines.items():
        console.print(f"  {f'{horizon}:':<{width}} {text}", **_PLAIN)
    console.print(f"{CONE_NOTE}\n", **_PLAIN)
    short = [row for rows in by_horizon(scores).values() for row in shown_models(rows)]
    title = "Champion and best engine, out of sample"
    console.print(skill_table(short, title, spaced=False))
    if about.rolls == "unknown":
        console.print(ROLLS_UNKNOWN, markup=False, highlight=False)
    return _without_ends(out.getvalue())


def table_text(scores: Sequence[Row], about: About) -> str:
    """Every model and both references of every horizon; takes what `result_text` does."""
    out = io.StringIO()
    Console(file=out, width=WIDTH).print(skill_table(scores, f"Skill out of sample, {about.data}"))
    return _without_ends(out.getvalue())


def _without_ends(text: str) -> str:
    """Text without the spaces with which rich fills its lines."""
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())
