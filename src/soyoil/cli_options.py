"""Options of ``kedro run`` that other commands share, with checks of what is given."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Final

import click
from kedro.framework.cli.project import run as kedro_run

from soyoil.errors import readable
from soyoil.run_check import check_values

_CHECKS: Final[dict[str, Callable[[str], None]]] = {"params": check_values}


def run_options(*names: str) -> list[click.Parameter]:
    """Options of Kedro's command, checked before Kedro reads them.

    Parameters
    ----------
    *names
        Options to take; none: all.
    """
    return [_checked(o) for o in kedro_run.params if not names or o.name in names]


def _checked(option: click.Parameter) -> click.Parameter:
    if option.callback is None:
        return option
    read, check = option.callback, _CHECKS.get(option.name or "")

    def callback(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        try:
            if check is not None and isinstance(value, str):
                check(value)
            return read(context, parameter, value)
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
