"""The registry of fitted models: the one place that says what an engine is.

Static: pipelines are registered before parameters exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from soyoil.models.config import EngineConfig, LightGBMConfig, TFTConfig, XGBoostConfig

UNIFORM: Final = "_uniform"
"""Ending of the name of an ablation."""


@dataclass(frozen=True)
class EngineSpec:
    """One engine.

    Attributes
    ----------
    module
        Module of its ``fit_fold``; only that engine's workers import it.
    config
        Its section of the parameters, under its name.
    library
        Import name of a library that no process may hold beside that of another engine; empty if
        it has none.
    distributions
        Distributions whose versions decide its numbers, as far as they are installed.
    ablation
        Whether the same engine with uniform weights is fitted beside it.
    single_worker
        Whether it has one worker where there may be an accelerator.
    space
        Search space of a sweep, as in ``sweep.space``, where the parameters hold none.
    """

    module: str
    config: type[EngineConfig]
    library: str = ""
    distributions: tuple[str, ...] = ()
    ablation: bool = False
    single_worker: bool = False
    space: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


ENGINES: Final[dict[str, EngineSpec]] = {
    "lightgbm": EngineSpec(
        module="soyoil.models.lightgbm",
        config=LightGBMConfig,
        library="lightgbm",
        distributions=("lightgbm",),
        ablation=True,
    ),
    "xgboost": EngineSpec(
        module="soyoil.models.xgboost",
        config=XGBoostConfig,
        library="xgboost",
        distributions=("xgboost", "xgboost-cpu"),
        ablation=True,
    ),
    "tft": EngineSpec(
        module="soyoil.models.tft",
        config=TFTConfig,
        library="torch",
        distributions=("torch", "pytorch-forecasting"),
        single_worker=True,
    ),
}
"""Engines by name, in the order in which they run: all horizons of one, then the next."""


def ablations() -> dict[str, str]:
    """Engine by the name of its ablation: the same engine with uniform weights."""
    return {f"{name}{UNIFORM}": name for name, spec in ENGINES.items() if spec.ablation}


def is_ablation(model: str) -> bool:
    """Whether a model is an engine with uniform weights."""
    return model in ablations()


def engine_of(model: str) -> str:
    """Engine behind a fitted model; the name itself of any other."""
    return ablations().get(model, model)


def fitted_models() -> tuple[str, ...]:
    """Models with a fit: engines, and the same with uniform weights."""
    return (*ENGINES, *ablations())


def libraries() -> tuple[str, ...]:
    """Engine libraries; no process may load two of them."""
    return tuple(spec.library for spec in ENGINES.values() if spec.library)
