"""Folds in worker processes: order, blindness to scored labels, weights, isolation."""

import importlib
import subprocess
import sys
import types
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import psutil
import pytest
from pydantic import ValidationError

from soyoil.base.errors import ConfigError, ModelError
from soyoil.models import executors
from soyoil.models.backends.machines import available_cores
from soyoil.models.base import EngineFit, FoldTask, HorizonArrays, blinded, unscaled
from soyoil.models.config import FitConfig, LightGBMConfig, XGBoostConfig
from soyoil.models.engines import ENGINES
from soyoil.models.shrinkage import Shrink, choose, shrink
from soyoil.models.walkforward import Job, fit_one, run_walk_forward

CONFIG = LightGBMConfig(n_estimators=25, min_data_in_leaf=15, early_stopping_rounds=5)
XGB = XGBoostConfig(n_estimators=25, min_child_weight=15, early_stopping_rounds=5)
PLAIN = FitConfig(shrink=False)
JOBS = {"lightgbm": Job("lightgbm", PLAIN, CONFIG), "xgboost": Job("xgboost", PLAIN, XGB)}
LIGHTGBM = JOBS["lightgbm"]


@pytest.fixture(autouse=True)
def _no_workers_left() -> Iterator[None]:
    yield
    executors.shutdown()


def arrays(seed: int = 0, n: int = 320) -> HorizonArrays:
    """Labels whose mean follows the first feature and whose width follows the scale."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, 4))
    features[rng.random((n, 4)) < 0.02] = np.nan
    scale = np.exp(rng.normal(-3, 0.3, n))
    y = scale * (0.8 * np.nan_to_num(features[:, 0]) + rng.normal(size=n))
    dates = np.arange(np.datetime64("2019-01-01"), np.datetime64("2019-01-01") + n)
    return HorizonArrays(features, y, scale, dates, ("m.a", "m.b", "m.c", "m.d"))


def task(fold: int = 0, start: int = 240) -> FoldTask:
    """Train, early stopping and test rows in time order."""
    train, valid = np.arange(start - 60), np.arange(start - 55, start - 5)
    return FoldTask(
        fold, train, valid, np.arange(start, start + 40), np.ones(len(train)), np.ones(50), 7 + fold
    )


@pytest.mark.parametrize(
    "engine", [pytest.param(e, marks=[pytest.mark.slow] * (e == "xgboost")) for e in JOBS]
)
def test_results_come_in_fold_order_and_repeat_bit_for_bit(engine: str) -> None:
    tasks = [task(0, 160), task(1, 200), task(2, 240)]
    seen: list[int] = []
    job = replace(JOBS[engine], fit=FitConfig())
    first = run_walk_forward(job, arrays(), tasks, seen.append)
    alone = replace(job, fit=FitConfig(workers=1))
    again = run_walk_forward(alone, arrays(), tasks, lambda done: None)
    assert [r.fold for r in first] == [0, 1, 2]
    assert seen == [1, 2, 3]
    for mine, theirs, given in zip(first, again, tasks, strict=True):
        np.testing.assert_array_equal(mine.test, given.test)
        np.testing.assert_array_equal(mine.quantiles, theirs.quantiles)
        assert mine.models == theirs.models
        assert (np.diff(mine.quantiles, axis=1) >= 0).all()
        assert mine.rounds > 0
        for values in (mine.importance["gain"], mine.importance["contribution"]):
            assert values["m.a"] == max(values.values()) > 0
        assert mine.importance == theirs.importance
        assert mine.libraries == (engine,), "no other engine in the worker"


@pytest.mark.ci
def test_this_process_never_loads_an_engine() -> None:
    code = (
        "import sys, numpy as np\n"
        "from tests_walkforward import *\n"
        "for job in JOBS.values():\n"
        "    run_walk_forward(job, arrays(), [task()], lambda done: None)\n"
        "assert not {'lightgbm', 'xgboost', 'torch'} & set(sys.modules)\n"
        "print('clean')\n"
    )
    loader = (
        "import importlib.util, sys\n"
        f"spec = importlib.util.spec_from_file_location('tests_walkforward', {__file__!r})\n"
        "module = importlib.util.module_from_spec(spec)\n"
        "sys.modules['tests_walkforward'] = module\n"
        "spec.loader.exec_module(module)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", loader + code], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "clean", done.stderr


@pytest.mark.parametrize("engine", JOBS)
def test_labels_of_scored_rows_are_never_seen(engine: str) -> None:
    data = arrays()
    poisoned = data.y.copy()
    poisoned[240:] = 1e6
    job = replace(JOBS[engine], fit=FitConfig())
    clean, dirty = (fit_one(job, replace(data, y=y), task()) for y in (data.y, poisoned))
    np.testing.assert_array_equal(clean.quantiles, dirty.quantiles)
    hidden = blinded(data, task(), "log_return").y
    assert np.isnan(hidden[240:]).all()
    assert np.isnan(hidden[180:185]).all(), "rows of no role are hidden too"
    np.testing.assert_array_equal(hidden[:180], data.y[:180])


def test_scaling_is_inverted_exactly() -> None:
    data, rows = arrays(), task()
    scaled = blinded(data, rows, "vol_scaled").y[rows.train]
    np.testing.assert_allclose(scaled * data.scale[rows.train], data.y[rows.train], rtol=1e-14)
    forecast = np.tile([0.5, -1.0, 0.1], (len(rows.test), 1))
    sigma = data.scale[rows.test]
    got = unscaled(forecast, sigma, "vol_scaled", "fold 0")
    np.testing.assert_allclose(got[:, 0], -1.0 * sigma)
    np.testing.assert_allclose(got[:, 2], 0.5 * sigma)


@pytest.mark.parametrize("engine", JOBS)
def test_a_constant_forecast_follows_the_scale(engine: str) -> None:
    """With one leaf per tree the model is the vol cone with other multipliers."""
    stump = {"lightgbm": {"min_data_in_leaf": 500}, "xgboost": {"min_child_weight": 500.0}}
    job = replace(JOBS[engine], config=JOBS[engine].config.model_copy(update=stump[engine]))
    data = arrays()
    got = fit_one(job, data, task())
    ratio = got.quantiles / data.scale[got.test, None]
    np.testing.assert_allclose(ratio, np.tile(ratio[0], (len(ratio), 1)), rtol=1e-6)
    raw = replace(job, fit=FitConfig(shrink=False, target_kind="log_return"))
    plain = fit_one(raw, data, task())
    np.testing.assert_allclose(plain.quantiles, np.tile(plain.quantiles[0], (40, 1)), rtol=1e-6)


@pytest.mark.parametrize("engine", JOBS)
def test_weights_reach_the_fit_and_the_early_stopping(engine: str) -> None:
    longer = JOBS[engine].config.model_copy(update={"n_estimators": 300})
    job, data, plain = replace(JOBS[engine], config=longer), arrays(), task()
    heavy = np.where(plain.train < 90, 0.1, 1.9)
    base = fit_one(job, data, plain)
    other = fit_one(job, data, replace(plain, train_weight=heavy))
    assert not np.array_equal(base.quantiles, other.quantiles)
    late = np.where(np.arange(50) < 45, 0.01, 9.91)
    assert fit_one(job, data, replace(plain, valid_weight=late)).models != base.models


@pytest.mark.parametrize("engine", JOBS)
def test_without_early_stopping_rows_all_rounds_are_used(engine: str) -> None:
    rows = replace(task(), valid=np.empty(0, dtype="int64"), valid_weight=np.empty(0))
    result = fit_one(replace(JOBS[engine], fit=FitConfig()), arrays(), rows)
    assert result.rounds == 25
    assert result.shrink == Shrink(1.0, 1.0), "nothing to choose by"


def test_shrinkage_is_chosen_on_returns_by_the_weights_of_early_stopping(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def forecast(data: HorizonArrays, rows: np.ndarray) -> np.ndarray:
        return np.nan_to_num(data.X[rows, :1]) + np.array([-2.0, 0.0, 2.0])

    def fit_fold(data, given, threads, config):  # type: ignore[no-untyped-def]
        return EngineFit(forecast(data, given.test), forecast(data, given.valid), {}, {}, 1.0)

    module = types.ModuleType("soyoil_forecasts_its_feature")
    module.fit_fold = fit_fold  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    spec = replace(ENGINES["lightgbm"], module=module.__name__)
    monkeypatch.setitem(ENGINES, "lightgbm", spec)
    data, plain = arrays(3), task()
    # The forecast is right in the rows that weigh, and its opposite in the others.
    y = data.y.copy()
    y[plain.valid[:40]] *= -1.0
    weights = np.where(np.arange(50) < 40, 0.01, 5.0)
    data, given = replace(data, y=y), replace(plain, valid_weight=weights)
    got = fit_one(Job("lightgbm", FitConfig(), CONFIG), data, given)
    sigma = data.scale[plain.valid]
    valid = forecast(data, plain.valid) * sigma[:, None]
    want = choose(y[plain.valid], valid, sigma, weights)
    assert got.shrink == want
    assert want != choose(y[plain.valid], valid, sigma, np.ones(50))
    test_sigma = data.scale[plain.test]
    test = forecast(data, plain.test) * test_sigma[:, None]
    np.testing.assert_allclose(got.quantiles, shrink(test, test_sigma, want), rtol=1e-12)


DRAWS = {
    "lightgbm": ("feature_fraction", "bagging_fraction"),
    "xgboost": ("colsample_bytree", "subsample"),
}


def engine_fit(engine: str, given: FoldTask, **changes: float) -> EngineFit:
    """A fit in this process, of labels in units of their scale."""
    config = JOBS[engine].config.model_copy(update=changes)
    fit_fold = importlib.import_module(ENGINES[engine].module).fit_fold
    found: EngineFit = fit_fold(blinded(arrays(), given, "vol_scaled"), given, 1, config)
    return found


def rounds_kept(losses: np.ndarray) -> int:
    """Rounds up to the least loss, where it is not undercut in as many as are waited for."""
    best = 0
    for at, loss in enumerate(losses):
        if loss < losses[best]:
            best = at
        elif at - best >= CONFIG.early_stopping_rounds:
            break
    return best + 1


@pytest.mark.parametrize("engine", JOBS)
def test_the_rounds_of_the_least_loss_are_kept_and_forecast_with(engine: str) -> None:
    given = task()
    stopped = engine_fit(engine, given, n_estimators=60, learning_rate=0.3)
    y = (arrays().y / arrays().scale)[given.valid]

    def losses(fit: EngineFit) -> np.ndarray:
        error = y[:, None] - fit.valid_quantiles
        levels = np.array([0.1, 0.5, 0.9])
        return np.maximum(levels * error, (levels - 1.0) * error).mean(axis=0)

    fixed = {
        rounds: engine_fit(
            engine, given, n_estimators=rounds, learning_rate=0.3, early_stopping_rounds=0
        )
        for rounds in range(1, 25)
    }
    found = np.array([losses(fit) for fit in fixed.values()])
    if engine == "lightgbm":  # one booster per quantile stops on its own
        best = [rounds_kept(found[:, k]) for k in range(3)]
        want = np.column_stack([fixed[r].quantiles[:, k] for k, r in enumerate(best)])
    else:
        best = [rounds_kept(found.sum(axis=1))]
        want = fixed[best[0]].quantiles
    assert stopped.rounds == np.mean(best)
    assert 1 < max(best) < 20
    np.testing.assert_allclose(stopped.quantiles, want, rtol=1e-6)


@pytest.mark.parametrize("engine", JOBS)
def test_rows_and_columns_are_drawn_by_the_seed_of_the_fold(engine: str) -> None:
    given = task()
    everything = dict.fromkeys(DRAWS[engine], 1.0)
    whole = engine_fit(engine, given, **everything)
    for key in DRAWS[engine]:
        changes = {**everything, key: 0.5}
        some = engine_fit(engine, given, **changes)
        assert not np.array_equal(some.quantiles, whole.quantiles), f"{key} draws nothing"
        assert engine_fit(engine, given, **changes).models == some.models
        other = engine_fit(engine, replace(given, seed=given.seed + 1), **changes)
        assert not np.array_equal(other.quantiles, some.quantiles), f"{key} has one seed"


def test_missing_label_and_dead_market_are_refused() -> None:
    data = arrays()
    gap = data.y.copy()
    gap[3] = np.nan
    with pytest.raises(ModelError, match=r"fold 0: a training .* has no label"):
        fit_one(LIGHTGBM, replace(data, y=gap), task())
    dead = data.scale.copy()
    dead[:5] = 0.0
    with pytest.raises(ModelError, match=r"zero on 5 rows.*fit.target_kind=log_return"):
        fit_one(LIGHTGBM, replace(data, scale=dead), task())


def test_forecasts_must_be_finite() -> None:
    bad = np.zeros((40, 3))
    bad[0, 0] = np.nan
    with pytest.raises(ModelError, match="1 values that are not finite"):
        unscaled(bad, np.ones(40), "log_return", "fold 0")
    with pytest.raises(ModelError, match=r"shape \(39, 3\)"):
        unscaled(np.zeros((40, 3)), np.ones(39), "log_return", "fold 0")


def test_a_failing_engine_names_its_fold() -> None:
    broken = replace(arrays(), feature_names=("a", "b"))
    with pytest.raises(ValueError, match="feature_name") as caught:
        run_walk_forward(LIGHTGBM, broken, [task(4)], lambda done: None)
    assert any("lightgbm, fold 4" in note for note in caught.value.__notes__)


def test_every_row_needs_its_weight() -> None:
    with pytest.raises(ModelError, match="fold 0: 3 weights for 180 training rows"):
        replace(task(), train_weight=np.ones(3))


@pytest.mark.ci
def test_one_engine_at_a_time() -> None:
    """An executor serves all horizons of its engine and ends before another starts."""
    for _ in range(2):
        run_walk_forward(LIGHTGBM, arrays(), [task(0), task(1)], lambda done: None)
    me = psutil.Process()
    first = {p.pid for p in me.children() if "LokyProcess" in " ".join(p.cmdline())}
    assert 1 <= len(first) <= available_cores()
    run_walk_forward(JOBS["xgboost"], arrays(), [task()], lambda done: None)
    second = {p.pid for p in me.children() if "LokyProcess" in " ".join(p.cmdline())}
    assert second
    assert not first & second
    executors.shutdown()
    assert not {p.pid for p in me.children() if "LokyProcess" in " ".join(p.cmdline())}


def test_workers_never_oversubscribe() -> None:
    cores = available_cores()
    assert FitConfig(threads=cores).worker_count() == 1
    assert FitConfig().worker_count() == cores
    with pytest.raises(ConfigError, match=r"fit.workers=1000 x fit.threads=1 need more"):
        FitConfig(workers=1000).worker_count()
    with pytest.raises(ValidationError, match="threads"):
        FitConfig(threads=0)
