"""Wiring of the fit stage: namespaces ``<horizon>.baselines`` and ``<horizon>.<model>``."""

from kedro.pipeline import Node, Pipeline

from soyoil.models.champion import CONES
from soyoil.models.engines import ENGINES
from soyoil.models.registry import BASELINES, CHAMPION
from soyoil.pipelines.fit.nodes import (
    baseline_node,
    champion_node,
    engine_node,
    refit_node,
)
from soyoil.pipelines.grid import FITTED, cell_pipeline, cell_tags, horizon_tags
from soyoil.targets.horizons import HORIZONS, Horizon


def _baselines(horizon: Horizon) -> Pipeline:
    name = horizon.name
    node = Node(
        baseline_node(horizon),
        ["snapshot", "labels", "split_plan"],
        [f"{model}.predictions" for model in BASELINES],
        name="predict",
    )
    return Pipeline(
        [node],
        namespace=f"{name}.baselines",
        inputs={
            table: table if table == "snapshot" else f"{name}.{table}" for table in node.inputs
        },
        outputs={table: f"{name}.{table}" for table in node.outputs},
        tags=set(horizon_tags(name)),
    )


def _fitted(horizon: Horizon, model: str) -> Pipeline:
    tables = ("snapshot", "labels", "split_plan", "sample_weights")
    params = {name: f"params:{name}" for name in ("profile", "fit", "config")}
    node = Node(
        engine_node(horizon, model),
        {name: name for name in tables} | params,
        ["predictions", "fit_report"],
        name="fit",
    )
    tags = cell_tags(horizon.name, model)
    return cell_pipeline(f"{horizon.name}.{model}", node, tables, tags)


def _final(horizon: Horizon, engine: str) -> Pipeline:
    tables = ("snapshot", "labels", "split_plan")
    params = {name: f"params:{name}" for name in ("split", "weights", "profile", "fit", "config")}
    node = Node(
        refit_node(horizon, engine),
        {name: name for name in tables} | params,
        "final_model",
        name="refit",
    )
    tags = cell_tags(horizon.name, engine)
    return cell_pipeline(f"{horizon.name}.{engine}", node, tables, tags)


def _champion(horizon: Horizon) -> Pipeline:
    experts = {model: f"{model}.predictions" for model in (*CONES, *ENGINES)}
    tables = {name: name for name in ("snapshot", "labels", "split_plan")}
    node = Node(
        champion_node(horizon),
        tables | {"config": "params:config"} | experts,
        ["predictions", "experts"],
        name="mix",
    )
    outside = [*tables, *experts.values()]
    tags = cell_tags(horizon.name, CHAMPION)
    return cell_pipeline(f"{horizon.name}.{CHAMPION}", node, outside, tags)


def create_pipeline() -> Pipeline:
    """Baselines, fitted models and the champion of every horizon."""
    parts = [_baselines(h) for h in HORIZONS.values()]
    parts += [_fitted(h, model) for h in HORIZONS.values() for model in FITTED]
    parts += [_final(h, engine) for h in HORIZONS.values() for engine in ENGINES]
    parts += [_champion(h) for h in HORIZONS.values()]
    return sum(parts, Pipeline([]))
