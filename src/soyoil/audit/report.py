"""What an audit found."""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass
from typing import Any

from soyoil.audit.structure.defects import SEVERITIES, Defect, Severity


@dataclass(frozen=True)
class Checked:
    """One table that was looked at.

    Attributes
    ----------
    rows
        Rows read; None if only its structure was looked at.
    note
        Why its rows were not read; empty if they were.
    own
        Whether it is one of soyoil's own.
    """

    name: str
    kind: str
    rows: int | None
    note: str = ""
    own: bool = False


@dataclass(frozen=True)
class AuditReport:
    """Findings of one audit, worst first.

    Attributes
    ----------
    location
        Which warehouse.
    audited_at
        When, UTC.
    tables
        What was looked at.
    findings
        Structural ones and those of rows.
    """

    location: str
    backend: str
    audited_at: dt.datetime
    tables: tuple[Checked, ...]
    findings: tuple[Defect, ...]

    def count(self, severity: Severity) -> int:
        """Findings of one severity."""
        return sum(finding.severity == severity for finding in self.findings)

    def at_least(self, severity: Severity) -> tuple[Defect, ...]:
        """Findings that are at least so severe."""
        worst = SEVERITIES[: SEVERITIES.index(severity) + 1]
        return tuple(finding for finding in self.findings if finding.severity in worst)

    def summary(self) -> str:
        """``3 errors, 1 warning, 2 notes``."""
        words = {"error": "error", "warning": "warning", "info": "note"}
        parts = [(self.count(severity), words[severity]) for severity in SEVERITIES]
        return ", ".join(f"{n} {word}{'' if n == 1 else 's'}" for n, word in parts)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as it goes into JSON."""
        return {
            "location": self.location,
            "backend": self.backend,
            "audited_at": self.audited_at.isoformat(timespec="seconds"),
            "counts": {severity: self.count(severity) for severity in SEVERITIES},
            "findings": [dataclasses.asdict(finding) for finding in self.findings],
            "tables": [dataclasses.asdict(table) for table in self.tables],
        }
