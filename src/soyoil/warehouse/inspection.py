"""Open the inspector of a connection."""

from __future__ import annotations

from soyoil.warehouse.connection import BigQueryConnection, ConnectionConfig
from soyoil.warehouse.guard import check_allowed
from soyoil.warehouse.live import Inspector


def open_inspector(config: ConnectionConfig) -> Inspector:
    """Inspector of a connection; nothing is opened yet.

    Raises
    ------
    WarehouseError
        The warehouse is forbidden here (`guard.forbid_warehouse`).
    """
    check_allowed()
    # Imported here because most commands need neither.
    if isinstance(config, BigQueryConnection):
        from soyoil.warehouse.bigquery_live import BigQueryInspector

        return BigQueryInspector(config)
    from soyoil.warehouse.duckdb_live import DuckDBInspector

    return DuckDBInspector(config)
