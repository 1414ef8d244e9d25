"""Which warehouse to use."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from soyoil.config import Config
from soyoil.warehouse.backend import Warehouse
from soyoil.warehouse.guard import check_allowed


class ConnectionConfig(Config):
    """Connection to a warehouse.

    Attributes
    ----------
    backend
        ``duckdb``: one file on this machine.
    path
        The file. It and its folder are created by the first write.
    busy_timeout_s
        Seconds to wait for another process that holds the file.
    """

    backend: Literal["duckdb"] = "duckdb"
    path: Path
    busy_timeout_s: float = Field(default=5.0, ge=0)


def connect(config: ConnectionConfig) -> Warehouse:
    """Warehouse of a connection; nothing is opened yet.

    Raises
    ------
    WarehouseError
        The warehouse is forbidden here (`guard.forbid_warehouse`).
    """
    check_allowed()
    # Imported here because processes that may not use the warehouse need not load it.
    from soyoil.warehouse.duckdb import DuckDBWarehouse

    return DuckDBWarehouse(config)
