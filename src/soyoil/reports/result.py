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
from soyoil.reports.answers import CONE_NOTE, Row, answers
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


def result_text(scores: Sequence[Row], about: About) -> str:
    """A line per horizon in words, and below it the table that they come from.

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
    console.print(CONE_NOTE, **_PLAIN)
    console.print()
    console.print(skill_table(scores, about.data))
    if about.rolls == "unknown":
        console.print(ROLLS_UNKNOWN, markup=False, highlight=False)
    return out.getvalue()
