"""Nodes of the audit."""

from __future__ import annotations

import datetime as dt
import json
from typing import Final

from rich.console import Console

from soyoil.audit.audit import audit_warehouse
from soyoil.audit.config import AuditConfig
from soyoil.audit.report import AuditReport
from soyoil.base.data_folder import data_folder_name
from soyoil.base.errors import AuditError
from soyoil.contracts.contract import load_contracts
from soyoil.reports.audit.page import audit_page
from soyoil.reports.audit.text import audit_markdown, audit_table, where
from soyoil.warehouse.live import Inspector

MARKDOWN_FILE: Final = "audit.md"
HTML_FILE: Final = "audit.html"
JSON_FILE: Final = "audit.json"


def inspect_warehouse(inspector: Inspector, audit: AuditConfig) -> AuditReport:
    """Findings of the structure and of the rows."""
    return audit_warehouse(inspector, load_contracts(), audit, dt.datetime.now(dt.UTC))


def write_report(report: AuditReport) -> tuple[dict[str, str], AuditReport]:
    """Files of the report, and the report for what has to come after they are written."""
    files = {
        MARKDOWN_FILE: audit_markdown(report),
        HTML_FILE: audit_page(report),
        JSON_FILE: json.dumps(report.to_dict(), indent=2) + "\n",
    }
    return files, report


def judge(report: AuditReport, audit: AuditConfig) -> None:
    """Print the findings and fail if one is severe enough.

    Raises
    ------
    AuditError
        A finding is at least as severe as ``audit.fail_on``.
    """
    Console().print(audit_table(report))
    failing = report.at_least(audit.fail_on)
    if failing:
        first = failing[0]
        raise AuditError(
            f"The audit found {report.summary()} in {report.location}; the worst is {first.kind} "
            f"in {where(first)}. Read {data_folder_name()}/08_reporting/audit/{HTML_FILE}, mend "
            f"what it names, or set audit.fail_on (now {audit.fail_on})."
        )
