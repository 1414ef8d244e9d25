"""Wiring of the ingest stage."""

from kedro.pipeline import Node, Pipeline

from soyoil.pipelines.grid import UPSTREAM_TAGS, stage
from soyoil.pipelines.ingest.nodes import make_sessions, read_external, read_source


def create_pipeline() -> Pipeline:
    """Vendor bars to session bars in the warehouse."""
    return stage(
        "ingest",
        [
            Node(
                read_external,
                ["params:external", "external_store", "params:source", "params:target"],
                ["external_records", "external_quarantine"],
                name="read_external",
            ),
            Node(
                read_source,
                ["params:source", "vendor_store", "user_tables"],
                "vendor_bars",
                name="read_source",
            ),
            Node(
                make_sessions,
                "vendor_bars",
                # Saved in this order: what sessions are made from, then the sessions.
                [
                    "vendor_records",
                    "soyoil_futures_sessions",
                    "quarantine",
                    "missing_sessions",
                ],
                name="make_sessions",
            ),
        ],
        UPSTREAM_TAGS,
    )
