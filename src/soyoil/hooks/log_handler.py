"""Log handler for people: the time, the message, one line."""

from __future__ import annotations

import datetime as dt
from logging import WARNING, LogRecord
from typing import Any, Final

from kedro.logging import RichHandler
from rich import get_console
from rich.console import Console, ConsoleRenderable, Group
from rich.text import Text
from rich.traceback import Traceback

from soyoil.base.terminal import console_of_bar

TIME: Final = "%H:%M:%S"
_WARNINGS: Final = "py.warnings"


class LineHandler(RichHandler):
    """Kedro's handler with one line per message: ``16:36:54 message``.

    Nothing is wrapped: a terminal does that by itself, and a message stays one line that can be
    searched and copied whole, whatever the width. Warnings and errors name their level.

    Parameters
    ----------
    **options
        Of `rich.logging.RichHandler`. Markup is off: a name such as ``[/]`` in a message would
        be taken for it and break the message.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"markup": False, "rich_tracebacks": True, **options})
        self._plain = Console(soft_wrap=True)

    def emit(self, record: LogRecord) -> None:
        """Print a record above a progress bar that is drawn, else on standard output."""
        usual = get_console()
        self.console = (console_of_bar() or usual) if usual.is_terminal else self._plain
        before = self.console.soft_wrap
        self.console.soft_wrap = True
        try:
            super().emit(record)
        finally:
            self.console.soft_wrap = before

    def render_message(self, record: LogRecord, message: str) -> ConsoleRenderable:
        """Text of the message; that of a warning without the line of code it came from."""
        if record.name == _WARNINGS:
            lines = message.rstrip().splitlines()
            message = "\n".join(lines[:-1] if len(lines) > 1 and lines[-1][:2] == "  " else lines)
        return super().render_message(record, message)

    def render(
        self,
        *,
        record: LogRecord,
        traceback: Traceback | None,
        message_renderable: ConsoleRenderable,
    ) -> ConsoleRenderable:
        """Time, level where it matters, message; then the traceback of an exception."""
        moment = dt.datetime.fromtimestamp(record.created)
        time = Text(moment.strftime(TIME), style="log.time")
        message = message_renderable if isinstance(message_renderable, Text) else Text()
        message.rstrip()
        if record.levelno >= WARNING:
            level = Text(record.levelname, style=f"logging.level.{record.levelname.lower()}")
            message = Text.assemble(level, " ", message)
        shown = Text.assemble(time, " ", message)
        return shown if traceback is None else Group(shown, traceback)
