"""The final fit: its rows, and stored files that forecast as the engine did."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from serving_market import CONFIGS, FIT, WEEK

from soyoil.base.errors import SplitError
from soyoil.models.arrays import horizon_arrays
from soyoil.models.walkforward import Job, run_walk_forward
from soyoil.params import WeightsConfig
from soyoil.serving.final import FinalModel, final_arrays, forecast_by
from soyoil.serving.tasks import fold_task
from soyoil.splits.final import final_plan
from soyoil.splits.snapshot import Snapshot
from soyoil.splits.weights import weigh_plan
from soyoil.targets.labels import forward_sums
from tiers import ci


def plan_of(snapshot: Snapshot, market: ModuleType, sessions: int, **changes: Any) -> Any:
    labelled = ~np.isnan(forward_sums(snapshot.returns, sessions))
    config = market.SPLIT.model_copy(update=changes)
    return final_plan(snapshot.matrix["data_date"], labelled, ("x", sessions), config)


@pytest.mark.parametrize("sessions", [1, 5, 21])
def test_every_label_is_used_and_none_meets_another(
    snapshot: Snapshot, market: ModuleType, sessions: int
) -> None:
    plan = plan_of(snapshot, market, sessions)
    (fold,) = plan.folds
    n = len(snapshot.matrix)
    assert fold.cutoff == n - 1
    assert len(fold.test) == 0
    # The last label ends at the last session; the block before it is purged from training.
    assert fold.valid[-1] + sessions == n - 1
    assert len(fold.valid) == market.SPLIT.valid_sessions
    assert fold.train[-1] + sessions == fold.valid[0] - 1
    assert fold.train[0] == market.SPLIT.warm_up


def test_rows_that_were_held_back_from_scores_are_used(
    snapshot: Snapshot, market: ModuleType
) -> None:
    held = plan_of(snapshot, market, 5, last_origin=market.FIRST_TEST.date())
    np.testing.assert_array_equal(held.folds[0].valid, plan_of(snapshot, market, 5).folds[0].valid)


def test_too_few_labels_are_refused_with_the_counts(snapshot: Snapshot, market: ModuleType) -> None:
    with pytest.raises(SplitError, match=r"the final fit keeps \d+ training and 40 early-stopping"):
        plan_of(snapshot, market, 5, min_train_rows=2000)


@pytest.mark.parametrize("engine", ["lightgbm", ci("xgboost")])
def test_stored_files_forecast_to_the_bit_what_the_engine_did(
    snapshot: Snapshot, market: ModuleType, finals: dict[str, FinalModel], engine: str
) -> None:
    h = WEEK.sessions
    y = forward_sums(snapshot.returns, h)
    dates = snapshot.matrix["data_date"]
    plan = plan_of(snapshot, market, h)
    weights, _ = weigh_plan(plan, dates, snapshot.regimes, WeightsConfig())
    rows = np.array([400, len(dates) - 1])
    fold = replace(plan.folds[0], test=rows)
    task = fold_task(fold, weights, (1, 2, 3))
    arrays = horizon_arrays(snapshot.matrix, y, h)
    (direct,) = run_walk_forward(Job(engine, FIT, CONFIGS[engine]), arrays, [task], lambda _: None)
    stored = finals[engine]
    given = final_arrays(stored, snapshot.matrix, arrays.scale)
    found = forecast_by(stored, given, rows)
    np.testing.assert_array_equal(found.quantiles, direct.quantiles)
    assert len(np.unique(found.quantiles)) > 3, "a constant shows nothing"
    assert set(found.drivers) == set(stored.columns)
    assert any(found.drivers.values())


@pytest.mark.parametrize("engine", ["lightgbm", ci("xgboost")])
def test_a_final_fit_survives_its_files(finals: dict[str, FinalModel], engine: str) -> None:
    model = finals[engine]
    assert FinalModel.from_meta(model.meta(), model.models) == model
    assert all(name.startswith("final.") for name in model.models)


@pytest.mark.parametrize("engine", ["lightgbm", ci("xgboost")])
def test_features_of_the_chosen_groups_alone_are_asked_for(
    finals: dict[str, FinalModel], engine: str
) -> None:
    columns = finals[engine].columns
    assert columns
    assert all(name.startswith("market_data.") for name in columns)
