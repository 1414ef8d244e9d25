"""Whether a model may be given out under an alias: the gate and its reasons."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from soyoil.metrics.bootstrap import MIN_INDEPENDENT
from soyoil.metrics.breakdown import coverage_band
from soyoil.metrics.evaluate import MIN_SKILL, skill
from soyoil.metrics.losses import row_losses
from soyoil.models.registry import CHAMPION


@dataclass(frozen=True)
class Check:
    """One condition.

    Attributes
    ----------
    name
        Short name, a tag of the registered version.
    passed
        Whether it holds.
    reason
        What was found, with the bound.
    """

    name: str
    passed: bool
    reason: str


@dataclass(frozen=True)
class GateReport:
    """What the gate found of one model.

    Attributes
    ----------
    model
        Name of the model.
    checks
        All conditions.
    skill
        Pinball skill against the vol cone on its scored rows.
    """

    model: str
    checks: Sequence[Check]
    skill: float

    @property
    def passed(self) -> bool:
        """Whether every condition holds."""
        return all(check.passed for check in self.checks)

    @property
    def reason(self) -> str:
        """What did not hold; what was found, if all did."""
        failed = [check.reason for check in self.checks if not check.passed]
        return "; ".join(failed or [check.reason for check in self.checks])


def _rows_check(model: pd.DataFrame, references: Mapping[str, pd.DataFrame]) -> Check:
    counts = {len(frame) for frame in references.values()}
    dates = model["data_date"].to_numpy()
    same = all(np.array_equal(f["data_date"].to_numpy(), dates) for f in references.values())
    reason = f"scored on {len(model):,} rows, the references on {max(counts):,}"
    return Check("rows", same, reason)


def _coverage_check(covered: float, n: int, sessions: int) -> Check:
    low, high = coverage_band(n, sessions)
    reason = (
        f"{100 * covered:.0f} % of outcomes inside the 80 % interval, "
        f"{100 * low:.0f} to {100 * high:.0f} % allowed"
    )
    return Check("coverage", low <= covered <= high, reason)


def _evidence_check(n: int, sessions: int) -> Check:
    independent = n / sessions
    reason = f"{independent:.1f} labels that do not overlap, at least {MIN_INDEPENDENT:.0f} wanted"
    return Check("evidence", independent >= MIN_INDEPENDENT, reason)


def judge(
    model: str,
    predictions: pd.DataFrame,
    references: Mapping[str, pd.DataFrame],
    sessions: int,
    leak: Check,
) -> GateReport:
    """Judge the forecasts of a walk-forward.

    Parameters
    ----------
    model
        Name of the model.
    predictions
        Its scored rows.
    references
        Scored rows of the references by name, ``vol_cone`` among them.
    sessions
        Horizon h.
    leak
        What the leak check found.

    Returns
    -------
    GateReport
        Conditions: the same scored rows as the references; no leak; coverage within the band of a
        calibrated interval; pinball skill of at least `MIN_SKILL` against every reference; and for
        an engine enough labels that do not overlap. What the champion gives is close to the cone
        whatever the data, so few labels are no reason to leave it.
    """
    losses = row_losses(predictions)
    dates = pd.Index(predictions["data_date"])
    own = float(losses["pinball"].mean())
    checks = [
        _rows_check(predictions, references),
        leak,
        _coverage_check(float(losses["covered"].mean()), len(losses), sessions),
    ]
    against = {}
    for name, frame in references.items():
        rows = frame[frame["data_date"].isin(dates)]
        against[name] = skill(own, float(row_losses(rows)["pinball"].mean()))
        good = not math.isnan(against[name]) and against[name] >= MIN_SKILL
        reason = (
            f"pinball skill against {name} {100 * against[name]:+.2f} %, "
            f"at least {100 * MIN_SKILL:.1f} % wanted"
        )
        checks.append(Check(f"skill.{name}", good, reason))
    if model != CHAMPION:
        checks.append(_evidence_check(len(losses), sessions))
    return GateReport(model, tuple(checks), against["vol_cone"])


def aliases(reports: Sequence[GateReport]) -> dict[str, str]:
    """Model by alias, as far as one passed.

    Parameters
    ----------
    reports
        Of all models of a horizon: `CHAMPION`, and engines, the best of which is ``challenger``.
    """
    passed = [report for report in reports if report.passed]
    found = {report.model: CHAMPION for report in passed if report.model == CHAMPION}
    engines = [report for report in passed if report.model != CHAMPION]
    if engines:
        found["challenger"] = max(engines, key=lambda report: report.skill).model
    return found
