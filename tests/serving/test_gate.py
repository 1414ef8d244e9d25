"""The gate: each condition alone keeps a model out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from soyoil.serving.gate import Check, GateReport, aliases, judge

NO_LEAK = Check("leak", passed=True, reason="none found")
Z = 1.2816


def scored(n: int = 2000, width: float = 1.0, shift: float = 0.0, seed: int = 3) -> pd.DataFrame:
    y = np.random.default_rng(seed).normal(size=n)
    days = pd.date_range("2015-01-01", periods=n, unit="us")
    return pd.DataFrame(
        {
            "data_date": days,
            "q10": shift - width * Z,
            "q50": shift,
            "q90": shift + width * Z,
            "y": y,
        }
    )


def report(model: str = "lightgbm", predictions: pd.DataFrame | None = None, leak: Check = NO_LEAK,
           sessions: int = 5) -> GateReport:  # fmt: skip
    references = {"random_walk": scored(), "vol_cone": scored()}
    given = scored() if predictions is None else predictions
    return judge(model, given, references, sessions, leak)


def failed(found: GateReport) -> list[str]:
    return [check.name for check in found.checks if not check.passed]


def test_what_is_as_good_as_the_references_passes() -> None:
    found = report()
    assert found.passed
    assert failed(found) == []
    assert found.skill == 0.0
    assert "scored on 2,000 rows" in found.reason


def test_each_condition_is_told_by_name() -> None:
    leak = Check("leak", passed=False, reason="forecasts differ")
    assert failed(report(leak=leak)) == ["leak"]
    assert failed(report(predictions=scored().iloc[500:])) == ["rows"]
    # A little too narrow: coverage leaves its band before the loss does.
    narrow = report(predictions=scored(width=0.9))
    assert failed(narrow) == ["coverage"]
    assert "% of outcomes inside the 80 % interval" in narrow.reason
    worse = report(predictions=scored(shift=0.15))
    assert failed(worse) == ["skill.random_walk", "skill.vol_cone"]
    assert "at least -0.5 % wanted" in worse.reason


@pytest.mark.parametrize(("shift", "passes"), [(0.05, True), (0.15, False)])
def test_a_loss_of_half_a_percent_is_the_bound(shift: float, passes: bool) -> None:
    found = report(predictions=scored(shift=shift))
    assert (found.skill >= -0.005) is passes
    assert found.passed is passes


def test_few_labels_keep_an_engine_out_and_not_the_champion() -> None:
    few = {"predictions": scored(), "sessions": 252}
    assert failed(report("lightgbm", **few)) == ["evidence"]
    assert failed(report("champion", **few)) == []


def test_aliases_go_to_the_champion_and_to_the_best_engine_that_passed() -> None:
    bad = (Check("leak", passed=False, reason="x"),)
    good = (NO_LEAK,)
    reports = [
        GateReport("champion", good, 0.0),
        GateReport("lightgbm", good, 0.01),
        GateReport("xgboost", good, 0.02),
        GateReport("tft", bad, 0.30),
    ]
    assert aliases(reports) == {"champion": "champion", "challenger": "xgboost"}
    assert aliases([GateReport("champion", bad, 0.0), reports[3]]) == {}
