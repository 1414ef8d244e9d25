"""What the engines say of the newest session, beside the forecast that needs none of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import FloatArray
from soyoil.base.errors import ModelError
from soyoil.models.champion import ALL_CONES
from soyoil.serving.final import numbers
from soyoil.serving.served import DATE, RETURN, Forecasts, ServedModel, forecast_all
from soyoil.splits.snapshot import Snapshot

TOP: Final = 3

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Challenger:
    """One engine at one horizon.

    Attributes
    ----------
    horizon, engine
        Names.
    quantiles
        P10, P50, P90, log returns.
    weight
        What it weighs in the champion.
    drivers
        Features that move its forecast most, with their contribution to the median or, for a
        network, their selection weight; largest first.
    fallback
        Why the vol cone stands in for it; empty if it does not.
    """

    horizon: str
    engine: str
    quantiles: Triple
    weight: float
    drivers: tuple[tuple[str, float], ...]
    fallback: str = ""


@dataclass(frozen=True)
class Challengers:
    """Engines at all horizons.

    Attributes
    ----------
    cutoff
        Last session that they were fitted on; None if there are none.
    mixed
        Forecast of the champion with the engines, log returns, by horizon.
    rows
        Engines, horizon by horizon.
    note
        Why there are none; empty if there are.
    """

    cutoff: dt.date | None
    mixed: Mapping[str, Triple]
    rows: Sequence[Challenger]
    note: str = ""


def _triple(values: FloatArray) -> Triple:
    low, median, high = (float(value) for value in values)
    return low, median, high


def _unfit(model: ServedModel, snapshot: Snapshot) -> str:
    """Why a model says nothing of a snapshot; empty if it does."""
    origin = snapshot.matrix[DATE].iloc[-1].date()
    if (model.symbol, model.provenance) != (snapshot.symbol, snapshot.provenance):
        return f"they were fitted on {model.provenance} data of {model.symbol}"
    if model.cutoff > origin:
        return f"they know sessions up to {model.cutoff}, and this forecast is of {origin}"
    then = model.history.set_index(DATE)[RETURN]
    now = snapshot.matrix.set_index(DATE)[RETURN].reindex(then.index)
    if not np.array_equal(numbers(then), numbers(now), equal_nan=True):
        return "the sessions that they were fitted on have changed since"
    return ""


def _none(note: str) -> Challengers:
    return Challengers(None, {}, (), note)


def _of(model: ServedModel, found: Forecasts) -> list[Challenger]:
    rows = []
    for engine, weight in model.weights.items():
        if engine in ALL_CONES:
            continue
        values = found.drivers.get(engine, {})
        largest = sorted(values.items(), key=lambda item: -abs(item[1]))[:TOP]
        rows.append(
            Challenger(
                model.horizon,
                engine,
                _triple(found.experts[engine][-1]),
                float(weight),
                tuple((name, value) for name, value in largest if value),
                found.fallbacks.get(engine, ""),
            )
        )
    return rows


def challengers(snapshot: Snapshot, models: Sequence[ServedModel]) -> Challengers:
    """Forecast the last session of a snapshot by the engines.

    Parameters
    ----------
    snapshot
        Sessions up to the origin.
    models
        Champions of the horizons, shortest first; none if nothing was trained.

    Returns
    -------
    Challengers
        None with the reason where the models belong to other data.
    """
    if not models:
        return _none("no engine was fitted yet: kedro run --pipeline=train fits them")
    for model in models:
        problem = _unfit(model, snapshot)
        if problem:
            return _none(problem)
    cutoff = min(model.cutoff for model in models)
    dates = snapshot.matrix[DATE]
    # The rows since the cutoff: the cones of a model go on from its own history.
    first = min(int(dates.searchsorted(pd.Timestamp(cutoff), side="right")), len(dates) - 1)
    try:
        found = forecast_all(models, snapshot.matrix.iloc[first:].reset_index(drop=True))
    except ModelError as error:
        return _none(str(error))
    mixed = {m.horizon: _triple(f.quantiles[-1]) for m, f in zip(models, found, strict=True)}
    rows = [row for m, f in zip(models, found, strict=True) for row in _of(m, f)]
    return Challengers(cutoff, mixed, tuple(rows))
