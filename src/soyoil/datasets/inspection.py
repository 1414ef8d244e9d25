"""Kedro dataset that gives an inspector of the warehouse."""

from __future__ import annotations

from typing import NoReturn

from kedro.io import DatasetError

from soyoil.datasets.connected import ConnectedDataset
from soyoil.warehouse.live import Inspector
from soyoil.warehouse.open import open_inspector


class InspectorDataset(ConnectedDataset[NoReturn, Inspector]):
    """The warehouse as a whole: its structure, and the rows of any table."""

    def load(self) -> Inspector:
        """Inspector of the warehouse; refused in stages that may not use it."""
        return open_inspector(self._connection, whole=True)

    def save(self, data: NoReturn) -> None:
        """Not supported: structure is changed by ``kedro warehouse apply``."""
        raise DatasetError("A warehouse is not saved as a whole. Use `kedro warehouse apply`.")

    def _exists(self) -> bool:
        return True
