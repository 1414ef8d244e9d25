"""Tags and namespaces of the horizon x model grid.

Pipelines are registered before parameters exist, so the grid comes from static registries.
Whatever stands upstream of a cell carries the cell's tags, so that ``--tags=1m`` and
``--tags=lightgbm`` work from an empty checkout. Cross-horizon nodes carry none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, get_type_hints

from kedro.pipeline import Node, Pipeline

from soyoil.models.engines import engine_of, fitted_models, is_ablation
from soyoil.models.registry import BASELINES, CHAMPION
from soyoil.targets.horizons import HORIZONS

FITTED: tuple[str, ...] = fitted_models()
"""Models with a fit: engines, and the same with uniform weights."""

MODELS: tuple[str, ...] = (CHAMPION, *BASELINES, *FITTED)
"""All models, in the order in which they are shown."""

UPSTREAM_TAGS: tuple[str, ...] = (*HORIZONS, *MODELS)


def horizon_tags(horizon: str) -> tuple[str, ...]:
    """Tags of what every model of one horizon needs: labels, plan, weights, baselines."""
    return (horizon, *MODELS)


def cell_tags(horizon: str, model: str) -> tuple[str, ...]:
    """Tags of one horizon x model; an ablation carries its engine's tag too.

    An engine is an expert of the champion, so it carries the champion's tag.
    """
    if model == CHAMPION:
        return (horizon, CHAMPION)
    if model not in FITTED:
        return horizon_tags(horizon)
    mixed = () if is_ablation(model) else (CHAMPION,)
    return tuple(dict.fromkeys((horizon, engine_of(model), model, *mixed)))


def cells() -> tuple[tuple[str, str], ...]:
    """All (horizon, model) pairs, horizons ascending, in the order of `MODELS`."""
    return tuple((horizon, model) for horizon in HORIZONS for model in MODELS)


def stage(name: str, nodes: list[Node], tags: Iterable[str] = ()) -> Pipeline:
    """Nodes across horizons, in the namespace of their stage; their datasets are everyone's."""
    return Pipeline(nodes, namespace=name, prefix_datasets_with_namespace=False, tags=set(tags))


def from_outside(horizon: str, names: Iterable[str]) -> dict[str, str]:
    """Datasets by plain name: the snapshot is everyone's, the others are the horizon's."""
    return {name: name if name == "snapshot" else f"{horizon}.{name}" for name in names}


def cell_pipeline(space: str, node: Node, names: Iterable[str], tags: Iterable[str]) -> Pipeline:
    """A node of one cell, written with plain names, with its inputs and parameters mapped.

    Parameters
    ----------
    space
        Namespace, ``<horizon>.<model>``; the outputs are in it, and the inputs that are not in
        ``names``.
    node
        Takes the configuration of its engine, if any, as ``params:config``.
    names
        Inputs from outside: the snapshot, or a dataset of the horizon, as ``labels``.
    tags
        Tags of the cell.
    """
    horizon, _, model = space.partition(".")
    params = {name: name for name in node.inputs if name.startswith("params:")}
    if "params:config" in params:
        params["params:config"] = f"params:{engine_of(model)}"
    return Pipeline(
        [node],
        namespace=space,
        inputs=from_outside(horizon, names),
        parameters=params,
        tags=set(tags),
    )


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
