"""The help of every command has an example of its call."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from soyoil.cli import cli


def commands(
    command: click.Command, path: tuple[str, ...] = ()
) -> Iterator[tuple[str, click.Command]]:
    yield " ".join(("kedro", *path)), command
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from commands(inner, (*path, name))


COMMANDS = dict(commands(cli))


def test_all_commands_are_looked_at() -> None:
    assert {"kedro run", "kedro demo", "kedro download", "kedro warehouse adopt"} <= COMMANDS.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example(name: str) -> None:
    done = CliRunner().invoke(COMMANDS[name], ["--help"])
    assert done.exit_code == 0, done.output
    text = " ".join(done.output.split())
    assert re.search(rf"\bExamples?:.*\b{name}\b", text), f"an epilog with `Example: {name} ...`"
