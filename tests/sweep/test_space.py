"""Search spaces and inner folds: typed, refused early, strictly inside the training span."""

from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest
import yaml
from pydantic import ValidationError

from soyoil.base.errors import ConfigError, SplitError
from soyoil.metrics.evaluate import evaluate
from soyoil.models.baselines import baseline_quantiles
from soyoil.models.config import FitConfig, LightGBMConfig
from soyoil.params import WeightsConfig, check_parameters
from soyoil.pipelines.fit.nodes import engine_node
from soyoil.pipelines.split.nodes import label_node, plan_node, weights_node
from soyoil.pipelines.sweep.nodes import make_studies, training_span
from soyoil.splits.plan import SplitConfig
from soyoil.sweep.config import Dimension, FloatRange, InnerConfig, IntRange, SweepConfig, Value
from soyoil.sweep.inner import cut_before_test, inner_plan, inner_task, stops_early
from soyoil.sweep.space import suggest
from soyoil.sweep.trial import Objective, reference_losses
from soyoil.targets.horizons import HORIZONS

WEEK = HORIZONS["1w"]


def space(section: str, key: str, dimension: dict[str, object], model: str = "lightgbm") -> object:
    return {"space": {model: {section: {key: dimension}}}}


INT = {"kind": "int", "low": 2, "high": 9}

WRONG: dict[str, tuple[object, str]] = {
    "unknown key": (space("lightgbm", "num_leafs", INT), r"Did you mean 'lightgbm\.num_leaves'"),
    "unknown section": (space("lightgbn", "num_leaves", INT), r"Did you mean 'lightgbm'"),
    "unknown model": (space("fit", "stride", INT, "lightgbn"), r"Did you mean 'lightgbm'"),
    "other engine's section": (space("xgboost", "max_depth", INT), r"unknown section 'xgboost'"),
    "seed": (space("fit", "seed", INT), r"fit\.seed cannot be searched: choosing a seed"),
    "beyond the key's limits": (
        space("lightgbm", "learning_rate", {"kind": "float", "low": 0.1, "high": 3.0}),
        r"lightgbm\.learning_rate cannot be 3\.0",
    ),
    "no value of the key": (
        space("weights", "scheme", {"kind": "choice", "values": ["regime", "regim"]}),
        r"weights\.scheme cannot be 'regim'",
    ),
    "turned round": (
        space("lightgbm", "num_leaves", {"kind": "int", "low": 9, "high": 2}),
        r"low=9 is above high=2",
    ),
    "logarithm of zero": (
        space("lightgbm", "lambda_l2", {"kind": "float", "low": 0, "high": 2, "log": True}),
        r"low=0\.0 has no logarithm",
    ),
    "kind": (space("lightgbm", "num_leaves", {"kind": "norm", "low": 1}), r"'int', 'float'"),
    "unknown horizon": ({"horizon": "2w"}, r"must be 1w, 1m"),
    "password": (
        {"storage": "postgresql+psycopg://me:secret@host/name"},
        r"must not hold a password\..* in PGPASSWORD",
    ),
    "horizon twice": ({"horizon": "1w+1w"}, r"twice"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_sweeps_are_refused(name: str) -> None:
    content, message = WRONG[name]
    with pytest.raises(ValidationError, match=message):
        SweepConfig.model_validate(content)


def test_horizons() -> None:
    assert SweepConfig(horizon="1m+1w").horizons == ("1w", "1m")
    assert SweepConfig(horizon="all").horizons == tuple(HORIZONS)


@pytest.mark.parametrize("model", ["lightgbm", "xgboost", "tft"])
def test_the_space_in_conf_holds_the_defaults(project_root: Path, model: str) -> None:
    content = yaml.safe_load((project_root / "conf/base/parameters_sweep.yml").read_text())
    sweep = SweepConfig.model_validate({**content["sweep"], "model": model})
    assert len(sweep.dimensions) >= 6


def test_values_are_put_into_the_configuration(market, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    base = market.make_inputs(tmp_path).base
    found = base.with_values(
        {
            "lightgbm.num_leaves": 4,
            "fit.feature_groups": "market_data+pivots",
            "weights.scheme": "regime_decay",
        }
    )
    assert found.engine == LightGBMConfig(num_leaves=4)
    assert found.fit == FitConfig(feature_groups=("market_data", "pivots"))
    assert found.weights == WeightsConfig(scheme="regime_decay")
    assert found.value_of("fit.feature_groups") == "market_data+pivots"
    assert base.value_of("fit.feature_groups") == "all"
    with pytest.raises(ConfigError, match=r"decay_halflife_sessions is for"):
        base.with_values({"weights.decay_halflife_sessions": 100})


def drawn(dimension: Dimension) -> list[Value]:
    """Three hundred values of a dimension, as a study draws its first ones."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    return [suggest(study.ask(), "key", dimension) for _ in range(300)]


@pytest.mark.parametrize(
    "dimension",
    [
        FloatRange(kind="float", low=0.01, high=100.0, log=True),
        IntRange(kind="int", low=1, high=10_000, log=True),
    ],
    ids=["float", "int"],
)
def test_a_log_range_is_searched_by_its_logarithm(dimension: FloatRange | IntRange) -> None:
    """Half of the values lie below the geometric middle; of an even draw one in a hundred does."""
    values = np.array(drawn(dimension))
    assert dimension.low <= values.min()
    assert values.max() <= dimension.high
    middle = np.sqrt(dimension.low * dimension.high)
    assert (values < middle).mean() == pytest.approx(0.5, abs=0.1)


def test_a_range_is_searched_in_its_steps() -> None:
    dimension = IntRange(kind="int", low=2, high=17, step=5)
    assert set(drawn(dimension)) == {2, 7, 12, 17}


def test_unknown_feature_groups_are_refused_before_anything_runs(market, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    groups = {"kind": "choice", "values": ["all", "market_data+pivot"]}
    wrong = {"lightgbm": {"fit": {"feature_groups": groups}}}
    with pytest.raises(ConfigError, match="Did you mean 'pivots'"):
        make_studies(market.make_inputs(tmp_path, space=wrong))
    with pytest.raises(ConfigError, match="nothing to search"):
        make_studies(market.make_inputs(tmp_path, space={}))


@pytest.fixture(scope="module")
def span(market):  # type: ignore[no-untyped-def]
    return training_span(cut_before_test(market.make_snapshot(), market.SPLIT), WEEK)


@pytest.mark.parametrize(
    "change", [{}, {"origins": "weekly"}, {"window": "rolling", "train_sessions": 400}]
)
def test_inner_folds_end_before_the_first_outer_test_origin(market, span, change) -> None:  # type: ignore[no-untyped-def]
    h = WEEK.sessions
    first_test = int((market.make_snapshot().matrix["data_date"] < market.FIRST_TEST).sum())
    split = market.SPLIT.model_copy(update=change)
    rows = 24 if change.get("origins") else 120
    plan = inner_plan(span, split, InnerConfig(folds=3, min_train_rows=rows))
    assert len(plan.folds) == 3
    last = max(int(f.test[-1]) for f in plan.folds)
    assert last + h < first_test
    if not change:
        # The last label that is known before the first outer test origin is used.
        assert last + h == first_test - 1
        sizes = [len(f.test) for f in plan.folds]
        assert max(sizes) - min(sizes) <= 3
        assert len(plan.folds[0].train) == rows
    for fold in plan.folds:
        assert fold.train[-1] + h < fold.valid[0]
        assert fold.valid[-1] + h < fold.test[0]
        assert fold.train[0] >= split.warm_up


def test_the_fixed_plan_is_cut_at_its_test(market) -> None:  # type: ignore[no-untyped-def]
    split = SplitConfig(plan="fixed", valid_from="2017-01-02", test_from="2017-06-01")  # type: ignore[arg-type]
    visible = cut_before_test(market.make_snapshot(), split)
    assert visible.matrix["data_date"].max() < pd.Timestamp("2017-06-01")


def test_a_short_span_does_without_early_stopping_or_is_refused(market) -> None:  # type: ignore[no-untyped-def]
    visible = cut_before_test(market.make_snapshot(), market.SPLIT)
    month = training_span(visible, HORIZONS["1m"])
    roomy = inner_plan(month, market.SPLIT, InnerConfig(folds=2, min_train_rows=250))
    assert stops_early(roomy)
    split = market.SPLIT.model_copy(update={"valid_sessions": 300})
    tight = inner_plan(month, split, InnerConfig(folds=2, min_train_rows=250))
    assert not stops_early(tight)
    with pytest.raises(SplitError, match=r"leave \d+ sessions to test on, less than one horizon"):
        inner_plan(month, split, InnerConfig(folds=2, min_train_rows=560))
    asked = InnerConfig(folds=2, min_train_rows=250, valid_sessions=300)
    with pytest.raises(SplitError, match="less than one horizon"):
        inner_plan(month, market.SPLIT, asked)


@pytest.mark.parametrize("metric", ["pinball", "mae"])
@pytest.mark.parametrize("weighting", ["uniform", "regime", "macro"])
def test_the_objective_is_the_metric_of_the_evaluate_stage(span, metric, weighting) -> None:  # type: ignore[no-untyped-def]
    rows = np.flatnonzero(np.isfinite(span.arrays.y))[200:]
    baselines = baseline_quantiles(span.returns, np.full(len(span.returns), np.nan), WEEK.sessions)
    model = np.sort(baselines["drift"][rows] * 0.7, axis=1)

    def frame(quantiles: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame(quantiles, columns=["q10", "q50", "q90"]).assign(
            data_date=span.dates.iloc[rows].to_numpy(),
            fold=0,
            y=span.arrays.y[rows],
            regime_name=span.regime_names[rows],
            regime_weight=span.regime_weights[rows],
        )

    references = {name: frame(baselines[name][rows]) for name in ("random_walk", "vol_cone")}
    wanted = evaluate(frame(model), references, WEEK.sessions)
    reference = reference_losses(span)
    y = span.arrays.y[rows]
    if metric == "mae":
        loss = np.abs(y - model[:, 1])
    else:
        errors = y[:, None] - model
        levels = np.array([0.1, 0.5, 0.9])
        loss = np.maximum(levels * errors, (levels - 1) * errors).mean(axis=1)
    objective = Objective(metric, weighting)
    coefficients = objective.coefficients(span, rows, reference)
    found = float(coefficients @ (reference[metric][rows] - loss))
    assert len(set(span.regime_names[rows])) == 2
    assert found == pytest.approx(wanted.metrics[f"pooled.{objective.name}"], rel=1e-12)


def test_rows_are_thinned_and_weighted_as_the_trial_says(market, span, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    plan = inner_plan(span, market.SPLIT, InnerConfig(folds=3, min_train_rows=120))
    base = market.make_inputs(tmp_path).base
    fold = plan.folds[-1]
    whole = inner_task(span, fold, base)
    thin = inner_task(span, fold, base.with_values({"fit.rows_per_label": 2}))
    assert np.array_equal(thin.train, fold.train[::-2][::-1])
    assert np.array_equal(thin.valid, whole.valid)
    assert thin.train_weight.mean() == pytest.approx(1.0)
    assert thin.seed == whole.seed
    uniform = inner_task(span, fold, base.with_values({"weights.scheme": "uniform"}))
    assert set(uniform.train_weight) == {1.0}
    assert len(set(np.round(whole.train_weight, 9))) == 2


def test_train_honours_the_keys_that_a_sweep_finds(  # type: ignore[no-untyped-def]
    market, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = market.make_snapshot()
    month = HORIZONS["1m"]
    labels, _ = label_node(month)(snapshot)
    split = market.SPLIT.model_copy(update={"refit_every": 60})
    plan = plan_node(month)(snapshot, labels, split, "quick")
    weights, _ = weights_node(month)(snapshot, plan, WeightsConfig())
    jobs, given = [], []

    class StopError(Exception):
        pass

    def run_walk_forward(job, arrays, tasks, on_done):  # type: ignore[no-untyped-def]
        jobs.append(job)
        given.append(tasks)
        raise StopError

    monkeypatch.setattr("soyoil.pipelines.fit.nodes.run_walk_forward", run_walk_forward)
    thin = FitConfig(rows_per_label=4, feature_groups=("pivots",))
    for fit in (FitConfig(), thin):
        with pytest.raises(StopError):
            engine_node(month, "lightgbm")(
                snapshot, labels, plan, weights, "quick", fit, LightGBMConfig()
            )
    for whole, thinned in zip(*given, strict=True):
        assert np.array_equal(thinned.train, whole.train[::-5][::-1])
        assert thinned.train_weight.mean() == pytest.approx(1.0)
        assert np.array_equal(thinned.valid, whole.valid)
    # Columns are chosen where a fold is fitted, for train and sweep alike.
    assert jobs[1].fit.feature_groups == ("pivots",)


def test_a_password_is_not_repeated() -> None:
    address = "postgresql+psycopg://me:secret@host/name"
    with pytest.raises(ConfigError, match=r"is \*\*\*: must not hold a password") as error:
        check_parameters({"sweep": {"storage": address}})
    assert "secret" not in str(error.value)


PLANTED = "planted-Secret.1"


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://u:{PLANTED}@host/db",
        f"postgresql://u:a/{PLANTED}@host/db",
        f"postgresql://u:a@{PLANTED}@host/db",
        f"postgresql://:{PLANTED}@host/db",
        f"postgresql://u%3A{PLANTED}@host/db",
        f"postgresql://host/db?password={PLANTED}",
        f"postgresql://host/db?%70assword={PLANTED}",
        f"postgresql://host/db?sslmode=require&sslpassword={PLANTED}",
        f"postgresql://host/db?options=password%3D{PLANTED}",
        f"postgresql://host/db?options=-c%20x.password%253D{PLANTED}",
        f"postgresql:///db?host=u:{PLANTED}@host",
        f"postgresql://host/db;password={PLANTED}",
        f"mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BUID%3Du%3BPWD%3D{PLANTED}",
        f"mysql://host/db?passwd={PLANTED}",
        f"host=db user=u password={PLANTED}",
        f"password={PLANTED}",
        PLANTED,
    ],
)
def test_no_address_with_a_secret_is_taken_or_repeated(address: str) -> None:
    with pytest.raises(
        ConfigError, match=r"sweep\.storage.*must (?:not hold|be an address)"
    ) as error:
        check_parameters({"sweep": {"storage": address}})
    assert "PGPASSWORD" in str(error.value)
    assert "planted" not in str(error.value)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql+psycopg://user@host:5432/name",
        "postgresql+psycopg://host/name?sslmode=require&passfile=/etc/pgpass&connect_timeout=3",
        "postgresql+psycopg:///name?host=/var/run/postgresql",
        "sqlite:////srv/user@host/study.db",
    ],
)
def test_an_address_without_a_secret_is_taken(address: str) -> None:
    assert SweepConfig(storage=address).storage == address
