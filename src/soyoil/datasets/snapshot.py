"""Kedro dataset of the content-addressed snapshot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from soyoil.base.kept import Kept, file_state
from soyoil.splits.snapshot import (
    POINTER_FILE,
    Snapshot,
    read_snapshot,
    snapshot_files,
    write_snapshot,
)

_read: Kept[Snapshot] = Kept(1)


class SnapshotDataset(AbstractDataset[Snapshot, Snapshot]):
    """Snapshot under its hash, with a pointer to the current one.

    Parameters
    ----------
    path
        Folder that holds all snapshots.
    metadata
        Passed on to Kedro plugins.
    """

    def __init__(self, path: str, metadata: dict[str, Any] | None = None) -> None:
        self._folder = Path(path)
        self.metadata = metadata

    def load(self) -> Snapshot:
        """Read the current snapshot and check its hash, once as long as its files stay the same."""
        state = file_state(*snapshot_files(self._folder))
        if state is None:
            return read_snapshot(self._folder)
        return _read.get(state, lambda: read_snapshot(self._folder)).shared()

    def save(self, data: Snapshot) -> None:
        """Write a snapshot and make it the current one."""
        write_snapshot(data, self._folder)

    def _exists(self) -> bool:
        return (self._folder / POINTER_FILE).is_file()

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._folder)}
