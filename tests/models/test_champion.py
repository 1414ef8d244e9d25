"""The champion against literal values, a slow loop and markets with a known answer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from soyoil.base.arrays import FloatArray
from soyoil.base.errors import ModelError
from soyoil.models.champion import ChampionConfig, ExpertForecasts, aggregate, prior_weights
from soyoil.models.shrinkage import CONE_Z, LEVELS

UNIT = np.array([-CONE_Z, 0.0, CONE_Z])
NO_END = ChampionConfig(memory_sessions=100_000)


def forecasts(
    y: FloatArray, *experts: FloatArray, session: FloatArray | None = None
) -> ExpertForecasts:
    """Cone of sigma 1, then the experts given."""
    n = len(y)
    names = ["vol_cone", *(f"expert{i}" for i in range(len(experts)))]
    quantiles = dict(zip(names, [np.tile(UNIT, (n, 1)), *experts], strict=True))
    at = np.arange(n) if session is None else np.asarray(session)
    return ExpertForecasts(at, y, np.ones(n), quantiles)


def slow_weights(
    found: ExpertForecasts, h: int, prior: FloatArray, config: ChampionConfig
) -> FloatArray:
    """Weights row by row and label by label, straight from the rule."""
    stacked = found.stacked()
    keep = 0.5 ** (1 / config.memory_sessions)
    rows = []
    for t, session in enumerate(found.session):
        cost, count = np.zeros(len(prior)), 0.0
        for j in range(t):
            if found.session[j] + h >= session or not np.isfinite(found.y[j]):
                continue
            count = keep * count + 1
            for k in range(len(prior)):
                loss = np.mean(
                    [
                        max(level * (found.y[j] - q), (level - 1) * (found.y[j] - q))
                        for level, q in zip(LEVELS, stacked[j, k], strict=True)
                    ]
                )
                cost[k] = keep * cost[k] + loss / found.sigma[j]
        value = prior * np.exp(config.eta * count / h * (1 - cost / cost[0])) if count else prior
        rows.append(value / value.sum())
    return np.array(rows)


def test_prior_weights() -> None:
    config = ChampionConfig()
    third = 0.05 / 3
    assert prior_weights(5, 3, config) == pytest.approx([0.45, 0.5, third, third, third])
    assert prior_weights(252, 1, config) == pytest.approx(
        [0.8604725, 0.1353609, 0.0041667], abs=1e-6
    )
    assert prior_weights(21, 0, config) == pytest.approx([0.690101, 0.309899], abs=1e-6)


@given(st.integers(1, 400), st.integers(0, 6), st.floats(0, 0.7), st.floats(0, 0.29))
@settings(max_examples=60, deadline=None)
def test_prior_weights_are_weights(h: int, engines: int, hourly: float, engine: float) -> None:
    config = ChampionConfig(hourly_prior=hourly, engine_prior=engine)
    found = prior_weights(h, engines, config)
    assert found.sum() == pytest.approx(1)
    assert (found >= 0).all()
    assert len(found) == 2 + engines


def test_a_label_counts_from_the_session_after_its_end() -> None:
    # Pinball of an outcome 0 is in proportion to the width: a cone half as wide has skill 0.5.
    # Labels of rows 0, 1, 2 end at 2, 3, 4 and count from 3, 4, 5 on: n / h = 0.5, 1, 1.5.
    found = forecasts(np.zeros(6), np.tile(UNIT / 2, (6, 1)))
    quantiles, weights = aggregate(found, 2, np.array([0.5, 0.5]), NO_END)
    expected = [0.5, 0.5, 0.5, 0.5621765, 0.6224593, 0.6791787]
    assert weights[:, 1] == pytest.approx(expected, abs=2e-6)
    assert quantiles[5, 2] == pytest.approx(1.2816 * (1 - 0.6791787 / 2), abs=2e-6)


def test_evidence_fades_with_its_half_life() -> None:
    # Half-life of one label: n = 1, 1.5, 1.75 for the last three sessions.
    found = forecasts(np.zeros(6), np.tile(UNIT / 2, (6, 1)))
    _, weights = aggregate(found, 2, np.array([0.5, 0.5]), ChampionConfig(memory_sessions=1))
    expected = [0.5, 0.5, 0.5, 0.5621765, 0.5926666, 0.6076632]
    assert weights[:, 1] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_the_slow_loop_says_the_same(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, h = 100, 5
    session = np.sort(rng.choice(170, n, replace=False))
    y = rng.normal(size=n)
    y[rng.choice(n, 12, replace=False)] = np.nan
    names = ("vol_cone", "hourly_cone", "engine")
    quantiles = {name: np.sort(rng.normal(size=(n, 3)), axis=1) for name in names}
    quantiles["engine"][rng.choice(n, 30, replace=False)] = np.nan
    found = ExpertForecasts(session, y, rng.uniform(0.5, 2, n), quantiles)
    prior = np.array([0.6, 0.3, 0.1])
    config = ChampionConfig(memory_sessions=40, eta=1.5)
    mixed, weights = aggregate(found, h, prior, config)
    np.testing.assert_allclose(weights, slow_weights(found, h, prior, config), rtol=1e-9)
    assert (np.diff(mixed, axis=1) >= 0).all()


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 5, 21]), st.integers(30, 100))
@settings(max_examples=40, deadline=None)
def test_later_outcomes_change_nothing(seed: int, h: int, cut: int) -> None:
    rng = np.random.default_rng(seed)
    n = 140
    y = rng.normal(size=n)
    expert = np.tile(UNIT, (n, 1)) + rng.normal(size=(n, 1))
    prior = np.array([0.9, 0.1])
    before, _ = aggregate(forecasts(y, expert), h, prior, ChampionConfig())
    other = np.r_[y[:cut], rng.normal(size=n - cut) + 9]
    after, _ = aggregate(forecasts(other, expert), h, prior, ChampionConfig())
    unknown, _ = aggregate(
        forecasts(np.r_[y[:cut], np.full(n - cut, np.nan)], expert), h, prior, ChampionConfig()
    )
    np.testing.assert_array_equal(before[: cut + h + 1], after[: cut + h + 1])
    np.testing.assert_array_equal(before[: cut + h + 1], unknown[: cut + h + 1])
    if cut + h + 1 < n:
        assert not np.array_equal(before[cut + h + 1], after[cut + h + 1])


def test_where_an_expert_is_missing_the_cone_stands_for_it() -> None:
    y = np.zeros(50)
    expert = np.tile(UNIT / 2, (50, 1))
    expert[20:] = np.nan
    quantiles, _ = aggregate(forecasts(y, expert), 2, np.array([0.5, 0.5]), NO_END)
    np.testing.assert_allclose(quantiles[20:], np.tile(UNIT, (30, 1)), rtol=1e-12)


def test_the_cone_must_be_there() -> None:
    y = np.zeros(5)
    hole = np.tile(UNIT, (5, 1))
    hole[3] = np.nan
    found = ExpertForecasts(np.arange(5), y, np.ones(5), {"vol_cone": hole})
    with pytest.raises(ModelError, match="vol_cone has no forecast on 1 rows"):
        aggregate(found, 1, np.ones(1), ChampionConfig())
    wrong = ExpertForecasts(np.arange(5), y, np.ones(5), {"hourly_cone": hole})
    with pytest.raises(ModelError, match="first expert of a champion is vol_cone"):
        aggregate(wrong, 1, np.ones(1), ChampionConfig())
    with pytest.raises(ModelError, match="order of time"):
        aggregate(forecasts(y, session=np.array([0, 1, 1, 2, 3])), 1, np.ones(1), ChampionConfig())


def test_priors_that_leave_nothing_for_the_cone_are_refused() -> None:
    with pytest.raises(ValidationError, match="leave nothing for the vol cone"):
        ChampionConfig(hourly_prior=0.96)


def test_a_bad_engine_costs_next_to_nothing() -> None:
    """An engine with a skill of about -100 % on a market that cannot be forecast."""
    rng = np.random.default_rng(3)
    n, h = 1750, 5
    noise = rng.normal(size=n + h)
    y = np.convolve(noise, np.ones(h), "valid")[1 : n + 1] / np.sqrt(h)
    bad = 0.5 * np.tile(UNIT, (n, 1)) + np.repeat(rng.normal(size=n // 50 + 1), 50)[:n, None]
    cone = np.tile(UNIT, (n, 1))
    quantiles, weights = aggregate(
        forecasts(y, cone, bad), h, prior_weights(h, 1, ChampionConfig()), ChampionConfig()
    )

    def loss(forecast: FloatArray) -> float:
        error = y[:, None] - forecast
        return float(np.maximum(LEVELS * error, (LEVELS - 1) * error).mean())

    assert 1 - loss(bad) / loss(cone) < -0.3
    assert 1 - loss(quantiles) / loss(cone) > -0.005
    assert weights[-1, 2] < 1e-6


def test_an_engine_that_turns_bad_loses_its_weight_and_one_that_turns_good_gains_it() -> None:
    rng = np.random.default_rng(5)
    n, h = 4000, 5
    y = rng.normal(size=n)
    knows = np.tile(UNIT / 3, (n, 1)) + 0.9 * y[:, None]
    misled = np.tile(UNIT / 3, (n, 1)) - 0.9 * y[:, None]
    half = n // 2
    first_good = np.r_[knows[:half], misled[half:]]
    first_bad = np.r_[misled[:half], knows[half:]]
    prior = prior_weights(h, 1, ChampionConfig())
    cone = np.tile(UNIT, (n, 1))
    _, turned_bad = aggregate(forecasts(y, cone, first_good), h, prior, ChampionConfig())
    _, turned_good = aggregate(forecasts(y, cone, first_bad), h, prior, ChampionConfig())
    assert turned_bad[half, 2] > 0.9
    assert turned_bad[-1, 2] < 0.01
    assert turned_good[half, 2] < 0.01
    assert turned_good[-1, 2] > 0.9
