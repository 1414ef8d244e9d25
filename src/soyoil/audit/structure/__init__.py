"""Defects that show in names, types and definitions, without reading rows."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.audit.structure.defects import BANNED_VENDORS, structural_defects
else:
    __getattr__ = lazy_names(__name__)

__all__ = ["BANNED_VENDORS", "structural_defects"]
