"""Outcome of the leak check, and the record that lets a champion be given out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import pandas as pd

from soyoil.base.code import code_hash
from soyoil.base.errors import SoyoilError

Form = Literal["quick", "full"]

COLUMNS: Final = ("check", "scope", "result", "detail", "seconds")
REMEDY: Final = "Run `kedro run --pipeline=leakcheck`, then `kedro run --pipeline=register`."


class LeakError(SoyoilError):
    """Something in the data or the code sees what it could not have known."""


@dataclass(frozen=True)
class Finding:
    """One check.

    Attributes
    ----------
    check
        What was looked at: ``future``, ``release``, ``rebuild``, ``purge``, ``shuffle``.
    scope
        Source, horizon or day.
    passed
        Whether nothing was found.
    detail
        What was found, or what was compared.
    seconds
        Time that it took.
    """

    check: str
    scope: str
    passed: bool
    detail: str
    seconds: float = 0.0


@dataclass(frozen=True)
class LeakReport:
    """All checks of one run.

    Attributes
    ----------
    form
        ``quick``: what `train` does on its way. ``full``: `kedro run --pipeline=leakcheck`.
    snapshot
        Content hash of the snapshot that was checked.
    findings
        The checks, in their order.
    """

    form: Form
    snapshot: str
    findings: Sequence[Finding]

    @property
    def passed(self) -> bool:
        """Whether there was a check and none of them found anything."""
        return bool(self.findings) and all(finding.passed for finding in self.findings)

    @property
    def failed(self) -> tuple[Finding, ...]:
        """Checks that found something."""
        return tuple(finding for finding in self.findings if not finding.passed)

    def table(self) -> pd.DataFrame:
        """`COLUMNS`, one row per check."""
        rows = [
            (f.check, f.scope, "pass" if f.passed else "FAIL", f.detail, round(f.seconds, 2))
            for f in self.findings
        ]
        return pd.DataFrame(rows, columns=list(COLUMNS))

    def record(self, now: dt.datetime) -> dict[str, Any]:
        """What is kept: which data and code were checked, when, and what came of it."""
        return {
            "form": self.form,
            "snapshot": self.snapshot,
            "code": code_hash(),
            "time": now.isoformat(timespec="seconds"),
            "seconds": round(sum(f.seconds for f in self.findings), 2),
            "verdict": "pass" if self.passed else "fail",
            "checks": [asdict(finding) for finding in self.findings],
        }


def why_not_fresh(record: Mapping[str, Any] | None, snapshot: str) -> str:
    """Why a record lets no alias move; empty if it does.

    Parameters
    ----------
    record
        The kept record, as `LeakReport.record` gives it; None if there is none.
    snapshot
        Content hash of the snapshot that the models were made from.
    """
    if not record:
        return "there is no record of a leak check"
    if record.get("verdict") != "pass":
        failed = [c for c in record.get("checks", []) if not c.get("passed")]
        names = ", ".join(f"{c.get('check')} {c.get('scope')}" for c in failed[:3])
        return f"the leak check failed ({names or 'no check'})"
    if record.get("snapshot") != snapshot:
        return "the leak check was of another snapshot"
    if record.get("code") != code_hash():
        return "the leak check was of other code"
    return ""


def outranks(kept: Mapping[str, Any] | None, new: Mapping[str, Any]) -> bool:
    """Whether a kept record stays: a full pass tells more than a quick one of the same things."""
    if not kept or new.get("form") != "quick" or new.get("verdict") != "pass":
        return False
    same = all(kept.get(key) == new.get(key) for key in ("snapshot", "code"))
    return same and kept.get("form") == "full" and kept.get("verdict") == "pass"
