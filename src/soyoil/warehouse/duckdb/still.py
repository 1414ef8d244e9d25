"""A DuckDB file that nobody writes to meanwhile, and whether it can be written at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from soyoil.base.errors import WarehouseError
from soyoil.warehouse.connection import DuckDBConnection
from soyoil.warehouse.duckdb.backend import DuckDBWarehouse


class _File(DuckDBWarehouse):
    """The file, opened as the warehouse opens it."""

    def __init__(self, config: DuckDBConnection) -> None:
        super().__init__(config)
        self.path = self._path
        self.opened = self._open


@contextmanager
def held(config: DuckDBConnection) -> Iterator[None]:
    """Keep writers away from the file while the block runs.

    Readers share the file's lock, so that others may go on to read. A file that is opened and
    closed in the block gives the lock up, as POSIX has it: close what is read at its end.

    Parameters
    ----------
    config
        Path and patience.
    """
    with _File(config).opened(read_only=True) as connection:
        connection.execute("SELECT count(*) FROM duckdb_tables()").fetchall()
        yield


def check_file(config: DuckDBConnection) -> str:
    """See that a file can be read, is held by no writer, and can be written.

    Returns
    -------
    str
        What there is.

    Raises
    ------
    WarehouseError
        Naming what is wrong.
    """
    file = _File(config)
    if not file.path.exists():
        return f"{file.path} is not there yet"
    with held(config):
        pass
    if not (os.access(file.path, os.W_OK) and os.access(file.path.parent, os.W_OK)):
        raise WarehouseError(
            f"the warehouse {file.path} cannot be written: give yourself access to it and its "
            "folder, or set another path in the connection."
        )
    return f"{file.path} can be read and written"
