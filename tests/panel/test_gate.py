"""The gate: each condition, its bounds and its words."""

import pandas as pd
import pytest

from soyoil.panel.gate import judge

SKILLS = {"1w": 0.01, "1m": 0.004, "3m": 0.002}


def tables(
    lows: dict[str, float] | None = None, skills: dict[tuple[str, str], float] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Twenty roots with one skill per horizon, and what is changed."""
    roots = pd.DataFrame(
        [
            {"symbol": f"R{i}", "horizon": h, "skill_pinball": (skills or {}).get((f"R{i}", h), s)}
            for h, s in SKILLS.items()
            for i in range(20)
        ]
    )
    means = pd.DataFrame(
        [
            {
                "horizon": h,
                "roots": int(rows["skill_pinball"].notna().sum()),
                "skill_pinball": rows["skill_pinball"].mean(),
                "skill_pinball_low": (lows or {}).get(str(h), 0.001),
                "positive": int((rows["skill_pinball"] > 0).sum()),
            }
            for h, rows in roots.groupby("horizon", sort=False)
        ]
    )
    return means, roots


def test_everything_holds() -> None:
    gate = judge(*tables())
    assert gate.passed
    assert gate.word == "PASS"
    assert len(gate.held) == 5
    sentence = gate.sentence("champion", "vol_cone")
    assert sentence.startswith("PASS: champion beats vol_cone across the panel: mean skill at 1w")
    assert "20 of 20 roots positive at 1m, at least 85 %" in sentence


@pytest.mark.parametrize("horizon", ["1w", "1m"])
def test_a_mean_that_may_be_zero_fails(horizon: str) -> None:
    gate = judge(*tables(lows={horizon: 0.0}))
    assert gate.failed == (
        f"mean skill at {horizon} {100 * SKILLS[horizon]:+.2f} %, lower bound +0.00 %, "
        "not above zero",
    )
    assert gate.sentence("a", "b").startswith("FAIL: the panel does not show that a beats b: mean")


def test_the_mean_of_other_horizons_is_no_condition() -> None:
    assert judge(*tables(lows={"3m": -1.0})).passed


@pytest.mark.parametrize(("losers", "passed"), [(3, True), (4, False)])
def test_share_of_positive_roots(losers: int, passed: bool) -> None:
    gate = judge(*tables(skills={(f"R{i}", "1m"): 0.0 for i in range(losers)}))
    assert gate.passed is passed
    if not passed:
        assert gate.failed == ("16 of 20 roots positive at 1m, fewer than 85 %",)


@pytest.mark.parametrize(("skill", "passed"), [(-0.005, True), (-0.00501, False)])
def test_the_worst_root_at_any_horizon(skill: float, passed: bool) -> None:
    gate = judge(*tables(skills={("R7", "3m"): skill}))
    assert gate.passed is passed
    assert "R7 -0.50 % at 3m" in " ".join((*gate.held, *gate.failed))


def test_a_horizon_without_a_scored_root_fails() -> None:
    nothing = {(f"R{i}", h): float("nan") for i in range(20) for h in SKILLS}
    gate = judge(*tables(skills=nothing))
    assert gate.failed == ("no root could be scored at 1w", "no root could be scored at 1m")


def test_of_many_roots_below_the_bound_the_worst_are_named() -> None:
    skills = {(f"R{i}", "3m"): -0.01 - i / 1000 for i in range(12)}
    (text,) = judge(*tables(skills=skills)).failed
    assert text.startswith("below -0.50 %: R11 -2.10 % at 3m, R10 -2.00 % at 3m, ")
    assert text.endswith(", R4 -1.40 % at 3m, and 4 more")
