"""Returns of the synthetic market, and the truth about them.

The shock of a root is ``e[t] = sigma[t] * z[t]``: `z` mixes common factors with a part of its
own, `sigma` is persistent and independent of every `z`. The null market is ``r = e``, a
martingale difference. The planted market feeds each root's own past back into its drift:

    r[t] = b * (F[t-1] - G[t-1]) + e[t]
    F[t] = F[t-1] + (1 - f) * (r[t] - F[t-1]),    f = 2 ** (-1 / half-life)
    G[t] = G[t-1] + (1 - g) * (r[t] - G[t-1]),    g = 2 ** (-1 / SLOW_HALFLIFE)

Without `G` a drift strong enough for R² = 0.25 at 21 sessions would widen the long-run spread of
log prices 3.5 times, to levels that no tick size fits. `F - G` has no gain at frequency zero, so
that the long-run spread is that of the null market.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from soyoil.base.arrays import FloatArray
from soyoil.market.conventions import TRADING_DAYS
from soyoil.market.instruments import get_instrument
from soyoil.sources.synthetic.calendar import Sessions, root_sessions, weekdays
from soyoil.sources.synthetic.config import SyntheticConfig
from soyoil.sources.synthetic.roots import RootSpec, root_spec
from soyoil.sources.synthetic.streams import stationary, stream

SLOW_HALFLIFE = 252.0
SIGNAL_SESSIONS = 21
FACTORS = ("grain", "energy", "risk")
_COMMON_VOLATILITY = (0.985, 0.18)
_OWN_VOLATILITY = (0.97, 0.22)
_BISECTIONS = 60


@dataclass(frozen=True)
class Feedback:
    """Linear feedback of past returns into the drift.

    Attributes
    ----------
    multiple
        `b`; zero is the null market.
    keep_fast, keep_slow
        Decay per session of the two EWMAs.
    """

    multiple: float
    keep_fast: float
    keep_slow: float

    @property
    def drift(self) -> FloatArray:
        """Weights of the state ``(F, G)`` in the next session's mean, shape ``(2,)``."""
        return np.array([self.multiple, -self.multiple])

    @property
    def response(self) -> FloatArray:
        """Change of the state per unit of return, shape ``(2,)``."""
        return np.array([1.0 - self.keep_fast, 1.0 - self.keep_slow])

    @property
    def transition(self) -> FloatArray:
        """Matrix `M` of ``state[t] = M @ state[t-1] + response * e[t]``, shape ``(2, 2)``."""
        kept = np.diag([self.keep_fast, self.keep_slow])
        return np.asarray(kept + np.outer(self.response, self.drift), dtype=np.float64)

    def is_stable(self) -> bool:
        """Whether the state has a stationary law."""
        return bool(np.abs(np.linalg.eigvals(self.transition)).max() < 1.0)

    def covariance(self) -> FloatArray:
        """Stationary covariance of the state for shocks of unit variance, shape ``(2, 2)``.

        Solves ``P = M P M' + q q'``. Only second moments enter, so it holds for any
        uncorrelated shocks of constant unconditional variance.
        """
        m, q = self.transition, self.response
        flat = np.linalg.solve(np.eye(4) - np.kron(m, m), np.outer(q, q).ravel())
        return np.asarray(flat.reshape(2, 2), dtype=np.float64)

    def horizon_weights(self, sessions: int) -> FloatArray:
        """Weights of the state in the mean of the next `sessions` returns, shape ``(2,)``."""
        return np.asarray(self._weights_up_to(sessions)[-1], dtype=np.float64)

    def _weights_up_to(self, sessions: int) -> list[FloatArray]:
        """`horizon_weights` of 0, 1, ... `sessions`."""
        transition, ahead = self.transition, self.drift
        weights = [np.zeros(2)]
        for _ in range(sessions):
            weights.append(weights[-1] + ahead)
            ahead = ahead @ transition
        return weights

    def r_squared(self, sessions: int) -> float:
        """Variance of the mean of the next `sessions` returns over that of their sum.

        A shock that has `k` sessions to go counts once by itself and `horizon_weights(k)`
        times through the drift that it causes.
        """
        *shorter, weights = self._weights_up_to(sessions)
        known = float(weights @ self.covariance() @ weights)
        gains = 1.0 + np.array(shorter) @ self.response
        return known / (known + float(np.square(gains).sum()))


@cache
def calibrate(strength: float, halflife: float) -> Feedback:
    """Feedback whose R² at `SIGNAL_SESSIONS` is the square of `strength`.

    R² grows with the multiple up to the edge of stability, where it tends to one, so the
    multiple is bisected; there is no closed form.

    Parameters
    ----------
    strength
        0 (null) to below 1.
    halflife
        Of the fast EWMA, sessions.
    """
    keep = (float(2.0 ** (-1.0 / halflife)), float(2.0 ** (-1.0 / SLOW_HALFLIFE)))
    low, high = 0.0, 16.0
    for _ in range(_BISECTIONS if strength > 0 else 0):
        middle = Feedback((low + high) / 2, *keep)
        if middle.is_stable() and middle.r_squared(SIGNAL_SESSIONS) < strength**2:
            low = middle.multiple
        else:
            high = middle.multiple
    return Feedback(low, *keep)


def feedback_of(config: SyntheticConfig) -> Feedback:
    """Feedback that a configuration asks for."""
    strength = config.signal_strength if config.signal == "planted" else 0.0
    return calibrate(strength, config.signal_halflife)


@dataclass(frozen=True)
class RootPath:
    """Daily path of one root, one entry per session.

    Attributes
    ----------
    sessions
        Calendar of the root.
    sigma
        Conditional standard deviation of the log return.
    returns
        Log return of any contract of the root, close to close.
    log_index
        Cumulated returns.
    state
        Fast and slow EWMA after the session's return, shape ``(n, 2)``.
    """

    sessions: Sessions
    sigma: FloatArray
    returns: FloatArray
    log_index: FloatArray
    state: FloatArray


def _student(rng: np.random.Generator, df: float, count: int) -> FloatArray:
    """Student t draws scaled to unit variance."""
    draws = rng.standard_t(df, count) * np.sqrt((df - 2.0) / df)
    return np.asarray(draws, dtype=np.float64)


def _unit_shocks(config: SyntheticConfig, root: str, sessions: Sessions) -> FloatArray:
    """Factor-driven shocks of unit variance.

    A factor's move on a day when the root rests is not made up on its next session: roots
    that trade that day would otherwise foretell it, and the null market would not be one.
    """
    spec = root_spec(root)
    loadings = (spec.grain, spec.energy, spec.risk)
    days = len(weekdays(config.start, config.end))
    own = np.sqrt(1.0 - sum(loading**2 for loading in loadings))
    shocks = own * _student(stream(config.seed, root, "shock"), config.tail_df, len(sessions.dates))
    for name, loading in zip(FACTORS, loadings, strict=True):
        factor = _student(stream(config.seed, "factor", name), config.tail_df, days)
        shocks = shocks + loading * factor[sessions.weekday_position]
    return np.asarray(shocks, dtype=np.float64)


def _sigma(config: SyntheticConfig, root: str, sessions: Sessions, spec: RootSpec) -> FloatArray:
    """Conditional standard deviation per session; its mean square is the root's variance."""
    days = len(weekdays(config.start, config.end))
    common = stationary(stream(config.seed, "factor", "volatility"), days, *_COMMON_VOLATILITY)
    own_rng = stream(config.seed, root, "volatility")
    own = stationary(own_rng, len(sessions.dates), *_OWN_VOLATILITY)
    amplitude, peak = spec.season
    year_start = sessions.dates.astype("datetime64[Y]").astype("datetime64[D]")
    day_of_year = (sessions.dates - year_start).astype(np.int64) + 1
    season = amplitude * np.cos(2 * np.pi * (day_of_year - peak) / 365.25)
    # E[exp(2x)] is exp(2 sd²) for a normal x and I0(2a) for a cosine of amplitude a.
    variance = _COMMON_VOLATILITY[1] ** 2 + _OWN_VOLATILITY[1] ** 2
    mean_square = np.exp(2 * variance) * np.i0(2 * amplitude)
    log_sigma = common[sessions.weekday_position] + own + season
    daily = spec.volatility / np.sqrt(TRADING_DAYS * mean_square)
    return np.asarray(daily * np.exp(log_sigma), dtype=np.float64)


def _feed_back(
    shocks: FloatArray, feedback: Feedback, start: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Returns and states of the recursion in the module's docstring.

    A scan over sessions: the recursion is of second order with complex roots, which no
    exponential mean covers, and plain floats are exact under any length of span.
    """
    multiple, (gain_fast, gain_slow) = feedback.multiple, feedback.response.tolist()
    fast, slow = start.tolist()
    returns, states = [], []
    for shock in shocks.tolist():
        value = multiple * (fast - slow) + shock
        fast += gain_fast * (value - fast)
        slow += gain_slow * (value - slow)
        returns.append(value)
        states.append((fast, slow))
    return np.array(returns, dtype=np.float64), np.array(states, dtype=np.float64).reshape(-1, 2)


def simulate_root(config: SyntheticConfig, root: str) -> RootPath:
    """Daily path of one root; nothing of it depends on the other roots asked for.

    Parameters
    ----------
    config
        Options of the market.
    root
        Futures root.

    Raises
    ------
    ConfigError
        If the root is unknown.
    """
    spec = root_spec(root)
    instrument = get_instrument(root)
    sessions = root_sessions(config.start, config.end, instrument, grain=spec.is_grain)
    sigma = _sigma(config, root, sessions, spec)
    shocks = sigma * _unit_shocks(config, root, sessions)
    feedback = feedback_of(config)
    # The past before the first session is drawn, so that the signal is stationary from there.
    root_covariance = np.linalg.cholesky(feedback.covariance())
    draws = stream(config.seed, root, "past").standard_normal(2)
    start = spec.volatility / np.sqrt(TRADING_DAYS) * (root_covariance @ draws)
    returns, state = _feed_back(shocks, feedback, start)
    return RootPath(sessions, sigma, returns, np.cumsum(returns), state)
