"""A plan of warehouse changes in the terminal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from soyoil.contracts.identifiers import parts_of, spelled
from soyoil.migrations.plan import Change, Plan

SQL_LINES: Final = 40
"""Lines of SQL shown per change; the file of the plan holds them all."""
LINES_PER_DATASET: Final = 3
"""Tables of one dataset with the same changes that have lines of their own."""
_OF_DATASETS: Final = ("create-dataset", "drop-dataset")


def print_plan(
    plan: Plan, console: Console, *, verbose: bool = False, all_sql: bool = False
) -> None:
    """Print a plan: a line per table, or every change.

    Parameters
    ----------
    plan
        What to print.
    console
        Where; 80 columns are enough.
    verbose
        Every change with its note and readers, and the SQL of those that need a name.
    all_sql
        Also the SQL of the changes that `apply` makes unasked.
    """
    console.print(Text(f"Warehouse {plan.location}"), soft_wrap=True)
    if not plan.changes:
        console.print("No changes: the warehouse is what its contracts ask for.")
        return
    console.print(_table(plan) if verbose else _overview(plan))
    for change in plan.changes:
        if verbose and change.sql and (all_sql or change.needs_name):
            console.print(Text(f"\n{change.id}", style="bold"), soft_wrap=True)
            console.print("\n".join(_shown(change)), markup=False, highlight=False, soft_wrap=True)
    named = sum(change.needs_name for change in plan.changes)
    safe = sum(change.safe for change in plan.changes)
    console.print(
        f"\n`kedro warehouse apply` makes {len(plan.changes) - named} of {len(plan.changes)} "
        f"unasked, and {named} only if named by --change ID or pattern, after a copy of each table "
        "that holds rows."
    )
    if safe:
        console.print(
            f"`kedro warehouse apply --all-safe-drops` makes {safe} of these, which drop what is "
            "empty and read by nothing that works."
        )
    if not verbose:
        console.print("`kedro warehouse plan --verbose` shows every change, --sql its statements.")


def _table(plan: Plan) -> Table:
    table = _columns("change")
    for change in plan.changes:
        table.add_row(
            _when(change.needs_name),
            Text("\n".join(_lines(change))),
            "" if change.rows is None else f"{change.rows:,}",
            "" if change.bytes is None else size_text(change.bytes),
        )
    return table


def _overview(plan: Plan) -> Table:
    """A line per table, or per dataset where many of its tables change alike."""
    tables: dict[tuple[bool, str], list[Change]] = defaultdict(list)
    for change in plan.changes:
        tables[change.needs_name, change.target].append(change)
    alike: dict[tuple[bool, str, str], list[str]] = defaultdict(list)
    for (named, target), changes in tables.items():
        kinds = Counter(change.kind for change in changes)
        what = ", ".join(k if n == 1 else f"{k} x {n:,}" for k, n in kinds.items())
        dataset = "" if kinds.keys() & set(_OF_DATASETS) else spelled(parts_of(target)[0])
        alike[named, what, dataset].append(target)
    table = _columns("table")
    for (named, what, dataset), targets in alike.items():
        whole = bool(dataset) and len(targets) > LINES_PER_DATASET
        lines = [(f"{dataset}.* ({len(targets):,} tables)", targets)] if whole else []
        for shown, of in lines or [(target, [target]) for target in targets]:
            changes = [tables[named, target][0] for target in of]
            table.add_row(
                _when(named), Text(f"{shown}  {what}"), _sum([c.rows for c in changes]),
                _size([c.bytes for c in changes]),
            )  # fmt: skip
    return table


def _columns(middle: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("apply", no_wrap=True)
    table.add_column(middle, overflow="fold", ratio=1)
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    return table


def _when(needs_name: bool) -> str:
    return "[yellow]if named[/yellow]" if needs_name else "[green]yes[/green]"


def _sum(counts: Sequence[int | None]) -> str:
    known = [n for n in counts if n is not None]
    return f"{sum(known):,}" if known else ""


def _size(sizes: Sequence[int | None]) -> str:
    known = [n for n in sizes if n is not None]
    return size_text(sum(known)) if known else ""


def _lines(change: Change) -> Iterator[str]:
    yield change.id
    yield f"  {change.summary}"
    if change.note:
        yield f"  {change.note}"
    if change.downstream:
        yield f"  read by {', '.join(change.downstream)}"


def _shown(change: Change) -> Iterator[str]:
    lines = [line for statement in change.sql for line in f"{statement};".splitlines()]
    yield from (f"  {line}" for line in lines[:SQL_LINES])
    if len(lines) > SQL_LINES:
        yield f"  ... {len(lines) - SQL_LINES} more lines in the file of the plan"


def size_text(n_bytes: int) -> str:
    """Bytes with three digits and a binary unit."""
    size = float(n_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:.3g} TiB"
