"""Records of finished parts of a run: a file each, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from soyoil.base.config import Config
from soyoil.base.handover import text_hash
from soyoil.base.leftovers import unfinished

FOLDER: Final = ".done"
"""Folder of the records below the data folder."""


class TrackedRun(Config):
    """The run in MLflow that holds the results of a part.

    Attributes
    ----------
    run_id, name
        Of the run.
    state
        Hash of what MLflow held of it when it had ended.
    """

    run_id: str
    name: str
    state: str


class Record(Config):
    """What a part was made from, and what it made.

    Attributes
    ----------
    key
        Hash of parameters, code and machine.
    inputs
        Content by place.
    outputs
        Content by place, by dataset.
    ended
        When, UTC, for people.
    run
        The run in MLflow; None if the part is not tracked.
    """

    key: str
    inputs: dict[str, str]
    outputs: dict[str, dict[str, str]]
    ended: str
    run: TrackedRun | None = None


class Records:
    """Records of a data folder.

    Parameters
    ----------
    data
        The data folder; whoever writes records holds its lock.
    """

    def __init__(self, data: Path) -> None:
        self._folder = data / FOLDER

    def read(self, part: str) -> Record | None:
        """The record of a part; None if there is none, or none that can be trusted."""
        try:
            found = json.loads((self._folder / f"{part}.json").read_text(encoding="utf-8"))
            if found.pop("content") != text_hash(found):
                return None
            return Record.model_validate(found)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ValidationError):
            return None

    def write(self, part: str, record: Record) -> None:
        """Write the record of a part, after everything that it tells of."""
        path = self._folder / f"{part}.json"
        self._folder.mkdir(parents=True, exist_ok=True)
        plain: Mapping[str, Any] = record.model_dump(mode="json")
        text = json.dumps({**plain, "content": text_hash(plain)}, indent=1) + "\n"
        stage = unfinished(path)
        try:
            stage.write_text(text, encoding="utf-8")
            stage.replace(path)
        finally:
            stage.unlink(missing_ok=True)
