"""What a warehouse really holds, as plain data, whatever its backend.

`plan` and `audit` compare this with the contracts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, Protocol

import pyarrow as pa

from soyoil.contracts.contract import Partition, quote
from soyoil.contracts.identifiers import dotted, parts_of, spelled
from soyoil.warehouse.ddl import backtick
from soyoil.warehouse.digest import DATASET

Kind = Literal["table", "view"]
BackendName = Literal["duckdb", "bigquery"]

INGESTION_TIME: Final = "ingestion time by "
"""Begins `LiveTable.other_partition` of a table without a column that says the partition."""
COPIES: Final = "soyoil_copies"
"""Dataset of the copies that `apply` makes; no part of the warehouse that is looked at."""
HIDDEN: Final = frozenset({COPIES, DATASET})
"""Datasets of soyoil's own, which no plan and no audit looks at."""


@dataclass(frozen=True)
class Traits:
    """What a backend does in its own way, for code that is for all of them.

    Attributes
    ----------
    partitioned
        Whether its tables have partitions and clusters.
    tells_case
        Whether ``Features`` and ``features`` are two names.
    quoted
        Parts of a name as they go into a statement.
    """

    partitioned: bool
    tells_case: bool
    quoted: Callable[[Sequence[str]], str]


TRAITS: Final[Mapping[BackendName, Traits]] = {
    "duckdb": Traits(
        partitioned=False, tells_case=False, quoted=lambda parts: ".".join(map(quote, parts))
    ),
    "bigquery": Traits(
        partitioned=True, tells_case=True, quoted=lambda parts: backtick(".".join(parts))
    ),
}


@dataclass(frozen=True)
class LiveColumn:
    """One column, or one field of a STRUCT.

    Attributes
    ----------
    type
        A `ColumnType` of the contracts where there is one, else as the backend spells it.
    repeated
        Whether it is an array of `type`.
    fields
        Fields of a STRUCT in their order.
    """

    name: str
    type: str
    nullable: bool = True
    repeated: bool = False
    fields: tuple[LiveColumn, ...] = ()


@dataclass(frozen=True)
class Extra:
    """What a table has beside columns and rows.

    Attributes
    ----------
    kind
        ``primary key``, ``unique``, ``check``, ``foreign key``, ``default``, ``collation``,
        ``generated column``, ``comment``, ``index``, or another that the backend has.
    sql
        Clause, expression or statement, in the SQL of the backend.
    columns
        Columns that it is about or reads, the one it belongs to first; empty if it is the
        table's, one without a name if they are unknown.
    name
        Of an index.
    """

    kind: str
    sql: str
    columns: tuple[str, ...] = ()
    name: str = ""

    def __str__(self) -> str:
        """For people."""
        whose = f" of {self.columns[0]}" if self.kind in OF_COLUMN and self.columns else ""
        return f"{self.kind}{whose} {self.name or self.sql}"


OF_COLUMN: Final = ("default", "collation", "generated column", "comment")
"""Extras that belong to a column."""


@dataclass(frozen=True)
class LiveTable:
    """One table or view.

    Attributes
    ----------
    name
        ``dataset.table`` as `identifiers.dotted` joins them, without the dataset prefix of the
        connection.
    partition
        None if the table has no partitions, or the backend has none.
    other_partition
        Partitioning that no contract can ask for (by hour, year, number or ingestion time), as
        the backend says it.
    cluster
        Clustering columns; empty where the backend has none.
    rows, bytes
        None where it is not known: views.
    modified
        Last change, UTC; None where the backend does not tell.
    contract_version, contract_hash
        Of the contract it was written under, None if it was not written by soyoil.
    query
        SQL of a view.
    extras
        Keys, defaults, indexes and the like.
    form
        What plans leave alone: ``external``, ``snapshot``, ``materialized view``. Empty for
        plain tables, clones among them, and plain views.
    """

    name: str
    kind: Kind
    columns: tuple[LiveColumn, ...]
    partition: Partition | None = None
    other_partition: str | None = None
    cluster: tuple[str, ...] = ()
    rows: int | None = None
    bytes: int | None = None
    modified: dt.datetime | None = None
    contract_version: int | None = None
    contract_hash: str | None = None
    query: str | None = None
    extras: tuple[Extra, ...] = ()
    form: str = ""

    @property
    def dataset(self) -> str:
        """Dataset of the table, as it stands in `LiveWarehouse.datasets`."""
        return spelled(parts_of(self.name)[0])

    def flat_columns(self) -> dict[str, LiveColumn]:
        """Leaf columns by dotted name, in their order."""
        return dict(_leaves(self.columns, ""))


def _leaves(columns: Sequence[LiveColumn], prefix: str) -> Iterator[tuple[str, LiveColumn]]:
    for column in columns:
        if column.fields and not column.repeated:
            yield from _leaves(column.fields, f"{prefix}{spelled(column.name)}.")
        else:
            yield f"{prefix}{spelled(column.name)}", column


@dataclass(frozen=True)
class LiveWarehouse:
    """All tables and views of a warehouse at one moment.

    Attributes
    ----------
    location
        Where it is, for people: a path, or project and location.
    datasets
        Names of all datasets, also of those that hold nothing, as `identifiers.spelled` gives them.
    tables
        Tables and views by name, in the order of their names.
    catalog
        What statements name before the dataset: DuckDB's catalog, BigQuery's project.
    dataset_prefix
        What the names of datasets begin with in statements, but not here.
    own_prefix
        What the names of the datasets that the connection writes to begin with here, where all
        of a project are looked at.
    unseen
        Datasets and tables that the account may not look at.
    """

    backend: BackendName
    location: str
    datasets: tuple[str, ...]
    tables: Mapping[str, LiveTable]
    catalog: str = ""
    dataset_prefix: str = ""
    own_prefix: str = ""
    unseen: tuple[str, ...] = ()

    def qualified(self, name: str) -> str:
        """``dataset.table``, or ``dataset``, as it goes into a statement of this warehouse."""
        dataset, *rest = parts_of(name)
        catalog = (self.catalog,) if self.catalog else ()
        return TRAITS[self.backend].quoted((*catalog, self.dataset_prefix + dataset, *rest))


def in_spelling_of(live: LiveWarehouse, names: Iterable[str]) -> LiveWarehouse:
    """Warehouse whose datasets and tables are spelled as in the contracts.

    DuckDB tells no names apart by case, so ``Features.Daily_ML_Matrix`` is the table of the
    contract; BigQuery does, and nothing changes there.

    Parameters
    ----------
    live
        As it was inspected.
    names
        ``dataset.table`` of the contracts.
    """
    if TRAITS[live.backend].tells_case:
        return live
    tables = {name.lower(): name for name in names}
    datasets = {parts_of(name)[0].lower(): parts_of(name)[0] for name in tables.values()}

    def spelling(name: str) -> str:
        dataset, *rest = parts_of(name)
        whole = dotted((datasets.get(dataset.lower(), dataset), *rest))
        return tables.get(whole.lower(), whole)

    renamed = [replace(t, name=spelling(t.name)) for t in live.tables.values()]
    ordered = sorted(renamed, key=lambda table: table.name)
    return replace(
        live,
        datasets=tuple(sorted({datasets.get(d.lower(), d) for d in live.datasets})),
        tables={table.name: table for table in ordered},
    )


class Inspector(Protocol):
    """Look at a warehouse, and change its structure."""

    @property
    def own_prefix(self) -> str:
        """See `LiveWarehouse.own_prefix`."""

    def inspect(self) -> LiveWarehouse:
        """What the warehouse holds, `HIDDEN` datasets aside; empty if there is none yet.

        Raises
        ------
        WarehouseError
            The warehouse cannot be read.
        """

    def read(self, table: LiveTable, columns: Sequence[str] | None = None) -> pa.Table:
        """Rows of any table, in no order; top-level columns, all if None."""

    def qualified(self, name: str) -> str:
        """``dataset.table``, or ``dataset``, as it goes into a statement of this warehouse."""

    def execute(self, statements: Sequence[str]) -> None:
        """Run statements that change structure, one after the other.

        DuckDB runs them as one transaction: all or none. BigQuery has no transactions for
        structure.

        Raises
        ------
        WarehouseError
            Naming the statement that failed; on BigQuery those before it stand.
        """
