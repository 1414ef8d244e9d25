"""What a forecast says, in words for those who buy."""

from __future__ import annotations

import datetime as dt

from soyoil.forecast.outlook import Outlook
from soyoil.reports.answers import coverage_judgement
from soyoil.reports.terminal import percent

NEAR_EVEN = 0.005
"""Probabilities that differ from one half by less are no direction."""


def day(date: dt.date) -> str:
    """A date in words."""
    return f"{date.day} {date:%B %Y}"


def sentence(outlook: Outlook, unit: str) -> str:
    """One sentence: the interval in prices, and whether a direction can be claimed."""
    low, high = outlook.price(0), outlook.price(2)
    higher = outlook.probability_higher
    even = abs(higher - 0.5) < NEAR_EVEN
    direction = (
        "no direction can be claimed"
        if even or outlook.record.verdict != "skill"
        else f"the probability of a higher price is {percent(higher, 0)}"
    )
    return (
        f"By {day(outlook.target_date)}, with 80 % probability between {low:.2f} and "
        f"{high:.2f} {unit}; {direction}."
    )


VERDICTS = {
    "skill": "it beats the cone of past price swings",
    "no skill": "it is not shown to beat the cone of past price swings",
    "unprovable": "too few to tell whether it beats the cone of past price swings",
}


def trust(outlook: Outlook) -> str:
    """What the record of the rule says about this horizon, for those who buy."""
    record = outlook.record
    if not record.n:
        return "No forecast of this horizon has come due in the data yet."
    judged = coverage_judgement(record.coverage, record.n, outlook.horizon.sessions)
    return (
        f"Of {record.n:,} past outcomes (about {record.independent_n:.0f} that do not overlap) "
        f"{percent(record.coverage, 0)} lay inside such a range, 80 % were promised: "
        f"{judged or 'as it should be'}. Gain on the cone "
        f"{percent(record.skill, 1, signed=True)} [{100 * record.low:+.1f}, "
        f"{100 * record.high:+.1f}]: {VERDICTS[record.verdict]}."
    )
