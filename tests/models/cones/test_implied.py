"""The implied cone: its scale by hand, when it abstains, and what it brings the champion."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from soyoil.base.arrays import FloatArray
from soyoil.external.twins import TwinMarket
from soyoil.external.twins.volatility import volatility_twin
from soyoil.features.groups.implied import implied_features
from soyoil.models.baselines import baseline_quantiles
from soyoil.models.champion import (
    ALL_CONES,
    ChampionConfig,
    ExpertForecasts,
    aggregate,
    cone_experts,
    in_order,
    mix,
    prior_weights,
)
from soyoil.models.cones import implied_quantiles, implied_sigma, implied_vol
from soyoil.models.shrinkage import CONE_Z, LEVELS
from soyoil.sources.synthetic.config import SyntheticConfig
from soyoil.targets.labels import forward_sums

UNIT = np.array([-CONE_Z, 0.0, CONE_Z])
COLUMN = "implied.zl_30d"
FIRST = 1500


def test_the_scale_by_hand() -> None:
    # 0.24 sqrt(5 / 252) = 0.24 x 0.1408590 = 0.0338062, and 1.2816 of that is 0.0433260.
    within = implied_sigma(np.array([0.24]), 5, np.array([0.5]))
    assert within == pytest.approx([0.0338062], abs=1e-7)
    # The month is the options': 0.24**2 / 12 = 0.0048. Of 63 sessions two thirds are the vol
    # cone's: 0.0048 + 0.06**2 x 2 / 3 = 0.0072.
    assert implied_sigma(np.array([0.24]), 63, np.array([0.06])) ** 2 == pytest.approx([0.0072])
    # Where both say the same per session, so does their mix: 24 % a year at 12 months.
    year = implied_sigma(np.array([0.24, np.nan]), 252, np.array([0.24, 0.24]))
    assert year[0] == pytest.approx(0.24, rel=1e-15)
    cone = np.tile([-0.1, 0.0, 0.1], (2, 1))
    found = implied_quantiles(np.array([0.24, np.nan]), 5, cone)["implied_cone"]
    assert found[0] == pytest.approx([-0.0433260, 0.0, 0.0433260], abs=1e-7)
    assert np.isnan(found[1]).all()
    long = implied_quantiles(np.array([0.24, np.nan]), 63, cone * 0.6 * CONE_Z)["implied_cone"]
    assert long[0, 2] == pytest.approx(CONE_Z * 0.0072**0.5)
    assert np.isnan(long[1]).all()


def test_it_speaks_of_the_target_alone_and_in_fractions() -> None:
    matrix = pd.DataFrame({COLUMN: pd.array([24.0, None, 0.0, 31.5], dtype="Float64")})
    np.testing.assert_allclose(implied_vol(matrix, "ZL"), [0.24, np.nan, np.nan, 0.315])
    assert np.isnan(implied_vol(matrix, "ZS")).all()
    assert np.isnan(implied_vol(matrix.drop(columns=COLUMN), "ZL")).all()
    assert implied_quantiles(implied_vol(matrix, "ZS"), 5, np.ones((4, 3))) == {}


def test_its_prior_is_a_share_of_the_vol_cone_and_of_nothing_else() -> None:
    config = ChampionConfig()
    # At 1w the vol cone has 0.45, half of which goes over; at 12m 21 / 252 of the half.
    assert prior_weights(5, 1, config, implied=True) == pytest.approx([0.225, 0.5, 0.225, 0.05])
    long = prior_weights(252, 1, config, implied=True)
    assert long[2] == pytest.approx(0.8604725 / 24, abs=1e-6)
    without = prior_weights(252, 1, config)
    assert long[0] + long[2] == pytest.approx(without[0])
    assert long[[1, 3]] == pytest.approx(without[1:])


def experts(n: int, rng: np.random.Generator) -> ExpertForecasts:
    names = ("vol_cone", "hourly_cone", "lightgbm")
    quantiles = {name: np.sort(rng.normal(size=(n, 3)), axis=1) for name in names}
    return ExpertForecasts(np.arange(n), rng.normal(size=n), rng.uniform(0.5, 2, n), quantiles)


def with_implied(found: ExpertForecasts, values: FloatArray) -> ExpertForecasts:
    return replace(found, quantiles=in_order({**found.quantiles, "implied_cone": values}))


def test_without_it_and_before_it_first_speaks_every_bit_is_what_it_was() -> None:
    rng = np.random.default_rng(2)
    found, h, config = experts(300, rng), 5, ChampionConfig()
    plain = mix(found, h, config)
    want, weights = aggregate(found, h, prior_weights(h, 1, config), config)
    np.testing.assert_array_equal(plain.quantiles, want)
    np.testing.assert_array_equal(plain.experts.iloc[:, :3], weights)
    values = np.sort(rng.normal(size=(300, 3)), axis=1)
    values[:120] = np.nan
    later = mix(with_implied(found, values), h, config)
    np.testing.assert_array_equal(later.quantiles[:120], plain.quantiles[:120])
    assert (later.quantiles[120:] != plain.quantiles[120:]).any()
    shared = list(plain.experts)
    np.testing.assert_array_equal(later.experts[shared].iloc[:120], plain.experts.iloc[:120])
    assert (later.experts["weight.implied_cone"].iloc[:120] == 0).all()
    assert list(later.experts)[:4] == [f"weight.{name}" for name in (*ALL_CONES, "lightgbm")]


def test_where_it_abstains_it_neither_gains_nor_loses() -> None:
    # Outcomes are 0 and it is half as wide as the vol cone, but for row 2 on which it is silent:
    # after the labels of rows 0, 1, 2 it has lost 0.5, 1, 2 where the cone has lost 1, 2, 3.
    # n / h = 1.5 at row 5, so its odds are exp(1.5 x (1 - 2 / 3)) = exp(0.5).
    n, h = 7, 2
    cone, half = np.tile(UNIT, (n, 1)), np.tile(UNIT / 2, (n, 1))
    half[[2, 6]] = np.nan
    quantiles = {"vol_cone": cone, "hourly_cone": cone, "implied_cone": half}
    found = ExpertForecasts(np.arange(n), np.zeros(n), np.ones(n), quantiles)
    config = ChampionConfig(memory_sessions=100_000, hourly_prior=0)
    mixed = mix(found, h, config)
    weight = mixed.experts["weight.implied_cone"]
    assert weight[5] == pytest.approx(0.6224593, abs=2e-6)
    assert mixed.quantiles[5, 2] == pytest.approx(CONE_Z * (1 - 0.6224593 / 2), abs=2e-6)
    # Silent again on row 6: the vol cone stands there, with all of the weight.
    assert weight[6] == 0
    assert mixed.experts["weight.vol_cone"][6] == pytest.approx(1)
    np.testing.assert_allclose(mixed.quantiles[6], UNIT, rtol=1e-12)


def test_engines_are_set_against_all_cones_mixed_alone() -> None:
    rng = np.random.default_rng(4)
    found = with_implied(experts(200, rng), np.sort(rng.normal(size=(200, 3)), axis=1))
    cones = {name: found.quantiles[name] for name in ALL_CONES}
    alone = mix(replace(found, quantiles=cones), 5, ChampionConfig()).quantiles
    both = mix(found, 5, ChampionConfig()).experts[["q10", "q50", "q90"]]
    np.testing.assert_array_equal(both, alone)


def twin(seed: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Returns of a null market, its implied volatility as known, and hourly volatility."""
    market = TwinMarket(SyntheticConfig(seed=seed), "ZL")
    path = market.path
    n = int((path.sessions.dates <= market.end).sum())
    rows = pd.DataFrame(
        {
            "symbol": "ZL",
            "data_date": pd.Series(path.sessions.dates[:n].astype("datetime64[us]")),
            "decision_time": market.decisions.iloc[:n],
            "market_data.volatility_21d": np.nan,
        }
    )
    loaded = pd.Timestamp("2030-01-01", tz="UTC")
    table = volatility_twin(market).assign(provenance="synthetic", ingested_at=loaded)
    matrix = rows.assign(**implied_features(rows, {"volatility": table}))
    rng = np.random.default_rng(seed)
    hourly = np.sqrt(252 * rng.chisquare(20, n) / 20) * path.sigma[:n]
    return path.returns[:n], implied_vol(matrix, "ZL"), hourly


def skill(returns: FloatArray, hourly: FloatArray, implied: FloatArray | None, h: int) -> float:
    """Pinball skill of the cones' champion against the vol cone, in per cent."""
    y = forward_sums(returns, h)
    rows = np.arange(FIRST, len(y) - h)
    quantiles = baseline_quantiles(returns, hourly, h)
    if implied is not None:
        quantiles |= implied_quantiles(implied, h, quantiles["vol_cone"])
    mixed = mix(cone_experts(returns, quantiles, y, rows, h), h, ChampionConfig()).quantiles

    def loss(forecast: FloatArray) -> float:
        error = y[rows, None] - forecast
        return float(np.maximum(LEVELS * error, (LEVELS - 1) * error).mean())

    return 100 * (1 - loss(mixed) / loss(quantiles["vol_cone"][rows]))


def test_it_gains_where_options_know_and_costs_next_to_nothing_where_they_know_nothing() -> None:
    """Twins of two markets; the bound on noise is that of a bad engine in `tests/honesty`."""
    gains = []
    for seed in (1, 2):
        returns, known, hourly = twin(seed)
        assert np.isfinite(known).mean() > 0.99
        nothing = 0.24 * np.exp(0.5 * np.random.default_rng(seed).normal(size=len(returns)))
        for h in (5, 21):
            gains.append(skill(returns, hourly, known, h) - skill(returns, hourly, None, h))
            no_hours = np.full(len(returns), np.nan)
            gains.append(skill(returns, no_hours, known, h))
        for h in (5, 21, 63, 126, 252):
            lost = skill(returns, hourly, None, h) - skill(returns, hourly, nothing, h)
            assert lost < 0.5, (seed, h)
    assert np.mean(gains[0::2]) > 0.1, gains
    assert np.mean(gains[1::2]) > 0.5, gains
