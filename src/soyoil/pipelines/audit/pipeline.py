"""Wiring of the audit."""

from kedro.pipeline import Node, Pipeline

from soyoil.pipelines.audit.nodes import inspect_warehouse, judge, write_report


def create_pipeline() -> Pipeline:
    """Audit of the warehouse; the report is on disk before the run fails over a finding."""
    return Pipeline(
        [
            Node(
                inspect_warehouse,
                ["warehouse_inspector", "params:audit"],
                "audit_findings",
                name="audit.inspect",
            ),
            Node(
                write_report,
                "audit_findings",
                ["audit_report", "written_audit"],
                name="audit.write_report",
            ),
            Node(judge, ["written_audit", "params:audit"], None, name="audit.judge"),
        ]
    )
