"""Forecasts of one session, from a random market and by hand."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from forecast_market import SPLIT, market, until
from scipy import stats

from soyoil.base.errors import ModelError
from soyoil.forecast.outlook import (
    Outlook,
    missing_sessions,
    outlook,
    outlooks,
    probability_above,
    session_ahead,
)
from soyoil.models.baselines import baseline_quantiles
from soyoil.models.champion import ChampionConfig
from soyoil.models.shrinkage import CONE_Z
from soyoil.splits.plan import SplitConfig
from soyoil.targets.horizons import HORIZONS


def plain(found: Outlook) -> tuple[object, ...]:
    return (found.quantiles, found.vol_cone, found.hourly_cone, found.target_date, *found.weights)


def test_the_forecast_is_the_weighted_mean_of_the_cones() -> None:
    snapshot = market()
    for found in outlooks(snapshot, SPLIT, ChampionConfig()):
        h = found.horizon.sessions
        cones = baseline_quantiles(snapshot.returns, snapshot.hourly_vol, h)
        assert found.vol_cone == tuple(cones["vol_cone"][-1])
        assert found.hourly_cone == tuple(cones["hourly_cone"][-1])
        a, b = found.weights["vol_cone"], found.weights["hourly_cone"]
        assert a + b == pytest.approx(1)
        for level in range(3):
            mixed = a * found.vol_cone[level] + b * found.hourly_cone[level]
            assert found.quantiles[level] == pytest.approx(mixed)
        assert found.price(2) == pytest.approx(found.close * np.exp(found.quantiles[2]))
        assert found.probability_higher == 0.5


@pytest.mark.parametrize("row", [320, 450, 600])
def test_what_comes_later_changes_no_bit(row: int) -> None:
    snapshot = market()
    other = snapshot.matrix.copy()
    later = other.index > row
    other.loc[later, "market_data.roll_free_return"] *= -7.0
    other.loc[later, "market_data.realized_vol_1h"] = 3.0
    changed = replace(snapshot, matrix=other)
    for a, b in zip(
        outlooks(until(snapshot, row), SPLIT, ChampionConfig()),
        outlooks(until(changed, row), SPLIT, ChampionConfig()),
        strict=True,
    ):
        assert plain(a) == plain(b)
        assert a.record == b.record or np.isnan(a.record.coverage)


def test_the_record_is_of_labels_that_had_ended() -> None:
    found = outlooks(market(700), SPLIT, ChampionConfig())
    first = int(market().matrix["data_date"].searchsorted(pd.Timestamp(SPLIT.first_origin)))
    for one in found:
        assert one.record.n == max(700 - first - one.horizon.sessions, 0)
        assert one.record.independent_n == pytest.approx(one.record.n / one.horizon.sessions)
    short = outlooks(until(market(), first), SPLIT, ChampionConfig())
    assert [one.record.n for one in short] == [0] * len(HORIZONS)
    assert {one.record.verdict for one in short} == {"unprovable"}


def test_the_record_is_brute_force_coverage() -> None:
    snapshot = market(500, seed=3)
    week = outlooks(snapshot, SPLIT, ChampionConfig())[0]
    first = int(snapshot.matrix["data_date"].searchsorted(pd.Timestamp(SPLIT.first_origin)))
    assert plain(week) == plain(outlook(snapshot, week.horizon, ChampionConfig(), first))
    inside = []
    for row in range(first, 500 - 5):
        then = outlook(until(snapshot, row), week.horizon, ChampionConfig(), first)
        y = snapshot.returns[row + 1 : row + 6].sum()
        inside.append(then.quantiles[0] <= y <= then.quantiles[2])
    assert week.record.coverage == pytest.approx(np.mean(inside))


def test_due_dates_are_sessions_of_the_exchange() -> None:
    # 2021-07-05 is a holiday; 2023-12-25 and 2024-01-01 are.
    assert session_ahead("ZL", dt.date(2021, 6, 30), 5) == dt.date(2021, 7, 8)
    assert session_ahead("ZL", dt.date(2023, 12, 22), 5) == dt.date(2024, 1, 2)
    for h in (5, 21, 63, 126, 252):
        due = session_ahead("ZL", dt.date(2022, 3, 15), h)
        assert missing_sessions("ZL", dt.date(2022, 3, 15), due) == h - 1


def test_missing_sessions_are_those_that_have_ended() -> None:
    friday, monday = dt.date(2021, 7, 2), dt.date(2021, 7, 5)
    assert missing_sessions("ZL", friday, friday) == 0
    assert missing_sessions("ZL", friday, monday) == 0
    assert missing_sessions("ZL", friday, dt.date(2021, 7, 7)) == 1


def test_probabilities_of_a_cone_are_normal() -> None:
    sigma = 0.07
    cone = (-CONE_Z * sigma, 0.0, CONE_Z * sigma)
    for value in (-0.2, -0.01, 0.0, 0.05, 0.3):
        assert probability_above(value, cone) == pytest.approx(stats.norm.sf(value / sigma))
    assert probability_above(0.0, (-0.1, 0.05, 0.1)) == pytest.approx(
        stats.norm.cdf(CONE_Z * 0.05 / 0.15)
    )
    assert probability_above(0.0, (0.0, 0.0, 0.0)) == 0.5


def test_a_fixed_split_learns_from_its_test_on() -> None:
    fixed = SplitConfig(
        plan="fixed", valid_from=dt.date(2021, 6, 1), test_from=dt.date(2021, 6, 1), warm_up=100
    )
    walk = SplitConfig(first_origin=dt.date(2021, 6, 1), warm_up=100)
    a, b = (outlooks(market(), split, ChampionConfig()) for split in (fixed, walk))
    assert [plain(one) for one in a] == [plain(one) for one in b]


def test_no_session_to_learn_from() -> None:
    late = SplitConfig(first_origin=dt.date(2030, 1, 1))
    with pytest.raises(ModelError, match="No session of ZL stands at or after split.first_origin"):
        outlooks(market(), late, ChampionConfig())
