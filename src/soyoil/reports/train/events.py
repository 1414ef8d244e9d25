"""Section of the report: scores after releases and events."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import pandas as pd

from soyoil.metrics.events import AFTER
from soyoil.reports.page import Page, Table, paragraph

_NAMES: Final = {"wasde": "WASDE", "policy": "a policy event"}


def _name(slice_name: str) -> str:
    kind, _, part = slice_name.rpartition("_")
    if kind not in _NAMES:
        return "Other sessions"
    first = f"First decision after {_NAMES[kind]}"
    return first if part == "day" else f"{AFTER} sessions after that of {_NAMES[kind]}"


def _share(value: float, *, signed: bool = False) -> str:
    if math.isnan(value):
        return "n/a"
    return f"{100 * value:+.1f}" if signed else f"{100 * value:.0f}"


def event_section(page: Page, model: str, scores: Mapping[str, pd.DataFrame]) -> None:
    """Scores of a model by what came out before the origin; nothing where no source tells.

    Parameters
    ----------
    page
        Page to append to.
    model
        Whose scores they are.
    scores
        Tables of `soyoil.metrics.events.event_scores` by horizon.
    """
    groups = [
        (
            f"Horizon {horizon}",
            [
                [
                    _name(row["slice"]),
                    f"{row['n']:.0f}",
                    f"{row['independent_n']:.1f}",
                    _share(row["skill_mae"], signed=True),
                    _share(row["skill_pinball"], signed=True),
                    _share(row["coverage_80"]),
                ]
                for row in table.to_dict("records")
            ],
        )
        for horizon, table in scores.items()
        if len(table)
    ]
    if not groups:
        return
    page.add(
        "events",
        "After releases and events",
        paragraph(
            "Origins by what had come out before their decision. Skill in %, uniform weights, no "
            "test: the slices are small. Independent labels are the sessions that the labels of a "
            "slice hold, divided by the horizon. Every model's own table is event_scores.csv of "
            "its run.",
            "note",
        ),
        Table(
            caption=f"{model} by release and event",
            header=(
                "Origins", "Rows", "Independent labels", "MAE skill", "Pinball skill",
                "80 % covers",
            ),
            groups=groups,
        ).render(),
    )  # fmt: skip
