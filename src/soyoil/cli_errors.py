"""How the project's commands end: errors as one message, interrupts with one exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from soyoil import interrupts
from soyoil.errors import BUG, readable
from soyoil.tracking import close_interrupted


@contextmanager
def ending_clearly() -> Iterator[None]:
    """Print the message of an error that the user can mend; end an interrupted run as KILLED.

    Raises
    ------
    ClickException
        In place of an error that the user can mend.
    SystemExit
        After an interrupt, with `interrupts.EXIT_CODE`.
    """
    with interrupts.as_ctrl_c():
        try:
            yield
        except KeyboardInterrupt:
            _end_interrupted()
        except click.ClickException:
            raise
        except Exception as error:
            if interrupts.received():
                _end_interrupted()
            message = readable(error)
            if message is None:
                error.add_note(BUG)
                raise
            raise click.ClickException(message) from None


def _end_interrupted() -> None:
    close_interrupted()
    click.secho("Interrupted. What was finished is kept; run the same command again.", err=True)
    raise SystemExit(interrupts.EXIT_CODE) from None
