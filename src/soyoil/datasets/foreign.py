"""Kedro dataset that opens tables which soyoil did not write."""

from __future__ import annotations

import functools
from typing import NoReturn

from kedro.io import DatasetError

from soyoil.datasets.connected import ConnectedDataset
from soyoil.warehouse.foreign import OpenTables
from soyoil.warehouse.open import open_foreign


class ForeignTablesDataset(ConnectedDataset[NoReturn, OpenTables]):
    """Tables of the user in the warehouse, or in a DuckDB file of theirs: to be read only."""

    def load(self) -> OpenTables:
        """Function that opens them; nothing is opened before it is called."""
        return functools.partial(open_foreign, self._connection)

    def save(self, data: NoReturn) -> None:
        """Not supported: what soyoil did not write it does not change."""
        raise DatasetError("Tables that soyoil did not write are never changed.")

    def _exists(self) -> bool:
        return True
