"""The plan of the run of this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from soyoil.skipping.plan import Plan

_current: Plan | None = None


def current() -> Plan | None:
    """Plan of the run; None if everything runs and nothing is recorded."""
    return _current


def set_current(plan: Plan | None) -> None:
    """Set the plan of the run that is about to start."""
    global _current
    _current = plan
