"""Kedro dataset of an export: files in a folder or an object store."""

from __future__ import annotations

import logging
from typing import Any

from kedro.io import AbstractDataset, DatasetError

from soyoil.export.files import Export, write_export

logger = logging.getLogger(__name__)


class ExportDataset(AbstractDataset[Export, Export]):
    """Files written to where the export says.

    Parameters
    ----------
    path
        Folder that a relative path of an export is relative to.
    metadata
        Passed on to Kedro plugins.
    """

    def __init__(self, path: str, metadata: dict[str, Any] | None = None) -> None:
        self._folder = path
        self.metadata = metadata

    def load(self) -> Export:
        """Not supported: an export is for programs elsewhere."""
        raise DatasetError("An export is not loaded as a dataset; its manifest says what is there.")

    def save(self, data: Export) -> None:
        """Write the files, the manifest last."""
        place = write_export(data, self._folder)
        size = sum(len(content) for content in data.files.values())
        logger.info("exported %d files, %.1f MB, to %s", len(data.files), size / 1e6, place)

    def _exists(self) -> bool:
        return False

    def _describe(self) -> dict[str, Any]:
        return {"path": self._folder}
