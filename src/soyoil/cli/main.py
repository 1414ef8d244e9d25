"""Commands of the project: ``kedro run`` with readable errors, and those beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.project import pipelines

from soyoil.base.conf_check import check_known
from soyoil.base.errors import ConfigError
from soyoil.cli.backup import backup, restore
from soyoil.cli.clean import clean
from soyoil.cli.demo import demo
from soyoil.cli.doctor import doctor
from soyoil.cli.download import download
from soyoil.cli.errors import ending_clearly
from soyoil.cli.options import run_options
from soyoil.cli.run_check import check_nodes, check_runner
from soyoil.cli.warehouse import warehouse
from soyoil.hooks.views import VIEWS, check_runs
from soyoil.skipping.switch import forced

RUNNER = "soyoil.runner.CellRunner"


@click.group(name="soyoil", epilog="Example: kedro run --pipeline=forecast")
def cli() -> None:
    """Commands of the soyoil project."""


def _check_selection(options: dict[str, Any], names: Sequence[str]) -> None:
    """Check the names of pipelines, nodes, datasets, tags and namespaces before a session starts.

    Raises
    ------
    ConfigError
        Naming what is unknown and what is known, or what to run in place of a picture.
    """
    check_runs(names)
    check_known(names, [n for n in pipelines if n not in ("__default__", *VIEWS)], "pipeline")
    chosen = sum((pipelines[name] for name in names[1:]), pipelines[names[0]])
    tags = list(dict.fromkeys(tag for node in chosen.nodes for tag in sorted(node.tags)))
    check_known(options["tags"], sorted(tags), "tag")
    spaces = sorted({node.namespace for node in chosen.nodes if node.namespace})
    check_known(options["namespaces"], spaces, "namespace")
    check_nodes(options, chosen)
    if options["tags"] or options["namespaces"]:
        kept = options["namespaces"] or ()
        skipped = [n.name for n in chosen.nodes if not n.tags and n.namespace not in kept]
        if skipped:
            click.echo(f"Cross-horizon nodes are skipped in a filtered run: {', '.join(skipped)}.")


def _names(options: dict[str, Any]) -> list[str]:
    if options["pipeline"] and options["pipelines"]:
        raise ConfigError("--pipeline and --pipelines cannot be used together.")
    if options["pipeline"]:
        return [str(options["pipeline"])]
    return list(options["pipelines"]) or ["train"]


def _run(**options: Any) -> None:
    with ending_clearly():
        names = _names(options)
        _check_selection(options, names)
        # Kedro deprecates --pipeline in favour of --pipelines; both stay usable here.
        callback = kedro_run.callback
        if callback is None:
            raise click.ClickException("this Kedro release has no run command to extend")
        runner = options["runner"] or RUNNER
        check_runner(runner, options["runner_params"])
        force = options.pop("force")
        with forced(force):
            callback(**{**options, "pipeline": None, "pipelines": names, "runner": runner})


EXAMPLES = """\b
Examples:
  kedro run                                    the whole chain (train)
  kedro run --pipeline=forecast                the forecast of today
  kedro run --tags=1m                          one horizon
  kedro run --params=source.kind=databento,source.path=/data/databento
"""

_FORCE = click.Option(
    ["--force"],
    is_flag=True,
    help="Run everything, also what nothing has changed for (docs/skipping.md).",
)

run = click.Command(
    name="run",
    params=[*run_options(), _FORCE],
    callback=_run,
    help="Run a pipeline (default: train).",
    epilog=EXAMPLES,
)
cli.add_command(run)
cli.add_command(warehouse)
cli.add_command(download)
cli.add_command(demo)
for _command in (doctor, backup, restore, clean):
    cli.add_command(_command)
