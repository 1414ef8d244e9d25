"""Options of ``kedro run`` that other commands share, with checks of what is given."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
import yaml
from click.core import ParameterSource
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.utils import KedroCliError

from soyoil.base.conf_check import check_file, check_known
from soyoil.base.errors import ConfigError, readable
from soyoil.cli.run_check import check_values

SECTION: Final = "run"
"""Key of a file given with ``--config`` that holds the options."""


def check_run_file(path: Path) -> None:
    """Check a file of options that is given with ``--config``.

    Raises
    ------
    ConfigError
        Naming the file, the line or the key, and what is wrong.
    """
    check_file(path, path)
    content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    options = (content or {}).get(SECTION)
    if not isinstance(options, dict):
        raise ConfigError(
            f"{path} has no options of a run. Write them below the key `{SECTION}`, for example "
            f"`{SECTION}: {{pipelines: ingest}}`."
        )
    known = sorted(str(option.name) for option in kedro_run.params if option.name != "config")
    check_known(map(str, options), known, f"key in {path}:")


_CHECKS: Final[dict[str, Callable[[str], None]]] = {
    "params": check_values,
    "config": lambda value: check_run_file(Path(value)),
}


def run_options(*names: str) -> list[click.Parameter]:
    """Options of Kedro's command, checked before Kedro reads them.

    Parameters
    ----------
    *names
        Options to take; none: all.
    """
    return [_checked(o) for o in kedro_run.params if not names or o.name in names]


def _checked(option: click.Parameter) -> click.Parameter:
    read, check = option.callback, _CHECKS.get(option.name or "")

    def callback(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        try:
            _refuse_empty(context, parameter, value)
            if check is not None and isinstance(value, str):
                check(value)
            return value if read is None else read(context, parameter, value)
        except KedroCliError as error:
            # It would print a traceback of its own.
            raise click.ClickException(error.message) from None
        except click.ClickException:
            raise
        except Exception as error:
            message = readable(error)
            if message is None:
                raise
            raise click.ClickException(message) from None

    copied = copy.copy(option)
    copied.callback = callback
    return copied


def _refuse_empty(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """An empty option, of a variable that is not set for instance, would mean the default."""
    given = context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
    values = value if isinstance(value, list | tuple) else [value]
    if given and any(isinstance(v, str) and not v.strip(" ,") for v in values):
        raise ConfigError(
            f"{max(parameter.opts, key=len)} is empty. Give a value, or leave the option out."
        )
