"""Mistakes of a user: how each is made, and what the one message about it must say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

Edit = Callable[[Path], None]

REGIMES = ("run", "--pipeline=regimes")
"""The quickest command that reads every file of the configuration and writes to the warehouse."""
LOCAL = "conf/local/parameters.yml"


@dataclass(frozen=True)
class Mistake:
    """One mistake.

    Attributes
    ----------
    name
        What is wrong.
    says
        Words that the message must hold, whatever their case: what is wrong, where, what to do.
    edits
        Changes of the project's files.
    command
        Words after ``kedro``.
    environment
        Variables of its process.
    hides
        Words that must be neither shown nor written.
    filled
        Whether the project has run before: its intermediate files are there.
    fresh
        Whether it needs a process of its own, because Kedro reads its file when it is imported.
    writes
        Beginnings of the paths that may be new or different afterwards.
    """

    name: str
    says: tuple[str, ...]
    edits: tuple[Edit, ...] = ()
    command: tuple[str, ...] = REGIMES
    environment: dict[str, str] = field(default_factory=dict)
    hides: tuple[str, ...] = ()
    filled: bool = False
    fresh: bool = False
    writes: tuple[str, ...] = ()


def put(path: str, content: str | bytes) -> Edit:
    """Write a file in the place of what is there."""

    def edit(root: Path) -> None:
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())

    return edit


def add(path: str, text: str) -> Edit:
    """Write at the end of a file."""

    def edit(root: Path) -> None:
        with (root / path).open("a", encoding="utf-8") as stream:
            stream.write(text)

    return edit


def swap(path: str, old: str, new: str) -> Edit:
    """Replace the first place of a text, which has to be there."""

    def edit(root: Path) -> None:
        before = (root / path).read_text(encoding="utf-8")
        assert old in before, f"{path} has no {old!r}"
        (root / path).write_text(before.replace(old, new, 1), encoding="utf-8")

    return edit


def drop(path: str) -> Edit:
    """Delete a file, which has to be there."""

    def edit(root: Path) -> None:
        (root / path).unlink()

    return edit


def folder(path: str) -> Edit:
    """Make a folder in the place of a file."""

    def edit(root: Path) -> None:
        (root / path).unlink(missing_ok=True)
        (root / path).mkdir(parents=True)

    return edit


def local(text: str) -> tuple[Edit, ...]:
    """The user's own parameters."""
    return (put(LOCAL, text),)
