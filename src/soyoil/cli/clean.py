"""``kedro clean``."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import click
from rich.console import Console

from soyoil.base.data_folder import locked
from soyoil.cli.errors import ending_clearly
from soyoil.cli.options import run_options
from soyoil.cli.places import Opened, opened
from soyoil.reports.findings import print_spent
from soyoil.reports.plan import size_text
from soyoil.tracking.look.kept import kept_by_store
from soyoil.upkeep.retention import Keep, Spent, Tracked, find_spent, remove_spent
from soyoil.upkeep.swap import undo_broken_restore

DAYS: Final = 90
LAST: Final = 3


def _found(project: Opened, keep: Keep) -> list[Spent]:
    kept = kept_by_store(project.tracking)
    tracked = Tracked(kept.snapshots, kept.artifacts)
    return find_spent(project.places, keep, tracked, dt.datetime.now(dt.UTC))


def _clean(*, keep_days: int, keep_last: int, do_it: bool, **options: Any) -> None:
    keep = Keep(keep_days, keep_last)
    with ending_clearly(), opened(options) as project:
        if not do_it:
            spent = _found(project, keep)
            if not spent:
                click.echo("Nothing may go.")
                return
            print_spent(spent, Console())
            total = size_text(sum(item.size for item in spent))
            click.echo(f"{len(spent)} may go, {total}. Nothing was removed; --apply removes them.")
            return
        with locked(project.places.data, "kedro clean"):
            undo_broken_restore(project.places.data)
            # Looked at under the lock: a run may just have made a snapshot the current one.
            spent = _found(project, keep)
            freed = remove_spent(spent)
        click.echo(f"{len(spent)} removed, {size_text(freed)}.")


clean = click.Command(
    name="clean",
    callback=_clean,
    short_help="Show old snapshots, cached forecasts and failed runs' files; --apply removes them.",
    help="Show what may go: snapshots that are old and not used, cached forecasts of the panel, "
    "artifacts of failed, killed or deleted runs, and what killed processes left. Never among it: "
    "snapshots that are current or that a model was fitted on, finished runs, the warehouse, and "
    "every ledger.\n\nExample: kedro clean --keep-days=30 --keep-last=5 --apply",
    params=[
        *run_options("env", "params", "conf_source"),
        click.Option(
            ["--keep-days"],
            type=click.IntRange(min=0),
            default=DAYS,
            show_default=True,
            help="Nothing goes that is younger.",
        ),
        click.Option(
            ["--keep-last"],
            type=click.IntRange(min=0),
            default=LAST,
            show_default=True,
            help="So many snapshots stay, the newest, however old.",
        ),
        click.Option(["--apply", "do_it"], is_flag=True, help="Remove them."),
    ],
)
