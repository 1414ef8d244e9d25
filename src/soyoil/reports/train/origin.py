"""Which tracked run a report belongs to."""

from __future__ import annotations

from dataclasses import dataclass

from soyoil.reports.page import Html, origin_line


@dataclass(frozen=True)
class Origin:
    """A tracked pipeline run.

    Attributes
    ----------
    run_id, name
        As MLflow has them.
    command
        Command line that repeats it.
    link
        Address of its page in MLflow; empty where there is none.
    made_again
        Whether the page was made after the run had ended.
    """

    run_id: str
    name: str
    command: str
    link: str
    made_again: bool = False


def origin_text(origin: Origin | None) -> Html:
    """Run, command and link, in one line below the facts.

    Parameters
    ----------
    origin
        The run; None if no run is known.
    """
    if origin is None:
        return Html("")
    # Anything else behind a link of a page would be a program.
    link = origin.link if origin.link.startswith(("http://", "https://")) else ""
    return origin_line(origin.name, origin.run_id, link, origin.command, origin.made_again)
