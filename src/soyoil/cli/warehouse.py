"""``kedro warehouse plan``, ``apply`` and ``adopt``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from rich.console import Console

from soyoil.audit.config import AuditConfig
from soyoil.audit.scope import look
from soyoil.audit.structure.defects import structural_defects
from soyoil.base.data_folder import data_folder, locked
from soyoil.cli.adopt import adopt
from soyoil.cli.errors import ending_clearly
from soyoil.cli.options import run_options
from soyoil.contracts.contract import load_contracts
from soyoil.contracts.identifiers import unquoted
from soyoil.hooks.views import VIEWS
from soyoil.migrations.apply import ApplyError, ApplyRecord, apply_plan
from soyoil.migrations.plan import Plan, make_plan, read_plan, write_plan
from soyoil.migrations.references import downstream
from soyoil.params import check_parameters
from soyoil.reports.plan import print_plan
from soyoil.warehouse.live import Inspector

INSPECTOR: Final = "warehouse_inspector"
"""Dataset of the catalog that opens the warehouse."""
PLAN_FILE: Final = "08_reporting/warehouse_plan.json"
"""In the data folder."""
RECORD_FILE: Final = "08_reporting/warehouse_applied_{tag}.json"
CHANGES, BREAKING_CHANGES = 2, 3

# As `kedro run` has them, so that both mean the same warehouse.
_SHARED: Final = ("env", "params", "conf_source")


@click.group(name="warehouse", epilog="Example: kedro warehouse plan")
def warehouse() -> None:
    """Bring the warehouse to its contracts, by a plan that is read first."""


@dataclass(frozen=True)
class _Opened:
    inspector: Inspector
    root: Path
    audit: AuditConfig


@contextmanager
def _opened(options: dict[str, Any]) -> Iterator[_Opened]:
    """Warehouse and root of the project, and what the audit is told."""
    session = KedroSession.create(
        env=options["env"], conf_source=options["conf_source"], runtime_params=options["params"]
    )
    with session:
        context = session.load_context()
        parameters = check_parameters(context.config_loader["parameters"])
        inspector = context.catalog.load(INSPECTOR)
        yield _Opened(inspector, context.project_path, parameters.audit)


def table_lineage(contracts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Contracted tables that pipelines make of each contracted table, over all datasets between."""
    # Datasets of the catalog are named after their table, without its dataset.
    table_of = {name.rpartition(".")[2]: name for name in contracts}
    made: dict[str, list[str]] = {}
    for stage, pipeline in pipelines.items():
        # A picture joins all that a stage reads with all that it makes.
        for node in () if stage in VIEWS else pipeline.nodes:
            for name in node.inputs:
                made.setdefault(table_of.get(name, name), []).extend(
                    table_of.get(output, output) for output in node.outputs
                )
    found = {name: downstream(name, made) for name in contracts}
    return {name: tuple(t for t in made if t in contracts) for name, made in found.items()}


def _path(given: Path | None, root: Path) -> Path:
    return given if given is not None else data_folder(root) / PLAN_FILE


def _plan(
    *, output: Path | None, sql: bool, verbose: bool, detailed_exitcode: bool, **options: Any
) -> None:
    with ending_clearly(), _opened(options) as opened:
        contracts = load_contracts()
        scope = look(opened.inspector, contracts, opened.audit.datasets)
        known, live = scope.contracts, scope.live
        defects = structural_defects(live, known, opened.audit.banned_vendors, opened.audit.keep)
        lineage = table_lineage(list(known))
        plan = make_plan(known, live, defects, lineage, opened.audit.keep)
        path = _path(output, opened.root)
        write_plan(plan, path)
        print_plan(plan, Console(), verbose=verbose or sql, all_sql=sql)
        click.echo(f"Written to {path}.")
    if detailed_exitcode and plan.changes:
        raise SystemExit(exit_code(plan))


def exit_code(plan: Plan) -> int:
    """Exit code that tells what a plan holds: 0 nothing, 2 changes, 3 some that need a name."""
    if any(change.needs_name for change in plan.changes):
        return BREAKING_CHANGES
    return CHANGES if plan.changes else 0


def _apply(
    *,
    plan_file: Path | None,
    change: Sequence[str],
    all_safe_drops: bool,
    yes: bool,
    **options: Any,
) -> None:
    if yes and not all_safe_drops:
        raise click.UsageError("--yes goes with --all-safe-drops: nothing else asks")
    with ending_clearly(), _opened(options) as opened:
        plan = read_plan(_path(plan_file, opened.root))
        contracts = load_contracts()
        if all_safe_drops:
            change = (*change, *_confirmed(plan, yes=yes))
        target = data_folder(opened.root) / RECORD_FILE.format(tag=plan.tag)
        prefix = opened.inspector.own_prefix
        try:
            with locked(data_folder(opened.root), "kedro warehouse apply"):
                record = apply_plan(
                    plan,
                    opened.inspector,
                    contracts,
                    change,
                    lineage=table_lineage([prefix + name for name in contracts]),
                    banned=opened.audit.banned_vendors,
                    keep=opened.audit.keep,
                    datasets=opened.audit.datasets,
                    report=lambda name: click.echo(f"made {name}"),
                )
        except ApplyError as error:
            _write(error.record, target)
            raise
        _write(record, target)
    if not record.applied:
        click.echo("Nothing to do.")
    for name in (copy for made in record.applied for copy in made.copies.values()):
        click.echo(f"copy in {name}")
    named = {unquoted(name.strip().replace(" ", ":", 1)) for name in change}
    waiting = [name for name in record.left if unquoted(name) in named]
    if waiting:
        click.echo(
            "Named, but not made, because nothing was left to do or other changes of the table "
            f"have to be made first: {', '.join(waiting)}"
        )
    unnamed = [name for name in record.left if name not in waiting]
    if unnamed:
        click.echo(f"Left, because they were not named: {', '.join(unnamed)}")


def _confirmed(plan: Plan, *, yes: bool) -> tuple[str, ...]:
    """Ids of the drops that lose nothing, once they were agreed to.

    Raises
    ------
    Abort
        They were not.
    """
    safe = [change for change in plan.changes if change.safe]
    for target in (change.target for change in safe):
        click.echo(f"drop {target}")
    if safe and not yes:
        click.confirm(
            f"Drop these {len(safe)}? They hold no row, and what brings them back is recorded",
            abort=True,
        )
    return tuple(change.id for change in safe)


def _write(record: ApplyRecord, path: Path) -> None:
    if record.applied:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
        click.echo(f"What was done is in {path}.")


_FILE: Final = click.Path(dir_okay=False, path_type=Path)

warehouse.add_command(
    click.Command(
        name="plan",
        callback=_plan,
        help="Compare the warehouse with its contracts; changes nothing.",
        epilog="Example: kedro warehouse plan --env=bigquery --verbose",
        params=[
            *run_options(*_SHARED),
            click.Option(["--output"], type=_FILE, help=f"File of the plan (data/{PLAN_FILE})."),
            click.Option(
                ["--verbose", "-v"], is_flag=True, help="Show every change, its note and readers."
            ),
            click.Option(["--sql"], is_flag=True, help="The same, and the SQL of all changes."),
            click.Option(
                ["--detailed-exitcode"],
                is_flag=True,
                help="Exit with 0 if nothing is to be done, 2 if there are changes, 3 if some of "
                "them need a name; 1 is an error.",
            ),
        ],
    )
)
warehouse.add_command(
    click.Command(
        name="apply",
        callback=_apply,
        help="Make the changes of the plan that break nothing, and those that are named.",
        epilog="Example: kedro warehouse apply --change 'drop-table:training.*'",
        params=[
            *run_options(*_SHARED),
            click.Option(
                ["--plan", "plan_file"], type=_FILE, help=f"File of the plan (data/{PLAN_FILE})."
            ),
            click.Option(
                ["--change"],
                multiple=True,
                help="Id of a change that needs a name, as the plan shows it, or a pattern: "
                "'drop-table:training.*'; repeatable.",
            ),
            click.Option(
                ["--all-safe-drops"],
                is_flag=True,
                help="Drop all that the plan offers to drop, holds no row and is read by nothing "
                "that works; the list is shown first.",
            ),
            click.Option(["--yes"], is_flag=True, help="Do not ask before --all-safe-drops."),
        ],
    )
)
warehouse.add_command(adopt)
