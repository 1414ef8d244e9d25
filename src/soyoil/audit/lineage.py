"""Which tables the views of a warehouse read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from soyoil.contracts.identifiers import dotted, parts_of
from soyoil.warehouse.live import BackendName, LiveTable, LiveWarehouse


@dataclass(frozen=True)
class ViewReads:
    """What a view reads.

    Attributes
    ----------
    name
        The view.
    tables
        Tables and views it reads, ``dataset.table`` as the warehouse spells them; those that
        do not exist as the view spells them. In the order of their names.
    joins
        Number of joins.
    left_joins
        Those that are LEFT JOINs: they give NULLs where the other side has no row.
    columns
        Names of all columns that its SQL mentions.
    problem
        Why its SQL cannot be understood; then nothing else is known.
    """

    name: str
    tables: tuple[str, ...] = ()
    joins: int = 0
    left_joins: int = 0
    columns: tuple[str, ...] = ()
    problem: str | None = None


def read_views(live: LiveWarehouse) -> dict[str, ViewReads]:
    """What every view of the warehouse reads, by name of the view."""
    views = (table for table in live.tables.values() if table.kind == "view")
    return {view.name: _reads(view, live) for view in views}


def readers(views: Mapping[str, ViewReads]) -> dict[str, tuple[str, ...]]:
    """Views that read a table, by name of the table."""
    found: dict[str, list[str]] = {}
    for view in views.values():
        for table in view.tables:
            found.setdefault(table, []).append(view.name)
    return {table: tuple(sorted(by)) for table, by in found.items()}


def _reads(view: LiveTable, live: LiveWarehouse) -> ViewReads:
    if not view.query:
        return ViewReads(view.name, problem="the warehouse does not tell its SQL")
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        tree = _parse(view.query, live.backend)
    except SqlglotError as error:
        return ViewReads(view.name, problem=str(error).splitlines()[0])
    within = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
    spelled = {
        _spelling(table, live.backend)
        for table in tree.find_all(exp.Table)
        if table.name and (table.db or table.name.lower() not in within)
    }
    joins = list(tree.find_all(exp.Join))
    return ViewReads(
        view.name,
        tables=tuple(sorted({_resolve(name, view, live) for name in spelled})),
        joins=len(joins),
        left_joins=sum(1 for join in joins if join.side == "LEFT"),
        columns=tuple(sorted({column.name for column in tree.find_all(exp.Column)})),
    )


def _parse(query: str, backend: BackendName) -> Any:
    import sqlglot

    return sqlglot.parse_one(query, dialect=backend)


def _spelling(table: Any, backend: BackendName) -> str:
    """``dataset.table`` without the project.

    In BigQuery, whose names hold no dot, a quoted `project.dataset.table` is one name.
    """
    parts = [name for name in (table.db, table.name) if name]
    if backend == "bigquery":
        parts = [part for name in parts for part in name.split(".")]
    return dotted(parts[-2:])


def _resolve(spelled: str, view: LiveTable, live: LiveWarehouse) -> str:
    """Name of the table in the warehouse, which leaves out the prefix of its datasets."""
    *before, table = parts_of(spelled)
    dataset = before[0] if before else ""
    if dataset.lower().startswith(live.dataset_prefix.lower()):
        dataset = dataset[len(live.dataset_prefix) :]
    name = dotted((dataset or parts_of(view.name)[0], table))
    if name in live.tables:
        return name
    return {known.lower(): known for known in live.tables}.get(name.lower(), name)
