"""Configuration of the explanation of a change between two tracked runs."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from soyoil.base.config import Config, bounded
from soyoil.base.suggest import did_you_mean
from soyoil.compare.config import Names
from soyoil.models.engines import fitted_models
from soyoil.models.registry import BASELINES, CHAMPION
from soyoil.targets.horizons import HORIZONS

MODELS = (CHAMPION, *BASELINES, *fitted_models())


class ExplainConfig(Config):
    """Which two runs are explained, and how.

    Attributes
    ----------
    runs
        Two runs, ``A+B``: run ids, unique beginnings of them, or run names.
    horizon, model
        What is explained of them; ``all`` that both have, or ``1w+1m``.
    experiment
        MLflow experiments to look in; ``all``: the one of ``tracking.experiment``.
    metric
        Loss whose change is explained.
    seeds
        Further seeds that A is fitted with for the band of noise; 0: no band.
    min_rows
        Fewest rows to score all fits on.
    plan_only
        Whether to say what would be fitted, and stop.
    """

    runs: Names = ()
    horizon: Names = ()
    model: Names = ()
    experiment: Names = ()
    metric: Literal["pinball", "mae"] = "pinball"
    seeds: int = bounded(5, ge=0, le=50, why="each seed is one more fit of every cell")
    min_rows: int = bounded(100, ge=2, le=1_000_000, why="no run scores more rows")
    plan_only: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.runs) not in (0, 2):
            raise ValueError(f"explain.runs names {len(self.runs)} runs; it takes two: A+B")
        if self.seeds == 1:
            raise ValueError("explain.seeds=1 gives no band: give 0 for none, or 2 and more")
        for name, known in (("horizon", tuple(HORIZONS)), ("model", MODELS)):
            unknown = [value for value in getattr(self, name) if value not in known]
            if unknown:
                raise ValueError(
                    f"explain.{name} names {unknown[0]!r}.{did_you_mean(unknown[0], known)} "
                    f"Known: {', '.join(known)}"
                )
        return self
