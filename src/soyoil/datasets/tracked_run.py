"""Kedro dataset that names the tracked run of the results that stand."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from soyoil.base.leftovers import unfinished
from soyoil.reports.train.origin import Origin
from soyoil.tracking import active
from soyoil.tracking.environment import STORE_VARIABLE, server_of


def _current() -> Origin | None:
    parent = active.current()
    if parent is None:
        return None
    server = server_of(os.environ.get(STORE_VARIABLE, ""))
    page = f"#/experiments/{parent.experiments.pipelines}/runs/{parent.run_id}"
    return Origin(parent.run_id, parent.name, parent.command, f"{server}/{page}" if server else "")


class TrackedRunDataset(AbstractDataset[NoReturn, Origin | None]):
    """The tracked run of this process, which a file remembers for a report that is made again.

    Parameters
    ----------
    filepath
        JSON file.
    metadata
        Passed on to Kedro plugins.
    """

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._path = Path(filepath)
        self.metadata = metadata

    def load(self) -> Origin | None:
        """The run that is tracked now, else the one remembered; None if there is neither."""
        origin = _current()
        if origin is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            stage = unfinished(self._path)
            try:
                stage.write_text(json.dumps(asdict(origin), indent=2) + "\n", encoding="utf-8")
                stage.replace(self._path)
            finally:
                stage.unlink(missing_ok=True)
            return origin
        try:
            kept = Origin(**json.loads(self._path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise DatasetError(
                f"{self._path} does not name a run ({error}). Remove it: a report can do without."
            ) from None
        return replace(kept, made_again=True)

    def save(self, data: NoReturn) -> None:
        """Not supported: a run is named by tracking it."""
        raise DatasetError("A tracked run is no output of a node.")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._path), "store": "mlflow"}
