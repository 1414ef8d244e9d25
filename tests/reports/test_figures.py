"""Interactive figures: what they draw, and that Kedro-Viz can show them."""

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from plotly.graph_objects import Figure

from soyoil.metrics.breakdown import coverage_table
from soyoil.reports.figures import (
    VERDICT_COLOURS,
    cone_figure,
    coverage_figure,
    importance_figure,
    skill_card,
    split_plan_figure,
    weight_shares_figure,
)

DAYS = pd.bdate_range("2018-01-01", periods=60).as_unit("us")


def plan() -> Figure:
    parts = [
        pd.DataFrame({"fold": fold, "role": role, "data_date": DAYS[a + fold : b + fold]})
        for fold in (0, 1)
        for role, a, b in (("train", 0, 20), ("valid", 25, 30), ("test", 35, 45))
    ]
    regimes = pd.DataFrame(
        {
            "regime_name": ["before", "after", "later"],
            "start_date": pd.to_datetime(["2000-01-01", "2018-02-01", "2030-01-01"]).as_unit("us"),
            "end_date": pd.to_datetime(["2018-02-01", "2030-01-01", None]).as_unit("us"),
        }
    )
    return split_plan_figure(pd.concat(parts, ignore_index=True), regimes, "plan")


def card() -> Figure:
    key = "pooled.uniform.skill_pinball"
    rows = [
        ("1w", "lightgbm", "skill", 0.05, 0.01, 0.08),
        ("1w", "vol_cone", "no skill", 0.0, 0.0, 0.0),
        ("1w", "tft", "no skill", -0.02, -0.05, 0.01),
        ("12m", "xgboost", "unprovable", 0.3, -0.4, 0.6),
        ("12m", "tft", "no skill", math.nan, math.nan, math.nan),
    ]
    table = pd.DataFrame(
        rows, columns=["horizon", "model", "verdict", key, f"{key}_low", f"{key}_high"]
    )
    return skill_card(table, "card")


def forecasts() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "data_date": DAYS, "label_end_date": DAYS[::-1], "close": 50.0, "q10": -0.1,
            "q50": 0.0, "q90": 0.1, "y": np.where(np.arange(60) < 40, 0.0, 0.5),
            "regime_name": np.where(np.arange(60) < 40, "calm", "boom"),
        }
    )  # fmt: skip


def weights() -> Figure:
    report = pd.DataFrame(
        {
            "fold": [0, 1], "cutoff": ["2015-12-31", "2016-12-30"], "rows": [900, 1150],
            "effective_n": [900.0, 800.0], "independent_n": [42.9, 38.1],
            "share.calm": [1.0, 0.4], "share.boom": [np.nan, 0.6],
        }
    )  # fmt: skip
    return weight_shares_figure(report, "weights")


def importance() -> Figure:
    table = pd.DataFrame({"feature": list("abc"), "gain": [0.2, 0.5, 0.3]})
    return importance_figure(table, "gain", "share", "importance")


BUILDERS: dict[str, Callable[[], Figure]] = {
    "plan": plan,
    "card": card,
    "cone": lambda: cone_figure(forecasts(), "cone", "US cents/lb"),
    "coverage": lambda: coverage_figure(coverage_table(forecasts(), 5), "coverage"),
    "weights": weights,
    "importance": importance,
}


def traces(figure: Figure) -> dict[str, Any]:
    return {str(trace.get("name")): trace for trace in json.loads(figure.to_json())["data"]}


@pytest.mark.parametrize("name", BUILDERS)
def test_figures_read_on_light_and_dark_pages(name: str) -> None:
    found = json.loads(BUILDERS[name]().to_json())
    layout = found["layout"]
    assert layout["title"]["text"] == name
    assert layout["paper_bgcolor"] == layout["plot_bgcolor"] == "rgba(0, 0, 0, 0)"
    assert found["data"]


def test_plan_has_a_bar_per_fold_and_role_over_its_regimes() -> None:
    figure = plan()
    bars = traces(figure)
    assert list(bars) == ["training", "early stopping", "scored"]
    assert bars["scored"]["y"] == [0, 1]
    assert bars["scored"]["base"] == [f"{DAYS[35]:%Y-%m-%d}", f"{DAYS[36]:%Y-%m-%d}"]
    length = (DAYS[44] - DAYS[35]).total_seconds() * 1000
    assert bars["scored"]["x"][0] == length
    assert [shape.name for shape in figure.layout.shapes] == ["before", "after"]


def test_card_shows_intervals_by_verdict_and_leaves_out_what_does_not_exist() -> None:
    found = traces(card())
    assert set(found) == set(VERDICT_COLOURS)
    assert found["reference"]["y"] == [["1w"], ["vol_cone"]]
    assert found["no skill"]["y"] == [["1w"], ["tft"]]
    assert found["skill"]["x"] == pytest.approx([5.0])
    assert found["skill"]["error_x"]["array"] == pytest.approx([3.0])
    assert found["skill"]["error_x"]["arrayminus"] == pytest.approx([4.0])


def test_cone_is_in_prices_in_time_order() -> None:
    found = traces(cone_figure(forecasts(), "cone", "US cents/lb"))
    outcome = found["outcome"]
    assert outcome["x"] == sorted(outcome["x"])
    assert outcome["y"][0] == pytest.approx(50 * math.exp(0.5), abs=1e-4)
    assert set(found["median"]["y"]) == {50.0}


def test_coverage_outside_its_band_stands_out() -> None:
    found = traces(coverage_figure(coverage_table(forecasts(), 5), "coverage"))
    assert found["coverage outside its band"]["y"] == [["regime"], ["boom"]]


def test_shares_of_a_fold_stack_to_a_hundred() -> None:
    found = traces(weights())
    assert found["calm"]["y"] == pytest.approx([100.0, 40.0])
    assert found["boom"]["y"] == pytest.approx([0.0, 60.0])


def test_largest_importance_comes_first() -> None:
    (bars,) = json.loads(importance().to_json())["data"]
    assert bars["y"] == ["b", "c", "a"]
