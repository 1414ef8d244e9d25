"""The alarm on coverage: seldom ever without a cause, soon with one."""

import numpy as np
import pytest

from soyoil.forecast.monitor import ALARM, anytime_p

Z = 1.2816


def outcomes(rng: np.random.Generator, n: int, sessions: int, width: float = 1.0) -> np.ndarray:
    """Whether overlapping sums of h returns fall into an interval of a width."""
    returns = rng.normal(size=n + sessions)
    sums = np.convolve(returns, np.ones(sessions), mode="valid")[:n] / np.sqrt(sessions)
    return (np.abs(sums) <= Z * width).astype("float64")


def ever(covered: np.ndarray, sessions: int) -> bool:
    """Whether an alarm was given at one of many looks."""
    looks = range(20, len(covered) + 1, 20)
    return any(anytime_p(covered[:look], sessions) < ALARM for look in looks)


@pytest.mark.parametrize("sessions", [1, 5, 21])
def test_a_calibrated_interval_is_seldom_ever_accused(sessions: int) -> None:
    rng = np.random.default_rng(11)
    alarms = sum(ever(outcomes(rng, 500, sessions), sessions) for _ in range(200))
    # 5 % would be 10 of 200; 17 is its 99 % bound.
    assert alarms <= 17


@pytest.mark.parametrize("width", [0.5, 2.5])
def test_too_narrow_or_too_wide_is_found_within_three_years_of_weeks(width: float) -> None:
    rng = np.random.default_rng(12)
    found = sum(ever(outcomes(rng, 750, 5, width), 5) for _ in range(20))
    assert found >= 18


def test_the_p_value_is_that_of_a_bet_written_out() -> None:
    covered = np.array([0.0, 1.0, 0.0, 0.0])
    wealth = dict.fromkeys((-2.0, -1.0, -0.5, 0.5, 1.0), 1.0)
    best = 1.0
    for hit in covered:
        wealth = {bet: w * (1 + bet * (hit - 0.8)) for bet, w in wealth.items()}
        best = max(best, sum(wealth.values()) / len(wealth))
    assert anytime_p(covered, 1) == pytest.approx(min(1.0, 2.0 / best))
    assert anytime_p(np.empty(0), 5) == 1.0


def test_rows_of_one_label_count_once() -> None:
    # Twenty misses in a row at h = 21 are one label.
    assert anytime_p(np.zeros(20), 21) > 0.5
    assert anytime_p(np.zeros(20), 1) < 1e-6
