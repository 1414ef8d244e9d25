"""The embedded backend."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.warehouse.duckdb.backend import DuckDBWarehouse
    from soyoil.warehouse.duckdb.live import DuckDBInspector
else:
    __getattr__ = lazy_names(__name__)

__all__ = ["DuckDBInspector", "DuckDBWarehouse"]
