"""Wiring of the ablation."""

from kedro.pipeline import Node, Pipeline

from soyoil.models.engines import ENGINES
from soyoil.pipelines.ablation.nodes import report_ablation, score_ablation
from soyoil.pipelines.grid import stage
from soyoil.pipelines.panel.pipeline import SECTIONS


def create_pipeline() -> Pipeline:
    """The matrix of all roots to what each feature group adds; no part of ``train``."""
    return stage(
        "ablation",
        [
            Node(
                score_ablation,
                {
                    "sessions": "soyoil_futures_sessions",
                    "matrix": "panel_matrix",
                    "regimes": "panel_regimes",
                    "folder": "panel_folder",
                    "trials": "ablation_folder",
                    **{f: f"params:{f}" for f in (*SECTIONS, "ablation", *ENGINES)},
                },
                "ablation_result",
                name="score",
            ),
            Node(report_ablation, ["ablation_result"], "ablation_report", name="report"),
        ],
    )
