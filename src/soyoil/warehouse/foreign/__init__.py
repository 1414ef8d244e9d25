"""Tables that soyoil did not write."""

from soyoil.warehouse.foreign.tables import (
    Beginnings,
    ColumnKind,
    ForeignColumn,
    ForeignTable,
    ForeignTables,
    OpenTables,
)

__all__ = [
    "Beginnings", "ColumnKind", "ForeignColumn", "ForeignTable", "ForeignTables", "OpenTables",
]  # fmt: skip
