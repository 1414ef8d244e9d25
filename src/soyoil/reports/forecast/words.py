"""What a forecast says, in words for those who buy."""

from __future__ import annotations

import datetime as dt

from soyoil.forecast.outlook import Outlook
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


def trust(outlook: Outlook) -> str:
    """What the record of the rule says about this horizon."""
    record = outlook.record
    if not record.n:
        return "No forecast of this horizon has come due in the data yet."
    return (
        f"So far {percent(record.coverage, 0)} of {record.n:,} outcomes were inside the interval "
        f"(about {record.independent_n:.0f} that do not overlap); skill against the vol cone "
        f"{percent(record.skill, 2, signed=True)} [{100 * record.low:+.1f}, "
        f"{100 * record.high:+.1f}], {record.verdict}."
    )
