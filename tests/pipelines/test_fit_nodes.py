"""What the fit nodes hand to an engine, and what a tracked run says of a cell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from soyoil.metrics.evaluate import Evaluation, evaluate
from soyoil.models.base import FoldTask, HorizonArrays
from soyoil.models.baselines import baseline_quantiles, vol_cone_sigma
from soyoil.models.champion import CONES, ChampionConfig
from soyoil.models.config import FitConfig, LightGBMConfig
from soyoil.models.registry import BASELINES
from soyoil.models.report import FitReport
from soyoil.models.shrinkage import CONE_Z
from soyoil.params import WeightsConfig
from soyoil.pipelines.evaluate.nodes import baseline_evaluation_node, summarise
from soyoil.pipelines.fit.nodes import baseline_node, champion_node, engine_node
from soyoil.pipelines.split.nodes import label_node, plan_node, weights_node
from soyoil.splits.snapshot import Snapshot
from soyoil.targets.horizons import HORIZONS, Horizon
from soyoil.tracking.content import Cell, Inputs, run_record
from soyoil.tracking.record import RunRecord

WEEK = HORIZONS["1w"]


@dataclass(frozen=True)
class Split:
    """A horizon of the small market up to where models are fitted."""

    horizon: Horizon
    snapshot: Snapshot
    labels: pd.DataFrame
    plan: pd.DataFrame
    weights: pd.DataFrame
    weight_report: pd.DataFrame


def split(market: ModuleType, name: str) -> Split:
    horizon, snapshot = HORIZONS[name], market.make_snapshot()
    labels, _ = label_node(horizon)(snapshot)
    config = market.SPLIT.model_copy(update={"refit_every": 60})
    plan = plan_node(horizon)(snapshot, labels, config, "quick")
    scheme = WeightsConfig(scheme="regime_uniqueness")
    weights, report = weights_node(horizon)(snapshot, plan, scheme)
    return Split(horizon, snapshot, labels, plan, weights, report)


@pytest.fixture(scope="module")
def week(market: ModuleType) -> Split:
    return split(market, "1w")


class StopError(Exception):
    """Ends the node where an engine would begin."""


def handed_over(
    monkeypatch: pytest.MonkeyPatch, data: Split, model: str, fit: FitConfig | None = None
) -> tuple[HorizonArrays, list[FoldTask]]:
    """Arrays and tasks that a model's engine is given."""
    seen: list[Any] = []

    def run_walk_forward(job: Any, arrays: Any, tasks: Any, on_done: Any) -> None:
        seen.extend((arrays, tasks))
        raise StopError

    monkeypatch.setattr("soyoil.pipelines.fit.nodes.run_walk_forward", run_walk_forward)
    with pytest.raises(StopError):
        engine_node(data.horizon, model)(
            data.snapshot, data.labels, data.plan, data.weights, "quick",
            fit or FitConfig(rows_per_label=0), LightGBMConfig(),
        )  # fmt: skip
    return seen[0], seen[1]


def test_each_role_has_the_weights_of_the_split_stage(
    monkeypatch: pytest.MonkeyPatch, week: Split
) -> None:
    _, tasks = handed_over(monkeypatch, week, "lightgbm")
    assert len(tasks) > 2
    for task in tasks:
        rows = week.weights[week.weights["fold"] == task.fold]
        for role, given in (("train", task.train_weight), ("valid", task.valid_weight)):
            want = rows.loc[rows["role"] == role, "weight"].to_numpy()
            np.testing.assert_array_equal(given, want)
            assert len(set(want)) > 1, "nothing is shown by equal weights"


def test_the_ablation_has_equal_weights_in_training_and_early_stopping(
    monkeypatch: pytest.MonkeyPatch, week: Split
) -> None:
    _, tasks = handed_over(monkeypatch, week, "lightgbm_uniform")
    for task in tasks:
        np.testing.assert_array_equal(task.train_weight, np.ones(len(task.train)))
        np.testing.assert_array_equal(task.valid_weight, np.ones(len(task.valid)))


def test_every_fold_horizon_and_configured_seed_draws_its_own(
    monkeypatch: pytest.MonkeyPatch, market: ModuleType, week: Split
) -> None:
    month = split(market, "1m")
    seeds = [
        task.seed
        for data, seed in ((week, 1), (week, 2), (month, 1))
        for task in handed_over(
            monkeypatch, data, "lightgbm", FitConfig(seed=seed, rows_per_label=0)
        )[1]
    ]
    assert len(set(seeds)) == len(seeds) > 6
    again = handed_over(monkeypatch, week, "lightgbm", FitConfig(seed=1, rows_per_label=0))[1]
    assert [task.seed for task in again] == seeds[: len(again)]


@pytest.mark.parametrize("name", ["1w", "3m"])
def test_the_scale_is_the_cone_of_the_horizon(
    monkeypatch: pytest.MonkeyPatch, market: ModuleType, name: str
) -> None:
    data = split(market, name)
    arrays, tasks = handed_over(monkeypatch, data, "lightgbm")
    _, _, cone, _ = baseline_node(data.horizon)(data.snapshot, data.labels, data.plan)
    tested = np.concatenate([task.test for task in tasks])
    np.testing.assert_allclose(CONE_Z * arrays.scale[tested], cone["q90"], rtol=1e-12)


def test_baselines_come_under_their_own_names(week: Split) -> None:
    frames = baseline_node(week.horizon)(week.snapshot, week.labels, week.plan)
    known = baseline_quantiles(
        week.snapshot.returns, week.snapshot.hourly_vol, week.horizon.sessions
    )
    at = week.labels["data_date"].searchsorted(frames[0]["data_date"])
    for name, frame in zip(BASELINES, frames, strict=True):
        np.testing.assert_array_equal(frame[["q10", "q50", "q90"]], known[name][at])
    walk, drift, cone, hourly = frames
    assert (walk["q50"] == 0).all()
    assert (cone["q50"] == 0).all()
    assert (drift["q50"] != 0).any()
    assert (hourly["q50"] == 0).all()
    assert (hourly["q90"] != cone["q90"]).any()
    assert not np.array_equal(walk["q90"], cone["q90"])


def test_a_row_has_the_regime_and_price_of_its_origin(market: ModuleType) -> None:
    quarter = split(market, "3m")
    frame, *_ = baseline_node(quarter.horizon)(quarter.snapshot, quarter.labels, quarter.plan)
    matrix = quarter.snapshot.matrix.set_index("data_date")
    own = matrix.loc[frame["data_date"]]
    ends = matrix.loc[frame["label_end_date"]]
    for column, source in (
        ("regime_weight", "regime.weight"),
        ("regime_name", "regime.name"),
        ("close", "market_data.close"),
    ):
        np.testing.assert_array_equal(frame[column], own[source])
        assert (own[source].to_numpy() != ends[source].to_numpy()).any()


def scored(data: Split, model: str) -> tuple[Inputs, Evaluation]:
    """A cell whose forecasts are those of the drift."""
    walk, drift, cone, _ = baseline_node(data.horizon)(data.snapshot, data.labels, data.plan)
    report = None
    if model not in BASELINES:
        folds = pd.DataFrame(
            {
                "fold": [0], "rounds": [1.0], "shrink_location": [1.0], "shrink_spread": [1.0],
                "device": ["cpu"], "seconds": [0.1], "peak_rss_mb": [1.0],
            }
        )  # fmt: skip
        report = FitReport(folds=folds, importance={}, models={}, seconds=0.1)
    inputs = Inputs(
        data.snapshot, drift, walk, cone, data.labels, data.plan, data.weights,
        data.weight_report, report,
    )  # fmt: skip
    evaluation = evaluate(drift, {"random_walk": walk, "vol_cone": cone}, data.horizon.sessions)
    return inputs, evaluation


PARAMS = {"weights": {"scheme": "regime_uniqueness"}, "fit": {"target_kind": "vol_scaled"}}


@pytest.mark.parametrize(
    ("model", "weighting"),
    [
        ("lightgbm", "regime_uniqueness"),
        ("lightgbm_uniform", "uniform"),
        ("drift", "none"),
    ],
)
def test_tags_say_what_was_scored_and_how(market: ModuleType, model: str, weighting: str) -> None:
    data = split(market, "1m")
    inputs, evaluation = scored(data, model)
    said = {"skill_pinball": "skill", "skill_mae": "no skill"}
    evaluation = replace(evaluation, verdicts={**evaluation.verdicts, **said})
    tags = run_record(Cell(data.horizon, model), inputs, evaluation, PARAMS).tags
    assert (tags["horizon"], tags["horizon_sessions"]) == ("1m", "21")
    assert tags["target"] == "target_1m_log_return"
    assert (tags["verdict"], tags["verdict_mae"]) == ("skill", "no skill")
    assert (tags["model"], tags["weighting"]) == (model, weighting)
    assert tags["snapshot"] == data.snapshot.content_hash
    assert tags["scored_rows_hash"] == evaluation.scored_rows_hash


def test_implied_volatility_is_an_expert_of_the_target_and_of_nobody_else(
    market: ModuleType,
) -> None:
    def champion(symbol: str, **columns: float) -> tuple[pd.DataFrame, pd.DataFrame]:
        plain = market.make_snapshot()
        rows = plain.matrix.drop(columns="implied.zl_30d").assign(symbol=symbol, **columns)
        snapshot = replace(plain, matrix=rows, symbol=symbol)
        labels, _ = label_node(WEEK)(snapshot)
        plan = plan_node(WEEK)(snapshot, labels, market.SPLIT, "quick")
        cones = dict(zip(BASELINES, baseline_node(WEEK)(snapshot, labels, plan), strict=True))
        experts = {name: cones[name] for name in CONES}
        return champion_node(WEEK)(snapshot, labels, plan, ChampionConfig(), **experts)

    forecasts, weights = champion("ZL")
    for symbol, value in (("ZL", np.nan), ("ZS", 40.0)):
        same, also = champion(symbol, **{"implied.zl_30d": value})
        pd.testing.assert_frame_equal(same, forecasts, check_exact=True)
        pd.testing.assert_frame_equal(also, weights, check_exact=True)
    other, more = champion("ZL", **{"implied.zl_30d": 40.0})
    assert list(more)[:3] == ["weight.vol_cone", "weight.hourly_cone", "weight.implied_cone"]
    # Before any label has ended it has half of what the vol cone has without it, and its scale is
    # 0.4 sqrt(5 / 252) = 0.0563436.
    assert more["weight.implied_cone"].iloc[0] == pytest.approx(
        weights["weight.vol_cone"].iloc[0] / 2
    )
    first = pd.Timestamp(other["data_date"].iloc[0])
    plain = market.make_snapshot()
    cone = vol_cone_sigma(plain.returns, 5)[(plain.matrix["data_date"] == first).to_numpy()][0]
    moved = more["weight.implied_cone"].iloc[0] * 1.2816 * (0.0563436 - cone)
    assert (other["q90"] - forecasts["q90"]).iloc[0] == pytest.approx(moved, abs=1e-7)


def test_the_futures_curve_is_scored_beside_the_vol_cone_where_there_is_one(
    market: ModuleType,
) -> None:
    def evaluated(values: float) -> tuple[RunRecord, dict[str, Any], Snapshot]:
        plain = market.make_snapshot()
        rows = plain.matrix.assign(**{"curve.log_price_1w": values})
        snapshot = replace(plain, matrix=rows)
        labels, _ = label_node(WEEK)(snapshot)
        plan = plan_node(WEEK)(snapshot, labels, market.SPLIT, "quick")
        scheme = WeightsConfig()
        weights, report = weights_node(WEEK)(snapshot, plan, scheme)
        walk, _, cone, _ = baseline_node(WEEK)(snapshot, labels, plan)
        record, scores = baseline_evaluation_node(Cell(WEEK, "vol_cone"))(
            market.SPLIT, "quick", scheme, snapshot=snapshot, predictions=cone, labels=labels,
            split_plan=plan, sample_weights=weights, weight_report=report, random_walk=walk,
            vol_cone=cone,
        )  # fmt: skip
        return record, scores, snapshot

    record, scores, snapshot = evaluated(np.nan)
    assert "beside" not in scores
    assert not [name for name in record.tables if name.startswith("futures_curve")]
    table, _ = summarise(snapshot, scores)
    assert table["model"].tolist() == ["vol_cone"]
    again, moved, snapshot = evaluated(0.05)
    assert dict(again.metrics) == pytest.approx(dict(record.metrics), nan_ok=True)
    table, _ = summarise(snapshot, moved)
    assert table["model"].tolist() == ["vol_cone", "futures_curve"]
    assert "beside" not in table
    cone, curve = table.to_dict("records")
    assert cone["pooled.uniform.skill_pinball"] == 0
    # The market has no drift: five per cent a week is far off.
    assert curve["pooled.uniform.skill_mae"] < -0.5
    assert curve["scored_rows_hash"] == cone["scored_rows_hash"]
    assert (again.tables["futures_curve.parquet"]["q50"] == 0.05).all()
