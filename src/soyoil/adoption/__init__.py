"""Copy rows that soyoil did not write into a table of its own, with a report."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.adoption.columns import ColumnMap, map_columns
    from soyoil.adoption.report import AdoptionReport
    from soyoil.adoption.rows import Adoption, prepare
else:
    __getattr__ = lazy_names(__name__)

__all__ = ["Adoption", "AdoptionReport", "ColumnMap", "map_columns", "prepare"]
