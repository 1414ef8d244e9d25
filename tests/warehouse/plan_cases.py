"""Pairs of contracts, one kind of change each, and the warehouse that the old one left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from soyoil.contracts.contract import TableContract
from soyoil.warehouse.live import BackendName, LiveTable, LiveWarehouse
from soyoil.warehouse.table_shape import contract_shape

NAME = "features.small"


def column(name: str, kind: str, **more: Any) -> dict[str, Any]:
    """Column of a contract."""
    return {"name": name, "type": kind, "description": f'the "{name}"', **more}


def struct(name: str, *fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    """STRUCT column of a contract."""
    return column(name, "STRUCT", fields=list(fields), **more)


def contract(version: int, *columns: dict[str, Any], **more: Any) -> TableContract:
    """Contract of the small table: its key, and columns."""
    raw: dict[str, Any] = {
        "name": NAME,
        "description": "A table for tests; it's small.",
        "version": version,
        "write_mode": "upsert",
        "key": ["symbol", "day"],
        "partition": {"column": "day", "granularity": "MONTH"},
        "cluster": ["symbol"],
        "columns": [
            column("symbol", "STRING", nullable=False),
            column("day", "DATE", nullable=False),
            *columns,
        ],
    }
    return TableContract.model_validate(raw | more)


CLOSE, N = column("close", "FLOAT64"), column("n", "INT64")
X, DEPTH = column("x", "FLOAT64"), column("depth", "INT64")
M = struct("m", X, DEPTH)
ALL = (CLOSE, N, M)
DAILY = {"partition": {"column": "day", "granularity": "DAY"}}


@dataclass(frozen=True)
class Case:
    """An old and a new contract.

    Attributes
    ----------
    calm, named
        Ids of the changes that run unasked, and of those that need a name, without the name of
        the table.
    chosen
        Ids to name, where not all of `named` can be.
    only
        Backend that knows the difference.
    """

    old: TableContract
    new: TableContract
    calm: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    chosen: tuple[str, ...] | None = None
    only: BackendName | None = None

    def ids(self, names: tuple[str, ...]) -> list[str]:
        """Whole ids."""
        return [whole(name) for name in names]

    @property
    def to_name(self) -> list[str]:
        """Whole ids to name."""
        return self.ids(self.named if self.chosen is None else self.chosen)


def whole(name: str) -> str:
    """Id of a change of the small table: ``drop-column:close``, ``recluster``."""
    kind, _, rest = name.partition(":")
    return f"{kind}:{NAME}" + (f".{rest}" if rest else "")


STAMP = ("stamp-table",)
CASES: dict[str, Case] = {
    "add_last": Case(
        contract(1, *ALL),
        contract(2, *ALL, column("last", "BOOL")),
        ("add-column:last", *STAMP),
    ),
    "add_between": Case(
        contract(1, *ALL),
        contract(2, CLOSE, column("ask", "TIMESTAMP"), N, M),
        ("add-column:ask", *STAMP),
    ),
    "add_nested": Case(
        contract(1, *ALL),
        contract(
            2,
            CLOSE,
            N,
            struct("m", column("w", "DATE"), X, column("y", "STRING"), DEPTH),
            struct("extra", column("q", "FLOAT64")),
        ),
        ("add-column:m.w", "add-column:m.y", "add-column:extra", *STAMP),
    ),
    "add_nested_last": Case(
        contract(1, *ALL),
        contract(2, CLOSE, N, struct("m", X, DEPTH, column("y", "STRING"), column("w", "DATE"))),
        ("add-column:m.y", "add-column:m.w", "stamp-table"),
    ),
    "widen": Case(
        contract(1, *ALL),
        contract(2, CLOSE, column("n", "FLOAT64"), struct("m", X, column("depth", "FLOAT64"))),
        ("widen-column:n", "widen-column:m.depth", *STAMP),
    ),
    "widen_in_place": Case(
        contract(1, *ALL),
        contract(2, CLOSE, column("n", "FLOAT64"), M),
        ("widen-column:n", *STAMP),
    ),
    "relax": Case(
        contract(1, column("close", "FLOAT64", nullable=False), N, M),
        contract(2, *ALL),
        ("relax-column:close", *STAMP),
    ),
    "require": Case(
        contract(1, *ALL),
        contract(2, column("close", "FLOAT64", nullable=False), N, M),
        STAMP,
        ("require-column:close",),
    ),
    "drop": Case(
        contract(1, *ALL),
        contract(2, N, struct("m", X)),
        STAMP,
        ("drop-column:close", "drop-column:m.depth"),
    ),
    "rename": Case(
        contract(1, *ALL),
        contract(2, column("close_usd", "FLOAT64"), N, M),
        STAMP,
        ("add-column:close_usd", "rename-column:close:close_usd", "drop-column:close"),
        ("rename-column:close:close_usd",),
    ),
    "rename_nested": Case(
        contract(1, *ALL),
        contract(2, CLOSE, N, struct("m", X, column("depth_lots", "INT64"))),
        STAMP,
        (
            "add-column:m.depth_lots",
            "rename-column:m.depth:depth_lots",
            "drop-column:m.depth",
        ),
        ("rename-column:m.depth:depth_lots",),
    ),
    "rename_not_meant": Case(
        contract(1, *ALL),
        contract(2, column("close_usd", "FLOAT64"), N, M),
        STAMP,
        ("add-column:close_usd", "rename-column:close:close_usd", "drop-column:close"),
        ("add-column:close_usd", "drop-column:close"),
    ),
    "retype": Case(
        contract(1, *ALL),
        contract(2, CLOSE, column("n", "STRING"), struct("m", X, column("depth", "TIMESTAMP"))),
        STAMP,
        ("retype-column:n", "retype-column:m.depth"),
    ),
    "reorder": Case(
        contract(1, *ALL),
        contract(2, struct("m", DEPTH, X), CLOSE, N),
        STAMP,
        ("reorder-columns",),
    ),
    "repartition": Case(
        contract(1, *ALL, **DAILY),
        contract(2, *ALL),
        STAMP,
        ("repartition",),
        only="bigquery",
    ),
    "recluster": Case(
        contract(1, *ALL),
        contract(2, *ALL, cluster=["day", "symbol"]),
        STAMP,
        ("recluster",),
        only="bigquery",
    ),
    "meaning": Case(contract(1, *ALL), contract(2, *ALL), (), ("restamp-table",)),
    "wording": Case(contract(1, *ALL), contract(1, *ALL, description="Said otherwise."), STAMP),
}

# Most kinds at once: statements of a BigQuery server take their time.
EVERYTHING = Case(
    contract(1, *ALL, column("gone", "STRING"), **DAILY),
    contract(
        2,
        column("n", "STRING"),
        column("close_usd", "FLOAT64"),
        struct("m", column("y", "STRING"), column("depth", "FLOAT64")),
        column("last", "BOOL"),
        cluster=["day"],
    ),
    chosen=(
        "rename-column:close:close_usd",
        "retype-column:n",
        "repartition",
        "recluster",
        "drop-column:gone",
        "drop-column:m.x",
        "reorder-columns",
    ),
)


def live_table(of: TableContract, backend: BackendName, rows: int = 3) -> LiveTable:
    """Table as its contract left it."""
    shape = contract_shape(of, backend)
    return LiveTable(
        of.name,
        "table",
        shape.columns,
        shape.partition,
        cluster=shape.cluster,
        rows=rows,
        bytes=rows * 64,
        contract_version=of.version,
        contract_hash=of.content_hash,
    )


def live(backend: BackendName, *tables: LiveTable, datasets: tuple[str, ...] = ()) -> LiveWarehouse:
    """Warehouse that holds tables."""
    names = sorted({*datasets, *(table.dataset for table in tables)})
    return LiveWarehouse(
        backend,
        "somewhere",
        tuple(names),
        {table.name: table for table in sorted(tables, key=lambda table: table.name)},
        "catalog" if backend == "duckdb" else "a-project",
        "" if backend == "duckdb" else "pre_",
    )


def view(name: str, query: str) -> LiveTable:
    """A view."""
    return LiveTable(name, "view", (), query=query)
