"""How often a verdict is wrong, by the simulation of ``benchmarks/verdicts.py``, in small."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import verdicts

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

MARKETS = 400


@pytest.mark.parametrize("sessions", [5, 21, 63])
def test_verdicts_find_skill_in_about_one_null_market_of_twenty(sessions: int) -> None:
    """Standard error of a share of 5 %: 1.1 %."""
    found = verdicts.simulate(MARKETS, sessions, seed=2)
    for kind in verdicts.LOSSES:
        twin = verdicts.rejections(*verdicts.pair(found[kind], "twin"), sessions)
        assert (twin > 0.01).all(), "the test can find something"
        assert twin[2] <= 0.085, (kind, twin)
        worse = verdicts.rejections(*verdicts.pair(found[kind], "worse"), sessions)
        assert worse[2] <= 0.02, (kind, worse)
