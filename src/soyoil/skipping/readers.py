"""What the nodes that read from outside would find there now."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from soyoil.base import clock
from soyoil.base.errors import SoyoilError
from soyoil.params import Sections
from soyoil.skipping.evidence import ABSENT, Evidence
from soyoil.sources.databento.load import BESIDE, list_files

Look = Callable[[Sections, Evidence], dict[str, str] | None]


def look_at_source(parameters: Sections, evidence: Evidence) -> dict[str, str] | None:
    """Content of the vendor's files.

    Returns
    -------
    dict of str, or None
        None if only reading can tell: a table of the user, a service that is asked, files that
        take the place of others.
    """
    source = parameters.source
    if source.kind == "synthetic":
        return {}
    if source.kind != "databento" or source.download.mode is not None:
        return None
    if source.replace != "nothing" or not source.path:
        return None
    path = Path(source.path).expanduser()
    folder = path if path.is_dir() else path.parent
    beside = [folder / name for name in BESIDE]
    return evidence.of_files([*list_files(path), *beside])


def look_at_outside(parameters: Sections, evidence: Evidence) -> dict[str, str] | None:
    """Content of the files of the outside sources that are on; None if one asks a service."""
    found: dict[str, str] = {}
    for name in parameters.external.on():
        section = parameters.external.of(name)
        if section.origin == "synthetic":
            continue
        if section.origin != "files" or section.path is None:
            return None
        path = Path(section.path).expanduser()
        found |= evidence.of_folder(path) if path.is_dir() else evidence.of_files([path])
    # A source that is not there is told of each time.
    return None if ABSENT in found.values() else found


def look_at_clock(parameters: Sections, evidence: Evidence) -> dict[str, str]:
    """The day, UTC: a forecast says how many sessions have ended since its origin."""
    return {"clock": clock.today().isoformat()}


READERS: Final[dict[str, Look]] = {
    "ingest.read_source": look_at_source,
    "ingest.read_external": look_at_outside,
    "forecast.make": look_at_clock,
}
"""Nodes whose results depend on more than their inputs."""


def look_outside(node: str, parameters: Sections, evidence: Evidence) -> dict[str, str] | None:
    """What a node reads beside its inputs; nothing for most, None if it must run to know."""
    look = READERS.get(node)
    if look is None:
        return {}
    try:
        return look(parameters, evidence)
    except (OSError, SoyoilError):
        # The node itself says what is wrong.
        return None
