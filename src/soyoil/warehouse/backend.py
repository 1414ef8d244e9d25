"""The narrow interface that every warehouse backend implements."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import pyarrow as pa

from soyoil.contracts.contract import TableContract

AlteredRows = Literal["refuse", "leave out"]
"""What a read does with rows that are not as soyoil wrote them."""

Where = Mapping[str, Sequence[str]]
"""Rows by their value in columns of key or cluster: one of those named, in each."""


@dataclass(frozen=True)
class WriteResult:
    """Rows by what a write did to them.

    Attributes
    ----------
    inserted, updated, deleted
        Rows of the table that are new, changed, gone.
    unchanged
        Rows of the batch that were there already, equal in every column; not rewritten.
    """

    inserted: int
    updated: int
    deleted: int
    unchanged: int

    @property
    def changed(self) -> bool:
        """Whether the write altered the table."""
        return bool(self.inserted or self.updated or self.deleted)

    def __str__(self) -> str:
        """Short text for logs."""
        return (
            f"{self.inserted} inserted, {self.updated} updated, "
            f"{self.deleted} deleted, {self.unchanged} unchanged"
        )


@dataclass(frozen=True)
class DateSpan:
    """Half-open span ``[start, end)`` of days, UTC; None is without end."""

    start: dt.date | None = None
    end: dt.date | None = None


class Warehouse(Protocol):
    """A store of contracted tables."""

    def exists(self, contract: TableContract) -> bool:
        """Whether the table is there, in whatever state."""

    def read(
        self,
        contract: TableContract,
        columns: Sequence[str] | None = None,
        span: DateSpan | None = None,
        altered: AlteredRows = "refuse",
        where: Where | None = None,
    ) -> pa.Table:
        """Rows in key order.

        Parameters
        ----------
        contract
            Contract of the table.
        columns
            Top-level columns, in the order wanted; all if None.
        span
            Rows whose partition column lies in it; all if None.
        altered
            What is done with rows that are not as they were written, where all columns of all
            rows are read, or of all rows of some groups of digests (`where` names their columns,
            as the symbol).
        where
            Rows with these values; the warehouse reads no others. All if None.

        Returns
        -------
        Table
            With the types of ``contract.arrow_schema()``.

        Raises
        ------
        WarehouseError
            No such table, or the warehouse cannot be read.
        ContractError
            The table does not have the columns of the contract, `columns` names others, `span`
            is given and the contract has no partition column, `where` names columns of neither
            key nor cluster, or rows break the contract or were altered.
        """

    def write(self, contract: TableContract, table: pa.Table) -> WriteResult:
        """Write a validated batch as the contract's write mode says, in one transaction.

        Rows that are equal already are left alone, so a second write changes nothing.

        Parameters
        ----------
        contract
            Contract of the table; the table is created if it is missing.
        table
            Rows with exactly ``contract.arrow_schema()``, as `validation.validate` gives them.

        Raises
        ------
        ContractError
            Wrong schema, a key twice, another provenance than the rows already there, more
            partitions than BigQuery allows, or a table written under another contract.
        WarehouseBusyError
            Another process holds the warehouse.
        WarehouseError
            The warehouse cannot be written.
        """
