"""Wiring of the audit."""

from kedro.pipeline import Node, Pipeline

from soyoil.pipelines.audit.nodes import inspect_warehouse, judge, write_report
from soyoil.pipelines.grid import stage


def create_pipeline() -> Pipeline:
    """Audit of the warehouse; the report is on disk before the run fails over a finding."""
    return stage(
        "audit",
        [
            Node(
                inspect_warehouse,
                ["warehouse_inspector", "params:audit"],
                "audit_findings",
                name="inspect",
            ),
            Node(
                write_report,
                "audit_findings",
                ["audit_report", "written_audit"],
                name="write_report",
            ),
            Node(judge, ["written_audit", "params:audit"], None, name="judge"),
        ],
    )
