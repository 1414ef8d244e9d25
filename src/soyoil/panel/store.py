"""Forecasts of engines that are kept between runs, by what they were made from.

A panel of engines takes minutes to hours. Each finished result is a file of its own, named after
the hash of everything that decides it and written whole or not at all, so that a run that was
killed is continued where it stood, and one with other data or parameters reads nothing of it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from soyoil.base.handover import (
    HandoverError,
    MadeFrom,
    content_hash,
    stamp_of,
    stamped,
    text_hash,
)
from soyoil.base.leftovers import unfinished
from soyoil.market.conventions import QUANTILE_COLUMNS
from soyoil.models.backends.versions import library_versions, models_hash
from soyoil.models.config import EngineConfig, FitConfig
from soyoil.models.engines import ENGINES

logger = logging.getLogger(__name__)

COLUMNS: Final = ("data_date", "fold", *QUANTILE_COLUMNS)
"""Of a result: origin, fold, and quantiles in log returns."""


@dataclass(frozen=True)
class ResultKey:
    """One result.

    Attributes
    ----------
    engine, symbol, horizon
        Names of what was fitted.
    made_from
        Content hashes of snapshot, labels, plan and weights, and the parameters of the fit.
    """

    engine: str
    symbol: str
    horizon: str
    made_from: MadeFrom

    @property
    def file(self) -> str:
        """Path below the folder of the store."""
        digest = text_hash(self.made_from.plain())
        return f"{self.engine}/{self.symbol}.{self.horizon}.{digest[:24]}.parquet"


def fit_facts(profile: str, fit: FitConfig, engine: str, config: EngineConfig) -> Mapping[str, Any]:
    """What decides the forecasts of an engine beside its rows.

    How many processes share the work is none of it. The code of the models and the versions of
    their libraries are: a kept result is what a fit would give now.
    """
    return {
        "profile": profile,
        "fit": fit.deciding(),
        engine: config.model_dump(mode="json"),
        "code": {
            "module": ENGINES[engine].module,
            "models": models_hash(),
            **library_versions(engine),
        },
    }


def _whole(path: Path) -> pd.DataFrame:
    """A result as it was written.

    Raises
    ------
    HandoverError
        The file is damaged.
    """
    try:
        frame = pd.read_parquet(path)
        content = content_hash(frame)
    except Exception as error:
        # Flipped bytes end up in pandas' own notes, where any exception may come of them.
        raise HandoverError(f"its file cannot be read ({type(error).__name__})") from error
    if content != stamp_of(frame).get("content"):
        raise HandoverError("its file was changed after it was written")
    return frame


class ResultStore:
    """Results below a folder.

    Parameters
    ----------
    folder
        Made with the first result.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, key: ResultKey) -> pd.DataFrame | None:
        """A kept result; None if there is none, or its file is damaged."""
        path = self._folder / key.file
        try:
            return _whole(path) if path.is_file() else None
        except HandoverError as error:
            logger.warning("%s is fitted again: %s", key.file, error)
            return None

    def write(self, key: ResultKey, frame: pd.DataFrame) -> pd.DataFrame:
        """Keep a result; it appears whole or not at all.

        Parameters
        ----------
        key
            What it is.
        frame
            Columns as `COLUMNS`.

        Returns
        -------
        DataFrame
            The result with its stamp.
        """
        path = self._folder / key.file
        path.parent.mkdir(parents=True, exist_ok=True)
        result = stamped(frame, key.made_from)
        part = unfinished(path)
        try:
            result.to_parquet(part, index=False)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return result
