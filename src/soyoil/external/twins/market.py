"""What every twin is made from, and the truth about a planted effect.

The driver of a source is a series of unit variance that its generator turns into values. Without a
planted effect it is noise. With one of strength `s` it is

    s * before + s * after + sqrt(1 - 2 s²) * noise

where `after` is the target's return over the `EFFECT_SESSIONS` sessions after the one at whose
decision the value is first known, and `before` its return from the value's day to that session,
each in units of its standard deviation. So a value that is used when it is known predicts, and one
that is used on its own day, before anyone could have read it, predicts better still.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import DayArray, FloatArray, IntArray
from soyoil.external.base import UNDATED
from soyoil.external.config import PlantedConfig
from soyoil.external.releases import EASTERN
from soyoil.market.conventions import TRADING_DAYS
from soyoil.market.instruments import get_instrument
from soyoil.market.sessions import decision_times
from soyoil.sources.synthetic.config import SyntheticConfig
from soyoil.sources.synthetic.dynamics import RootPath, simulate_root
from soyoil.sources.synthetic.roots import root_spec
from soyoil.sources.synthetic.streams import stationary, stream

EFFECT_SESSIONS: Final = 21
HISTORY_DAYS: Final = 800
"""Days before the market's first session from which twins have values: two years and a bit."""
_BEYOND_DAYS: Final = 60
"""Days after the market's last session that the effect looks into: 21 sessions and holidays."""
_LAST_DAY: Final = dt.date(2049, 12, 31)


@dataclass(frozen=True)
class TrueEffect:
    """What a planted effect is worth at `EFFECT_SESSIONS`.

    Attributes
    ----------
    r_squared
        R² of the best linear forecast of the return from the newest value known, over all rows.
    skill_mae
        Skill of that forecast against a forecast of zero, for normal returns.
    """

    r_squared: float
    skill_mae: float


@dataclass(frozen=True)
class TwinMarket:
    """The synthetic market that twins belong to.

    Attributes
    ----------
    config
        Its configuration; its seed is that of every twin.
    target
        Root whose returns a planted effect is about.
    planted
        The effect, if there is one.
    """

    config: SyntheticConfig
    target: str
    planted: PlantedConfig | None = None

    @property
    def end(self) -> np.datetime64:
        """Last day of the market."""
        return np.datetime64(self.config.end, "D")

    def days(self) -> DayArray:
        """Every calendar day from `HISTORY_DAYS` before the market to its last."""
        first = np.datetime64(self.config.start, "D") - np.timedelta64(HISTORY_DAYS, "D")
        return np.asarray(np.arange(first, self.end + np.timedelta64(1, "D")), "datetime64[D]")

    def months(self) -> DayArray:
        """First days of all months that begin on one of `days`."""
        days = self.days()
        firsts = days.astype("datetime64[M]").astype("datetime64[D]")
        return np.asarray(days[days == firsts], dtype="datetime64[D]")

    def noise(self, source: str, series: str, purpose: str = "noise") -> np.random.Generator:
        """Random stream of one purpose of one series; other series and a later end change none."""
        return stream(self.config.seed, "twin", source, series, purpose)

    def steady(
        self, source: str, series: str, count: int, persistence: float, purpose: str = "level"
    ) -> FloatArray:
        """Stationary noise of unit variance with a given autocorrelation, shape ``(count,)``."""
        return stationary(self.noise(source, series, purpose), count, persistence, 1.0)

    @cached_property
    def path(self) -> RootPath:
        """Daily path of the target, some weeks longer than the market."""
        beyond = min(self.config.end + dt.timedelta(days=_BEYOND_DAYS), _LAST_DAY)
        return simulate_root(self.config.model_copy(update={"end": beyond}), self.target)

    @cached_property
    def decisions(self) -> pd.Series:
        """Decision time of each session of `path`, ``datetime64[us, UTC]``."""
        sessions = self.path.sessions
        last = sessions.open_utc + (sessions.bars - 1) * np.timedelta64(1, "h")
        return decision_times(
            pd.Series(sessions.dates.astype("datetime64[us]")),
            pd.Series(last).dt.tz_localize("UTC"),
            get_instrument(self.target),
        )

    def first_use(self, known_at: pd.Series) -> IntArray:
        """Position in `path` of the first session that is decided when a value is known."""
        at = known_at.dt.tz_convert(None).to_numpy(dtype="datetime64[us]")
        decided = self.decisions.dt.tz_convert(None).to_numpy(dtype="datetime64[us]")
        return np.asarray(np.searchsorted(decided, at, side="left"), dtype=np.int64)

    def driver(
        self, source: str, series: str, days: DayArray, known_at: pd.Series, persistence: float
    ) -> FloatArray:
        """Driver of a source: noise, and what is planted in it.

        Parameters
        ----------
        source, series
            Whose it is; the source must have no other series with a driver.
        days
            Days that the values are about.
        known_at
            When they are known, UTC.
        persistence
            Autocorrelation of the noise from one value to the next.
        """
        noise = self.steady(source, series, len(days), persistence, "driver")
        if self.planted is None or self.planted.source != source:
            return noise
        strength = self.planted.strength
        before, after, inside = self._returns_about(days, known_at)
        told = strength * (before + after) + np.sqrt(1.0 - 2.0 * strength**2) * noise
        return np.asarray(np.where(inside, told, noise), dtype=np.float64)

    def _returns_about(
        self, days: DayArray, known_at: pd.Series
    ) -> tuple[FloatArray, FloatArray, np.ndarray]:
        """Standardised returns before and after values are known, and where the market is open."""
        dates, returns = self.path.sessions.dates, self.path.returns
        total = np.concatenate([[0.0], np.cumsum(returns)])
        last = len(returns) - 1
        used = np.minimum(self.first_use(known_at), last)
        own = np.minimum(np.searchsorted(dates, days, side="right") - 1, used)
        inside = own >= 0
        own = np.maximum(own, 0)
        daily = root_spec(self.target).volatility / np.sqrt(TRADING_DAYS)
        span = used - own
        before = (total[used + 1] - total[own + 1]) / (daily * np.sqrt(np.maximum(span, 1)))
        end = np.minimum(used + 1 + EFFECT_SESSIONS, len(returns))
        after = (total[end] - total[used + 1]) / (daily * np.sqrt(EFFECT_SESSIONS))
        return before, after, inside

    def known(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Rows that were known by the end of the market."""
        until = pd.Timestamp(self.config.end + dt.timedelta(days=1), tz="UTC")
        return rows[rows["known_at"] < until].reset_index(drop=True)


def true_effect(market: TwinMarket, known_at: pd.Series) -> TrueEffect:
    """What the planted effect is worth in the null market, from rows by knowledge time.

    A value that has been known for `k` sessions knows ``21 - k`` of the 21 that follow, so over all
    sessions of the market its correlation with their return is `s` times the mean of
    ``max(1 - k / 21, 0)``. Values before the newest know of the same returns too, and a forecast
    that uses them all may find somewhat more.

    Parameters
    ----------
    market
        Market with its planted effect; 0 without one.
    known_at
        When the values of the driver series are known, UTC.
    """
    strength = 0.0 if market.planted is None else market.planted.strength
    dates = market.path.sessions.dates
    sessions = np.flatnonzero(dates <= market.end)
    used = np.sort(market.first_use(known_at))
    newest = np.searchsorted(used, sessions, side="right") - 1
    age = np.where(newest >= 0, sessions - used[np.maximum(newest, 0)], EFFECT_SESSIONS)
    share = float(np.maximum(1.0 - age / EFFECT_SESSIONS, 0.0).mean())
    r_squared = (strength * share) ** 2
    return TrueEffect(r_squared, 1.0 - float(np.sqrt(1.0 - r_squared)))


def series_rows(
    names: tuple[str, str],
    days: DayArray,
    known_at: pd.Series,
    values: Mapping[str, FloatArray | IntArray],
    vintage: pd.Series | str = UNDATED,
) -> pd.DataFrame:
    """Rows of one series in the form of `soyoil.external.base.Reading.rows`.

    Parameters
    ----------
    names
        Series column of the table, and the series.
    days
        Reference days.
    known_at
        When each value is known, UTC.
    values
        Value columns.
    vintage
        Of each row, or of all.
    """
    column, series = names
    rows = pd.DataFrame({column: pd.Series([series] * len(days), dtype="str")})
    rows["event_time"] = pd.Series(days.astype("datetime64[us]")).dt.tz_localize("UTC")
    rows["known_at"] = known_at.array
    rows["vintage"] = vintage if isinstance(vintage, str) else vintage.array
    return rows.assign(**values).astype({"vintage": "str"})


def vintage_days(known_at: pd.Series) -> pd.Series:
    """Days in New York on which values came out, as names of dated vintages."""
    days: pd.Series = known_at.dt.tz_convert(EASTERN).dt.strftime("%Y-%m-%d").astype("str")
    return days
