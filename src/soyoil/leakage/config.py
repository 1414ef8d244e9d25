"""Parameters of replays and of the leak check."""

from __future__ import annotations

import datetime as dt

from pydantic import field_validator

from soyoil.base.config import Config, bounded


class ReplayConfig(Config):
    """Evenings that are replayed.

    Attributes
    ----------
    asof
        Days between the first and the last session; of a day without one the session before it is
        replayed. Empty: `kedro run --pipeline=replay` is refused.
    """

    asof: tuple[dt.date, ...] = ()

    @field_validator("asof", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        # `--params=replay.asof=2021-06-30+2022-06-30`: Kedro's own list separator.
        if isinstance(value, str):
            return tuple(value.split("+"))
        if isinstance(value, dt.date):
            return (value,)
        return () if value is None else value

    @field_validator("asof", mode="before")
    @classmethod
    def _refuse_numbers(cls, value: object) -> object:
        # Pydantic would count seconds from 1970.
        given = value if isinstance(value, (tuple, list)) else (value,)
        for item in given:
            text = str(item).strip()
            if isinstance(item, bool) or text.replace("_", "").replace(".", "").isdigit():
                raise ValueError(f"{item!r} is no date; write YYYY-MM-DD, several as A+B")
        return value


class LeakcheckConfig(Config):
    """How much the leak check looks at.

    Attributes
    ----------
    cuts
        Evenings after which raw rows are replaced by garbage, for bars and for each outside source.
    shuffles
        Times that the labels of each horizon are shuffled.
    seed
        Seed of the evenings, of the garbage and of the shuffles.
    """

    cuts: int = bounded(3, ge=1, le=50, why="the matrix is built anew for each")
    shuffles: int = bounded(5, ge=1, le=100, why="more tell nothing new")
    seed: int = bounded(1, ge=0, le=2**31 - 1, why="a seed is a 32-bit number")
