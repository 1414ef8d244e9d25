"""Kedro dataset of a fit report: a folder of small native files."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd
from kedro.io import AbstractDataset

from soyoil.base.folders import write_folder
from soyoil.base.handover import HandoverError, refusal
from soyoil.models.report import FitReport

FOLDS_FILE = "folds.csv"
META_FILE = "report.json"
_KEYS: Final = {"importance", "models", "seconds", "predictions", "content"}


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
        """Read the report and check its hash.

        Raises
        ------
        HandoverError
            A part of it is missing, was changed after it was written, or is of an older layout.
        """
        meta = self._meta()
        try:
            folds = (self._folder / FOLDS_FILE).read_bytes()
            models = {name: (self._folder / name).read_bytes() for name in meta["models"]}
        except FileNotFoundError as error:
            raise self._refused(f"{Path(str(error.filename)).name} is missing") from error
        if _content(meta, folds, models) != meta["content"]:
            raise self._refused("it was changed after it was written")
        table = pd.read_csv(io.BytesIO(folds))
        return FitReport(table, meta["importance"], models, meta["seconds"], meta["predictions"])

    def _meta(self) -> dict[str, Any]:
        path = self._folder / META_FILE
        try:
            meta = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise self._refused("there is no complete report") from error
        except ValueError as error:
            raise self._refused(f"{META_FILE} is damaged ({error})") from error
        if not isinstance(meta, dict) or not meta.keys() >= _KEYS:
            raise self._refused(f"{META_FILE} has the layout of an older version")
        return meta

    def _refused(self, problem: str) -> HandoverError:
        return refusal(
            f"the fit report in {self._folder}",
            [problem],
            "Run the fit stage again: kedro run --pipeline=fit.",
        )

    def save(self, data: FitReport) -> None:
        """Write the report beside the old one and swap the folders."""
        folds = data.folds.to_csv(index=False, lineterminator="\n").encode()
        meta: dict[str, Any] = {
            "importance": {kind: dict(values) for kind, values in data.importance.items()},
            "models": sorted(data.models),
            "seconds": data.seconds,
            "predictions": data.predictions,
        }
        meta["content"] = _content(meta, folds, data.models)
        text = (json.dumps(meta, indent=2) + "\n").encode()
        write_folder(self._folder, {FOLDS_FILE: folds, **data.models, META_FILE: text})

    def _exists(self) -> bool:
        return (self._folder / META_FILE).is_file()

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._folder)}


def _content(meta: Mapping[str, Any], folds: bytes, models: Mapping[str, bytes]) -> str:
    """SHA-256 over everything that a report holds."""
    digest = hashlib.sha256()
    plain = {name: meta[name] for name in sorted(_KEYS - {"content"})}
    digest.update(json.dumps(plain, sort_keys=True).encode())
    for part in (folds, *(models[name] for name in sorted(models))):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()
