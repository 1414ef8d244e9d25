"""The audit as a self-contained HTML page."""

from __future__ import annotations

import re
from typing import Final

from markupsafe import escape

from soyoil.audit.report import AuditReport
from soyoil.audit.structure.defects import SEVERITIES, Defect
from soyoil.reports.audit.text import HEADINGS, offers, title, where, whose
from soyoil.reports.page import Html, Page, Table, badge, facts, paragraph

BADGES: Final = {"error": "bad", "warning": "open", "info": "good"}
LEADS: Final = {
    "error": "Numbers that rest on these objects cannot be trusted.",
    "warning": "They work, but not as their names promise.",
    "info": "Facts to know; nothing has to be done.",
}


def audit_page(report: AuditReport) -> str:
    """The report as one file: no request to anywhere, light and dark, for narrow screens too."""
    read = [table for table in report.tables if table.rows is not None]
    lead = facts(
        [
            ("Warehouse", f"{report.location} ({report.backend})"),
            ("Audited", f"{report.audited_at:%Y-%m-%d %H:%M} UTC"),
            ("Found", report.summary()),
            ("Read", f"{sum(t.rows or 0 for t in read):,} rows of {len(read)} tables"),
        ]
    )
    page = Page("Audit of the warehouse", lead)
    for severity in SEVERITIES:
        findings = [f for f in report.findings if f.severity == severity]
        if findings:
            heading = f"{HEADINGS[severity]} ({len(findings)})"
            body = [paragraph(LEADS[severity], "note"), *map(_finding, findings)]
            page.add(severity, heading, *body)
    if not report.findings:
        page.add("findings", "Findings", paragraph("Nothing was found."))
    page.add("tables", "Tables", _tables(report))
    return page.render()


def _finding(finding: Defect) -> Html:
    terms = [
        ("Evidence", finding.evidence),
        ("Impact", finding.impact),
        ("Fix", finding.fix),
    ]
    if finding.actions:
        terms.append(("`kedro warehouse plan` offers", offers(finding.actions)))
    lines = "".join(
        f"<p><strong>{_with_code(term)}:</strong> {_with_code(text)}</p>" for term, text in terms
    )
    return Html(
        f'<article style="overflow-wrap: anywhere"><h3>'
        f"{badge(finding.severity, BADGES[finding.severity])} "
        f"{escape(title(finding).capitalize())}: {escape(where(finding))}</h3>{lines}</article>"
    )


def _with_code(text: str) -> str:
    """Text whose commands stand in backticks, as markup."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _tables(report: AuditReport) -> Html:
    rows = [
        (t.name, whose(t), t.kind, "" if t.rows is None else f"{t.rows:,}", t.note)
        for t in report.tables
    ]
    table = Table(
        "What was looked at", ("table", "written by", "kind", "rows read", "note"), [("", rows)],
        text_columns=frozenset({0, 1, 2, 4}),
    )  # fmt: skip
    return table.render()
