"""Wiring of the features stage."""

from kedro.pipeline import Node, Pipeline

from soyoil.pipelines.features.nodes import assemble_matrix, compute_features
from soyoil.pipelines.grid import UPSTREAM_TAGS, stage


def create_pipeline() -> Pipeline:
    """Session bars and regimes to the daily matrix."""
    return stage(
        "features",
        [
            Node(
                compute_features,
                ["soyoil_futures_sessions", "params:source", "params:target"],
                "session_features",
                name="compute",
            ),
            Node(
                assemble_matrix,
                ["session_features", "regime_weights"],
                "daily_ml_matrix",
                name="assemble_matrix",
            ),
        ],
        UPSTREAM_TAGS,
    )
