"""Kedro dataset over a contracted warehouse table."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd
from kedro.io import AbstractDataset
from pydantic import ValidationError

from soyoil.errors import ConfigError
from soyoil.warehouse.connection import ConnectionConfig, connect
from soyoil.warehouse.contract import load_contract
from soyoil.warehouse.structs import flatten
from soyoil.warehouse.validation import validate

logger = logging.getLogger(__name__)


class WarehouseTableDataset(AbstractDataset[pd.DataFrame, pd.DataFrame]):
    """A warehouse table as a flat DataFrame.

    STRUCT fields are columns with dotted names (``market_data.close``). Saving checks the
    rows against the contract of the table and writes them by its write mode.

    Kedro wraps whatever `save` and `load` raise; the `SoyoilError` is the ``__cause__`` of
    that ``DatasetError`` and its text the end of the message.

    Parameters
    ----------
    table
        Name of the table (``features.daily_ml_matrix``); it must have a contract.
    connection
        Fields of `ConnectionConfig`.
    metadata
        Ignored here; for Kedro plugins.

    Examples
    --------
    In ``catalog.yml``, all tables at once::

        "{dataset}.{table}@warehouse":
          type: soyoil.datasets.warehouse.WarehouseTableDataset
          table: "{dataset}.{table}"
          connection: ${_warehouse}
    """

    def __init__(
        self, *, table: str, connection: dict[str, Any], metadata: dict[str, Any] | None = None
    ) -> None:
        self.metadata = metadata
        self._contract = load_contract(table)
        try:
            self._connection = ConnectionConfig.model_validate(connection)
        except ValidationError as exc:
            problems = "; ".join(
                f"{'.'.join(map(str, e['loc']))}: {e['msg']} (got {e['input']!r})"
                for e in exc.errors()
            )
            raise ConfigError(f"connection of the warehouse table {table}: {problems}") from exc

    def load(self) -> pd.DataFrame:
        """Rows in key order; dtypes as in `soyoil.warehouse.structs.flatten`."""
        return flatten(connect(self._connection).read(self._contract))

    def save(self, data: pd.DataFrame) -> None:
        """Check and write rows by the write mode of the contract."""
        batch = validate(data, self._contract)
        result = connect(self._connection).write(self._contract, batch)
        logger.info("%s: %s", self._contract.name, result)

    def _exists(self) -> bool:
        return connect(self._connection).exists(self._contract)

    def _describe(self) -> dict[str, Any]:
        return {
            "table": self._contract.name,
            "backend": self._connection.backend,
            "path": str(self._connection.path),
        }
