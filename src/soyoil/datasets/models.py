"""Kedro datasets of models that are kept: final fits, and what is served of them."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any, Final

from kedro.io import AbstractDataset

from soyoil.base.folders import HashedFiles
from soyoil.base.handover import HandoverError, refusal
from soyoil.datasets.tracks_runs import TracksRuns
from soyoil.models.registry import CHAMPION
from soyoil.serving.final import FinalModel
from soyoil.serving.served import ServedModel
from soyoil.tracking.active import require_current
from soyoil.tracking.registered import Registration, register

logger = logging.getLogger(__name__)

META_FILE: Final = "final.json"
FIT_AGAIN: Final = "Run the fit stage again: kedro run --pipeline=fit."


class FinalModelDataset(AbstractDataset[FinalModel, FinalModel]):
    """A final fit as a folder of its native files and ``final.json``.

    Parameters
    ----------
    path
        Folder; replaced whole on save.
    metadata
        Passed on to Kedro plugins.
    """

    def __init__(self, path: str, metadata: dict[str, Any] | None = None) -> None:
        self._folder = Path(path)
        self.metadata = metadata

    def load(self) -> FinalModel:
        """Read the files and check their hash.

        Raises
        ------
        HandoverError
            A file is missing or was changed.
        """
        files = HashedFiles(self._folder).read(FIT_AGAIN)
        if META_FILE not in files:
            raise refusal(f"the folder {self._folder}", [f"{META_FILE} is missing"], FIT_AGAIN)
        models = {name: content for name, content in files.items() if name != META_FILE}
        return FinalModel.from_meta(json.loads(files[META_FILE]), models)

    def save(self, data: FinalModel) -> None:
        """Write the folder, whole or not at all."""
        meta = json.dumps(data.meta(), indent=1).encode()
        HashedFiles(self._folder).write({META_FILE: meta, **data.models})

    def _exists(self) -> bool:
        return HashedFiles(self._folder).exists()

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._folder)}


class RegisteredModelsDataset(TracksRuns, AbstractDataset[Registration, ServedModel | None]):
    """Registered models in MLflow; the champion also as a folder, from which it is loaded.

    Parameters
    ----------
    path
        Folder of the champion; replaced whole on save.
    metadata
        Passed on to Kedro plugins.
    """

    def __init__(self, path: str, metadata: dict[str, Any] | None = None) -> None:
        self._folder = Path(path)
        self.metadata = metadata

    def load(self) -> ServedModel | None:
        """Read the champion; None if none was trained yet, or if its files are damaged.

        A forecast shows it beside its own numbers, which need none of it.
        """
        if not self._exists():
            return None
        try:
            return ServedModel.read(self._folder)
        except HandoverError as error:
            logger.warning("no engines at this horizon: %s", error)
            return None

    def save(self, data: Registration) -> None:
        """Register the models below the run of this process, then write the champion's folder."""
        register(require_current(), data)
        for candidate in data.candidates:
            if candidate.model.name == CHAMPION:
                HashedFiles(self._folder).write(candidate.model.files())

    def _exists(self) -> bool:
        return HashedFiles(self._folder).exists()

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._folder), "store": "mlflow"}
