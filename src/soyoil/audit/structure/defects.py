"""Structural defects of a warehouse: what the audit reports and the plan offers to mend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from soyoil.audit.structure.views import view_defects
from soyoil.contracts.contract import TableContract
from soyoil.warehouse.live import LiveWarehouse

__all__ = [
    "BANNED_VENDORS",
    "SEVERITIES",
    "Action",
    "ActionKind",
    "Defect",
    "Severity",
    "structural_defects",
]

BANNED_VENDORS: Final = ("yahoo",)


def structural_defects(
    live: LiveWarehouse,
    contracts: Mapping[str, TableContract],
    banned: Sequence[str] = BANNED_VENDORS,
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
    """
    views = read_views(live)
    return worst_first(
        (
            *table_defects(live, contracts, views),
            *view_defects(live, views, banned),
            *column_defects(live, contracts, banned),
        )
    )
