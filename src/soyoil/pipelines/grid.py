"""Tags and namespaces of the horizon x model grid.

Pipelines are registered before parameters exist, so the grid comes from static registries.
Whatever stands upstream of a cell carries the cell's tags, so that ``--tags=1m`` and
``--tags=lightgbm`` work from an empty checkout. Cross-horizon nodes carry none.
"""

from __future__ import annotations

from soyoil.models.engines import engine_of, fitted_models
from soyoil.models.registry import BASELINES
from soyoil.targets.horizons import HORIZONS

FITTED: tuple[str, ...] = fitted_models()
"""Models with a fit: engines, and the same with uniform weights."""

MODELS: tuple[str, ...] = (*BASELINES, *FITTED)

UPSTREAM_TAGS: tuple[str, ...] = (*HORIZONS, *MODELS)


def horizon_tags(horizon: str) -> tuple[str, ...]:
    """Tags of what every model of one horizon needs: labels, plan, weights, baselines."""
    return (horizon, *MODELS)


def cell_tags(horizon: str, model: str) -> tuple[str, ...]:
    """Tags of one horizon x model; an ablation carries its engine's tag too."""
    if model not in FITTED:
        return horizon_tags(horizon)
    return tuple(dict.fromkeys((horizon, engine_of(model), model)))


def cells() -> tuple[tuple[str, str], ...]:
    """All (horizon, model) pairs, horizons ascending, baselines first."""
    return tuple((horizon, model) for horizon in HORIZONS for model in MODELS)
