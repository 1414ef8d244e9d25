"""Section of the report: what the champion is made of, and what the engines add to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pandas as pd

from soyoil.market.conventions import EXPERT_WEIGHT
from soyoil.metrics.champion import ENGINES_ADD
from soyoil.models.registry import CHAMPION
from soyoil.reports.figures import expert_weights_figure, thin
from soyoil.reports.page import Page, Table, breakable, paragraph
from soyoil.reports.terminal import percent

SEEN: Final = 0.0005
"""Share of the loss below which nothing is said to be added: it would be shown as 0.0 %."""


def engines_add(skill_table: pd.DataFrame) -> str:
    """One sentence that says what the engines add to the cones, by horizon.

    Parameters
    ----------
    skill_table
        As the evaluate stage writes it; the champion's rows have ``champion.engines_add``.
    """
    added = {
        str(row["horizon"]): float(row[ENGINES_ADD])
        for row in skill_table.to_dict("records")
        if row["model"] == CHAMPION
    }
    some = any(abs(value) >= SEEN for value in added.values())
    shown = {h: value if abs(value) >= SEEN else 0.0 for h, value in added.items()}
    listed = ", ".join(f"{percent(value, signed=True)} at {h}" for h, value in shown.items())
    return (
        f"Against the cones mixed alone, the engines change the champion's pinball loss by a "
        f"skill of {listed}."
        if some
        else "The engines add nothing to the cones: without them the champion's pinball loss "
        f"is the same to {percent(SEEN, 2)} at every horizon."
    )


def champion_section(
    page: Page, skill_table: pd.DataFrame, experts: Mapping[str, pd.DataFrame]
) -> None:
    """Weights of the experts: the last as a table, all as a figure with a view per horizon.

    Parameters
    ----------
    page
        Page to append to.
    skill_table
        As the evaluate stage writes it.
    experts
        Weights by horizon, as `soyoil.models.champion.Mixed` has them, with ``data_date``.
    """
    names = {
        name: name.removeprefix(EXPERT_WEIGHT)
        for frame in experts.values()
        for name in frame.columns
        if name.startswith(EXPERT_WEIGHT)
    }
    last = {horizon: frame.iloc[-1] for horizon, frame in experts.items()}
    rows = [
        [breakable(shown), *(f"{100 * float(row[name]):.1f}" for row in last.values())]
        for name, shown in names.items()
    ]
    table = Table(
        caption="Weight of each expert on the last scored session, in %",
        header=("Expert", *experts),
        groups=[("", rows)],
    )
    views = [
        (horizon, expert_weights_figure(thin(frame), "")) for horizon, frame in experts.items()
    ]
    page.add(
        "champion",
        "Champion",
        paragraph(engines_add(skill_table)),
        paragraph(
            "The champion mixes the cones and the engines anew each session, by what their "
            "forecasts have cost on labels that had ended before. The vol cone starts with most "
            "of the weight, so that a model that loses to it costs little.",
            "note",
        ),
        table.render(),
        page.figure(views, "Weights of the experts over the scored sessions"),
    )
