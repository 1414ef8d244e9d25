"""Open what a connection names; the only place that knows which backend belongs to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import assert_never

from soyoil.base.errors import ConfigError
from soyoil.contracts.contract import TableContract
from soyoil.warehouse.backend import Warehouse
from soyoil.warehouse.connection import BigQueryConnection, ConnectionConfig, DuckDBConnection
from soyoil.warehouse.foreign import ForeignTables
from soyoil.warehouse.guard import check_allowed
from soyoil.warehouse.live import Inspector


def connect(config: ConnectionConfig) -> Warehouse:
    """Warehouse of a connection; nothing is opened yet.

    Raises
    ------
    WarehouseError
        The warehouse is forbidden here (`guard.forbid_warehouse`).
    """
    check_allowed()
    # Imported here because processes that may not use the warehouse need not load it.
    match config:
        case DuckDBConnection():
            from soyoil.warehouse.duckdb.backend import DuckDBWarehouse

            return DuckDBWarehouse(config)
        case BigQueryConnection():
            from soyoil.warehouse.bigquery.backend import BigQueryWarehouse

            return BigQueryWarehouse(config)
        case _:
            assert_never(config)


def content_of(config: ConnectionConfig, contract: TableContract) -> str | None:
    """What a table holds, as a short text that is another one once a value is.

    Returns
    -------
    str or None
        None where finding out would cost as much as reading the table, as on BigQuery.

    Raises
    ------
    WarehouseError
        The warehouse is forbidden here (`guard.forbid_warehouse`), or cannot be read.
    """
    check_allowed()
    if not isinstance(config, DuckDBConnection):
        return None
    from soyoil.warehouse.duckdb.content import DuckDBContent

    return DuckDBContent(config).content(contract)


def open_inspector(config: ConnectionConfig, *, whole: bool = False) -> Inspector:
    """Inspector of a connection; nothing is opened yet.

    Parameters
    ----------
    config
        The connection.
    whole
        Whether it looks at all datasets of a project by their real names, or at those of the
        connection without their prefix. A DuckDB file has no prefix.

    Raises
    ------
    WarehouseError
        The warehouse is forbidden here (`guard.forbid_warehouse`).
    """
    check_allowed()
    match config:
        case DuckDBConnection():
            from soyoil.warehouse.duckdb.live import DuckDBInspector

            return DuckDBInspector(config)
        case BigQueryConnection():
            from soyoil.warehouse.bigquery.live import BigQueryInspector

            return BigQueryInspector(config, whole=whole)
        case _:
            assert_never(config)


def open_foreign(config: ConnectionConfig, path: str | None = None) -> ForeignTables:
    """Tables that soyoil did not write, of a connection; nothing is opened yet.

    Parameters
    ----------
    config
        The connection.
    path
        Another DuckDB file than that of the connection, such as one that is yours alone.

    Raises
    ------
    ConfigError
        A path is given, and the warehouse is no file.
    WarehouseError
        The warehouse is forbidden here (`guard.forbid_warehouse`).
    """
    check_allowed()
    match config:
        case DuckDBConnection():
            from soyoil.warehouse.duckdb.foreign import DuckDBForeignTables

            other = {} if path is None else {"path": Path(path)}
            return DuckDBForeignTables(config.model_copy(update=other))
        case BigQueryConnection():
            if path is not None:
                raise ConfigError(
                    f"source.path={path} names a file, and the warehouse is BigQuery: leave it "
                    "out; source.table names the table."
                )
            from soyoil.warehouse.bigquery.foreign import BigQueryForeignTables

            return BigQueryForeignTables(config)
        case _:
            assert_never(config)


def check_access(config: ConnectionConfig) -> str:
    """See that a warehouse can be read and written, by requests that change nothing.

    Returns
    -------
    str
        What was looked at, for people.

    Raises
    ------
    WarehouseError
        It cannot; names the permission, where it is one.
    """
    check_allowed()
    match config:
        case DuckDBConnection():
            from soyoil.warehouse.duckdb.still import check_file

            return check_file(config)
        case BigQueryConnection():
            from soyoil.warehouse.bigquery.permission_check import check_permissions

            return check_permissions(config)
        case _:
            assert_never(config)


@contextmanager
def hold_file(config: DuckDBConnection, path: Path) -> Iterator[None]:
    """Keep writers away from a DuckDB file, whose bytes are then those of one moment.

    Parameters
    ----------
    config
        The connection.
    path
        Its file, or a copy of it.

    Raises
    ------
    WarehouseError
        It cannot be read as a warehouse, or another process writes to it.
    """
    check_allowed()
    from soyoil.warehouse.duckdb.still import held

    with held(config.model_copy(update={"path": path})):
        yield
