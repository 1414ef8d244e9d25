"""Tags and namespaces of the horizon x model grid.

Pipelines are registered before parameters exist, so the grid comes from static registries.
Whatever stands upstream of a cell carries the cell's tags, so that ``--tags=1m`` and
``--tags=lightgbm`` work from an empty checkout. Cross-horizon nodes carry none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, get_type_hints

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


def bound(
    function: Callable[..., Any], types: Mapping[str, type] | None = None, /, **values: object
) -> Callable[..., Any]:
    """A node function with arguments that are known when pipelines are registered.

    It can be pickled, and Kedro finds in it the types of parameters, which it looks for in
    annotations that a plain partial does not have.

    Parameters
    ----------
    function
        Function of a module; the arguments are given by keyword.
    types
        Types of arguments that depend on the values.
    **values
        The arguments.
    """
    node = partial(function, **values)
    hints = {name: kind for name, kind in get_type_hints(function).items() if name not in values}
    vars(node).update(__annotations__=hints | dict(types or {}), __name__=function.__name__)
    return node
