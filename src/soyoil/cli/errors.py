"""How the project's commands end: errors as one message, interrupts with one exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from kedro.framework.project import pipelines

from soyoil.base import interrupts
from soyoil.base.errors import BUG, dataset_of, readable
from soyoil.base.redact import redact_tracebacks
from soyoil.hooks.stages import close_interrupted as close_stages
from soyoil.hooks.views import VIEWS
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
                redact_tracebacks()
                raise
            raise click.ClickException(message + _made_by(error, message)) from None


def _made_by(error: Exception, message: str) -> str:
    """The pipeline that makes a dataset that could not be loaded, where the message has none."""
    dataset = dataset_of(error)
    if dataset is None or "--pipeline=" in message:
        return ""
    # The smallest: others begin with the stages before their own.
    makers = sorted(
        (len(pipeline.nodes), name)
        for name, pipeline in pipelines.items()
        if dataset in pipeline.all_outputs() and name not in ("__default__", "train", *VIEWS)
    )
    return f" {dataset} is made by kedro run --pipeline={makers[0][1]}." if makers else ""


def _end_interrupted() -> None:
    # Imported here because commands that fit nothing would pay for it.
    from soyoil.models import executors

    executors.shutdown(kill=True)
    close_stages()
    close_interrupted()
    click.secho("Interrupted. What was finished is kept; run the same command again.", err=True)
    raise SystemExit(interrupts.EXIT_CODE) from None
