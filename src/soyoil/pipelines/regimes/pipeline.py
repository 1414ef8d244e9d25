"""Wiring of the regimes stage."""

from kedro.pipeline import Node, Pipeline

from soyoil.pipelines.grid import UPSTREAM_TAGS
from soyoil.pipelines.regimes.nodes import make_regime_table


def create_pipeline() -> Pipeline:
    """The regime table."""
    return Pipeline(
        [
            Node(
                make_regime_table,
                "params:regimes",
                "regime_weights",
                name="regimes.make_table",
            )
        ],
        tags=UPSTREAM_TAGS,
    )
