"""What the forecast says of its own record, for those who buy."""

from __future__ import annotations

import datetime as dt

import pytest

from soyoil.forecast.outlook import Outlook, Record
from soyoil.metrics.bootstrap import Verdict
from soyoil.reports.forecast.words import trust
from soyoil.targets.horizons import HORIZONS


def outlook(coverage: float, verdict: Verdict, n: int = 2100) -> Outlook:
    return Outlook(
        horizon=HORIZONS["1m"],
        origin=dt.date(2024, 5, 31),
        target_date=dt.date(2024, 7, 1),
        close=45.0,
        quantiles=(-0.1, 0.0, 0.1),
        vol_cone=(-0.1, 0.0, 0.1),
        hourly_cone=(-0.1, 0.0, 0.1),
        weights={"vol_cone": 1.0},
        record=Record(n, n / 21, coverage, 0.004, -0.002, 0.01, verdict),
    )


@pytest.mark.parametrize(
    ("coverage", "verdict", "said"),
    [
        (0.79, "skill", ("79 % lay inside", "as it should be", "it beats the cone")),
        (0.60, "no skill", ("too narrow", "not shown to beat the cone")),
        (0.99, "unprovable", ("too wide", "too few to tell")),
    ],
)
def test_the_record_is_told_in_words(
    coverage: float, verdict: Verdict, said: tuple[str, ...]
) -> None:
    text = trust(outlook(coverage, verdict))
    assert all(part in text for part in (*said, "Of 2,100 past outcomes", "+0.4 % [-0.2, +1.0]"))
    assert "No forecast" in trust(outlook(float("nan"), "unprovable", n=0))
