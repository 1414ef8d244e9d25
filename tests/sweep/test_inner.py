"""Inner folds: as many as asked for, each with its own seed and weights of its own cutoff."""

from dataclasses import replace
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from soyoil.models.config import FitConfig, LightGBMConfig
from soyoil.pipelines.sweep.nodes import training_span
from soyoil.regimes.weights import WeightsConfig
from soyoil.splits.plan import SplitPlan
from soyoil.sweep.config import InnerConfig
from soyoil.sweep.inner import TrainingSpan, cut_before_test, inner_plan, inner_task
from soyoil.sweep.space import TrialConfig
from soyoil.targets.horizons import HORIZONS

WEEK = HORIZONS["1w"]
WAR = pd.Timestamp("2017-09-01")
WAR_IS_KNOWN = pd.Timestamp("2017-11-29")


def trial_config(fit: FitConfig | None = None, **weights: object) -> TrialConfig:
    chosen = WeightsConfig.model_validate(weights)
    return TrialConfig("lightgbm", LightGBMConfig(), fit or FitConfig(), chosen)


@pytest.fixture(scope="module")
def span(market: ModuleType) -> TrainingSpan:
    return training_span(cut_before_test(market.make_snapshot(), market.SPLIT), WEEK)


@pytest.fixture(scope="module")
def plan(market: ModuleType, span: TrainingSpan) -> SplitPlan:
    """The fourth fold is fitted in a war of which nothing is known yet, the fifth later."""
    plan = inner_plan(span, market.SPLIT, InnerConfig(folds=5, min_train_rows=120))
    cutoffs = [span.dates.iloc[fold.cutoff] for fold in plan.folds]
    assert cutoffs[2] < WAR < cutoffs[3] < WAR_IS_KNOWN < cutoffs[4]
    return plan


@pytest.mark.parametrize("folds", range(1, 9))
def test_there_are_as_many_folds_as_asked_for(
    market: ModuleType, span: TrainingSpan, folds: int
) -> None:
    plan = inner_plan(span, market.SPLIT, InnerConfig(folds=folds, min_train_rows=120))
    assert len(plan.folds) == folds
    sizes = [len(fold.test) for fold in plan.folds]
    # The last block is shorter where the room does not divide evenly.
    assert len(set(sizes[:-1])) <= 1
    assert 0 <= sizes[0] - sizes[-1] < folds


def test_every_fold_has_a_seed_of_its_own(span: TrainingSpan, plan: SplitPlan) -> None:
    """Else folds would draw the same rows and columns, and their errors would move together."""
    configs = [trial_config(), trial_config(FitConfig(seed=1))]
    seeds = {inner_task(span, fold, config).seed for fold in plan.folds for config in configs}
    assert len(seeds) == 2 * len(plan.folds)


def test_a_regime_weighs_from_the_day_it_is_known(span: TrainingSpan, plan: SplitPlan) -> None:
    early, late = plan.folds[3:]
    assert set(span.regime_names[early.valid]) == {"calm", "war"}
    assert set(inner_task(span, early, trial_config()).valid_weight) == {1.0}
    weight = inner_task(span, late, trial_config()).train_weight
    is_war = span.regime_names[late.train] == "war"
    assert is_war.any()
    np.testing.assert_allclose(weight[is_war], 3 * weight[0])
    np.testing.assert_allclose(weight[~is_war], weight[0])


def test_early_stopping_is_weighted_by_its_own_rows(span: TrainingSpan, plan: SplitPlan) -> None:
    fold = plan.folds[-1]
    assert set(span.regime_names[fold.valid]) == {"war"}
    task = inner_task(span, fold, trial_config())
    assert len(set(task.train_weight)) == 2
    assert set(task.valid_weight) == {1.0}
    halving = trial_config(scheme="regime_decay", decay_halflife_sessions=10)
    weight = inner_task(span, fold, halving).valid_weight
    assert weight.mean() == pytest.approx(1.0)
    np.testing.assert_allclose(weight[10:], 2 * weight[:-10])


@pytest.mark.parametrize("halflife", [1, 504])
def test_what_follows_a_fold_changes_none_of_its_weights(
    span: TrainingSpan, plan: SplitPlan, halflife: int
) -> None:
    """Six more years of sessions, and regimes that become known in them."""
    more = pd.Series(pd.bdate_range(span.dates.iloc[-1], periods=1500)[1:].as_unit("us"))
    longer = replace(span, dates=pd.concat([span.dates, more], ignore_index=True))
    config = trial_config(scheme="regime_decay", decay_halflife_sessions=halflife)
    for fold in plan.folds:
        task, same = inner_task(span, fold, config), inner_task(longer, fold, config)
        # The mean of 1 takes a common factor out again, so that an age counted from a later day
        # shows in the last bits, and where 0.5 ** age is too small for a float.
        assert np.array_equal(task.train_weight, same.train_weight)
        assert np.array_equal(task.valid_weight, same.valid_weight)
        assert np.isfinite(task.train_weight).all()
