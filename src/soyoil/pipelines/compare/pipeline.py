"""Wiring of the comparison."""

from kedro.pipeline import Node, Pipeline

from soyoil.pipelines.compare.nodes import compare_runs, find_runs
from soyoil.pipelines.grid import stage


def create_pipeline() -> Pipeline:
    """Finished runs of the tracking store, compared; no part of ``train``."""
    return stage(
        "compare",
        [
            Node(
                find_runs,
                ["params:compare", "params:tracking"],
                "tracked_runs",
                name="find_runs",
            ),
            Node(
                compare_runs,
                ["tracked_runs", "params:compare"],
                "comparison",
                name="compare_runs",
            ),
        ],
    )
