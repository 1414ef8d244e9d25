"""The small market of the sweep's tests, and engines fitted on it once."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from soyoil.models import executors
from soyoil.models.walkforward import Job
from soyoil.params import WeightsConfig
from soyoil.serving.final import FinalModel, refit
from soyoil.serving.served import ServedModel, history_of
from soyoil.serving.tasks import fold_task
from soyoil.splits.final import final_plan
from soyoil.splits.snapshot import Snapshot
from soyoil.splits.weights import weigh_plan
from soyoil.targets.labels import forward_sums

sys.path.insert(0, str(Path(__file__).parent))

from serving_market import CONFIGS, FIT, WEEK


@pytest.fixture(scope="session")
def market() -> ModuleType:
    path = Path(__file__).parents[1] / "sweep" / "market.py"
    spec = importlib.util.spec_from_file_location("serving_market", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def snapshot(market: ModuleType) -> Snapshot:
    made: Snapshot = market.make_snapshot(signal=1.0)
    return made


class Finals(dict[str, FinalModel]):
    """Final fits by engine, each made when it is first asked for."""

    def __init__(self, fit: Callable[[str], FinalModel]) -> None:
        super().__init__()
        self._fit = fit

    def __missing__(self, engine: str) -> FinalModel:
        self[engine] = found = self._fit(engine)
        return found


@pytest.fixture(scope="session")
def finals(market: ModuleType, snapshot: Snapshot) -> Iterator[Finals]:
    y = forward_sums(snapshot.returns, WEEK.sessions)
    dates = snapshot.matrix["data_date"]
    plan = final_plan(dates, ~np.isnan(y), ("1w", WEEK.sessions), market.SPLIT)
    weights, _ = weigh_plan(plan, dates, snapshot.regimes, WeightsConfig())
    task = fold_task(plan.folds[0], weights, (1, 2, 3))
    yield Finals(
        lambda engine: refit(
            snapshot, y, WEEK, Job(engine, FIT, CONFIGS[engine]), task, lambda _: None
        )
    )
    executors.shutdown()


@pytest.fixture
def served(snapshot: Snapshot, finals: dict[str, FinalModel]) -> ServedModel:
    # One engine: a change of engines starts new workers.
    weights = {"vol_cone": 0.4, "hourly_cone": 0.3, "lightgbm": 0.3}
    own = {"lightgbm": finals["lightgbm"]}
    return ServedModel(
        name="champion",
        symbol=snapshot.symbol,
        horizon="1w",
        sessions=WEEK.sessions,
        cutoff=snapshot.matrix["data_date"].iloc[-1].date(),
        provenance=snapshot.provenance,
        snapshot=snapshot.content_hash,
        weights=weights,
        finals=own,
        history=history_of(snapshot.matrix, own),
    )
