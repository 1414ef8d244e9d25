"""Wiring of the panel."""

from kedro.pipeline import Node, Pipeline

from soyoil.pipelines.grid import stage
from soyoil.pipelines.panel.nodes import report_panel, score_panel


def create_pipeline() -> Pipeline:
    """Session bars of all roots to evidence across markets; no part of ``train``."""
    return stage(
        "panel",
        [
            Node(
                score_panel,
                [
                    "soyoil_futures_sessions",
                    "params:source",
                    "params:split",
                    "params:panel",
                    "params:champion",
                ],
                "panel_result",
                name="score",
            ),
            Node(report_panel, ["panel_result"], "panel_report", name="report"),
        ],
    )
