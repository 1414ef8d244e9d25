"""Wiring of the registration: a node per horizon, in the namespace of the champion."""

from kedro.pipeline import Node, Pipeline

from soyoil.models.engines import ENGINES
from soyoil.models.registry import BASELINES, CHAMPION
from soyoil.pipelines.grid import cell_tags
from soyoil.pipelines.register.nodes import registration_node
from soyoil.targets.horizons import HORIZONS, Horizon


def _of_horizon(horizon: Horizon) -> Pipeline:
    name = horizon.name
    tables = {table: f"{name}.{table}" for table in ("labels", "split_plan")}
    scored = (CHAMPION, *BASELINES, *ENGINES)
    node = Node(
        registration_node(horizon),
        {"snapshot": "snapshot", "config": "params:champion", "leakcheck": "leakcheck_record"}
        | tables
        | {f"{model}_predictions": f"{name}.{model}.predictions" for model in scored}
        | {"experts": f"{name}.{CHAMPION}.experts"}
        | {f"{engine}_final": f"{name}.{engine}.final_model" for engine in ENGINES},
        f"{name}.served_models",
        name="register",
    )
    return Pipeline(
        [node],
        namespace=f"{name}.{CHAMPION}",
        inputs=set(node.inputs) - {"params:champion"},
        outputs=set(node.outputs),
        parameters={"champion"},
        tags=set(cell_tags(name, CHAMPION)),
    )


def create_pipeline() -> Pipeline:
    """Judge and register the models of every horizon."""
    return sum((_of_horizon(h) for h in HORIZONS.values()), Pipeline([]))
