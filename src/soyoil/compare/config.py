"""Configuration of the comparison of tracked runs."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from soyoil.base.config import Config, bounded
from soyoil.targets.horizons import HORIZONS


def _split(value: object) -> object:
    # `--params=compare.horizon=1w+1m`: Kedro's own list separator on the command line.
    if isinstance(value, str):
        return () if value == "all" else tuple(value.split("+"))
    return value


Names = Annotated[tuple[str, ...], BeforeValidator(_split)]


class CompareConfig(Config):
    """Which tracked runs are compared, and on which rows.

    Attributes
    ----------
    runs
        Two runs to take the difference of, ``A+B``: run ids, unique beginnings of them, or run
        names (the newest of that name). Empty: the leaderboard.
    horizon, model
        Runs to rank; ``all`` or ``1w+1m``. The references are ranked with every model.
    regime
        Only origins in these regimes; ``all``.
    date_from, date_to
        Only origins from and up to these dates, both included.
    experiment
        MLflow experiments to look in; ``all``: the one of ``tracking.experiment``.
    latest
        The newest so many pipeline runs; 0: the newest run of each horizon, model, snapshot and
        split plan.
    metric
        Loss that runs are ranked by.
    min_rows, min_independent
        Fewest common rows, and common rows over the horizon, that runs are ranked on.
    min_share
        Least share of its largest run's rows that a ranking keeps. Runs that would cut it down
        further are ranked in a narrower one of their own.
    """

    runs: Names = ()
    horizon: Names = ()
    model: Names = ()
    regime: Names = ()
    date_from: dt.date | None = None
    date_to: dt.date | None = None
    experiment: Names = ()
    latest: int = bounded(0, ge=0, le=100_000, why="a report is one page")
    metric: Literal["pinball", "mae"] = "pinball"
    min_rows: int = bounded(100, ge=2, le=1_000_000, why="no run scores more rows")
    min_independent: float = bounded(1.0, ge=0, le=1_000_000, why="no run scores more rows")
    min_share: float = Field(default=0.5, ge=0, le=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.runs) not in (0, 2):
            raise ValueError(f"compare.runs names {len(self.runs)} runs; it takes two: A+B")
        unknown = [name for name in self.horizon if name not in HORIZONS]
        if unknown:
            raise ValueError(
                f"compare.horizon names {unknown[0]!r}; known horizons: {', '.join(HORIZONS)}"
            )
        if self.date_from and self.date_to and self.date_to < self.date_from:
            raise ValueError(
                f"compare.date_to={self.date_to} is before compare.date_from={self.date_from}"
            )
        return self
