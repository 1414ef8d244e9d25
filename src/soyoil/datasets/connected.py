"""Base of Kedro datasets over the warehouse as a whole."""

from __future__ import annotations

from typing import Any, TypeVar

from kedro.io import AbstractDataset

from soyoil.warehouse.connection import parse_connection

_Saved = TypeVar("_Saved")
_Loaded = TypeVar("_Loaded")


class ConnectedDataset(AbstractDataset[_Saved, _Loaded]):
    """A dataset that knows the connection of the warehouse and opens it when it is used.

    Parameters
    ----------
    connection, source_kind, credentials
        As for `soyoil.datasets.warehouse.WarehouseTableDataset`.
    metadata
        Ignored here; for Kedro plugins.
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
        self._given, self._credentials = connection, credentials
        self._connection = parse_connection(
            connection, source_kind=source_kind, credentials=credentials
        )

    def _describe(self) -> dict[str, Any]:
        return {"backend": self._connection.backend, "place": self._connection.place}
