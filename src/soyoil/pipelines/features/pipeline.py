"""Wiring of the features stage."""

from kedro.pipeline import Node, Pipeline

from soyoil.pipelines.features.nodes import assemble_matrix, compute_features, cover_features
from soyoil.pipelines.grid import UPSTREAM_TAGS, stage


def create_pipeline() -> Pipeline:
    """Session bars and regimes to the daily matrix."""
    return stage(
        "features",
        [
            Node(
                compute_features,
                [
                    "soyoil_futures_sessions",
                    "params:source",
                    "params:target",
                    "params:external",
                    "external_records",
                    "params:features",
                ],
                "session_features",
                name="compute",
            ),
            Node(
                cover_features,
                ["session_features", "params:target"],
                "feature_coverage",
                name="coverage",
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
