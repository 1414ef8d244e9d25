"""Kedro dataset over the vendor's bars in the warehouse."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import pandas as pd
import pyarrow as pa

from soyoil.base.errors import ContractError, MissingTableError, WarehouseBusyError
from soyoil.contracts.contract import load_contract
from soyoil.contracts.structs import flatten
from soyoil.contracts.validation import validate
from soyoil.datasets.connected import ConnectedDataset
from soyoil.sources.vendor_store import (
    BAR_TYPES,
    BARS,
    FILES,
    OLD_SESSIONS,
    SESSIONS,
    VendorRecords,
    VendorStore,
    empty_bars,
    empty_files,
    empty_sessions,
)
from soyoil.warehouse.backend import AlteredRows, Warehouse
from soyoil.warehouse.open import connect

logger = logging.getLogger(__name__)


class WarehouseVendorStore:
    """`VendorStore` in a warehouse; nothing is read before it is asked for.

    Parameters
    ----------
    warehouse
        The warehouse.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def files(self) -> pd.DataFrame:
        """Rows of `FILES`; none if there is no such table."""
        table = self._read(FILES)
        return empty_files() if table is None else flatten(table)

    def bars(self) -> pd.DataFrame:
        """Rows of `BARS`; none if there is no such table."""
        table = self._read(BARS)
        if table is None:
            return empty_bars()
        columns = {name: table[name] for name in BAR_TYPES}
        # Millions of rows name a few hundred files, so text is kept as codes.
        frame = pd.DataFrame(
            {
                name: (values.dictionary_encode() if kind == "category" else values).to_pandas()
                for (name, kind), values in zip(BAR_TYPES.items(), columns.values(), strict=True)
            }
        )
        return frame.astype({n: kind for n, kind in BAR_TYPES.items() if kind != "category"})

    def sessions(self) -> pd.DataFrame:
        """Key and provenance of the sessions; none if there is no such table.

        Those that an earlier version wrote under another name count until they are written anew.
        """
        columns = ("symbol", "data_date", "provenance")
        table = self._read(SESSIONS, columns)
        if table is None:
            table = self._read_old(columns)
        return empty_sessions() if table is None else flatten(table)

    def _read(self, name: str, columns: Sequence[str] | None = None) -> pa.Table | None:
        try:
            # A load reads bars again that are lost, and puts them over what was altered.
            altered: AlteredRows = "leave out" if name == BARS else "refuse"
            return self._warehouse.read(load_contract(name), columns, altered=altered)
        except MissingTableError:
            return None

    def _read_old(self, columns: Sequence[str]) -> pa.Table | None:
        contract = load_contract(SESSIONS).model_copy(update={"name": OLD_SESSIONS})
        try:
            table = self._warehouse.read(contract, columns)
        except (MissingTableError, ContractError):
            return None  # none, or one that soyoil did not write
        logger.info(
            "sessions are kept in %s now; %s of an earlier version is read no more and may be "
            "dropped once this run has ended",
            SESSIONS,
            OLD_SESSIONS,
        )
        return table

    def add(self, records: VendorRecords) -> None:
        """Write what a load has read.

        Bars come first: a file counts from its row in `FILES` on, so that a load that is killed
        in between leaves nothing that counts.

        Raises
        ------
        ContractError
            The records do not satisfy the contracts.
        WarehouseBusyError
            Another load has added files meanwhile.
        """
        if records.is_empty:
            return
        parts = [(name, rows) for name, rows in ((BARS, records.bars), (FILES, records.files))]
        batches = [(load_contract(name), rows) for name, rows in parts if len(rows)]
        for contract, batch in [(c, validate(rows, c)) for c, rows in batches]:
            logger.info("%s: %s", contract.name, self._warehouse.write(contract, batch))
        files = self.files()
        there = files.loc[~files["is_retired"], ["file_hash", "symbol"]]
        if len(there) != len(there.merge(records.counted, on=["file_hash", "symbol"])):
            raise WarehouseBusyError(
                "another process has loaded files meanwhile; nothing is lost: run again to make "
                "the sessions of all files"
            )


class VendorStoreDataset(ConnectedDataset[VendorRecords, VendorStore]):
    """The vendor's bars in the warehouse: a handle to read them, records to add some."""

    def load(self) -> VendorStore:
        """A handle; refused in stages that may not use the warehouse."""
        return WarehouseVendorStore(connect(self._connection))

    def save(self, data: VendorRecords) -> None:
        """Add bars and files, in this order."""
        WarehouseVendorStore(connect(self._connection)).add(data)

    def _exists(self) -> bool:
        return connect(self._connection).exists(load_contract(FILES))
