"""A plan of warehouse changes in the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from soyoil.migrations.plan import Change, Plan

SQL_LINES: Final = 40
"""Lines of SQL shown per change; the file of the plan holds them all."""


def print_plan(plan: Plan, console: Console, *, all_sql: bool = False) -> None:
    """Print the changes of a plan, and the SQL of those that need a name.

    Parameters
    ----------
    plan
        What to print.
    console
        Where; 80 columns are enough.
    all_sql
        Also the SQL of the changes that `apply` makes unasked.
    """
    console.print(Text(f"Warehouse {plan.location}"), soft_wrap=True)
    if not plan.changes:
        console.print("No changes: the warehouse is what its contracts ask for.")
        return
    console.print(_table(plan))
    for change in plan.changes:
        if change.sql and (all_sql or change.needs_name):
            console.print(Text(f"\n{change.id}", style="bold"), soft_wrap=True)
            console.print("\n".join(_shown(change)), markup=False, highlight=False, soft_wrap=True)
    named = sum(change.needs_name for change in plan.changes)
    console.print(
        f"\n`kedro warehouse apply` makes {len(plan.changes) - named} of {len(plan.changes)} "
        f"unasked, and {named} only if named by --change ID, after a copy of each table."
    )


def _table(plan: Plan) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("apply", no_wrap=True)
    table.add_column("change", overflow="fold", ratio=1)
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    for change in plan.changes:
        table.add_row(
            "[yellow]if named[/yellow]" if change.needs_name else "[green]yes[/green]",
            Text("\n".join(_lines(change))),
            "" if change.rows is None else f"{change.rows:,}",
            "" if change.bytes is None else size_text(change.bytes),
        )
    return table


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
