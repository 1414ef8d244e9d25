"""Wiring of the features stage."""

from kedro.pipeline import Node, Pipeline

from soyoil.pipelines.features.nodes import assemble_matrix, compute_features
from soyoil.pipelines.grid import UPSTREAM_TAGS


def create_pipeline() -> Pipeline:
    """Session bars and regimes to the daily matrix."""
    return Pipeline(
        [
            Node(
                compute_features,
                ["databento_futures_ohlcv_1d", "params:source", "params:target"],
                "session_features",
                name="features.compute",
            ),
            Node(
                assemble_matrix,
                ["session_features", "regime_weights"],
                "daily_ml_matrix",
                name="features.assemble_matrix",
            ),
        ],
        tags=UPSTREAM_TAGS,
    )
