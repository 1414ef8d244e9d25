"""Nodes of the split stage on a small snapshot."""

import logging
import re

import numpy as np
import pandas as pd
import pytest

from soyoil.base.errors import RegimeError, SplitError
from soyoil.params import TargetConfig, WeightsConfig
from soyoil.pipelines.split.nodes import (
    label_node,
    make_snapshot,
    plan_node,
    weights_node,
)
from soyoil.regimes.table import RegimeConfig, regime_frame
from soyoil.regimes.weights import label_regimes
from soyoil.sources.base import SourceConfig
from soyoil.splits.plan import SplitConfig
from soyoil.splits.snapshot import Snapshot, take_snapshot
from soyoil.targets.horizons import HORIZONS

WEEK = HORIZONS["1w"]


@pytest.fixture(scope="module")
def regimes() -> pd.DataFrame:
    spans = [
        ("normal", "2000-01-01", "2018-03-01", 100),
        ("trade_war", "2018-03-01", "2020-01-01", 300),
        ("later", "2020-01-01", None, 600),
    ]
    return regime_frame(
        [
            RegimeConfig.model_validate(
                {"name": name, "start": start, "end": end, "weight": weight, "description": name}
            )
            for name, start, end, weight in spans
        ]
    )


@pytest.fixture(scope="module")
def matrix(regimes: pd.DataFrame) -> pd.DataFrame:
    """Weekdays from 2016 to mid-2018, a roll every 40 sessions."""
    days = pd.Series(pd.bdate_range("2016-01-04", "2018-12-31").as_unit("us"))
    n = len(days)
    rng = np.random.default_rng(3)
    table = label_regimes(days, regimes)
    return pd.DataFrame(
        {
            "symbol": pd.Series(["ZL"] * n, dtype="str"),
            "data_date": days,
            "provenance": pd.Series(["synthetic"] * n, dtype="str"),
            "market_data.close": 40 + rng.normal(0, 0.1, n),
            "market_data.roll_free_return": rng.normal(0, 0.01, n),
            "market_data.is_roll": pd.array(np.arange(n) % 40 == 39, dtype="boolean"),
            "regime.name": table["name"],
            "regime.weight": table["weight"],
        }
    )


@pytest.fixture(scope="module")
def snapshot(matrix: pd.DataFrame, regimes: pd.DataFrame) -> Snapshot:
    return make_snapshot(matrix, regimes, TargetConfig(), SourceConfig())


def split(**keys: object) -> SplitConfig:
    return SplitConfig.model_validate({"warm_up": 20, "min_train_rows": 50, **keys})


# A test block that starts 2018-05-29 is cut off at 2018-05-28, when nobody could tell the trade
# war (known from 2018-05-29); one that starts a session later could.
@pytest.mark.parametrize(
    ("first_origin", "cutoff", "ratio"),
    [("2018-05-29", "2018-05-28", 1.0), ("2018-05-30", "2018-05-29", 3.0)],
)
def test_weights_through_the_node_are_those_known_at_the_cutoff(
    snapshot: Snapshot, first_origin: str, cutoff: str, ratio: float
) -> None:
    labels, _ = label_node(WEEK)(snapshot)
    config = split(first_origin=first_origin, refit_every=1000, valid_sessions=20)
    plan = plan_node(WEEK)(snapshot, labels, config, "quick")
    assert plan["cutoff"].unique().tolist() == [pd.Timestamp(cutoff)]
    weights, report = weights_node(WEEK)(snapshot, plan, WeightsConfig())
    assert report["cutoff"].tolist() == [pd.Timestamp(cutoff)]
    train = weights[weights["role"] == "train"].set_index("data_date")["weight"]
    assert train.index.max() > pd.Timestamp("2018-03-01")
    assert train["2018-03-02"] / train["2018-02-28"] == pytest.approx(ratio)
    assert weights.groupby("role")["weight"].mean().to_dict() == pytest.approx(
        {"train": 1.0, "valid": 1.0}
    )


@pytest.mark.parametrize(
    "scheme", ["uniform", "regime", "regime_uniqueness", "regime_decay", "regime_uniqueness_decay"]
)
def test_every_fitted_row_is_weighted_once_in_the_order_of_the_plan(
    snapshot: Snapshot, scheme: str
) -> None:
    labels, _ = label_node(WEEK)(snapshot)
    config = split(first_origin="2018-01-02", refit_every=60, valid_sessions=20)
    plan = plan_node(WEEK)(snapshot, labels, config, "quick")
    chosen = WeightsConfig.model_validate({"scheme": scheme})
    weights, report = weights_node(WEEK)(snapshot, plan, chosen)
    fitted = plan[plan["role"] != "test"].reset_index(drop=True)
    pd.testing.assert_frame_equal(
        weights[["fold", "role", "data_date"]], fitted[["fold", "role", "data_date"]]
    )
    means = weights.groupby(["fold", "role"])["weight"].mean()
    assert set(means.index.get_level_values("role")) == {"train", "valid"}
    assert means.to_numpy() == pytest.approx(1.0)
    assert (report["effective_n"] <= report["rows"] + 1e-9).all()
    assert report["independent_n"].to_numpy() == pytest.approx(report["effective_n"] / 5)
    # Consecutive training rows: their labels hold rows + h - 1 sessions.
    assert report["uniqueness_sum"].to_numpy() == pytest.approx((report["rows"] + 4) / 5)
    shares = report.filter(like="share.").fillna(0.0)
    assert shares.sum(axis=1).to_numpy() == pytest.approx(1.0)


def test_regimes_with_weight_but_no_training_row_are_named(
    snapshot: Snapshot, caplog: pytest.LogCaptureFixture
) -> None:
    labels, _ = label_node(WEEK)(snapshot)
    config = split(plan="fixed", valid_from="2018-01-01", test_from="2018-07-02")
    plan = plan_node(WEEK)(snapshot, labels, config, "quick")
    with caplog.at_level(logging.INFO, "soyoil"):
        _, report = weights_node(WEEK)(snapshot, plan, WeightsConfig())
    assert report["unused"].tolist() == ["trade_war later"]
    assert "1w: regimes without a training row in the last fold: trade_war later" in caplog.text
    assert "in the last fold normal holds more than 40 % of the training weight" in caplog.text


def test_a_fixed_plan_that_leaves_nothing_counts_all_horizons(snapshot: Snapshot) -> None:
    year = HORIZONS["12m"]
    labels, _ = label_node(year)(snapshot)
    with pytest.raises(SplitError) as caught:
        plan_node(year)(snapshot, labels, split(plan="fixed"), "quick")
    text = str(caught.value)
    for name, horizon in HORIZONS.items():
        # 781 sessions, all before 2023: what has a label and is no warm-up trains.
        rows = 781 - 20 - horizon.sessions
        assert re.search(rf"\n +{name} +{horizon.sessions} +{rows} \(.* 0 \(0\.00\)\n", text)
    assert "leaves no validation row and no test row" in text


def test_label_report_of_the_node(snapshot: Snapshot) -> None:
    labels, report = label_node(WEEK)(snapshot)
    assert report["rows"].tolist() == [labels[WEEK.target].notna().sum()]
    # 19 rolls within reach, five origins each.
    assert report["rolled_share"].iloc[0] == pytest.approx(19 * 5 / 776)


def test_a_matrix_with_other_regimes_than_the_table_is_refused(
    matrix: pd.DataFrame, regimes: pd.DataFrame
) -> None:
    moved = regimes.copy()
    moved.loc[0, "end_date"] = moved.loc[1, "start_date"] = pd.Timestamp("2018-04-02")
    for other in (moved, regimes.assign(weight=[100.0, 301.0, 600.0])):
        with pytest.raises(SplitError, match=r"other regimes than .* first on 2018-03-01\. Run"):
            make_snapshot(matrix, other, TargetConfig(), SourceConfig())


def test_a_regime_table_with_a_gap_or_an_early_end_is_refused(
    matrix: pd.DataFrame, regimes: pd.DataFrame
) -> None:
    with pytest.raises(RegimeError, match=r"'normal' .* and 'later' .* leave a gap"):
        make_snapshot(matrix, regimes.drop(index=1), TargetConfig(), SourceConfig())
    short = regimes.iloc[:1]
    with pytest.raises(RegimeError, match=r"No regime covers 2018-03-01"):
        make_snapshot(matrix, short, TargetConfig(), SourceConfig())


def test_synthetic_rows_under_another_source_are_refused(
    matrix: pd.DataFrame, regimes: pd.DataFrame
) -> None:
    taken = take_snapshot(matrix, regimes, "ZL", {})
    assert taken.provenance == "synthetic"
    with pytest.raises(SplitError, match=r"holds synthetic rows, but source\.kind=databento"):
        make_snapshot(
            matrix, regimes, TargetConfig(), SourceConfig(kind="databento", path="nowhere")
        )
