"""Tables of one name in several datasets, dead datasets and empty tables that are read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from soyoil.audit.defect import Action, Defect, base_name, count, names
from soyoil.audit.lineage import ViewReads, readers
from soyoil.contracts.contract import TableContract
from soyoil.warehouse.live import LiveTable, LiveWarehouse

Readers = Mapping[str, tuple[str, ...]]

PIPELINE: Final = "the pipelines"


def table_defects(
    live: LiveWarehouse,
    contracts: Mapping[str, TableContract],
    views: Mapping[str, ViewReads],
) -> Iterator[Defect]:
    """Defects of whole tables and datasets.

    Parameters
    ----------
    live
        What the warehouse holds.
    contracts
        What it should hold, by table.
    views
        What its views read, by view.
    """
    by = readers(views)
    dead = dead_datasets(live, contracts, by)
    for dataset in dead:
        yield _dead(dataset, live)
    for group in _same_name(live, dead):
        yield _duplicate(group, contracts, by)
    for table in live.tables.values():
        read_by = (*by.get(table.name, ()), *((PIPELINE,) if table.name in contracts else ()))
        if table.kind == "table" and table.rows == 0 and read_by:
            yield _empty(table, read_by)


def dead_datasets(
    live: LiveWarehouse, contracts: Mapping[str, TableContract], by: Readers
) -> tuple[str, ...]:
    """Datasets whose tables are all empty and unread, none of them under contract."""
    own = {name.split(".", 1)[0] for name in contracts}
    found = []
    for dataset in live.datasets:
        tables = [t for t in live.tables.values() if t.dataset == dataset]
        unread = all(t.rows == 0 and t.name not in by for t in tables)
        if tables and unread and dataset not in own:
            found.append(dataset)
    return tuple(found)


def _dead(dataset: str, live: LiveWarehouse) -> Defect:
    tables = [name for name, table in live.tables.items() if table.dataset == dataset]
    return Defect(
        "dead_dataset",
        "warning",
        (dataset,),
        f"{count(len(tables), 'table')}, all empty, read by no view: {names(tables, 3)}",
        "Names that lead nowhere; whoever finds them takes them for data.",
        f"Drop the dataset {dataset}, after a copy of its schemas.",
        (Action("drop_dataset", dataset),),
    )


def _empty(table: LiveTable, read_by: Sequence[str]) -> Defect:
    return Defect(
        "empty_table",
        "warning",
        (table.name,),
        f"0 rows, {count(len(table.flat_columns()), 'column')}, read by {names(read_by)}",
        "Whatever joins it gets NULLs, and no error says so.",
        "Fill the table, or take it out of what reads it.",
    )


def _same_name(live: LiveWarehouse, dead: Sequence[str]) -> Iterator[list[LiveTable]]:
    groups: dict[str, list[LiveTable]] = defaultdict(list)
    for table in live.tables.values():
        if table.kind == "table" and table.dataset not in dead:
            groups[base_name(table.name).lower()].append(table)
    yield from (group for group in groups.values() if len(group) > 1)


def _duplicate(
    group: Sequence[LiveTable], contracts: Mapping[str, TableContract], by: Readers
) -> Defect:
    ranked = sorted(group, key=lambda t: (*_merit(t, contracts, by), t.name), reverse=True)
    kept, others = ranked[0], sorted(ranked[1:], key=lambda t: t.name)
    clashes = [text for other in others if (text := _clash(kept, other))]
    related = _contract_of_concept(kept, contracts)
    hint = f" soyoil keeps this concept in {related}." if related else ""
    dropped = names([t.name for t in others])
    full = names([t.name for t in others if t.rows != 0])
    move = f"move what only {full} holds there, " if full else ""
    return Defect(
        "duplicate_concept",
        "error" if clashes else "warning",
        (kept.name, *(t.name for t in others)),
        "; ".join([_facts(t, by) for t in ranked] + (clashes or ["the same columns"])),
        "Which of them a query reads decides what it says; they drift apart unnoticed.",
        f"Keep {kept.name} ({_reason(kept, ranked[1], contracts, by)}), {move}"
        f"drop {dropped}.{hint}",
        tuple(Action("drop_table", t.name) for t in others),
    )


def _merit(
    table: LiveTable, contracts: Mapping[str, TableContract], by: Readers
) -> tuple[bool, bool, int, bool, int]:
    """What makes a table the one to keep, weightiest first."""
    return (
        table.name in contracts,
        table.rows != 0,
        len(by.get(table.name, ())),
        table.partition is not None,
        table.rows or 0,
    )


def _reason(
    kept: LiveTable, next_best: LiveTable, contracts: Mapping[str, TableContract], by: Readers
) -> str:
    reasons = (
        "it is under contract",
        "the other is empty",
        "more views read it",
        "it is partitioned",
        "it holds more rows",
    )
    pairs = zip(_merit(kept, contracts, by), _merit(next_best, contracts, by), strict=True)
    return next(
        (text for text, (a, b) in zip(reasons, pairs, strict=True) if a != b),
        "nothing tells them apart: the last by name",
    )


def _facts(table: LiveTable, by: Readers) -> str:
    rows = "rows unknown" if table.rows is None else count(table.rows, "row")
    split = f", partitioned by {table.partition.column}" if table.partition else ""
    read = f", read by {count(len(by[table.name]), 'view')}" if by.get(table.name) else ""
    columns = count(len(table.flat_columns()), "column")
    return f"{table.name}: {rows}, {columns}{split}{read}"


def _clash(kept: LiveTable, other: LiveTable) -> str:
    a = {name.lower(): column.type for name, column in kept.flat_columns().items()}
    b = {name.lower(): column.type for name, column in other.flat_columns().items()}
    parts = []
    if only := [name for name in a if name not in b]:
        parts.append(f"only {kept.name} has {names(only)}")
    if only := [name for name in b if name not in a]:
        parts.append(f"only {other.name} has {names(only)}")
    if types := [f"{n} is {a[n]} and {b[n]}" for n in a if n in b and a[n] != b[n]]:
        parts.append(names(types))
    return ", ".join(parts)


def _contract_of_concept(table: LiveTable, contracts: Mapping[str, TableContract]) -> str | None:
    """Contract whose table and columns start with the first word of this table's."""
    word = base_name(table.name).split("_")[0].lower()
    for name, contract in contracts.items():
        if name == table.name or not base_name(name).startswith(f"{word}_"):
            continue
        if all(
            any(column.lower().startswith(word) for column in columns)
            for columns in (contract.flat_columns(), table.flat_columns())
        ):
            return name
    return None
