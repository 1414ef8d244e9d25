"""Baselines and engines. An engine's library is imported in its own module and process only."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.models.base import Engine, EngineFit, FoldResult, FoldTask, HorizonArrays
    from soyoil.models.baselines import baseline_quantiles
    from soyoil.models.champion import ChampionConfig, ExpertForecasts
    from soyoil.models.config import EngineConfig, FitConfig
    from soyoil.models.engines import ENGINES, EngineSpec
    from soyoil.models.registry import BASELINES, CHAMPION
    from soyoil.models.report import FitReport
    from soyoil.models.walkforward import Job, fit_one, run_walk_forward
else:
    __getattr__ = lazy_names(__name__)

__all__ = [
    "BASELINES", "CHAMPION", "ENGINES", "ChampionConfig", "Engine", "EngineConfig", "EngineFit",
    "EngineSpec", "ExpertForecasts", "FitConfig", "FitReport", "FoldResult", "FoldTask",
    "HorizonArrays", "Job", "baseline_quantiles", "fit_one", "run_walk_forward",
]  # fmt: skip
