"""The next fold of a walk-forward: an engine fitted on every label that has ended by now.

It is fitted by the rule of the folds that are scored: purged early-stopping rows at the end, the
training rows before them, weights as known at the last session. What was measured of the folds
therefore holds for it.
"""

from __future__ import annotations

import datetime as dt
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import FloatArray, IntArray
from soyoil.base.errors import ModelError
from soyoil.models.arrays import horizon_arrays
from soyoil.models.backends.failures import told_apart
from soyoil.models.base import FoldTask, Forecaster, HorizonArrays, RowForecast, unscaled
from soyoil.models.config import EngineConfig, FitConfig
from soyoil.models.engines import ENGINES
from soyoil.models.executors import ExecutorSpec, executor_for
from soyoil.models.selection import thinned, with_groups
from soyoil.models.shrinkage import Shrink, shrink
from soyoil.models.walkforward import Job, run_walk_forward
from soyoil.splits.snapshot import Snapshot
from soyoil.targets.horizons import Horizon

SERVING_THREADS: Final = 1


@dataclass(frozen=True)
class FinalModel:
    """An engine fitted on every label of a snapshot.

    Attributes
    ----------
    engine
        Name in `ENGINES`.
    symbol
        Root that it forecasts.
    horizon, sessions
        Name and length of the horizon.
    cutoff
        Last session that it knows.
    rows
        Training and early-stopping rows.
    fit, config
        What it was fitted with.
    shrink
        Factors chosen on its early-stopping rows.
    columns
        Feature columns in the order in which it takes them.
    models
        Native files by name.
    snapshot
        Content hash of the snapshot.
    parameters
        Nested plain parameters that decide it.
    """

    engine: str
    symbol: str
    horizon: str
    sessions: int
    cutoff: dt.date
    rows: tuple[int, int]
    fit: FitConfig
    config: EngineConfig
    shrink: Shrink
    columns: tuple[str, ...]
    models: Mapping[str, bytes]
    snapshot: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def meta(self) -> dict[str, Any]:
        """Everything but the native files, as plain data."""
        return {
            "engine": self.engine,
            "symbol": self.symbol,
            "horizon": self.horizon,
            "sessions": self.sessions,
            "cutoff": self.cutoff.isoformat(),
            "rows": list(self.rows),
            # Where it was fitted is nothing to whoever uses it.
            "fit": self.fit.model_dump(mode="json", exclude={"backend", "cluster"}),
            "config": self.config.model_dump(mode="json"),
            "shrink": [self.shrink.location, self.shrink.spread],
            "columns": list(self.columns),
            "snapshot": self.snapshot,
            "parameters": dict(self.parameters),
        }

    @classmethod
    def from_meta(cls, meta: Mapping[str, Any], models: Mapping[str, bytes]) -> FinalModel:
        """What `meta` and the native files were made from.

        Raises
        ------
        ModelError
            The engine is not known here.
        """
        engine = str(meta["engine"])
        if engine not in ENGINES:
            raise ModelError(f"no engine {engine!r} here; known: {', '.join(ENGINES)}")
        return cls(
            engine=engine,
            symbol=meta["symbol"],
            horizon=meta["horizon"],
            sessions=meta["sessions"],
            cutoff=dt.date.fromisoformat(meta["cutoff"]),
            rows=(meta["rows"][0], meta["rows"][1]),
            fit=FitConfig(**meta["fit"]),
            config=ENGINES[engine].config(**meta["config"]),
            shrink=Shrink(*meta["shrink"]),
            columns=tuple(meta["columns"]),
            models=dict(models),
            snapshot=meta["snapshot"],
            parameters=meta["parameters"],
        )


def refit(
    snapshot: Snapshot,
    y: FloatArray,
    horizon: Horizon,
    job: Job,
    task: FoldTask,
    on_done: Callable[[int], None],
) -> FinalModel:
    """Fit an engine on every label of a snapshot.

    Parameters
    ----------
    snapshot
        Sessions and features.
    y
        Labels, log returns, NaN where there is none, shape ``(n,)``.
    horizon
        Horizon.
    job
        Engine and configuration.
    task
        Rows, weights and seed of `soyoil.splits.final.final_plan`.
    on_done
        Called with 1 when it is fitted.

    Raises
    ------
    ModelError
        The engine fails for a reason that the user can mend.
    """
    fit, config = job.fit, job.config
    task = thinned(task, fit.stride(horizon.sessions))
    arrays = horizon_arrays(snapshot.matrix, y, horizon.sessions)
    (result,) = run_walk_forward(job, arrays, [task], on_done)
    own = config.own_columns()
    columns = with_groups(arrays, fit.feature_groups).feature_names if own is None else own
    return FinalModel(
        engine=job.engine,
        symbol=snapshot.symbol,
        horizon=horizon.name,
        sessions=horizon.sessions,
        cutoff=snapshot.matrix["data_date"].iloc[-1].date(),
        rows=(len(task.train), len(task.valid)),
        fit=fit,
        config=config,
        shrink=result.shrink,
        columns=columns,
        models={f"final.{name.partition('.')[2]}": text for name, text in result.models.items()},
        snapshot=snapshot.content_hash,
    )


def numbers(column: pd.Series) -> FloatArray:
    """A column of whatever type as numbers, NaN where it has no value."""
    return column.to_numpy(dtype="float64", na_value=np.nan)


def final_arrays(model: FinalModel, frame: pd.DataFrame, sigma: FloatArray) -> HorizonArrays:
    """Rows as a final model takes them.

    Parameters
    ----------
    frame
        ``data_date`` and the columns of the model, ascending by date.
    sigma
        Sigma of the vol cone on the same rows, shape ``(n,)``.
    """
    columns = [numbers(frame[name]) for name in model.columns]
    return HorizonArrays(
        X=np.column_stack(columns),
        y=np.full(len(frame), np.nan),
        scale=sigma,
        dates=frame["data_date"].to_numpy(dtype="datetime64[D]"),
        feature_names=model.columns,
    )


def _work(
    module: str, models: Mapping[str, bytes], arrays: HorizonArrays, rows: IntArray, threads: int
) -> RowForecast:
    forecaster: Forecaster | None = getattr(importlib.import_module(module), "forecast_rows", None)
    if forecaster is None:
        raise ModelError(f"{module} has no forecast_rows, which forecasts by stored files")
    return forecaster(models, arrays, rows, threads)


def forecast_by(model: FinalModel, arrays: HorizonArrays, rows: IntArray) -> RowForecast:
    """Forecast rows in a worker process of the model's engine.

    Parameters
    ----------
    model
        The model.
    arrays
        As `final_arrays` gives them.
    rows
        Positions to forecast; a network needs the sessions that it looks back on before them.

    Returns
    -------
    RowForecast
        Quantiles are log returns, ascending along each row.

    Raises
    ------
    ModelError
        The engine fails for a reason that the user can mend, or gives what is no forecast.
    """
    where = f"{model.engine} at {model.horizon}"
    executor = executor_for(ExecutorSpec(model.engine, 1, SERVING_THREADS))
    with told_apart(where):
        found: RowForecast = executor.submit(
            _work, ENGINES[model.engine].module, model.models, arrays, rows, SERVING_THREADS
        ).result()
    sigma = arrays.scale[rows]
    quantiles = unscaled(found.quantiles, sigma, model.fit.target_kind, where)
    if model.fit.shrink:
        quantiles = shrink(quantiles, sigma, model.shrink)
    return replace(found, quantiles=quantiles)
