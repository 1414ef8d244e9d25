"""Wiring of the regimes stage."""

from kedro.pipeline import Node, Pipeline

from soyoil.pipelines.grid import UPSTREAM_TAGS, stage
from soyoil.pipelines.regimes.nodes import make_regime_table


def create_pipeline() -> Pipeline:
    """The regime table."""
    return stage(
        "regimes",
        [
            Node(
                make_regime_table,
                "params:regimes",
                "regime_weights",
                name="make_table",
            )
        ],
        UPSTREAM_TAGS,
    )
