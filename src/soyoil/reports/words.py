"""Descriptions of runs, in Markdown."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from soyoil.market.rolls import ROLLS_UNKNOWN
from soyoil.metrics.bootstrap import LEVEL, MIN_INDEPENDENT
from soyoil.metrics.breakdown import coverage_band
from soyoil.metrics.keys import pooled
from soyoil.metrics.significance import POWER
from soyoil.reports.answers import shown_verdict
from soyoil.reports.terminal import percent

MEANINGS: Final = {
    "skill": "the interval of the pinball skill lies above zero and the test agrees",
    "no skill": "the interval of the pinball skill reaches zero, or the test finds no skill",
    "reference": "what the skill of the others is measured by",
    "unprovable": f"fewer than {MIN_INDEPENDENT:.0f} independent labels, or too few rows to test",
}
SYNTHETIC: Final = "synthetic: invented, it says nothing about a market"


@dataclass(frozen=True)
class RunFacts:
    """What the description of a run is made of.

    Attributes
    ----------
    symbol, horizon, model, target, weighting, provenance, snapshot, rolls
        As in the tags of the run.
    sessions
        Horizon in sessions.
    verdict
        Verdict on the pinball skill.
    metrics
        Pooled metrics by key.
    first, last
        First and last scored origin.
    """

    symbol: str
    horizon: str
    sessions: int
    model: str
    target: str
    weighting: str
    provenance: str
    snapshot: str
    verdict: str
    metrics: Mapping[str, float]
    first: pd.Timestamp
    last: pd.Timestamp
    rolls: str = "known"


def _interval(metrics: Mapping[str, float], key: str) -> str:
    low, high = (percent(metrics[f"{key}_{end}"], signed=True) for end in ("low", "high"))
    return f"{low} to {high}"


def _test_text(metrics: Mapping[str, float], skill: str) -> str:
    """The test of a skill in words: its p-value, and what it could have found.

    Parameters
    ----------
    metrics
        Pooled metrics by key.
    skill
        ``pinball`` or ``mae``.
    """
    p, least = (metrics[pooled(f"{name}_{skill}")] for name in ("dm_p", "detectable"))
    if p != p:
        return "no test"
    found = f"p = {p:.2f}" if p >= 0.01 else "p < 0.01"
    return f"{found}; {percent(least)} would be found with {percent(POWER, 0)}"


def data_text(provenance: str) -> str:
    """Provenance in words: what synthetic data is worth is said every time."""
    return SYNTHETIC if provenance == "synthetic" else provenance


def _rolls_item(rolls: str) -> str:
    return f"\n- **{ROLLS_UNKNOWN}**" if rolls == "unknown" else ""


def run_note(facts: RunFacts) -> str:
    """Description of one horizon and model: what it is, its verdict, what it was scored on."""
    found = facts.metrics
    n = int(found[pooled("n")])
    low, high = coverage_band(n, facts.sessions)
    level = percent(LEVEL, 0)
    rows = (
        (
            "pinball skill against `vol_cone`",
            percent(found[pooled("skill_pinball")], signed=True),
            _interval(found, pooled("skill_pinball")),
            _test_text(found, "pinball"),
        ),
        (
            "MAE skill against `random_walk`",
            percent(found[pooled("skill_mae")], signed=True),
            _interval(found, pooled("skill_mae")),
            _test_text(found, "mae"),
        ),
        (
            "80 % interval covers",
            percent(found[pooled("coverage_80")]),
            f"{percent(low)} to {percent(high)} if calibrated",
            "",
        ),
    )
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"""\
**{facts.symbol} {facts.horizon}, {facts.model}: {facts.verdict}** \
({MEANINGS.get(facts.verdict, "see docs/evaluation.md")})

Forecast of `{facts.target}`: log return over the next {facts.sessions} sessions, roll-free.

| out of sample, uniform weights | value | {level} interval | Diebold-Mariano test |
|---|---|---|---|
{table}

- Scored: {n:,} origins, {facts.first:%Y-%m-%d} to {facts.last:%Y-%m-%d}, about \
{found[pooled("independent_n")]:.0f} independent labels
- Interpolated between the three quantiles: CRPS skill against `vol_cone` \
{percent(found[pooled("skill_crps")], signed=True)}, 50 % interval covers \
{percent(found[pooled("coverage_50")])}, 90 % interval {percent(found[pooled("coverage_90")])}
- Training weights: {facts.weighting}
- Data: {data_text(facts.provenance)}; snapshot `{facts.snapshot[:12]}`{_rolls_item(facts.rolls)}
- By regime: `regime_scores.csv`, `coverage.png`; the forecasts: `cone.png`, `predictions.parquet`
"""


def _skill(row: Mapping[Hashable, Any], metric: str) -> str:
    value, low, high = (float(row[pooled(f"{metric}{end}")]) for end in ("", "_low", "_high"))
    if value != value:
        return "n/a"
    return f"{percent(value, signed=True)} [{100 * low:+.0f}, {100 * high:+.0f}]"


def pipeline_note(command: str, skill_table: pd.DataFrame | None = None) -> str:
    """Description of a pipeline run: its command and, once there, the table of all skills.

    Parameters
    ----------
    command
        Command line that repeats the run.
    skill_table
        One row per horizon and model; None before the end, and in a run of a part of the grid.
    """
    note = f"`{command}`\n\nThe runs of horizons and models are in the experiment of models.\n"
    if skill_table is None or skill_table.empty:
        return note
    data = " and ".join(data_text(str(p)) for p in skill_table["provenance"].unique())
    lines = [
        f"| {row['horizon']} | {row['model']} | {_skill(row, 'skill_pinball')} "
        f"| {_skill(row, 'skill_mae')} | {percent(float(row[pooled('coverage_80')]), 0)} "
        f"| {shown_verdict(row)} |"
        for row in skill_table.to_dict("records")
    ]
    warning = f"**{ROLLS_UNKNOWN}**\n" if "unknown" in list(skill_table.get("rolls", ())) else ""
    return "\n".join(
        (
            note + warning,
            f"Data: {data}. Skills with their {percent(LEVEL, 0)} interval:\n",
            "| horizon | model | pinball vs cone | MAE vs random walk | 80 % covers | verdict |",
            "|---|---|---|---|---|---|",
            *lines,
            "",
        )
    )
