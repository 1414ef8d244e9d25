"""Wiring of the evaluate stage."""

from kedro.pipeline import Node, Pipeline

from soyoil.models.engines import engine_of
from soyoil.pipelines.evaluate.nodes import (
    baseline_evaluation_node,
    fitted_evaluation_node,
    summarise,
)
from soyoil.pipelines.grid import FITTED, cell_tags, cells
from soyoil.targets.horizons import HORIZONS
from soyoil.tracking.content import Cell


def _cell_pipeline(horizon: str, model: str) -> Pipeline:
    cell = Cell(HORIZONS[horizon], model)
    space = f"{horizon}.{model}"
    inputs = {
        "snapshot": "snapshot",
        "predictions": f"{space}.predictions",
        "random_walk": f"{horizon}.random_walk.predictions",
        "vol_cone": f"{horizon}.vol_cone.predictions",
        "labels": f"{horizon}.labels",
        "split_plan": f"{horizon}.split_plan",
        "sample_weights": f"{horizon}.sample_weights",
        "weight_report": f"{horizon}.weight_report",
        "split": "params:split",
        "profile": "params:profile",
        "weights": "params:weights",
    }
    if model in FITTED:
        function = fitted_evaluation_node(cell)
        inputs |= {
            "report": f"{space}.fit_report",
            "fit": "params:fit",
            "config": f"params:{engine_of(model)}",
        }
    else:
        function = baseline_evaluation_node(cell)
    return Pipeline(
        [
            Node(
                function,
                inputs,
                [f"{space}.run", f"{space}.scores"],
                name="evaluate",
                namespace=space,
            )
        ],
        tags=cell_tags(horizon, model),
    )


def create_pipeline() -> Pipeline:
    """Scores and tracked runs of every cell, then the summary over all of them."""
    summary = Pipeline(
        [
            Node(
                summarise,
                ["snapshot", *(f"{horizon}.{model}.scores" for horizon, model in cells())],
                ["skill_table", "skill_card"],
                name="evaluate.summarise",
            )
        ]
    )
    return sum((_cell_pipeline(h, m) for h, m in cells()), Pipeline([])) + summary
