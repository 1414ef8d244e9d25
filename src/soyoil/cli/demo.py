"""``kedro demo``: what a run made, in the browser."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
from kedro.framework.session import KedroSession

from soyoil.base.data_folder import data_folder
from soyoil.base.errors import SoyoilError
from soyoil.base.redact import redact
from soyoil.cli.errors import ending_clearly
from soyoil.cli.options import run_options
from soyoil.cli.servers import HOST, Server, free_port, running
from soyoil.hooks.views import OVERVIEW
from soyoil.tracking.environment import STORE_VARIABLE

PAGES: Final = {"forecast": "forecast.html", "report": "report.html"}
"""In the folder of reports."""
REPORTS: Final = "08_reporting"
MLFLOW_PORT: Final = 5001
"""5000 is taken by AirPlay on macOS."""
VIZ_PORT: Final = 4141
START_S: Final = 180.0


@dataclass(frozen=True)
class Shown:
    """What there is to look at.

    Attributes
    ----------
    links
        Addresses by name, in the order in which they are opened.
    servers
        Servers behind some of them.
    """

    links: Mapping[str, str]
    servers: tuple[Server, ...]


def what_to_show(root: Path, options: Mapping[str, Any]) -> Shown:
    """Pages of the last run, and the servers of runs and lineage.

    Parameters
    ----------
    root
        Root of the project.
    options
        ``env`` and ``conf_source`` of the command line; None where not given.

    Raises
    ------
    SoyoilError
        No run has been finished yet.
    """
    folder = data_folder(root) / REPORTS
    pages = {name: folder / file for name, file in PAGES.items()}
    missing = [path.name for path in pages.values() if not path.is_file()]
    if missing:
        raise SoyoilError(
            f"{folder} has no {' and no '.join(missing)}: run `make train` (or kedro run) first."
        )
    links = {name: path.as_uri() for name, path in pages.items()}
    servers = []
    store = os.environ.get(STORE_VARIABLE, "")
    if store.startswith(("http://", "https://")):
        links["runs"] = redact(store)
    else:
        port = free_port(MLFLOW_PORT)
        command = ["mlflow", "ui", "--workers", "1", "--host", HOST, "--port", str(port)]
        # By the environment: a password in an address would stand in the list of processes.
        environment = {
            "MLFLOW_BACKEND_STORE_URI": store,
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        }
        servers.append(Server("mlflow ui", _python(command), port, "/health", environment))
        links["runs"] = servers[-1].address
    port = free_port(VIZ_PORT, [server.port for server in servers])
    command = ["kedro", "viz", "run", "--no-browser", "--host", HOST, "--port", str(port)]
    if options.get("env"):
        command.append(f"--env={options['env']}")
    servers.append(Server("kedro viz", _python(command), port, "/api/main"))
    # The whole chain is too wide to read; of the overview the stages alone.
    links["lineage"] = f"{servers[-1].address}/?pid={OVERVIEW}&types=nodes"
    return Shown(links, tuple(servers))


def _python(command: list[str]) -> list[str]:
    return [sys.executable, "-m", *command]


def _demo(*, no_browser: bool, **options: Any) -> None:
    with ending_clearly():
        session = KedroSession.create(env=options["env"], conf_source=options["conf_source"])
        with session:
            root = session.load_context().project_path
        shown = what_to_show(root, options)
        click.echo("Starting two servers; this takes up to a minute.")
        try:
            with running(shown.servers, root, START_S) as servers:
                for name, address in shown.links.items():
                    click.echo(f"  {name:<9} {address}")
                opened = [no_browser or webbrowser.open(a) for a in shown.links.values()]
                if not all(opened):
                    click.echo("No browser could be opened: copy the addresses into one.")
                click.echo("Ctrl-C ends the servers.")
                servers.watch()
        except KeyboardInterrupt:
            click.echo("\nThe servers have ended.")


demo = click.Command(
    name="demo",
    callback=_demo,
    help="Open forecast, report, tracked runs and lineage of the last run in the browser.",
    epilog="Example: kedro demo --no-browser   only prints the addresses.",
    params=[
        *run_options("env", "conf_source"),
        click.Option(["--no-browser"], is_flag=True, help="Only print the addresses."),
    ],
)
