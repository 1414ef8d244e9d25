"""Wiring of the sweep."""

from kedro.pipeline import Node, Pipeline

from soyoil.models.engines import ENGINES
from soyoil.pipelines.grid import stage
from soyoil.pipelines.sweep.nodes import report_sweep, search_space

PARAMETERS = ("sweep", "split", "fit", "weights", *ENGINES)


def create_pipeline() -> Pipeline:
    """Search, with a tracked run per trial, then the report."""
    inputs = {
        "snapshot": "snapshot",
        "folder": "sweep_folder",
        **{name: f"params:{name}" for name in PARAMETERS},
    }
    return stage(
        "sweep",
        [
            Node(search_space, inputs, "tracked_trials", name="search"),
            Node(
                report_sweep,
                {
                    "tracked": "tracked_trials",
                    **inputs,
                    "source": "params:source",
                    "profile": "params:profile",
                    "champion": "params:champion",
                },
                ["sweep_trials", "sweep_report"],
                name="report",
            ),
        ],
    )
