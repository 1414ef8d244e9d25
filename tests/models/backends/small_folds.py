"""Folds that are fitted in an instant, and a run of them that another test interrupts."""

import os
import signal
import sys

import numpy as np

from soyoil.models import executors
from soyoil.models.base import FoldTask, HorizonArrays
from soyoil.models.config import FitConfig, LightGBMConfig, XGBoostConfig
from soyoil.models.walkforward import Job, run_walk_forward

ROUNDS = 25


def arrays(seed: int = 0, n: int = 320) -> HorizonArrays:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, 4))
    features[rng.random((n, 4)) < 0.02] = np.nan
    scale = np.exp(rng.normal(-3, 0.3, n))
    y = scale * (0.8 * np.nan_to_num(features[:, 0]) + rng.normal(size=n))
    dates = np.arange(np.datetime64("2019-01-01"), np.datetime64("2019-01-01") + n)
    return HorizonArrays(features, y, scale, dates, ("m.a", "m.b", "m.c", "m.d"))


def tasks(count: int) -> list[FoldTask]:
    made = []
    for fold, start in enumerate(np.linspace(160, 260, count).astype(int)):
        train, valid = np.arange(start - 60), np.arange(start - 55, start - 5)
        test = np.arange(start, start + 20)
        ones = np.ones(len(train)), np.ones(50)
        made.append(FoldTask(fold, train, valid, test, *ones, seed=7 + fold))
    return made


def job(engine: str, backend: str, rounds: int = ROUNDS, workers: int = 0) -> Job:
    fit = FitConfig.model_validate({"backend": backend, "workers": workers})
    if engine == "lightgbm":
        config = LightGBMConfig(n_estimators=rounds, min_data_in_leaf=15, early_stopping_rounds=0)
        return Job(engine, fit, config)
    xgboost = XGBoostConfig(n_estimators=rounds, min_child_weight=15, early_stopping_rounds=0)
    return Job(engine, fit, xgboost)


def say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def main() -> None:
    """Fit without an end, telling when the first fold is done."""
    # A test run in the background inherits an ignored SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    long = job("lightgbm", sys.argv[1], rounds=5_000)
    try:
        run_walk_forward(long, arrays(), tasks(40), say)
    except KeyboardInterrupt:
        executors.shutdown(kill=True)
        say("ended")
        os._exit(130)


if __name__ == "__main__":
    main()
