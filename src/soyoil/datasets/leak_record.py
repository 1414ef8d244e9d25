"""Kedro dataset of the record of the last leak check."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from soyoil.base.leftovers import unfinished
from soyoil.leakage.result import outranks

logger = logging.getLogger(__name__)


class LeakRecordDataset(AbstractDataset[Mapping[str, Any], Mapping[str, Any] | None]):
    """The record as a JSON file; a full pass stays where a quick one of the same things follows.

    Parameters
    ----------
    path
        The file.
    metadata
        Passed on to Kedro plugins.
    """

    def __init__(self, path: str, metadata: dict[str, Any] | None = None) -> None:
        self._path = Path(path)
        self.metadata = metadata

    def load(self) -> Mapping[str, Any] | None:
        """Read the record; None if there is none, or none that can be read."""
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError:
            logger.warning("%s is damaged and counts as none", self._path)
            return None
        return found if isinstance(found, dict) else None

    def save(self, data: Mapping[str, Any]) -> None:
        """Write the record, whole or not at all."""
        if outranks(self.load(), data):
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        stage = unfinished(self._path)
        try:
            stage.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
            stage.replace(self._path)
        finally:
            stage.unlink(missing_ok=True)

    def _exists(self) -> bool:
        return self.load() is not None

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._path)}
