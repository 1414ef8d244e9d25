"""A model as another process loads it: a weighted mix of the cones and of final fits.

It holds the sessions that the cones are computed from, so that the rows of one evening are enough
to forecast from it.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import logging
import pickle
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import FloatArray, IntArray
from soyoil.base.errors import ModelError, SoyoilError
from soyoil.base.folders import HashedFiles
from soyoil.market.calendar import expected_sessions
from soyoil.market.conventions import QUANTILE_COLUMNS, QUANTILES
from soyoil.models.baselines import baseline_quantiles, vol_cone_sigma
from soyoil.models.champion import ALL_CONES, CONES
from soyoil.models.cones.implied import COLUMN as IMPLIED_VOL
from soyoil.models.cones.implied import implied_quantiles, implied_vol
from soyoil.models.registry import IMPLIED
from soyoil.serving.final import FinalModel, final_arrays, forecast_by, numbers

logger = logging.getLogger(__name__)

MODEL_FILE: Final = "model.json"
HISTORY_FILE: Final = "history.parquet"
DATE: Final = "data_date"
RETURN: Final = "market_data.roll_free_return"
HOURLY: Final = "market_data.realized_vol_1h"
BROKEN: Final = (
    SoyoilError, ImportError, OSError, RuntimeError, ValueError, LookupError, EOFError,
    pickle.UnpicklingError,
)  # fmt: skip
"""What a missing library, a damaged file or a dead worker raise; the cone stands in for them."""


@dataclass(frozen=True, eq=False)
class Forecasts:
    """Forecasts of a served model.

    Attributes
    ----------
    quantiles
        Log returns, shape ``(m, 3)``.
    experts
        The same by expert.
    drivers
        Of the last row, by engine; see `soyoil.models.base.RowForecast`.
    fallbacks
        Engines that failed, with what they said; the vol cone stood in for them.
    """

    quantiles: FloatArray
    experts: Mapping[str, FloatArray]
    drivers: Mapping[str, Mapping[str, float]]
    fallbacks: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class ServedModel:
    """Weights of experts, final fits of the engines among them, and the history of the cones.

    Attributes
    ----------
    name
        ``champion``, or the engine that is served alone.
    symbol
        Root that it forecasts.
    horizon, sessions
        Name and length of the horizon.
    cutoff
        Last session that it knows.
    provenance
        ``observed`` or ``synthetic``.
    snapshot
        Content hash of the snapshot.
    weights
        Weight of each expert, sum 1.
    finals
        Final fit of each engine among the experts.
    history
        `DATE`, `RETURN`, `HOURLY` and what networks look back on, of every session up to the
        cutoff.
    """

    name: str
    symbol: str
    horizon: str
    sessions: int
    cutoff: dt.date
    provenance: str
    snapshot: str
    weights: Mapping[str, float]
    finals: Mapping[str, FinalModel]
    history: pd.DataFrame = field(repr=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that a row to forecast must have, the date first."""
        features = (c for final in self.finals.values() for c in final.columns)
        implied = (IMPLIED_VOL,) if IMPLIED in self.weights else ()
        return tuple(dict.fromkeys((DATE, RETURN, HOURLY, *implied, *features)))

    @property
    def models(self) -> Mapping[str, bytes]:
        """Native files of all engines by path."""
        return {
            f"{name}/{file}": content
            for name, final in self.finals.items()
            for file, content in final.models.items()
        }

    def files(self) -> dict[str, bytes]:
        """Content by path; the same model gives the same bytes."""
        buffer = io.BytesIO()
        self.history.to_parquet(buffer, index=False)
        meta = {
            "name": self.name,
            "symbol": self.symbol,
            "horizon": self.horizon,
            "sessions": self.sessions,
            "cutoff": self.cutoff.isoformat(),
            "provenance": self.provenance,
            "snapshot": self.snapshot,
            "weights": dict(self.weights),
            "finals": {
                name: {**final.meta(), "files": sorted(final.models)}
                for name, final in self.finals.items()
            },
        }
        text = json.dumps(meta, indent=1).encode()
        return {MODEL_FILE: text, HISTORY_FILE: buffer.getvalue(), **self.models}

    @classmethod
    def read(cls, folder: Path) -> ServedModel:
        """Read the files of a folder; an engine whose files are damaged is left to the cone.

        Raises
        ------
        HandoverError
            The description or the history is missing or was changed.
        """
        needed = (MODEL_FILE, HISTORY_FILE)
        files = HashedFiles(folder).read("Train again: kedro run --pipeline=train.", needed)
        meta: dict[str, Any] = json.loads(files[MODEL_FILE])
        finals = {}
        for name, of_engine in meta["finals"].items():
            own = {file: files.get(f"{name}/{file}") for file in of_engine["files"]}
            lost = [file for file, content in own.items() if content is None]
            try:
                if lost:
                    raise ModelError(f"{', '.join(lost)} is missing or was changed")
                finals[name] = FinalModel.from_meta(
                    of_engine, {f: c for f, c in own.items() if c is not None}
                )
            except SoyoilError as error:
                logger.warning("%s is left to the vol cone: %s", name, error)
        return cls(
            **{k: meta[k] for k in ("name", "symbol", "horizon", "sessions", "provenance")},
            cutoff=dt.date.fromisoformat(meta["cutoff"]),
            snapshot=meta["snapshot"],
            weights=meta["weights"],
            finals=finals,
            history=pd.read_parquet(io.BytesIO(files[HISTORY_FILE])),
        )

    def forecast(self, frame: pd.DataFrame) -> Forecasts:
        """Forecast rows of the matrix.

        Parameters
        ----------
        frame
            `columns` of some sessions, ascending; others are ignored. Sessions before the first
            of them are taken from the history.

        Raises
        ------
        ModelError
            A column is missing, dates are not ascending, or sessions are missing between the
            history and the rows.
        """
        return forecast_all([self], frame)[0]

    def with_history(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Rows, with the sessions before them that the model knows; see `forecast`."""
        missing = [name for name in self.columns if name not in frame.columns]
        if missing:
            shown = ", ".join(missing[:5]) + (" and more" if len(missing) > 5 else "")
            raise ModelError(
                f"The rows lack {len(missing)} of the {len(self.columns)} columns that "
                f"{self.name} at {self.horizon} needs: {shown}. Give rows of "
                "features.daily_ml_matrix."
            )
        days = frame[DATE].to_numpy(dtype="datetime64[us]")
        if not len(days) or (np.diff(days) <= np.timedelta64(0, "us")).any():
            raise ModelError("Give at least one row, ascending by data_date, one per session.")
        before = self.history[self.history[DATE].to_numpy(dtype="datetime64[us]") < days[0]]
        self._check_seam(before, days[0])
        rows = frame[list(self.columns)].assign(**{DATE: days})
        whole: pd.DataFrame = pd.concat([before, rows], ignore_index=True)
        return whole

    def _check_seam(self, before: pd.DataFrame, first: np.datetime64) -> None:
        if before.empty:
            raise ModelError(
                f"{np.datetime_as_string(first, 'D')} is before the first session of the model, "
                f"{self.history[DATE].iloc[0]:%Y-%m-%d}."
            )
        last, day = before[DATE].iloc[-1].date(), dt.timedelta(days=1)
        until = pd.Timestamp(first).date() - day
        if last != self.cutoff or until <= last:
            return
        lost = expected_sessions(self.symbol, last + day, until)
        if len(lost):
            raise ModelError(
                f"{len(lost)} sessions are missing between the last one that the model knows, "
                f"{last}, and the first row, {pd.Timestamp(first):%Y-%m-%d}: the first is "
                f"{lost[0]}. Give them as rows too; the cones need every session."
            )


@dataclass(frozen=True, eq=False)
class _Work:
    """A model, its rows, and what its experts say of them so far."""

    model: ServedModel
    whole: pd.DataFrame
    sigma: FloatArray
    rows: IntArray
    found: Forecasts


def _begin(model: ServedModel, frame: pd.DataFrame) -> _Work:
    whole = model.with_history(frame)
    rows = np.arange(len(whole) - len(frame), len(whole))
    returns, hourly = numbers(whole[RETURN]), numbers(whole[HOURLY])
    cones = baseline_quantiles(returns, hourly, model.sessions)
    experts = {name: cones[name][rows] for name in CONES}
    if IMPLIED in model.weights:
        implied = implied_quantiles(
            implied_vol(whole, model.symbol), model.sessions, cones[CONES[0]]
        )
        values = implied.get(IMPLIED, np.full_like(cones[CONES[0]], np.nan))[rows]
        # Where no implied volatility is known the vol cone stands for it, as in the mix.
        experts[IMPLIED] = np.where(np.isfinite(values), values, experts[CONES[0]])
    sigma = vol_cone_sigma(returns, model.sessions)
    return _Work(model, whole, sigma, rows, Forecasts(np.empty(0), experts, {}, {}))


def _ask(work: _Work, engine: str) -> tuple[FloatArray, Mapping[str, float]]:
    final = work.model.finals.get(engine)
    if final is None:
        raise ModelError(f"there is no fit of {engine}")
    found = forecast_by(final, final_arrays(final, work.whole, work.sigma), work.rows)
    return found.quantiles, found.drivers


def forecast_all(models: Sequence[ServedModel], frame: pd.DataFrame) -> list[Forecasts]:
    """Forecast the same rows by several models, engine by engine: each is started once.

    Parameters
    ----------
    models
        Served models.
    frame
        As in `ServedModel.forecast`, with the columns of all of them.

    Raises
    ------
    ModelError
        As `ServedModel.forecast` says.
    """
    works = [_begin(model, frame) for model in models]
    engines = dict.fromkeys(n for w in works for n in w.model.weights if n not in ALL_CONES)
    for engine in engines:
        for i, work in enumerate(works):
            if engine not in work.model.weights:
                continue
            experts, drivers = dict(work.found.experts), dict(work.found.drivers)
            failed = dict(work.found.fallbacks)
            try:
                experts[engine], drivers[engine] = _ask(work, engine)
            except BROKEN as error:
                experts[engine] = experts[CONES[0]]
                failed[engine] = f"{type(error).__name__}: {error}"
                where = f"{engine} of {work.model.horizon}"
                logger.warning("%s is replaced by the vol cone: %s", where, error)
            found = replace(work.found, experts=experts, drivers=drivers, fallbacks=failed)
            works[i] = replace(work, found=found)
    return [_mixed(work) for work in works]


def _mixed(work: _Work) -> Forecasts:
    mixed = np.zeros((len(work.rows), len(QUANTILES)))
    for name, weight in work.model.weights.items():
        mixed += weight * work.found.experts[name]
    return replace(work.found, quantiles=mixed)


def history_of(matrix: pd.DataFrame, finals: Mapping[str, FinalModel]) -> pd.DataFrame:
    """What a served model keeps of the sessions that it knows.

    Parameters
    ----------
    matrix
        Rows of the target, ascending.
    finals
        Final fits; the columns of those that look back on earlier sessions are kept.
    """
    back = (c for final in finals.values() if final.config.lookback > 1 for c in final.columns)
    return matrix[list(dict.fromkeys((DATE, RETURN, HOURLY, *back)))].reset_index(drop=True)


def rows_of(frame: pd.DataFrame, forecasts: Forecasts) -> Iterator[tuple[str, Any]]:
    """Columns of a table of forecasts."""
    yield DATE, frame[DATE].to_numpy()
    for i, name in enumerate(QUANTILE_COLUMNS):
        yield name, forecasts.quantiles[:, i]
    yield "fallback", " ".join(forecasts.fallbacks)
