"""Wiring of the evaluate stage."""

from kedro.pipeline import Node, Pipeline

from soyoil.models.registry import CHAMPION, REFERENCES
from soyoil.pipelines.evaluate.nodes import (
    baseline_evaluation_node,
    champion_evaluation_node,
    fitted_evaluation_node,
    summarise,
)
from soyoil.pipelines.grid import FITTED, cell_pipeline, cell_tags, cells, stage
from soyoil.targets.horizons import HORIZONS
from soyoil.tracking.content import Cell

SHARED = ("snapshot", "labels", "split_plan", "sample_weights", "weight_report")


def _cell_pipeline(horizon: str, model: str) -> Pipeline:
    cell = Cell(HORIZONS[horizon], model)
    own = {"predictions": "predictions"}
    params = ["split", "profile", "weights"]
    if model in FITTED:
        function = fitted_evaluation_node(cell)
        own["report"] = "fit_report"
        params += ["fit", "config"]
    elif model == CHAMPION:
        function = champion_evaluation_node(cell)
        own["experts"] = "experts"
        params += ["config"]
    else:
        function = baseline_evaluation_node(cell)
    references = {name: f"{name}.predictions" for name in REFERENCES}
    shared = {name: name for name in SHARED} | references
    node = Node(
        function,
        {"snapshot": "snapshot"} | own | shared | {name: f"params:{name}" for name in params},
        ["run", "scores"],
        name="evaluate",
    )
    space = f"{horizon}.{model}"
    return cell_pipeline(space, node, shared.values(), cell_tags(horizon, model))


def create_pipeline() -> Pipeline:
    """Scores and tracked runs of every cell, then the summary over all of them."""
    summary = stage(
        "evaluate",
        [
            Node(
                summarise,
                ["snapshot", *(f"{horizon}.{model}.scores" for horizon, model in cells())],
                ["skill_table", "skill_card"],
                name="summarise",
            )
        ],
    )
    return sum((_cell_pipeline(h, m) for h, m in cells()), Pipeline([])) + summary
