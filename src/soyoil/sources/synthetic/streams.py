"""Random streams of the synthetic data, keyed by name."""

from __future__ import annotations

import numpy as np
import pandas as pd

from soyoil.base.arrays import FloatArray


def stream(seed: int, *key: str) -> np.random.Generator:
    """Generator of one named purpose.

    Every purpose has a stream of its own and is drawn once, in time order. A longer span then
    extends each array and changes no earlier value, and another root changes nothing at all.

    Parameters
    ----------
    seed
        Seed of the configuration, at least 0.
    key
        Names, for example the root and the purpose. Python's ``hash`` is salted per process,
        so the UTF-8 bytes themselves are the spawn key.
    """
    spawn_key = tuple("/".join(key).encode())
    sequence = np.random.SeedSequence(entropy=seed, spawn_key=spawn_key)
    return np.random.Generator(np.random.PCG64(sequence))


def autoregression(shocks: FloatArray, phi: float, start: float = 0.0) -> FloatArray:
    """First-order recursion ``y[t] = phi * y[t-1] + shocks[t]`` with ``y[-1] = start``.

    Parameters
    ----------
    shocks
        Shape ``(n,)``.
    phi
        Coefficient, 0 <= phi < 1.
    start
        Value before the first shock.
    """
    scaled = np.concatenate([[start], shocks / (1.0 - phi)])
    # An unadjusted exponential mean is this recursion, run in compiled code.
    return pd.Series(scaled).ewm(alpha=1.0 - phi, adjust=False).mean().to_numpy()[1:]


def stationary(rng: np.random.Generator, count: int, phi: float, sd: float) -> FloatArray:
    """Gaussian first-order autoregression that starts in its stationary law, shape ``(count,)``."""
    draws = rng.standard_normal(count + 1)
    shocks = draws[1:] * sd * np.sqrt(1.0 - phi * phi)
    return autoregression(shocks, phi, start=float(draws[0]) * sd)
