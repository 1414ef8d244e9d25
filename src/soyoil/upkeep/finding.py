"""What a check found, and how checks are run so that none of them ends the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from soyoil.base.errors import readable
from soyoil.base.redact import redact

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """One line of the doctor.

    Attributes
    ----------
    check
        What was looked at.
    state
        ``ok``; ``warn``: it works, or nothing is set up yet; ``fail``: it does not work.
    said
        What was found, without secrets.
    remedy
        What to do; empty where nothing is to be done.
    """

    check: str
    state: State
    said: str
    remedy: str = ""


Check = Callable[[], Iterable[Finding] | Finding]


def examine(checks: Mapping[str, Check]) -> list[Finding]:
    """Run checks one after the other; one that raises is a finding like any other.

    Parameters
    ----------
    checks
        By name, which findings of failed checks get.

    Returns
    -------
    list of Finding
        In the order of the checks, texts redacted.
    """
    return [finding for name, check in checks.items() for finding in _run(name, check)]


def _run(name: str, check: Check) -> list[Finding]:
    try:
        found = check()
        findings = [found] if isinstance(found, Finding) else list(found)
    except Exception as error:  # noqa: BLE001 (what is broken may raise anything)
        said = readable(error)
        if said is not None:
            return [Finding(name, "fail", redact(said), "Do what the message says.")]
        text = f"the check could not be made ({type(error).__name__}: {error})"
        return [Finding(name, "fail", redact(text), "Report it with the line to the left.")]
    return [Finding(f.check, f.state, redact(f.said), redact(f.remedy)) for f in findings]


def has_failed(findings: Iterable[Finding]) -> bool:
    """Whether any finding is a failure."""
    return any(finding.state == "fail" for finding in findings)


def as_json(findings: Iterable[Finding]) -> dict[str, Any]:
    """Findings as plain data: ``ok`` and ``checks``."""
    listed = list(findings)
    return {"ok": not has_failed(listed), "checks": [asdict(finding) for finding in listed]}
