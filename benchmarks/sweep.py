"""What a sweep costs beyond its fits, and what a second worker saves.

Three figures in one call, on random features and labels in the shape of the real training span:
seconds per trial beyond the fits in the worker (drawing, pruning, scoring, journal, ledger),
seconds per trial to track it in MLflow (SQLite), and the wall time of four horizons with one and
with two worker processes. Run it on a quiet machine.

Usage: python benchmarks/sweep.py [trials]
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from soyoil.models import executors
from soyoil.models.base import HorizonArrays
from soyoil.models.baselines import vol_cone_sigma
from soyoil.models.config import FitConfig, LightGBMConfig
from soyoil.regimes.table import RegimeConfig, regime_frame
from soyoil.regimes.weights import WeightsConfig
from soyoil.splits.plan import SplitConfig
from soyoil.sweep.config import SweepConfig
from soyoil.sweep.inner import TrainingSpan, inner_plan
from soyoil.sweep.ledger import Ledger, StudyKey, Trial
from soyoil.sweep.space import TrialConfig
from soyoil.sweep.study import StudySpec, objective_of, search, study_name
from soyoil.sweep.worker import journal_path, run_studies
from soyoil.targets.horizons import HORIZONS
from soyoil.targets.labels import forward_sums
from soyoil.tracking import active
from soyoil.tracking.active import ParentSpec
from soyoil.tracking.sweep import TrialLog

ROWS = 1400
COLUMNS = 144
SPACE = {
    "lightgbm": {
        "num_leaves": {"kind": "int", "low": 3, "high": 15},
        "min_data_in_leaf": {"kind": "int", "low": 20, "high": 300, "log": True},
        "lambda_l2": {"kind": "float", "low": 1.0, "high": 300.0, "log": True},
        "learning_rate": {"kind": "float", "low": 0.01, "high": 0.1, "log": True},
        "feature_fraction": {"kind": "float", "low": 0.2, "high": 1.0},
    },
    "fit": {
        "rows_per_label": {"kind": "choice", "values": [0, 4]},
        "shrink": {"kind": "choice", "values": [True, False]},
    },
}


def market(horizon: str) -> TrainingSpan:
    """Random rows of one horizon."""
    rng = np.random.default_rng(7)
    returns = rng.normal(0, 0.015, ROWS)
    dates = pd.Series(pd.bdate_range("2010-06-07", periods=ROWS).as_unit("us"))
    sessions = HORIZONS[horizon].sessions
    arrays = HorizonArrays(
        X=rng.normal(size=(ROWS, COLUMNS)),
        y=forward_sums(returns, sessions),
        scale=vol_cone_sigma(returns, sessions),
        dates=dates.to_numpy(dtype="datetime64[D]"),
        feature_names=tuple(f"market_data.x_{i}" for i in range(COLUMNS)),
    )
    regime = {"name": "only", "start": "2000-01-01", "end": None, "weight": 1, "description": "x"}
    return TrainingSpan(
        horizon=HORIZONS[horizon],
        arrays=arrays,
        returns=returns,
        hourly_vol=np.full(ROWS, np.nan),
        implied_vol=np.full(ROWS, np.nan),
        dates=dates,
        regime_names=np.full(ROWS, "only", dtype=object),
        regime_weights=np.ones(ROWS),
        regimes=regime_frame([RegimeConfig.model_validate(regime)]),
        content_hash="0" * 64,
    )


def study(horizon: str, trials: int, folder: Path, workers: int) -> tuple[StudySpec, TrainingSpan]:
    """A LightGBM study of one horizon."""
    span = market(horizon)
    sweep = SweepConfig.model_validate({"trials": trials, "space": {"lightgbm": SPACE}})
    base = TrialConfig("lightgbm", LightGBMConfig(), FitConfig(workers=workers), WeightsConfig())
    plan = inner_plan(span, SplitConfig(), sweep.inner)
    name = study_name(span, sweep, base, plan)
    key = StudyKey(
        name=name,
        horizon=horizon,
        sessions=span.horizon.sessions,
        model="lightgbm",
        snapshot="1" * 64,
        training_span=span.content_hash,
        objective=objective_of(sweep).name,
        reproducible=True,
    )
    journal = journal_path(folder, span.content_hash, name)
    return StudySpec(key, sweep, base, plan, journal, folder / "ledger"), span


def overhead(trials: int, folder: Path) -> list[Trial]:
    """Print seconds per trial beyond the fits; the trials of the study."""
    spec, span = study("1m", trials, folder, 1)
    # The first trial pays for the imports of Optuna and LightGBM.
    search(replace(spec, sweep=spec.sweep.model_copy(update={"trials": 1})), span)
    started = time.perf_counter()
    search(spec, span)
    wall = time.perf_counter() - started
    found = Ledger(spec.ledger).read([spec.key.name])
    fits = sum(sum(trial.fold_seconds) for trial in found[1:])
    print(
        f"{trials - 1} trials: {wall:.1f} s, fits {fits:.1f} s, beyond them "
        f"{(wall - fits) / (trials - 1):.3f} s a trial"
    )
    return found


def tracking(found: list[Trial], root: Path) -> None:
    """Print seconds per trial to track it."""
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{root / 'mlflow.db'}"
    parent = ParentSpec(root, "benchmark", "sweep", {"kind": "pipeline"}, (), {})
    active.start(parent)
    log = TrialLog()
    log.add(found[0])
    started = time.perf_counter()
    for trial in found[1:]:
        log.add(trial)
    seconds = (time.perf_counter() - started) / max(len(found) - 1, 1)
    active.finish("FINISHED")
    print(f"tracking: {seconds:.3f} s a trial")


def workers(trials: int) -> None:
    """Print the wall time of four horizons with one and two worker processes."""
    walls = []
    for count in (1, 2):
        with tempfile.TemporaryDirectory() as name:
            pairs = [study(h, trials, Path(name), count) for h in ("1w", "1m", "3m", "6m")]
            started = time.perf_counter()
            done = list(run_studies([p[0] for p in pairs], [p[1] for p in pairs]))
            walls.append(time.perf_counter() - started)
            executors.shutdown()
        print(f"{len(done)} trials of 4 horizons, {count} workers: {walls[-1]:.1f} s")
    print(f"two workers: {walls[0] / walls[1]:.2f} times as fast")


def main() -> None:
    """Print all figures."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    os.environ.update(dict.fromkeys(executors.THREAD_VARIABLES, "1"))
    with tempfile.TemporaryDirectory() as name:
        found = overhead(trials, Path(name))
        tracking(found, Path(name))
    workers(trials)


if __name__ == "__main__":
    main()
