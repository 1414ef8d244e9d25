"""Wiring of the fit stage: namespaces ``<horizon>`` and ``<horizon>.<model>``."""

from kedro.pipeline import Node, Pipeline

from soyoil.models.registry import BASELINES, ENGINES
from soyoil.pipelines.fit.nodes import ENGINE_NODES, baseline_node
from soyoil.pipelines.grid import cell_tags, horizon_tags
from soyoil.targets.horizons import HORIZONS, Horizon


def _baselines(horizon: Horizon) -> Pipeline:
    name = horizon.name
    return Pipeline(
        [
            Node(
                baseline_node(horizon),
                ["snapshot", f"{name}.labels", f"{name}.split_plan"],
                [f"{name}.{model}.predictions" for model in BASELINES],
                name=f"{name}.baselines.predict",
                namespace=f"{name}.baselines",
            )
        ],
        tags=horizon_tags(name),
    )


def _engine(horizon: Horizon, engine: str) -> Pipeline:
    name = horizon.name
    return Pipeline(
        [
            Node(
                ENGINE_NODES[engine](horizon),
                [
                    "snapshot",
                    f"{name}.labels",
                    f"{name}.split_plan",
                    f"{name}.sample_weights",
                    "params:fit",
                    f"params:{engine}",
                ],
                [f"{name}.{engine}.predictions", f"{name}.{engine}.fit_report"],
                name=f"{name}.{engine}.fit",
                namespace=f"{name}.{engine}",
            )
        ],
        tags=cell_tags(name, engine),
    )


def create_pipeline() -> Pipeline:
    """Baselines and engines of every horizon."""
    parts = [_baselines(h) for h in HORIZONS.values()]
    parts += [_engine(h, engine) for h in HORIZONS.values() for engine in ENGINES]
    return sum(parts, Pipeline([]))
