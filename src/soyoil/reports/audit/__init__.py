"""Findings of an audit, as a page and as text."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.reports.audit.page import audit_page
    from soyoil.reports.audit.text import audit_markdown, audit_table, where
else:
    __getattr__ = lazy_names(__name__)

__all__ = ["audit_markdown", "audit_page", "audit_table", "where"]
