"""Wiring of the replay."""

from kedro.pipeline import Node, Pipeline

from soyoil.pipelines.grid import stage
from soyoil.pipelines.replay.nodes import judge_replays, replay_evenings, write_replays


def create_pipeline() -> Pipeline:
    """Past evenings from the vendor's bars on; the files are on disk before the run fails."""
    return stage(
        "replay",
        [
            Node(
                replay_evenings,
                [
                    "params:replay",
                    "stored_matrix",
                    "vendor_bars",
                    "regime_weights",
                    "params:target",
                    "params:external",
                    "external_records",
                    "params:features",
                ],
                "replays",
                name="rebuild",
            ),
            Node(write_replays, "replays", ["replay_files", "written_replays"], name="write"),
            Node(judge_replays, "written_replays", None, name="judge"),
        ],
    )
