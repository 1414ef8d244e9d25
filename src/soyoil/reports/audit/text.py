"""The audit for the terminal and as Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from soyoil.audit.report import AuditReport, Checked
from soyoil.audit.structure.defects import SEVERITIES, Action, Defect

HEADINGS: Final = {"error": "Errors", "warning": "Warnings", "info": "Notes"}
STYLES: Final = {"error": "bold red", "warning": "yellow", "info": "dim"}
MAX_OBJECTS: Final = 6
SHOWN_ALIKE: Final = 3
"""Findings of one kind in one dataset that the terminal shows one by one."""


def where(finding: Defect) -> str:
    """The objects concerned, the first ones by name."""
    shown = ", ".join(finding.objects[:MAX_OBJECTS])
    more = len(finding.objects) - MAX_OBJECTS
    return f"{shown} and {more} more" if more > 0 else shown


def title(finding: Defect) -> str:
    """Name of the rule in words: ``duplicate key``."""
    return finding.kind.replace("_", " ")


def whose(table: Checked) -> str:
    """Who wrote a table."""
    return "soyoil" if table.own else "you"


def offers(actions: Sequence[Action]) -> str:
    """What `kedro warehouse plan` offers."""
    return ", ".join(f"{action.kind.replace('_', ' ')} {action.target}" for action in actions)


def audit_table(report: AuditReport) -> Group:
    """Findings as a table that fits a terminal of 80 columns, and a line that sums them up."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding, alike in _told_once(report.findings):
        style = STYLES[finding.severity]
        table.add_row(
            Text(finding.severity, style=style),
            Text.assemble((title(finding), style), f"  {where(finding)}", _more(alike)),
        )
        table.add_row("", Text(finding.evidence))
        table.add_row("", Text(f"Fix: {finding.fix}", style="dim"))
    read = [t for t in report.tables if t.rows is not None]
    rows = sum(t.rows or 0 for t in read)
    summary = (
        f"Audit of {report.location}: {report.summary()}; {len(report.tables)} tables and views, "
        f"{rows:,} rows of {len(read)} read."
    )
    return Group(table, Text(summary, style="bold"))


def _told_once(findings: Sequence[Defect]) -> list[tuple[Defect, int]]:
    """Findings for the terminal, and how many of the same kind in one dataset are not shown."""
    groups: dict[tuple[str, str, str], list[Defect]] = {}
    for finding in findings:
        key = (finding.severity, finding.kind, finding.objects[0].split(".")[0])
        groups.setdefault(key, []).append(finding)
    shown = []
    for group in groups.values():
        if len(group) > SHOWN_ALIKE:
            shown.append((group[0], len(group) - 1))
        else:
            shown += [(finding, 0) for finding in group]
    return shown


def _more(alike: int) -> str:
    return f", and {alike} more like it" if alike else ""


def audit_markdown(report: AuditReport) -> str:
    """The report as a Markdown page."""
    lines = [
        "# Audit of the warehouse",
        "",
        f"{report.location} ({report.backend}), {report.audited_at:%Y-%m-%d %H:%M} UTC: "
        f"**{report.summary()}**.",
        "",
    ]
    for severity in SEVERITIES:
        findings = [f for f in report.findings if f.severity == severity]
        if findings:
            lines += [f"## {HEADINGS[severity]}", ""]
        for finding in findings:
            lines += _section(finding)
    lines += [
        "## Tables",
        "",
        "| table | written by | kind | rows read | |",
        "|---|---|---|---:|---|",
    ]
    lines += [
        f"| {_cell_name(t.name)} | {whose(t)} | {t.kind} "
        f"| {'' if t.rows is None else f'{t.rows:,}'} | {_cell(t.note)} |"
        for t in report.tables
    ]
    return "\n".join(lines) + "\n"


def _section(finding: Defect) -> list[str]:
    names = ", ".join(_code(name) for name in finding.objects[:MAX_OBJECTS])
    more = len(finding.objects) - MAX_OBJECTS
    lines = [
        f"### {title(finding).capitalize()}: {names}" + (f" and {more} more" if more > 0 else ""),
        "",
        f"- **Evidence:** {_plain(finding.evidence)}",
        f"- **Impact:** {_plain(finding.impact)}",
        f"- **Fix:** {_plain(finding.fix)}",
    ]
    if finding.actions:
        lines.append(f"- **`kedro warehouse plan` offers:** {_plain(offers(finding.actions))}")
    return [*lines, ""]


def _plain(text: str) -> str:
    """Text whose underscores and angle brackets are not taken for markup."""
    return text.replace("<", "&lt;").replace("_", "\\_").replace("*", "\\*")


def _code(name: str) -> str:
    """Name as Markdown code; one with backticks needs longer ones around it."""
    text = " ".join(name.splitlines())
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}{text}{fence}" if len(fence) == 1 else f"{fence} {text} {fence}"


def _cell_name(name: str) -> str:
    return _code(name).replace("|", "\\|")


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|").replace("\n", " ")
