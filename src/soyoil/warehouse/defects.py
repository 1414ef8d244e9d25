"""Structural defects of a warehouse: what the audit reports and the plan offers to mend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from soyoil.warehouse.contract import TableContract
from soyoil.warehouse.live import LiveWarehouse

Severity = Literal["error", "warning", "info"]
ActionKind = Literal["drop_table", "drop_view", "drop_dataset", "add_columns"]


@dataclass(frozen=True)
class Action:
    """What the plan may offer against a defect.

    Attributes
    ----------
    target
        ``dataset.table``, or ``dataset`` for ``drop_dataset``.
    """

    kind: ActionKind
    target: str


@dataclass(frozen=True)
class Defect:
    """One finding.

    Attributes
    ----------
    kind
        Short name of the rule, such as ``duplicate_concept``.
    objects
        Datasets, tables, views or columns concerned, by name.
    evidence
        Counts and names that show it.
    impact
        What goes wrong because of it.
    fix
        What to do, in words.
    actions
        What `plan` offers; empty if only a person can mend it.
    """

    kind: str
    severity: Severity
    objects: tuple[str, ...]
    evidence: str
    impact: str
    fix: str
    actions: tuple[Action, ...] = ()


def structural_defects(
    live: LiveWarehouse, contracts: Mapping[str, TableContract]
) -> tuple[Defect, ...]:
    """Defects that the structure shows without reading a row, worst first."""
    return ()
