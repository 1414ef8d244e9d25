"""Warehouse: table contracts and the backends that keep them."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.warehouse.backend import DateSpan, Warehouse, WriteResult
    from soyoil.warehouse.connection import (
        BigQueryConnection,
        ConnectionConfig,
        DuckDBConnection,
        parse_connection,
    )
    from soyoil.warehouse.guard import forbid_warehouse
    from soyoil.warehouse.live import Inspector, LiveColumn, LiveTable, LiveWarehouse
    from soyoil.warehouse.open import connect, open_inspector
else:
    __getattr__ = lazy_names(__name__)

__all__ = [
    "BigQueryConnection", "ConnectionConfig", "DateSpan", "DuckDBConnection", "Inspector",
    "LiveColumn", "LiveTable", "LiveWarehouse", "Warehouse", "WriteResult", "connect",
    "forbid_warehouse", "open_inspector", "parse_connection",
]  # fmt: skip
