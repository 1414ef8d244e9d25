"""Kedro dataset of text files that also become artifacts of the tracked pipeline run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from kedro.io import AbstractDataset, DatasetError

from soyoil.base.leftovers import unfinished
from soyoil.datasets.tracks_runs import TracksRuns
from soyoil.tracking.artifacts import RunReport, attach, describe_run


class TrackedFilesDataset(AbstractDataset[Mapping[str, str], Mapping[str, str]]):
    """Texts by file name, in one folder and, while a pipeline run is tracked, in MLflow.

    Parameters
    ----------
    path
        Folder; other files in it are left alone.
    metadata
        Passed on to Kedro plugins.
    """

    def __init__(self, path: str, metadata: dict[str, Any] | None = None) -> None:
        self._folder = Path(path)
        self.metadata = metadata

    def load(self) -> Mapping[str, str]:
        """Not supported: these files are for people."""
        raise DatasetError(f"The files in {self._folder} are to be read, not loaded as a dataset.")

    def save(self, data: Mapping[str, str]) -> None:
        """Write every file whole or not at all, then log them."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for name, text in data.items():
            if PurePath(name).name != name:
                raise DatasetError(f"{name!r} is not the name of a file")
            stage = unfinished(self._folder / name)
            try:
                stage.write_text(text, encoding="utf-8")
                stage.replace(self._folder / name)
            finally:
                stage.unlink(missing_ok=True)
        attach(self._folder / name for name in data)

    def _exists(self) -> bool:
        return False

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._folder)}


class RunFilesDataset(TracksRuns, TrackedFilesDataset):
    """The same for a pipeline whose result they are, so that a run is tracked for them."""


class RunReportDataset(TracksRuns, AbstractDataset[RunReport, RunReport]):
    """Files of a pipeline whose result they are, with tags and metrics of its tracked run.

    Parameters
    ----------
    path
        Folder; other files in it are left alone.
    metadata
        Passed on to Kedro plugins.
    """

    def __init__(self, path: str, metadata: dict[str, Any] | None = None) -> None:
        self._files = TrackedFilesDataset(path)
        self._path = path
        self.metadata = metadata

    def load(self) -> RunReport:
        """Not supported: these files are for people."""
        raise DatasetError(f"The files in {self._path} are to be read, not loaded as a dataset.")

    def save(self, data: RunReport) -> None:
        """Write every file whole or not at all, then log files, tags and metrics."""
        self._files.save(data.files)
        describe_run(data)

    def _exists(self) -> bool:
        return False

    def _describe(self) -> dict[str, Any]:
        return {"path": self._path, "store": "mlflow"}
