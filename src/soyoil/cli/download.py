"""``kedro download``."""

from __future__ import annotations

from typing import Any, Final

import click
from kedro.framework.session import KedroSession

from soyoil.base.errors import ConfigError
from soyoil.cli.errors import ending_clearly
from soyoil.cli.options import run_options
from soyoil.params import check_parameters
from soyoil.sources import download_bars

EXAMPLES: Final = """\b
Examples:
  kedro download --dry-run                                   what is missing, and its cost
  kedro download --params=source.download.kind=contracts     back months, beside source.path
"""


def _download(*, dry_run: bool, **options: Any) -> None:
    with ending_clearly():
        session = KedroSession.create(
            env=options["env"], conf_source=options["conf_source"], runtime_params=options["params"]
        )
        with session:
            context = session.load_context()
            source = check_parameters(context.config_loader["parameters"]).source
        if source.kind != "databento":
            raise ConfigError(
                f"kedro download pulls files of Databento, and source.kind is {source.kind}. Name "
                "the folder that they go into: "
                "--params=source.kind=databento,source.path=/data/databento"
            )
        download_bars(source, dry_run=dry_run, report=click.echo)


download = click.Command(
    name="download",
    callback=_download,
    help="Pull the vendor's files that are missing at source.path, once their cost is allowed.",
    epilog=EXAMPLES,
    params=[
        *run_options("env", "params", "conf_source"),
        click.Option(["--dry-run"], is_flag=True, help="Only show what is missing and its cost."),
    ],
)
