"""Tables that soyoil did not write: found by name, read by column, never changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import pyarrow as pa

ColumnKind = Literal["date", "time", "text", "number", "flag", "other"]
"""What a column may be used for; times are instants, with or without a zone."""

_KINDS: Final[dict[str, ColumnKind]] = {
    "DATE": "date",
    **dict.fromkeys(("TIMESTAMP", "DATETIME", "TIMESTAMPTZ"), "time"),
    **dict.fromkeys(("TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), "time"),
    **dict.fromkeys(("STRING", "VARCHAR", "ENUM"), "text"),
    **dict.fromkeys(("BOOL", "BOOLEAN"), "flag"),
    **dict.fromkeys(("FLOAT64", "FLOAT", "DOUBLE", "REAL"), "number"),
    **dict.fromkeys(("NUMERIC", "BIGNUMERIC", "DECIMAL"), "number"),
    **dict.fromkeys(("INT64", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"), "number"),
    **dict.fromkeys(("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"), "number"),
}


@dataclass(frozen=True)
class ForeignColumn:
    """A top-level column.

    Attributes
    ----------
    type
        As the backend spells it.
    """

    name: str
    type: str

    @property
    def kind(self) -> ColumnKind:
        """What it may be used for; arrays and STRUCTs for nothing."""
        if self.type.endswith("[]"):
            return "other"
        return _KINDS.get(re.split(r"[ (]", self.type, maxsplit=1)[0], "other")


@dataclass(frozen=True)
class ForeignTable:
    """A table or view.

    Attributes
    ----------
    name
        As it goes into `ForeignTables.read`, for people too.
    columns
        Top-level columns in their order.
    """

    name: str
    columns: tuple[ForeignColumn, ...]


@dataclass(frozen=True)
class Beginnings:
    """Rows whose text column begins with one of some texts, letters and digits only."""

    column: str
    texts: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse texts that could be read as SQL."""
        if not all(text.isalnum() for text in self.texts):
            raise ValueError(f"not letters and digits only: {self.texts}")


class ForeignTables(Protocol):
    """Tables of a warehouse that others wrote."""

    @property
    def place(self) -> str:
        """Where they are, for messages."""

    def find(self, name: str) -> ForeignTable | None:
        """Table ``dataset.table`` as the warehouse names it, without a prefix; None if missing.

        Raises
        ------
        WarehouseError
            The warehouse cannot be read, or its tables have no such names.
        """

    def names(self) -> list[str]:
        """Tables there, for messages; sorted."""

    def read(
        self, table: ForeignTable, columns: Sequence[str], rows: Beginnings | None = None
    ) -> pa.Table:
        """Some columns, in the order given, of some rows, in no order.

        Raises
        ------
        WarehouseError
            It cannot be read, or that would cost more than is allowed.
        """


OpenTables = Callable[[str | None], ForeignTables]
"""Opens the tables of the warehouse, or those of the DuckDB file that is named."""
