"""Wiring of the fit stage: namespaces ``<horizon>.baselines`` and ``<horizon>.<model>``."""

from kedro.pipeline import Node, Pipeline

from soyoil.models.engines import engine_of
from soyoil.models.registry import BASELINES
from soyoil.pipelines.fit.nodes import baseline_node, engine_node
from soyoil.pipelines.grid import FITTED, cell_tags, horizon_tags
from soyoil.targets.horizons import HORIZONS, Horizon


def _baselines(horizon: Horizon) -> Pipeline:
    name = horizon.name
    return Pipeline(
        [
            Node(
                baseline_node(horizon),
                ["snapshot", f"{name}.labels", f"{name}.split_plan"],
                [f"{name}.{model}.predictions" for model in BASELINES],
                name="predict",
                namespace=f"{name}.baselines",
            )
        ],
        tags=horizon_tags(name),
    )


def _fitted(horizon: Horizon, model: str) -> Pipeline:
    name = horizon.name
    return Pipeline(
        [
            Node(
                engine_node(horizon, model),
                {
                    "snapshot": "snapshot",
                    "labels": f"{name}.labels",
                    "split_plan": f"{name}.split_plan",
                    "sample_weights": f"{name}.sample_weights",
                    "profile": "params:profile",
                    "fit": "params:fit",
                    "config": f"params:{engine_of(model)}",
                },
                [f"{name}.{model}.predictions", f"{name}.{model}.fit_report"],
                name="fit",
                namespace=f"{name}.{model}",
            )
        ],
        tags=cell_tags(name, model),
    )


def create_pipeline() -> Pipeline:
    """Baselines and fitted models of every horizon."""
    parts = [_baselines(h) for h in HORIZONS.values()]
    parts += [_fitted(h, model) for h in HORIZONS.values() for model in FITTED]
    return sum(parts, Pipeline([]))
