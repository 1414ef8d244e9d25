"""Kedro dataset of a fit report: a folder of small native files."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import AbstractDataset, DatasetError

from soyoil.models.report import FitReport

FOLDS_FILE = "folds.csv"
META_FILE = "report.json"


class FitReportDataset(AbstractDataset[FitReport, FitReport]):
    """Fit report as ``folds.csv``, ``report.json`` and the engine's native model files.

    Parameters
    ----------
    path
        Folder of the report; replaced whole on save.
    metadata
        Passed on to Kedro plugins.
    """

    def __init__(self, path: str, metadata: dict[str, Any] | None = None) -> None:
        self._folder = Path(path)
        self.metadata = metadata

    def load(self) -> FitReport:
        """Read the report; fails if a part of it is missing."""
        try:
            meta = json.loads((self._folder / META_FILE).read_text())
            folds = pd.read_csv(self._folder / FOLDS_FILE)
            models = {name: (self._folder / name).read_bytes() for name in meta["models"]}
        except FileNotFoundError as error:
            raise DatasetError(
                f"No complete fit report in {self._folder}. Run the fit stage first."
            ) from error
        if not all(isinstance(values, dict) for values in meta["importance"].values()):
            raise DatasetError(
                f"The fit report in {self._folder} has the layout of an older version. Run the fit "
                "stage again."
            )
        return FitReport(folds, meta["importance"], models, meta["seconds"])

    def save(self, data: FitReport) -> None:
        """Write the report beside the old one and swap the folders."""
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(prefix=f".{self._folder.name}-", dir=self._folder.parent))
        try:
            data.folds.to_csv(stage / FOLDS_FILE, index=False)
            for name, content in data.models.items():
                (stage / name).write_bytes(content)
            meta = {
                "importance": {kind: dict(values) for kind, values in data.importance.items()},
                "models": sorted(data.models),
                "seconds": data.seconds,
            }
            (stage / META_FILE).write_text(json.dumps(meta, indent=2) + "\n")
            if self._folder.exists():
                shutil.rmtree(self._folder)
            stage.rename(self._folder)
        finally:
            shutil.rmtree(stage, ignore_errors=True)

    def _exists(self) -> bool:
        return (self._folder / META_FILE).is_file()

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._folder)}
