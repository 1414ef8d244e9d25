"""Kedro datasets for what only some runs of a node need."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import AbstractDataset, DatasetError

from soyoil.datasets.warehouse import WarehouseTableDataset


class TableOnDemandDataset(AbstractDataset[pd.DataFrame, Callable[[], pd.DataFrame]]):
    """A warehouse table that is read when the node asks for it, or not at all.

    Parameters
    ----------
    table, connection, source_kind, credentials
        As in `soyoil.datasets.warehouse.WarehouseTableDataset`.
    metadata
        Passed on to Kedro plugins.
    """

    def __init__(
        self,
        *,
        table: str,
        connection: dict[str, Any],
        source_kind: str | None = None,
        credentials: dict[str, Any] | str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self.metadata = metadata
        self._table = WarehouseTableDataset(
            table=table, connection=connection, source_kind=source_kind, credentials=credentials
        )

    def load(self) -> Callable[[], pd.DataFrame]:
        """Function that reads the rows; nothing is opened before."""
        return self._table.load

    def save(self, data: pd.DataFrame) -> None:
        """Not supported."""
        raise DatasetError("A table on demand is read only.")

    def _exists(self) -> bool:
        return self._table.exists()

    def _describe(self) -> dict[str, Any]:
        return self._table._describe()


class FolderDataset(AbstractDataset[Path, Path]):
    """A folder that a node keeps files in; made by the node with the first of them.

    Parameters
    ----------
    path
        The folder.
    metadata
        Passed on to Kedro plugins.
    """

    def __init__(self, path: str, metadata: dict[str, Any] | None = None) -> None:
        self._folder = Path(path)
        self.metadata = metadata

    def load(self) -> Path:
        """The folder, which need not be there."""
        return self._folder

    def save(self, data: Path) -> None:
        """Not supported."""
        raise DatasetError("A folder is written to by its node only.")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._folder)}
