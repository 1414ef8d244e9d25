"""Kedro dataset that gives an inspector of the warehouse."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import NoReturn, get_args

from kedro.io import DatasetError

from soyoil.datasets.connected import ConnectedDataset
from soyoil.sources.base import SourceConfig
from soyoil.upkeep.places import WarehouseFile
from soyoil.warehouse.connection import BigQueryConnection, DuckDBConnection, parse_connection
from soyoil.warehouse.live import Inspector
from soyoil.warehouse.open import check_access, hold_file, open_inspector


class InspectorDataset(ConnectedDataset[NoReturn, Inspector]):
    """The warehouse as a whole: its structure, and the rows of any table."""

    def load(self) -> Inspector:
        """Inspector of the warehouse; refused in stages that may not use it."""
        return open_inspector(self._connection, whole=True)

    @property
    def place(self) -> str:
        """Where the warehouse is, for messages."""
        return self._connection.place

    @property
    def uses_google_default(self) -> bool:
        """Whether Google's clients look for credentials in the environment by themselves."""
        connection = self._connection
        is_google = isinstance(connection, BigQueryConnection) and not connection.endpoint
        return is_google and self._credentials is None

    def check_access(self) -> str:
        """See that the account may read and write, by requests that change nothing.

        Returns
        -------
        str
            What was looked at.

        Raises
        ------
        WarehouseError
            Naming what is not allowed.
        """
        return check_access(self._connection)

    def files(self) -> tuple[WarehouseFile, ...]:
        """DuckDB files of every kind of source, each file once; none for BigQuery."""
        if not isinstance(self._connection, DuckDBConnection):
            return ()
        found: dict[Path, WarehouseFile] = {}
        for kind in get_args(SourceConfig.model_fields["kind"].annotation):
            config = parse_connection(self._given, source_kind=kind, credentials=self._credentials)
            assert isinstance(config, DuckDBConnection)
            path = config.path.expanduser().absolute()
            found.setdefault(path, WarehouseFile(kind, path, partial(hold_file, config)))
        return tuple(found.values())

    def save(self, data: NoReturn) -> None:
        """Not supported: structure is changed by ``kedro warehouse apply``."""
        raise DatasetError("A warehouse is not saved as a whole. Use `kedro warehouse apply`.")

    def _exists(self) -> bool:
        return True
