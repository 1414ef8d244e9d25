"""Wiring of the panel."""

from kedro.pipeline import Node, Pipeline

from soyoil.models.engines import ENGINES
from soyoil.pipelines.grid import stage
from soyoil.pipelines.panel.nodes import report_panel, score_panel

SECTIONS = (
    "source",
    "split",
    "panel",
    "champion",
    "target",
    "profile",
    "weights",
    "fit",
    "external",
    "features",
)


def create_pipeline() -> Pipeline:
    """Session bars of all roots to evidence across markets; no part of ``train``."""
    return stage(
        "panel",
        [
            Node(
                score_panel,
                {
                    "sessions": "soyoil_futures_sessions",
                    "matrix": "panel_matrix",
                    "regimes": "panel_regimes",
                    "folder": "panel_folder",
                    **{name: f"params:{name}" for name in (*SECTIONS, *ENGINES)},
                },
                "panel_result",
                name="score",
            ),
            Node(report_panel, ["panel_result"], "panel_report", name="report"),
        ],
    )
