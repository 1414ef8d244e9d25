"""The project's command line: ``kedro run`` with readable errors, ``kedro warehouse``."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.project import pipelines

from soyoil.cli_warehouse import warehouse
from soyoil.errors import ConfigError, soyoil_cause
from soyoil.tracking import close_interrupted

INTERRUPTED = 130
RUNNER = "soyoil.runner.CellRunner"


@click.group(name="soyoil")
def cli() -> None:
    """Commands of the soyoil project."""


def _check_known(given: Sequence[str], known: Sequence[str], what: str) -> None:
    unknown = [name for name in given if name not in known]
    if unknown:
        near = difflib.get_close_matches(unknown[0], known, n=1, cutoff=0.4)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ConfigError(f"Unknown {what} {unknown[0]!r}.{hint} Known: {', '.join(known)}.")


def _check_selection(options: dict[str, Any], names: Sequence[str]) -> None:
    """Check pipeline, tag and namespace names before a session starts.

    Raises
    ------
    ConfigError
        Naming what is unknown and what is known.
    """
    _check_known(names, [n for n in pipelines if n != "__default__"], "pipeline")
    chosen = sum((pipelines[name] for name in names[1:]), pipelines[names[0]])
    tags = list(dict.fromkeys(tag for node in chosen.nodes for tag in sorted(node.tags)))
    _check_known(options["tags"], sorted(tags), "tag")
    spaces = sorted({node.namespace for node in chosen.nodes if node.namespace})
    _check_known(options["namespaces"], spaces, "namespace")
    if options["tags"] or options["namespaces"]:
        skipped = [n.name for n in chosen.nodes if not n.tags]
        if skipped:
            click.echo(f"Cross-horizon nodes are skipped in a filtered run: {', '.join(skipped)}.")


def _names(options: dict[str, Any]) -> list[str]:
    if options["pipeline"] and options["pipelines"]:
        raise ConfigError("--pipeline and --pipelines cannot be used together.")
    if options["pipeline"]:
        return [str(options["pipeline"])]
    return list(options["pipelines"]) or ["train"]


def _run(**options: Any) -> None:
    try:
        names = _names(options)
        _check_selection(options, names)
        # Kedro deprecates --pipeline in favour of --pipelines; both stay usable here.
        callback = kedro_run.callback
        if callback is None:
            raise click.ClickException("this Kedro release has no run command to extend")
        runner = options["runner"] or RUNNER
        callback(**{**options, "pipeline": None, "pipelines": names, "runner": runner})
    except KeyboardInterrupt:
        close_interrupted()
        click.secho("Interrupted. What was finished is kept; run the same command again.", err=True)
        raise SystemExit(INTERRUPTED) from None
    except Exception as error:
        known = soyoil_cause(error)
        if known is None:
            raise
        raise click.ClickException(str(known)) from None


run = click.Command(
    name="run", params=kedro_run.params, callback=_run, help="Run a pipeline (default: train)."
)
cli.add_command(run)
cli.add_command(warehouse)
