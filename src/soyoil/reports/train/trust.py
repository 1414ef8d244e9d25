"""Section of the report: whether the forecast can be trusted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import pandas as pd

from soyoil.metrics.bootstrap import LEVEL, MIN_INDEPENDENT
from soyoil.metrics.breakdown import coverage_band
from soyoil.metrics.keys import pooled
from soyoil.models.engines import is_ablation
from soyoil.models.registry import CHAMPION
from soyoil.reports.answers import (
    CONE_NOTE,
    Row,
    answers,
    by_horizon,
    champion_of,
    coverage_judgement,
    scored_rows,
    shown_verdict,
)
from soyoil.reports.figures import skill_card
from soyoil.reports.page import Html, Page, Table, badge, breakable, details, listed, paragraph
from soyoil.reports.terminal import percent
from soyoil.targets.horizons import HORIZONS

SKILL_RANGE: Final = 40
"""Per cent: at long horizons the intervals are so wide that nothing else would be seen."""

NOT_DRAWN: Final = ("drift", "vol_cone")

VERDICT_KINDS: Final = {
    "skill": "good",
    "no skill": "bad",
    "unprovable": "open",
    "reference": "reference",
}


def _skill_cell(row: Row, metric: str) -> Html:
    value, low, high = (
        100 * float(str(row[pooled(f"{metric}{part}")])) for part in ("", "_low", "_high")
    )
    if math.isnan(value):
        return Html("n/a")
    digits = 0 if max(abs(low), abs(high)) >= 9.95 else 1
    interval = f"[{low:+.{digits}f}, {high:+.{digits}f}]" if not math.isnan(low) else ""
    return Html(f'{value:+.1f}<span class="interval">{interval}</span>')


def _verdict(row: Row) -> Html:
    shown = shown_verdict(row)
    return badge(shown, VERDICT_KINDS[shown])


def _coverage_badge(row: Row) -> Html:
    judged = coverage_judgement(
        float(row[pooled("coverage_80")]), scored_rows(row), HORIZONS[row["horizon"]].sessions
    )
    return badge(judged or "as promised", "bad" if judged else "good")


def _champion_table(table: Sequence[Row]) -> Table | None:
    rows = []
    for horizon, of_horizon in by_horizon(table).items():
        row = champion_of(of_horizon)
        if row is None:
            continue
        low, high = coverage_band(max(scored_rows(row), 1), HORIZONS[horizon].sessions)
        rows.append(
            [
                horizon,
                percent(float(row[pooled("coverage_80")]), 0),
                f"{100 * low:.0f} to {100 * high:.0f} %",
                _coverage_badge(row),
                _skill_cell(row, "skill_pinball"),
                f"{row[pooled('independent_n')]:.0f}",
                _verdict(row),
            ]
        )
    if not rows:
        return None
    return Table(
        caption=(
            f"{CHAMPION.capitalize()} on days it had not seen: outcomes inside its 80 % interval, "
            f"and what it gains on the cone, in % with the {percent(LEVEL, 0)} interval"
        ),
        header=(
            "Horizon", "Held", "A right one holds", "Interval", "Gain on the cone",
            "Independent labels", "Verdict",
        ),
        groups=[("", rows)],
        text_columns=frozenset({0, 3, 6}),
        extra_columns=frozenset({2, 5}),
    )  # fmt: skip


def _all_models(table: Sequence[Row]) -> Html:
    groups = [
        (
            f"Horizon {horizon}",
            [
                [
                    breakable(row["model"]),
                    _skill_cell(row, "skill_mae"),
                    _skill_cell(row, "skill_pinball"),
                    f"{100 * row[pooled('coverage_80')]:.0f}",
                    f"{row[pooled('independent_n')]:.1f}",
                    _verdict(row),
                ]
                for row in rows
            ],
        )
        for horizon, rows in by_horizon(table).items()
    ]
    return Table(
        caption=(
            f"Out-of-sample skill in % with its {percent(LEVEL, 0)} interval, uniform weights: MAE "
            "against the random walk, pinball against the vol cone"
        ),
        header=("Model", "MAE skill", "Pinball skill", "80 % covers", "n / h", "Verdict"),
        groups=groups,
        text_columns=frozenset({0, 5}),
        extra_columns=frozenset({4}),
    ).render()


def _drawn(skill_table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the figure: all but the ablations, the drift and the cone, which is zero."""
    names = skill_table["model"]
    return skill_table[~(names.map(is_ablation) | names.isin(NOT_DRAWN))]


def trust_section(page: Page, skill_table: pd.DataFrame) -> None:
    """A line per horizon in words, coverage and skill of the champion, then every model.

    Parameters
    ----------
    page
        Page to append to.
    skill_table
        One row per horizon and model, as the evaluate stage writes it.
    """
    table = [dict(row) for row in skill_table.to_dict("records")]
    champion = _champion_table(table)
    page.add(
        "trust",
        "Can it be trusted?",
        listed([f"{name}: {text}." for name, text in answers(table).items()]),
        paragraph(
            f"{CONE_NOTE} A range can be right although nothing beats the cone: then plan with the "
            "range, and with no direction. A gain on the cone says that a range fits better; it "
            "claims no direction either.",
            "note",
        ),
        champion.render() if champion is not None else paragraph("No champion was scored."),
        page.figure(
            skill_card(_drawn(skill_table), "").update_xaxes(range=[-SKILL_RANGE, SKILL_RANGE]),
            "Gain on the cone (pinball skill) with its interval, cut at "
            f"±{SKILL_RANGE} %: a model is better where the whole bar lies right of zero",
        ),
        details(
            "Every model and both references as a table",
            paragraph(
                "Skill is 1 minus the loss over that of the reference on the same rows: above "
                "zero the model was better. The verdict is about the pinball skill: interval and "
                "test have to agree. n / h is about the number of independent labels, and with "
                f"fewer than {MIN_INDEPENDENT:.0f} nothing can be proved. Nothing corrects for "
                "having looked at several models.",
                "note",
            )
            + _all_models(table),
        ),
    )
