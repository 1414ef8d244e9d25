"""Wiring of the split stage."""

from kedro.pipeline import Node, Pipeline

from soyoil.pipelines.grid import UPSTREAM_TAGS, horizon_tags, stage
from soyoil.pipelines.split.nodes import (
    label_node,
    make_snapshot,
    plan_figure_node,
    plan_node,
    weights_node,
)
from soyoil.targets.horizons import HORIZONS, Horizon


def _horizon_pipeline(horizon: Horizon) -> Pipeline:
    return Pipeline(
        [
            Node(label_node(horizon), "snapshot", ["labels", "label_report"], name="make_labels"),
            Node(
                plan_node(horizon),
                ["snapshot", "labels", "params:split", "params:profile"],
                "split_plan",
                name="make_plan",
            ),
            Node(
                plan_figure_node(horizon),
                ["snapshot", "split_plan"],
                "split_plan_figure",
                name="draw_plan",
            ),
            Node(
                weights_node(horizon),
                ["snapshot", "split_plan", "params:weights"],
                ["sample_weights", "weight_report"],
                name="make_weights",
            ),
        ],
        namespace=horizon.name,
        inputs={"snapshot"},
        parameters={"params:split", "params:profile", "params:weights"},
        tags=horizon_tags(horizon.name),
    )


def create_pipeline() -> Pipeline:
    """Snapshot, then labels, plan and weights of every horizon."""
    snapshot = stage(
        "split",
        [
            Node(
                make_snapshot,
                [
                    "daily_ml_matrix",
                    "regime_weights",
                    "params:target",
                    "params:source",
                    "params:external",
                    "params:features",
                ],
                "snapshot",
                name="make_snapshot",
            )
        ],
        UPSTREAM_TAGS,
    )
    return snapshot + sum((_horizon_pipeline(h) for h in HORIZONS.values()), Pipeline([]))
