"""What a run says of each horizon, in one line of words: for who is no statistician."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from soyoil.forecast.outlook import Outlook
from soyoil.metrics.bootstrap import MIN_INDEPENDENT
from soyoil.metrics.breakdown import coverage_band
from soyoil.metrics.keys import pooled
from soyoil.models.registry import CHAMPION, REFERENCES
from soyoil.targets.horizons import HORIZONS

Row = Mapping[Any, Any]
"""Row of the skill table: ``horizon``, ``model``, ``verdict`` and the pooled metrics by key."""

CONE_NOTE: Final = "The cone: the range that past price swings alone give, without a direction."


def shown_verdict(row: Row) -> str:
    """Verdict of a model for people; the two that all are measured by have none."""
    return "reference" if row["model"] in REFERENCES else str(row["verdict"])


def comparison(rows: Sequence[Row]) -> str:
    """Whether anything beats the cone.

    Parameters
    ----------
    rows
        Rows of one horizon; the references among them are passed over.
    """
    models = [row for row in rows if row["model"] not in REFERENCES]
    if not models:
        return "no model was scored"
    better = [row for row in models if row["verdict"] == "skill"]
    if better:
        best = max(better, key=lambda row: float(row[pooled("skill_pinball")]))
        others = len(better) - 1
        also = f" and {others} other{'s' if others > 1 else ''}" if others else ""
        verb = "beat" if others else "beats"
        return f"{best['model']}{also} {verb} the cone by {_percent(best)}"
    if all(row["verdict"] == "unprovable" for row in models):
        most = max(float(row[pooled("independent_n")]) for row in models)
        if most < MIN_INDEPENDENT:
            return f"too few labels to tell ({most:.0f} of {MIN_INDEPENDENT:.0f} needed)"
        return "too few scored days to tell"
    return "nothing beats the cone"


def _percent(row: Row) -> str:
    return f"{100 * float(row[pooled('skill_pinball')]):.1f} %"


def champion_of(rows: Sequence[Row]) -> Row | None:
    """Row of the champion; None if there is none."""
    return next((row for row in rows if row["model"] == CHAMPION), None)


def coverage_judgement(coverage: float, n: int, sessions: int) -> str:
    """Whether an 80 % interval is as wide as it says: ``""`` if it is, else in two words.

    Parameters
    ----------
    coverage
        Share of outcomes inside.
    n, sessions
        Scored rows, and the horizon in sessions.

    Examples
    --------
    >>> coverage_judgement(0.79, 2000, 5), coverage_judgement(0.6, 2000, 5)
    ('', 'too narrow')
    """
    if math.isnan(coverage) or n < 1:
        return ""
    low, high = coverage_band(n, sessions)
    return "too narrow" if coverage < low else "too wide" if coverage > high else ""


def scored_rows(row: Row) -> int:
    """Number of scored rows behind a row of the skill table."""
    return round(float(row[pooled("independent_n")]) * HORIZONS[row["horizon"]].sessions)


def _coverage(row: Row) -> str:
    held = float(row[pooled("coverage_80")])
    said = coverage_judgement(held, scored_rows(row), HORIZONS[row["horizon"]].sessions)
    return f", {said} so far: held {100 * held:.0f} %" if said else ""


def range_text(outlook: Outlook) -> str:
    """The 80 % interval of a forecast as a change in per cent."""
    low, high = (100 * math.expm1(outlook.quantiles[i]) for i in (0, 2))
    return f"80 % between {low:+.1f} and {high:+.1f} %"


def answer(rows: Sequence[Row], outlook: Outlook | None = None) -> str:
    """One line about one horizon, short enough for a terminal of 80 columns.

    Parameters
    ----------
    rows
        Its rows of the skill table.
    outlook
        Its forecast; None where none was made.

    Returns
    -------
    str
        As ``nothing beats the cone; 80 % between -8.1 and +8.8 %``; says so where the champion's
        interval has held too few or too many outcomes, and where there is no champion.
    """
    champion = champion_of(rows)
    parts = [comparison(rows)]
    if champion is None:
        parts.append("no champion was scored")
    covered = "" if champion is None else _coverage(champion)
    if outlook is not None:
        parts.append(range_text(outlook) + covered)
    elif covered:
        parts.append(f"80 % interval{covered}".replace("interval,", "interval"))
    return "; ".join(parts)


def by_horizon(table: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows of the skill table by horizon, in their order."""
    found: dict[str, list[Row]] = {}
    for row in table:
        found.setdefault(str(row["horizon"]), []).append(row)
    return found


def answers(table: Sequence[Row], outlooks: Sequence[Outlook] = ()) -> dict[str, str]:
    """One line per horizon.

    Parameters
    ----------
    table
        All rows of the skill table.
    outlooks
        Forecasts of some of the horizons.
    """
    made = {outlook.horizon.name: outlook for outlook in outlooks}
    return {name: answer(rows, made.get(name)) for name, rows in by_horizon(table).items()}
