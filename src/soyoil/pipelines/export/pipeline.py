"""Wiring of the export."""

from kedro.pipeline import Node, Pipeline

from soyoil.pipelines.export.nodes import TABLES, make_export
from soyoil.pipelines.grid import stage
from soyoil.targets.horizons import HORIZONS


def create_pipeline() -> Pipeline:
    """Files of the snapshot and of every horizon that is asked for."""
    names = [f"{horizon}.{table}" for horizon in HORIZONS for table in TABLES]
    inputs = {"snapshot": "snapshot", "export": "params:export"} | {n: n for n in names}
    return stage("export", [Node(make_export, inputs, "exported_files", name="write")])
