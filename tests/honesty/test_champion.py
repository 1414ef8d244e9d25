"""The champion on markets whose truth is known: it must lose next to nothing, and keep a gain."""

from __future__ import annotations

import numpy as np
import pytest

from market import market
from soyoil.base.arrays import FloatArray
from soyoil.models.baselines import baseline_quantiles, vol_cone_sigma
from soyoil.models.champion import CONES, ChampionConfig, ExpertForecasts, mix
from soyoil.models.shrinkage import CONE_Z, LEVELS
from soyoil.splits.snapshot import Snapshot
from soyoil.targets.horizons import HORIZONS
from soyoil.targets.labels import forward_sums

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

FIRST = 1500
"""Row from which on is forecast: six years are behind it."""
REFIT = 252


def loss(y: FloatArray, quantiles: FloatArray) -> float:
    error = y[:, None] - quantiles
    return float(np.maximum(LEVELS * error, (LEVELS - 1) * error).mean())


def bad_engine(sigma: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Half as wide as the cone, and far off in a new direction after each refit."""
    shift = np.repeat(rng.normal(size=len(sigma) // REFIT + 1), REFIT)[: len(sigma)] * sigma
    step = 0.5 * CONE_Z * np.array([-1.0, 0.0, 1.0])
    return shift[:, None] + sigma[:, None] * step


def skill_of_champion(snapshot: Snapshot, h: int, engine: FloatArray | None) -> tuple[float, float]:
    """Pinball skill of the champion and of the engine against the vol cone."""
    y = forward_sums(snapshot.returns, h)
    rows = np.arange(FIRST, len(y) - h)
    cones = baseline_quantiles(snapshot.returns, snapshot.hourly_vol, h)
    quantiles = {name: cones[name][rows] for name in CONES}
    if engine is not None:
        quantiles["engine"] = engine[rows]
    sigma = vol_cone_sigma(snapshot.returns, h)[rows]
    mixed = mix(ExpertForecasts(rows, y[rows], sigma, quantiles), h, ChampionConfig())
    cone = loss(y[rows], quantiles["vol_cone"])
    own = 1 - loss(y[rows], engine[rows]) / cone if engine is not None else np.nan
    return 1 - loss(y[rows], mixed.quantiles) / cone, own


def test_a_bad_engine_never_costs_half_a_per_cent() -> None:
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in HORIZONS}
    for seed in range(1, 21):
        snapshot = market(seed, "null")
        rng = np.random.default_rng(seed)
        for name, horizon in HORIZONS.items():
            engine = bad_engine(vol_cone_sigma(snapshot.returns, horizon.sessions), rng)
            found[name].append(skill_of_champion(snapshot, horizon.sessions, engine))
    for name, pairs in found.items():
        champion, engine = 100 * np.array(pairs).T
        print(
            f"\nnull {name}: champion {champion.mean():+.2f} % ({champion.min():+.2f} to "
            f"{champion.max():+.2f}), engine {engine.mean():+.1f} %",
            end="",
        )
        assert engine.mean() < -10, name
        assert champion.min() > -0.5, name


def test_half_of_what_an_engine_knows_is_kept() -> None:
    """An engine that knows a mean with a share of 0.1 of the variance of a week."""
    gains = []
    h = 5
    for seed in range(1, 21):
        snapshot = market(seed, "null")
        sigma = vol_cone_sigma(snapshot.returns, h)
        rng = np.random.default_rng(seed)
        # A mean that stands for two weeks: its variance over a week is h times that of a day.
        size = np.sqrt(0.1 / 0.9 / h) * np.nanstd(snapshot.returns)
        daily = size * rng.normal(size=len(sigma))
        known = np.repeat(daily[:: 2 * h], 2 * h)[: len(sigma)]
        returns = snapshot.returns + known
        matrix = snapshot.matrix.assign(**{"market_data.roll_free_return": returns})
        planted = Snapshot(matrix, snapshot.regimes, "ZL", "synthetic", {})
        mean = forward_sums(known, h)
        scale = np.sqrt(0.9) * vol_cone_sigma(returns, h)
        engine = mean[:, None] + CONE_Z * scale[:, None] * np.array([-1.0, 0.0, 1.0])
        gains.append(skill_of_champion(planted, h, engine))
    champion, engine = 100 * np.array(gains).T
    print(f"\nplanted 1w: champion {champion.mean():+.2f} %, engine {engine.mean():+.2f} %", end="")
    assert engine.mean() > 2
    assert champion.mean() >= 0.5 * engine.mean()
