"""Wiring of the ingest stage."""

from kedro.pipeline import Node, Pipeline

from soyoil.pipelines.grid import UPSTREAM_TAGS, stage
from soyoil.pipelines.ingest.nodes import read_external, read_source, write_all


def create_pipeline() -> Pipeline:
    """Vendor bars to session bars in the warehouse."""
    return stage(
        "ingest",
        [
            Node(
                read_external,
                [
                    "params:external",
                    "external_store",
                    "params:source",
                    "params:target",
                    # For the order alone: what is read may have been pulled with the bars.
                    "vendor_bars",
                ],
                ["external_read", "external_quarantine"],
                name="read_external",
            ),
            Node(
                read_source,
                ["params:source", "vendor_store", "user_tables"],
                "vendor_bars",
                name="read_source",
            ),
            Node(
                write_all,
                ["vendor_bars", "external_read"],
                # Saved in this order: what sessions are made from, then the sessions.
                [
                    "external_records",
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
