"""Whether the evidence of a panel is enough to believe in a method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pandas as pd

GATE_HORIZONS: Final = ("1w", "1m")
"""Horizons with enough independent labels for a panel to prove something."""

MIN_SHARE: Final = 0.85
"""Least share of roots with a positive skill at these horizons."""

WORST: Final = -0.005
"""No root may be worse than this at any horizon."""

_SHOWN: Final = 8
"""Most roots and horizons below it that are named."""


@dataclass(frozen=True)
class Gate:
    """Verdict on a method.

    Attributes
    ----------
    held, failed
        Conditions that hold, and those that do not, in words with their figures.
    """

    held: tuple[str, ...]
    failed: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether every condition holds."""
        return not self.failed

    @property
    def word(self) -> str:
        """``PASS`` or ``FAIL``."""
        return "PASS" if self.passed else "FAIL"

    def sentence(self, model: str, reference: str) -> str:
        """The verdict with its reasons: the failed conditions, or else all of them."""
        if self.passed:
            return f"PASS: {model} beats {reference} across the panel: {'; '.join(self.held)}."
        return (
            f"FAIL: the panel does not show that {model} beats {reference}: "
            f"{'; '.join(self.failed)}."
        )


def _percent(value: float) -> str:
    return f"{100 * value:+.2f} %"


def judge(means: pd.DataFrame, roots: pd.DataFrame) -> Gate:
    """Judge one model.

    Parameters
    ----------
    means
        One row per horizon: ``horizon``, ``roots``, ``skill_pinball``, ``skill_pinball_low``,
        ``positive``.
    roots
        Counted roots: ``symbol``, ``horizon``, ``skill_pinball``; NaN where there is none.

    Returns
    -------
    Gate
        The lower bound of the mean is above zero and at least `MIN_SHARE` of the roots are
        positive at every one of `GATE_HORIZONS`, and no root is below `WORST` at any horizon.
    """
    held: list[str] = []
    failed: list[str] = []
    by_horizon = {row["horizon"]: row for row in means.to_dict("records")}
    for horizon in GATE_HORIZONS:
        row = by_horizon.get(horizon, {"roots": 0})
        count = int(row["roots"])
        if count == 0:
            failed.append(f"no root could be scored at {horizon}")
            continue
        low, positive = float(row["skill_pinball_low"]), int(row["positive"])
        mean = _percent(float(row["skill_pinball"]))
        good = low > 0
        relation = "above zero" if good else "not above zero"
        text = f"mean skill at {horizon} {mean}, lower bound {_percent(low)}, {relation}"
        (held if good else failed).append(text)
        good = positive >= MIN_SHARE * count
        relation = "at least" if good else "fewer than"
        text = (
            f"{positive} of {count} roots positive at {horizon}, {relation} {100 * MIN_SHARE:.0f} %"
        )
        (held if good else failed).append(text)
    scored = roots.dropna(subset="skill_pinball").sort_values("skill_pinball")
    below = scored[scored["skill_pinball"] < WORST]
    names = [
        f"{symbol} {_percent(value)} at {horizon}"
        for symbol, value, horizon in zip(
            below["symbol"], below["skill_pinball"], below["horizon"], strict=True
        )
    ]
    if len(names) > _SHOWN:
        names[_SHOWN:] = [f"and {len(names) - _SHOWN} more"]
    if len(below):
        failed.append(f"below {_percent(WORST)}: {', '.join(names)}")
    elif len(scored):
        first = scored.iloc[0]
        held.append(
            f"no root below {_percent(WORST)} (worst {first['symbol']} "
            f"{_percent(float(first['skill_pinball']))} at {first['horizon']})"
        )
    return Gate(tuple(held), tuple(failed))
