"""Kedro dataset over the raw tables of outside sources in the warehouse."""

from __future__ import annotations

import logging

import pandas as pd

from soyoil.base.errors import MissingTableError
from soyoil.contracts.contract import load_contract
from soyoil.contracts.structs import flatten
from soyoil.contracts.validation import validate
from soyoil.datasets.connected import ConnectedDataset
from soyoil.external.store import ExternalRecords, ExternalStore, empty_rows
from soyoil.warehouse.backend import Warehouse
from soyoil.warehouse.open import connect

logger = logging.getLogger(__name__)


class WarehouseExternalStore:
    """`ExternalStore` in a warehouse.

    Parameters
    ----------
    warehouse
        The warehouse.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def rows(self, table: str) -> pd.DataFrame:
        """Rows of a raw table; none if there is no such table."""
        try:
            return flatten(self._warehouse.read(load_contract(table)))
        except MissingTableError:
            return empty_rows(table)

    def write(self, records: ExternalRecords) -> None:
        """Check all rows, then write them table by table.

        Raises
        ------
        ContractError
            Rows do not satisfy the contract of their table; nothing has been written then.
        """
        contracts = {name: load_contract(name) for name in records.tables}
        batches = {n: validate(rows, contracts[n]) for n, rows in records.tables.items()}
        for name, batch in batches.items():
            logger.info("%s: %s", name, self._warehouse.write(contracts[name], batch))


class ExternalStoreDataset(ConnectedDataset[ExternalRecords, ExternalStore]):
    """Raw tables of outside sources: a handle to read them, records to write.

    A table that no source writes to is not touched, and not made.
    """

    def load(self) -> ExternalStore:
        """A handle; refused in stages that may not use the warehouse."""
        return WarehouseExternalStore(connect(self._connection))

    def save(self, data: ExternalRecords) -> None:
        """Write new vintages."""
        if data.tables:
            WarehouseExternalStore(connect(self._connection)).write(data)
