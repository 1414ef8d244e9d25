"""Audit of a warehouse: defects of its structure and of its rows, with evidence and fix."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.audit.audit import audit_warehouse
    from soyoil.audit.config import AuditConfig
    from soyoil.audit.defect import Action, Defect
    from soyoil.audit.lineage import ViewReads, read_views, readers
    from soyoil.audit.report import AuditReport
else:
    __getattr__ = lazy_names(__name__)

__all__ = [
    "Action", "AuditConfig", "AuditReport", "Defect", "ViewReads", "audit_warehouse",
    "read_views", "readers",
]  # fmt: skip
