"""Options of the synthetic market."""

from __future__ import annotations

import datetime as dt
from typing import Literal, Self

from pydantic import Field, model_validator

from soyoil.base.config import Config, bounded


class SyntheticConfig(Config):
    """Options of the seeded synthetic market.

    Attributes
    ----------
    seed
        Root of every random stream. Each stream is keyed by (seed, root, purpose), so another
        root or a later end changes no existing value.
    start, end
        First and last trade date, inclusive.
    hourly_from
        Trade dates from here on carry every hourly bar; earlier ones carry three bars per
        session whose open, high, low, close and volume aggregate to the same session. A date,
        not a span before `end`, so that moving `end` leaves the past unchanged.
    signal
        ``null``: log returns are a martingale difference, only volatility is predictable.
        ``planted``: the drift of every root is a multiple of the EWMA of its own past returns,
        measured from their slow EWMA (see `soyoil.sources.synthetic.dynamics`).
    signal_strength
        Standard deviation of the conditional mean of the 21-session return over the standard
        deviation of that return, so that R² at 21 sessions is its square. Used if planted.
    signal_halflife
        Half-life, in sessions, of the EWMA that carries the planted signal.
    flip_back_share
        Expected share of the contract changes that lead to a contract which was the front one
        to three sessions before. Each such episode reads old, new, old, new and holds two.
    thin_sessions_per_year
        Expected number of nearly dead sessions per year, on the eve or morrow of a holiday.
    tail_df
        Degrees of freedom of the Student t shocks; above 4, so that kurtosis is finite.
    """

    seed: int = bounded(20100607, ge=0, le=2**63 - 1, why="it is stored in 64 bits")
    start: dt.date = dt.date(2010, 6, 7)
    end: dt.date = dt.date(2025, 12, 31)
    hourly_from: dt.date = dt.date(2024, 1, 1)
    signal: Literal["null", "planted"] = "null"
    signal_strength: float = Field(default=0.5, ge=0.0, le=0.8)
    signal_halflife: float = Field(default=21.0, ge=5.0, le=126.0)
    flip_back_share: float = Field(default=0.25, ge=0.0, le=0.5)
    thin_sessions_per_year: float = Field(default=0.5, ge=0.0, le=5.0)
    tail_df: float = bounded(6.0, gt=4.0, le=1_000, why="beyond that the tails are normal")

    @model_validator(mode="after")
    def _check_span(self) -> Self:
        if self.end < self.start:
            raise ValueError(
                f"synthetic.end {self.end} is before synthetic.start {self.start}; "
                "give a span of at least one day"
            )
        if self.start < dt.date(2000, 1, 1) or self.end > dt.date(2049, 12, 31):
            raise ValueError(
                f"synthetic span {self.start}..{self.end} leaves 2000-01-01..2049-12-31, for "
                "which the holiday calendar is defined; choose dates inside it"
            )
        return self
