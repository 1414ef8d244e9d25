"""What a person sees in the terminal and in figures."""

import io
import math

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from soyoil.metrics.breakdown import coverage_table
from soyoil.reports.chart import Area, Line, Panel, Word
from soyoil.reports.plots import (
    cone_plot,
    coverage_plot,
    ranked_plot,
    split_plan_plot,
    weight_shares_plot,
)
from soyoil.reports.terminal import percent, progress_bar, result_line, skill_table


def scores(horizon: str, model: str, skill: float, verdict: str = "no skill") -> dict[str, object]:
    metrics = {
        "mae": 0.0559,
        "coverage_80": 0.79,
        "n": 1757.0,
        "independent_n": 83.7,
        **{f"skill_{m}": skill for m in ("mae", "pinball")},
        **{f"skill_{m}_low": skill - 0.1 for m in ("mae", "pinball")},
        **{f"skill_{m}_high": skill + 0.1 for m in ("mae", "pinball")},
    }
    pooled = {f"pooled.uniform.{m}": v for m, v in metrics.items()}
    return {"horizon": horizon, "model": model, "seconds": 12.34, "verdict": verdict, **pooled}


def test_table_shows_intervals_verdicts_and_what_does_not_exist() -> None:
    out = io.StringIO()
    rows = [
        scores("12m", "random_walk", math.nan, "unprovable"),
        scores("12m", "lightgbm_uniform", -0.534),
    ]
    Console(file=out, width=80).print(skill_table(rows, "Skill, synthetic data"))
    text = out.getvalue()
    assert "synthetic data" in text
    assert "…" not in text, "it fits 80 columns"
    walk, model = (next(r for r in text.splitlines() if m in r) for m in ("random_walk", "lightg"))
    assert model.split() == [
        "lightgbm", "unif.", "-53.4", "[-63,-43]", "-53.4", "[-63,-43]", "79", "84", "no", "skill",
        "12",
    ]  # fmt: skip
    assert walk.split() == ["12m", "random_walk", "-", "n/a", "79", "84", "reference", "12"]


def test_result_line() -> None:
    text = result_line(scores("1m", "lightgbm", -0.034))
    assert text == "1m lightgbm: skill MAE -3.4 %, pinball -3.4 %, no skill"
    text = result_line(scores("1m", "vol_cone", 0.0))
    assert text == "1m vol_cone: skill MAE +0.0 %, reference"
    text = result_line(scores("1m", "random_walk", -0.009))
    assert text == "1m random_walk: skill pinball -0.9 %, reference"
    longest = result_line(scores("12m", "lightgbm_uniform", -0.534))
    assert len(f"16:36:54 {longest}") <= 80


def test_percent() -> None:
    assert percent(0.123) == "12.3 %"
    assert percent(0.0, signed=True) == "+0.0 %"
    assert percent(math.nan) == "n/a"


def test_progress_is_silent_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("reading") as advance:
        advance(1, 2)
        advance(2, 2)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_cone_is_in_prices_at_the_end_of_the_label() -> None:
    frame = pd.DataFrame(
        {
            "label_end_date": pd.to_datetime(["2024-02-02", "2024-02-01"]),
            "close": [50.0, 40.0],
            "q10": -0.1,
            "q50": 0.0,
            "q90": 0.2,
            "y": [0.05, -0.05],
        }
    )
    (panel,) = cone_plot(frame, "ZL 1m lightgbm, synthetic", "US cents/lb").panels
    cone, median, outcome = panel.marks
    assert isinstance(cone, Area)
    assert isinstance(median, Line)
    assert isinstance(outcome, Line)
    assert median.y.tolist() == [40.0, 50.0]
    np.testing.assert_allclose(outcome.y, [40 * math.exp(-0.05), 50 * math.exp(0.05)])
    assert cone.corners[0][:, 1].min() == pytest.approx(40 * math.exp(-0.1))
    assert cone.corners[0][:, 1].max() == pytest.approx(50 * math.exp(0.2))
    assert "rolled from the contract of the origin" in panel.y.label


def test_split_plan_shows_every_fold_and_role() -> None:
    days = pd.bdate_range("2018-01-01", periods=60).as_unit("us")
    parts = [
        pd.DataFrame({"fold": fold, "role": role, "data_date": days[a + fold : b + fold]})
        for fold in (0, 1)
        for role, a, b in (("train", 0, 20), ("valid", 25, 30), ("test", 35, 45))
    ]
    regimes = pd.DataFrame(
        {
            "regime_name": ["before", "after", "later"],
            "start_date": pd.to_datetime(["2000-01-01", "2018-02-01", "2030-01-01"]),
            "end_date": pd.to_datetime(["2018-02-01", "2030-01-01", None]),
        }
    )
    chart = split_plan_plot(pd.concat(parts, ignore_index=True), regimes, "plan")
    marks = chart.panels[0].marks
    assert sum(len(mark.corners) for mark in marks if isinstance(mark, Area)) == 6
    assert [mark.text for mark in marks if isinstance(mark, Word)] == ["before", "after"]
    assert chart.png().startswith(b"\x89PNG")


def test_importance_keeps_the_largest() -> None:
    table = pd.DataFrame(
        {"feature": [f"f{i}" for i in range(25)][::-1], "contribution": np.arange(25.0)[::-1],
         "gain": 0.04}
    )  # fmt: skip
    first, second = ranked_plot(
        table, {"contribution": "mean", "gain": "share"}, "Importance"
    ).panels
    labels = [name for _, name in first.y.ticks]
    assert (labels[-1], len(labels)) == ("f24", 20)
    assert _widths(first)[-1] == 24.0
    assert set(_widths(second)) == {0.04}


def _widths(panel: Panel) -> list[float]:
    (bars,) = panel.marks
    assert isinstance(bars, Area)
    return [float(np.ptp(corners[:, 0])) for corners in bars.corners]


def weight_report() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "fold": [0, 1],
            "cutoff": ["2015-12-31", "2016-12-30"],
            "rows": [900, 1150],
            "effective_n": [900.0, 800.0],
            "independent_n": [42.9, 38.1],
            "share.calm": [1.0, 0.4],
            "share.boom": [np.nan, 0.6],
        }
    )


def test_weight_shares_stack_to_a_hundred() -> None:
    shares, counts = weight_shares_plot(weight_report(), "weights").panels
    bars = [mark for mark in shares.marks if isinstance(mark, Area)]
    assert [m.label for m in bars] == ["calm", "boom"]
    tops = [float(c[:, 1].max()) for bar in bars for c in bar.corners]
    assert tops == pytest.approx([100, 40, 100, 100])
    effective = counts.marks[1]
    assert isinstance(effective, Line)
    assert effective.label == "effective n"
    assert effective.y.tolist() == [900.0, 800.0]


def scored() -> pd.DataFrame:
    days = pd.bdate_range("2019-12-02", periods=40).as_unit("us")
    return pd.DataFrame(
        {
            "data_date": days, "q10": -0.1, "q50": 0.0, "q90": 0.1,
            "y": np.where(np.arange(40) < 30, 0.0, 0.5),
            "regime_name": np.where(np.arange(40) < 30, "calm", "boom"),
        }
    )  # fmt: skip


def test_coverage_outside_its_band_stands_out() -> None:
    (panel,) = coverage_plot(coverage_table(scored(), 5), "coverage").panels
    by_label = {mark.label: mark for mark in panel.marks if isinstance(mark, Line)}
    assert by_label["coverage outside its band"].x.tolist() == [0.0]
    assert by_label["coverage"].x.tolist() == pytest.approx([75.0, 100.0, 100.0, 100 * 8 / 18])
    assert panel.y.ticks[0][1] == "all  (n 40, n/h 8.0)"
