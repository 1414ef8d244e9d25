"""Wiring of the explanation."""

from kedro.pipeline import Node, Pipeline

from soyoil.pipelines.explain.nodes import explain_change, find_pairs, report_change
from soyoil.pipelines.grid import stage


def create_pipeline() -> Pipeline:
    """Two runs of the tracking store, fitted again with parts swapped; no part of ``train``."""
    return stage(
        "explain",
        [
            Node(
                find_pairs,
                ["params:explain", "params:tracking"],
                "explained_runs",
                name="find_pairs",
            ),
            Node(
                explain_change,
                [
                    "explained_runs",
                    "kept_snapshots",
                    "explain_folder",
                    "params:explain",
                    "params:fit",
                ],
                "explain_result",
                name="fit",
            ),
            Node(
                report_change, ["explain_result", "params:explain"], "explain_report", name="report"
            ),
        ],
    )
