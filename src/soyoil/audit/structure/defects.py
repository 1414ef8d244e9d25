"""Structural defects of a warehouse: what the audit reports and the plan offers to mend."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Final

from soyoil.audit.defect import (
    SEVERITIES,
    Action,
    ActionKind,
    Defect,
    Severity,
    worst_first,
)
from soyoil.audit.lineage import read_views
from soyoil.audit.structure.columns import column_defects
from soyoil.audit.structure.tables import table_defects
from soyoil.audit.structure.views import broken_views, view_defects
from soyoil.contracts.contract import TableContract
from soyoil.warehouse.live import LiveWarehouse

__all__ = [
    "BANNED_VENDORS",
    "KEPT",
    "SEVERITIES",
    "Action",
    "ActionKind",
    "Defect",
    "Severity",
    "structural_defects",
]

BANNED_VENDORS: Final = ("yahoo",)
KEPT: Final = ("*.policy", "*.policy.*")
"""What is never offered for dropping unless the configuration says otherwise."""


def structural_defects(
    live: LiveWarehouse,
    contracts: Mapping[str, TableContract],
    banned: Sequence[str] = BANNED_VENDORS,
    keep: Sequence[str] = KEPT,
) -> tuple[Defect, ...]:
    """Defects that the structure shows without reading a row, worst first.

    Parameters
    ----------
    live
        What the warehouse holds.
    contracts
        What it should hold, by table.
    banned
        Vendors whose tables and columns may not be used: words as they stand in names.
    keep
        Patterns of tables and columns that are never offered for dropping.
    """
    views = read_views(live)
    broken = broken_views(live, views, banned)
    # What is broken reads nothing.
    sound = {name: view for name, view in views.items() if name not in broken}
    columns = tuple(column_defects(live, contracts, banned))
    offered = {a.target for d in columns for a in d.actions if a.kind == "drop_table"}
    found = (
        *table_defects(live, contracts, sound, offered),
        *view_defects(live, views, broken),
        *columns,
    )
    return worst_first(replace(d, actions=tuple(_allowed(d.actions, keep))) for d in found)


def _allowed(actions: Iterable[Action], keep: Sequence[str]) -> Iterable[Action]:
    for action in actions:
        drops = action.kind.startswith("drop_")
        if not (drops and is_kept(action.target, keep)):
            yield action


def is_kept(name: str, keep: Sequence[str]) -> bool:
    """Whether a table or column is never offered for dropping."""
    return any(fnmatchcase(name.lower(), pattern.lower()) for pattern in keep)
