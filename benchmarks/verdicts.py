"""How often a verdict says skill where there is none.

Markets without anything to forecast: daily returns of a GARCH(1, 1) with Student's t innovations,
1,400 sessions of history and then 1,750 scored origins. The models are the vol cone with the
errors that engines make: for each fold of 252 sessions a wrong location and a wrong width, and
a slow signal that means nothing. Three nulls, one-sided at 5 %:

``twin``      the reference has errors of its own of the same law, so that the expected loss
              difference is zero by exchange of the two
``levelled``  the reference is the vol cone, and the model's losses are multiplied by the one
              number that makes both expected losses equal (over all markets of the call)
``worse``     the reference is the vol cone: the model is worse, and 5 % is the most allowed

Rejections by the bootstrap interval alone, by the test with cosine terms alone, and by both,
which is the verdict; at 6m and 12m the verdict is ``unprovable`` before any of them is asked.
Pinball loss, and absolute error for the ``mae`` lines.

Usage: python benchmarks/verdicts.py [markets] [seed]
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Final

import numpy as np

from soyoil.base.arrays import FloatArray
from soyoil.market.conventions import QUANTILES
from soyoil.metrics.bootstrap import skill_interval
from soyoil.metrics.losses import pinball
from soyoil.metrics.significance import SIZE, cosine_terms, loss_test
from soyoil.models.baselines import vol_cone_sigma
from soyoil.models.shrinkage import CONE_Z
from soyoil.targets.horizons import HORIZONS

HISTORY: Final = 1400
ORIGINS: Final = 1750
FOLD: Final = 252
ALPHA, BETA, FREEDOM, DAILY = 0.05, 0.93, 6.0, 0.016
LOCATION = WIDTH = SIGNAL = 0.15
"""Standard deviations of the errors of an engine, in cones."""

SIGNAL_HALFLIFE: Final = 21
NULLS: Final = ("twin", "levelled", "worse")
LOSSES: Final = ("pinball", "mae")


@dataclass(frozen=True)
class Losses:
    """Losses of one kind, horizon and all markets, each of shape ``(markets, origins)``."""

    model: FloatArray
    twin: FloatArray
    cone: FloatArray


def garch(markets: int, n: int, rng: np.random.Generator) -> FloatArray:
    """Daily log returns, shape ``(markets, n)``."""
    shocks = rng.standard_t(FREEDOM, (n, markets)) * math.sqrt((FREEDOM - 2) / FREEDOM)
    out = np.empty((n, markets))
    variance = np.full(markets, DAILY**2)
    for t in range(n):
        out[t] = np.sqrt(variance) * shocks[t]
        variance = DAILY**2 * (1 - ALPHA - BETA) + ALPHA * out[t] ** 2 + BETA * variance
    return out.T


def engine_errors(markets: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Error of the median in cones and factor of the width, shape ``(markets, origins)``."""
    folds = -(-ORIGINS // FOLD)
    location, width = rng.normal(0, (LOCATION, WIDTH), (markets, folds, 2)).transpose(2, 0, 1)
    keep = 0.5 ** (1 / SIGNAL_HALFLIFE)
    signal = rng.normal(0, SIGNAL, (markets, ORIGINS))
    for t in range(1, ORIGINS):
        signal[:, t] = keep * signal[:, t - 1] + math.sqrt(1 - keep**2) * signal[:, t]
    of_fold = np.arange(ORIGINS) // FOLD
    return location[:, of_fold] + signal, np.exp(width[:, of_fold])


def losses(
    y: FloatArray, sigma: FloatArray, errors: tuple[FloatArray, FloatArray]
) -> dict[str, FloatArray]:
    """Pinball loss and absolute error of a cone with errors."""
    median = sigma * errors[0]
    step = CONE_Z * sigma * errors[1]
    quantiles = dict(zip(QUANTILES, (median - step, median, median + step), strict=True))
    parts = [pinball(y, q, level) for level, q in quantiles.items()]
    return {"pinball": np.mean(parts, axis=0), "mae": np.abs(y - median)}


def simulate(markets: int, sessions: int, seed: int) -> dict[str, Losses]:
    """Losses of model, twin and cone by kind; the same returns at every horizon."""
    rng = np.random.default_rng(seed)
    returns = garch(markets, HISTORY + ORIGINS + max(h.sessions for h in HORIZONS.values()), rng)
    origins = np.arange(HISTORY, HISTORY + ORIGINS)
    sums = np.cumsum(returns, axis=1)
    y = sums[:, origins + sessions] - sums[:, origins]
    sigma = np.stack([vol_cone_sigma(row, sessions)[origins] for row in returns])
    exact = (np.zeros_like(y), np.ones_like(y))
    model, twin = (losses(y, sigma, engine_errors(markets, rng)) for _ in range(2))
    cone = losses(y, sigma, exact)
    return {kind: Losses(model[kind], twin[kind], cone[kind]) for kind in LOSSES}


def rejections(loss: FloatArray, reference: FloatArray, sessions: int) -> FloatArray:
    """Share of markets in which bootstrap, test and both find the model better."""
    ones = np.ones(loss.shape[1])
    found = []
    for own, other in zip(loss, reference, strict=True):
        low = skill_interval(own, other, ones, sessions).low > 0
        test = loss_test(own, other, sessions).p < SIZE
        found.append((low, test, low and test))
    return np.mean(found, axis=0)


def pair(found: Losses, null: str) -> tuple[FloatArray, FloatArray]:
    """Losses of model and reference under a null."""
    if null == "twin":
        return found.model, found.twin
    level = found.cone.mean() / found.model.mean() if null == "levelled" else 1.0
    return level * found.model, found.cone


def main() -> None:
    """Print rejection rates by horizon and null, in per cent."""
    markets = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    error = 100 * math.sqrt(SIZE * (1 - SIZE) / markets)
    print(f"{markets} markets, seed {seed}; standard error at 5 %: {error:.1f}")
    print("loss    | null     | horizon | n / h | terms | skill % | bootstrap | test | both")
    for name, horizon in HORIZONS.items():
        h = horizon.sessions
        found = simulate(markets, h, seed)
        for kind in LOSSES:
            for null in NULLS:
                loss, reference = pair(found[kind], null)
                skill = 100 * (1 - loss.mean() / reference.mean())
                rates = " | ".join(f"{100 * r:.1f}" for r in rejections(loss, reference, h))
                print(
                    f"{kind:7} | {null:8} | {name:7} | {ORIGINS / h:5.1f} | "
                    f"{cosine_terms(ORIGINS, h):5} | {skill:+7.2f} | {rates}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
