"""Findings of the doctor, and what a clean would remove, in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from soyoil.reports.plan import size_text
from soyoil.upkeep.finding import Finding
from soyoil.upkeep.retention import Spent

_STYLES: Final = {"ok": "green", "warn": "yellow", "fail": "bold red"}
_SHOWN: Final = 20


def print_findings(findings: Sequence[Finding], console: Console) -> None:
    """Print one line per finding, with the remedy below it; 80 columns are enough.

    Parameters
    ----------
    findings
        What was found.
    console
        Where.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", ratio=1)
    for finding in findings:
        text = Text(finding.said)
        if finding.remedy:
            text.append(f"\n-> {finding.remedy}", style="bold")
        table.add_row(Text(finding.state, style=_STYLES[finding.state]), finding.check, text)
    console.print(table)
    counts = {state: sum(f.state == state for f in findings) for state in _STYLES}
    console.print(f"\n{counts['ok']} ok, {counts['warn']} warn, {counts['fail']} fail")


def print_spent(spent: Sequence[Spent], console: Console) -> None:
    """Print what may go, the largest first.

    Parameters
    ----------
    spent
        What was found.
    console
        Where.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("days", justify="right", no_wrap=True)
    table.add_column("what", overflow="fold", ratio=1)
    ordered = sorted(spent, key=lambda item: (-item.size, str(item.path)))
    for item in ordered[:_SHOWN]:
        what = Text(f"{item.what}\n{item.path}")
        table.add_row(size_text(item.size), f"{item.age_days:.0f}", what)
    console.print(table)
    if len(spent) > _SHOWN:
        rest = sum(item.size for item in ordered[_SHOWN:])
        console.print(f"... and {len(spent) - _SHOWN} more, {size_text(rest)}")
