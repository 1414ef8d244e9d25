"""Kedro datasets of a sweep: its folder, its tracked trials, its reports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError

from soyoil.datasets.tracks_runs import TracksRuns
from soyoil.sweep.ledger import Trial, TrialKey
from soyoil.tracking.sweep import SweepReport, TrialLog


class SweepFolderDataset(AbstractDataset[Path, Path]):
    """Folder of journals and ledger; workers append to it, nothing is saved through Kedro.

    Parameters
    ----------
    path
        The folder; made if missing.
    metadata
        Passed on to Kedro plugins.
    """

    def __init__(self, path: str, metadata: dict[str, Any] | None = None) -> None:
        self._folder = Path(path)
        self.metadata = metadata

    def load(self) -> Path:
        """The folder."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder

    def save(self, data: Path) -> None:
        """Not supported."""
        raise DatasetError("The folder of a sweep is appended to by its workers only.")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._folder)}


class TrialRunDataset(TracksRuns, AbstractDataset[Trial, tuple[TrialKey, ...]]):
    """Trials as child runs of the tracked pipeline run, each once over all runs of a sweep.

    Parameters
    ----------
    metadata
        Passed on to Kedro plugins.
    """

    def __init__(self, metadata: dict[str, Any] | None = None) -> None:
        self._log = TrialLog()
        self._seen: list[TrialKey] = []
        self.metadata = metadata

    def load(self) -> tuple[TrialKey, ...]:
        """Studies and numbers of the trials that were saved in this process."""
        return tuple(self._seen)

    def save(self, data: Trial) -> None:
        """Write a trial as a child of the pipeline run of this process, unless it is there."""
        self._log.add(data)
        self._seen.append(data.key)

    def _exists(self) -> bool:
        return False

    def _describe(self) -> dict[str, Any]:
        return {"store": "mlflow"}


class SweepReportDataset(AbstractDataset[SweepReport, SweepReport]):
    """Files of a sweep in a folder, and on the tracked pipeline run.

    Parameters
    ----------
    path
        Folder of the files.
    metadata
        Passed on to Kedro plugins.
    """

    def __init__(self, path: str, metadata: dict[str, Any] | None = None) -> None:
        self._folder = Path(path)
        self._log = TrialLog()
        self.metadata = metadata

    def load(self) -> SweepReport:
        """Not supported: the files are read by people."""
        raise DatasetError(f"The report of a sweep is not loaded. Its files are in {self._folder}.")

    def save(self, data: SweepReport) -> None:
        """Write the files, then log them."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for name, text in data.files.items():
            part = self._folder / f".{name}.part"
            part.write_text(text, encoding="utf-8")
            part.replace(self._folder / name)
        self._log.finish(data)

    def _exists(self) -> bool:
        return False

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._folder), "store": "mlflow"}
