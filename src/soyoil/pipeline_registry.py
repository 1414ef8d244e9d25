"""The pipelines that ``kedro run --pipeline=<name>`` knows."""

import pkgutil
from importlib import import_module

from kedro.pipeline import Pipeline

from soyoil import pipelines
from soyoil.pipelines import forecast, leakcheck, views

TRAIN = ("ingest", "features", "regimes", "split", "fit", "evaluate", "register", "report")
"""Stages of ``train``, in the order in which they run."""

DATA = ("ingest", "features", "regimes")
"""Stages that a forecast of today and an export begin with."""


def register_pipelines() -> dict[str, Pipeline]:
    """Every package of ``soyoil.pipelines``, ``train``, which is the default too, and its pictures.

    Kedro's ``find_pipelines`` finds only what a command names, and no package is named ``train``.
    """
    found = {
        module.name: import_module(f"{pipelines.__name__}.{module.name}").create_pipeline()
        for module in pkgutil.iter_modules(pipelines.__path__)
        if module.ispkg
    }
    train = sum((found[name] for name in TRAIN), Pipeline([]))
    train += leakcheck.create_quick() + forecast.create_pipeline(strict=False)
    today = sum((found[name] for name in DATA), found["forecast"])
    today += found["split"].only_nodes("split.make_snapshot")
    export = sum((found[name] for name in (*DATA, "split")), found["export"])
    bars = found["ingest"].only_nodes("ingest.read_source")
    composed = {name: found[name] + bars for name in ("leakcheck", "replay")}
    composed |= {"forecast": today, "export": export, "train": train}
    shown = views.pictures(train, {name: found[name] for name in TRAIN})
    # Kedro-Viz lists them in this order.
    return {**shown, **found, **composed, "__default__": train}
