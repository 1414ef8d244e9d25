"""Tables of one name in several datasets, dead datasets and empty tables that are read."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from soyoil.audit.defect import Action, Defect, base_name, count, names
from soyoil.audit.lineage import ViewReads, readers
from soyoil.audit.scope import REGIMES, namesakes
from soyoil.contracts.contract import TableContract
from soyoil.warehouse.live import LiveTable, LiveWarehouse

Readers = Mapping[str, tuple[str, ...]]

PIPELINE: Final = "the pipelines"
_ARCHIVE: Final = re.compile(
    r"(?:^|_)(?:z|archived?|backups?|bkp|bak|legacy|old|deprecated|trash)(?:_|$)"
)


def table_defects(
    live: LiveWarehouse,
    contracts: Mapping[str, TableContract],
    views: Mapping[str, ViewReads],
    offered: Collection[str] = (),
) -> Iterator[Defect]:
    """Defects of whole tables and datasets.

    Parameters
    ----------
    live
        What the warehouse holds.
    contracts
        What it should hold, by table.
    views
        What its views read, by view; a view that fails is no reader.
    offered
        Tables that are offered for dropping already.
    """
    by = readers(views)
    dead = dead_datasets(live, contracts, by)
    for dataset in dead:
        yield _dead(dataset, live)
    told = set(offered)
    for group in _same_name(live, dead):
        defect = _duplicate(group, live, contracts, by)
        told |= {action.target for action in defect.actions}
        yield defect
    others = namesakes(live, contracts)
    prepared: dict[str, list[str]] = defaultdict(list)
    for table in live.tables.values():
        if table.kind != "table" or table.rows != 0 or table.dataset in dead:
            continue
        read_by = (*by.get(table.name, ()), *((PIPELINE,) if table.name in contracts else ()))
        if table.name in others:
            continue
        if read_by:
            yield _empty(table, read_by)
        elif table.name not in told:
            prepared[table.dataset].append(table.name)
    for dataset, tables in prepared.items():
        yield _prepared(dataset, tables)


def dead_datasets(
    live: LiveWarehouse, contracts: Mapping[str, TableContract], by: Readers
) -> tuple[str, ...]:
    """Archives whose tables are all empty and unread, none of them under contract.

    A dataset is an archive if its name, or those of most of its tables, say so. Empty tables
    elsewhere are prepared for rows to come.
    """
    own = {name.split(".", 1)[0] for name in contracts}
    found = []
    for dataset in live.datasets:
        tables = [t for t in live.tables.values() if t.dataset == dataset]
        unread = all(t.rows == 0 and t.name not in by for t in tables)
        archived = sum(bool(_ARCHIVE.search(base_name(t.name).lower())) for t in tables)
        is_archive = _ARCHIVE.search(dataset.lower()) or 2 * archived > len(tables)
        if tables and unread and is_archive and dataset not in own:
            found.append(dataset)
    return tuple(found)


def _prepared(dataset: str, tables: Sequence[str]) -> Defect:
    return Defect(
        "prepared_tables",
        "info",
        (dataset,),
        f"{count(len(tables), 'empty table')} that nothing reads: "
        f"{names([base_name(name) for name in tables], 8)}",
        "They hold nothing yet, and nothing depends on them.",
        "Fill them when their source is connected.",
    )


def _dead(dataset: str, live: LiveWarehouse) -> Defect:
    tables = [name for name, table in live.tables.items() if table.dataset == dataset]
    return Defect(
        "dead_dataset",
        "warning",
        (dataset,),
        f"{count(len(tables), 'table')}, all empty, read by no view: {names(tables, 3)}",
        "Names that lead nowhere; whoever finds them takes them for data.",
        f"Drop the dataset {dataset}; what creates its tables again is recorded.",
        (Action("drop_dataset", dataset),),
    )


def _empty(table: LiveTable, read_by: Sequence[str]) -> Defect:
    waiting = set(read_by) == {PIPELINE}
    return Defect(
        "empty_table",
        "info" if waiting else "warning",
        (table.name,),
        f"0 rows, {count(len(table.flat_columns()), 'column')}, read by {names(read_by)}",
        "Whatever joins it gets NULLs, and no error says so.",
        "Run the pipelines that fill it: `kedro run --pipeline=train`."
        if waiting
        else "Fill the table, or take it out of what reads it.",
    )


def _same_name(live: LiveWarehouse, dead: Sequence[str]) -> Iterator[list[LiveTable]]:
    groups: dict[str, list[LiveTable]] = defaultdict(list)
    for table in live.tables.values():
        apart = live.own_prefix and table.name.startswith(live.own_prefix)
        if table.kind == "table" and table.dataset not in dead and not apart:
            groups[base_name(table.name).lower()].append(table)
    yield from (group for group in groups.values() if len(group) > 1)


def _duplicate(
    group: Sequence[LiveTable],
    live: LiveWarehouse,
    contracts: Mapping[str, TableContract],
    by: Readers,
) -> Defect:
    ranked = sorted(group, key=lambda t: (*_merit(t, contracts, by), t.name), reverse=True)
    kept, others = ranked[0], sorted(ranked[1:], key=lambda t: t.name)
    clashes = [text for other in others if (text := _clash(kept, other))]
    if _is_regimes(kept, contracts):
        retired = sorted(group, key=lambda t: t.name)
        regimes = REGIMES if REGIMES in live.tables else live.own_prefix + REGIMES
        fix = f"Keep {regimes}, which says when each regime begins, and retire "
        fix += f"{names([t.name for t in retired])}: a few boundaries need no row per day."
    else:
        retired = others
        full = names([t.name for t in others if t.rows != 0])
        move = f"move what only {full} holds there, " if full else ""
        fix = f"Keep {kept.name} ({_reason(kept, ranked[1], contracts, by)}), {move}"
        fix += f"drop {names([t.name for t in others])}."
    return Defect(
        "duplicate_concept",
        "error" if clashes else "warning",
        (kept.name, *(t.name for t in others)),
        "; ".join([_facts(t, by) for t in ranked] + (clashes or ["the same columns"])),
        "Which of them a query reads decides what it says; they drift apart unnoticed.",
        fix,
        tuple(Action("drop_table", t.name) for t in retired),
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


def _is_regimes(table: LiveTable, contracts: Mapping[str, TableContract]) -> bool:
    """Whether a table without a contract says which regime is when, as the regime table does."""
    word = base_name(REGIMES).split("_")[0]
    named = base_name(table.name).lower().startswith(f"{word}_")
    columns = [name.lower() for name in table.flat_columns()]
    return table.name not in contracts and named and any(n.startswith(word) for n in columns)
