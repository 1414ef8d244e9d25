"""The console on which a progress bar is drawn, for whatever else prints meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import Console

_bars: Final[list[Console]] = []


@contextmanager
def bar_on(console: Console) -> Iterator[None]:
    """Say that a bar is drawn on a console, until the block ends."""
    _bars.append(console)
    try:
        yield
    finally:
        _bars.remove(console)


def console_of_bar() -> Console | None:
    """Console of the bar that is drawn; None if there is none.

    A line that is printed on another one would be written into the bar.
    """
    return next((console for console in reversed(_bars) if console.is_terminal), None)
