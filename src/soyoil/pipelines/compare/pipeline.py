"""Wiring of the comparison."""

from kedro.pipeline import Node, Pipeline

from soyoil.pipelines.compare.nodes import compare_runs, find_runs


def create_pipeline() -> Pipeline:
    """Finished runs of the tracking store, compared; no part of ``train``."""
    return Pipeline(
        [
            Node(
                find_runs,
                ["params:compare", "params:tracking"],
                "tracked_runs",
                name="compare.find_runs",
            ),
            Node(
                compare_runs,
                ["tracked_runs", "params:compare"],
                "comparison",
                name="compare.compare_runs",
            ),
        ]
    )
