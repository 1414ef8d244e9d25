"""``kedro backup`` and ``kedro restore``."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any, Final

import click

from soyoil import __version__
from soyoil.base.data_folder import locked
from soyoil.cli.errors import ending_clearly
from soyoil.cli.options import run_options
from soyoil.cli.places import Opened, opened
from soyoil.reports.plan import size_text
from soyoil.tracking.look.store import look_at_store
from soyoil.upkeep.backup import BackupPlan, make_backup
from soyoil.upkeep.manifest import BackupError
from soyoil.upkeep.restore import restore_backup

_FOLDER: Final = click.Path(file_okay=False, path_type=Path)
_SHARED: Final = ("env", "params", "conf_source")


def _backup(*, folder: Path, **options: Any) -> None:
    with ending_clearly(), opened(options) as found:
        plan = BackupPlan(found.places, folder.absolute(), __version__, dt.datetime.now(dt.UTC))
        with locked(found.places.data, "kedro backup"):
            made = make_backup(plan)
        click.echo(f"{len(made.files):,} files, {size_text(made.size)}, are in {folder}.")
        for other in made.elsewhere:
            click.echo(f"Not in it: {other}.")


def _check_no_run(found: Opened) -> None:
    """Refuse to replace the tracking store below a run that writes to it.

    Raises
    ------
    BackupError
        Naming the runs.
    """
    store = found.places.store
    if store is None or not store.is_file():
        return
    try:
        alive = look_at_store(found.tracking).alive
    except Exception:  # noqa: BLE001 (it is damaged, the reason for a restore)
        return
    if alive:
        raise BackupError(
            f"Runs are under way that write to the tracking store: {', '.join(alive)}. Wait for "
            "them or end them. Nothing was restored."
        )


def _restore(*, folder: Path, replace: bool, **options: Any) -> None:
    with ending_clearly(), opened(options) as found:
        with locked(found.places.data, "kedro restore"):
            _check_no_run(found)
            restored = restore_backup(found.places, folder.absolute(), replace=replace)
        click.echo(
            f"{len(restored.files):,} files of the backup of {restored.made_at} are restored. "
            "`kedro doctor` looks at the whole."
        )
        for other in restored.elsewhere:
            click.echo(f"Was not in it: {other}.")


backup = click.Command(
    name="backup",
    callback=_backup,
    short_help="Copy warehouse, tracking store, models, snapshots and ledgers into FOLDER.",
    help="Copy DuckDB warehouse, MLflow store and artifacts, models, snapshots and ledgers into "
    "FOLDER, a new one, with a hash of every file. Tables in BigQuery and runs on a tracking "
    "server stay where they are.\n\nExample: kedro backup /backup/soyoil-2024-05-31",
    params=[click.Argument(["folder"], type=_FOLDER), *run_options(*_SHARED)],
)
restore = click.Command(
    name="restore",
    callback=_restore,
    short_help="Put a backup back: all of it, or nothing.",
    help="Put back what `kedro backup` copied into FOLDER: all of it, or nothing. Every file is "
    "checked first. What is there is kept unless you say --replace.\n\n"
    "Example: kedro restore /backup/soyoil-2024-05-31 --replace",
    params=[
        click.Argument(["folder"], type=_FOLDER),
        *run_options(*_SHARED),
        click.Option(
            ["--replace"],
            is_flag=True,
            help="Replace what is there, newer or not. Trials that the backup does not know stay "
            "in their books.",
        ),
    ],
)
