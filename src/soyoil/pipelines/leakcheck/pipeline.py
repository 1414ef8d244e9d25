"""Wiring of the leak check."""

from kedro.pipeline import Node, Pipeline

from soyoil.pipelines.grid import UPSTREAM_TAGS, stage
from soyoil.pipelines.leakcheck.nodes import check_all, check_quickly, judge_check, write_check
from soyoil.targets.horizons import HORIZONS


def create_pipeline() -> Pipeline:
    """Every check, from the vendor's bars on; the record is on disk before the run fails."""
    inputs = {
        "snapshot": "snapshot",
        "batch": "vendor_bars",
        "config": "params:leakcheck",
        "external": "params:external",
        "store": "external_records",
        "features": "params:features",
    }
    plans = {horizon: f"{horizon}.split_plan" for horizon in HORIZONS}
    outputs = ["leakcheck_files", "leakcheck_record", "written_leakcheck"]
    return stage(
        "leakcheck",
        [
            Node(check_all, inputs | plans, "leakcheck_report", name="check"),
            Node(write_check, "leakcheck_report", outputs, name="write"),
            Node(judge_check, "written_leakcheck", None, name="judge"),
        ],
    )


def create_quick() -> Pipeline:
    """What `train` checks before models are registered."""
    node = Node(
        check_quickly,
        {
            "snapshot": "snapshot",
            "sessions": "soyoil_futures_sessions",
            "source": "params:source",
            "config": "params:leakcheck",
            "external": "params:external",
            "store": "external_records",
            "features": "params:features",
        },
        "leakcheck_record",
        name="quick",
    )
    return stage("leakcheck", [node], UPSTREAM_TAGS)
