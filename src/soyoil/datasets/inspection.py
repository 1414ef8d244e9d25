"""Kedro dataset that gives an inspector of the warehouse."""

from __future__ import annotations

from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from soyoil.warehouse.connection import parse_connection
from soyoil.warehouse.inspection import open_inspector
from soyoil.warehouse.live import Inspector


class InspectorDataset(AbstractDataset[NoReturn, Inspector]):
    """The warehouse as a whole: its structure, and the rows of any table.

    Parameters
    ----------
    connection, source_kind, credentials
        As for `soyoil.datasets.warehouse.WarehouseTableDataset`.
    metadata
        Passed on to Kedro plugins.
    """

    def __init__(
        self,
        *,
        connection: dict[str, Any],
        source_kind: str | None = None,
        credentials: dict[str, Any] | str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self.metadata = metadata
        self._connection = parse_connection(
            connection, source_kind=source_kind, credentials=credentials
        )

    def load(self) -> Inspector:
        """Inspector of the warehouse; refused in stages that may not use it."""
        return open_inspector(self._connection)

    def save(self, data: NoReturn) -> None:
        """Not supported: structure is changed by ``kedro warehouse apply``."""
        raise DatasetError("A warehouse is not saved as a whole. Use `kedro warehouse apply`.")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"backend": self._connection.backend, "place": self._connection.place}
