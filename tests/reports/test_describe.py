"""Descriptions of runs."""

import math
from dataclasses import replace

import pandas as pd

from soyoil.market.rolls import ROLLS_UNKNOWN, data_text
from soyoil.metrics.breakdown import coverage_band
from soyoil.reports.page import data_banners
from soyoil.reports.terminal import percent
from soyoil.reports.words import RunFacts, pipeline_note, run_note

METRICS = {
    "n": 2489.0, "independent_n": 118.5, "coverage_80": 0.781,
    "skill_pinball": -0.026, "skill_pinball_low": -0.061, "skill_pinball_high": 0.003,
    "skill_mae": math.nan, "skill_mae_low": math.nan, "skill_mae_high": math.nan,
    "dm_p_pinball": 0.874, "detectable_pinball": 0.052,
    "skill_crps": -0.031, "coverage_50": 0.472, "coverage_90": 0.883,
    "dm_p_mae": math.nan, "detectable_mae": math.nan,
}  # fmt: skip
POOLED = {f"pooled.uniform.{name}": value for name, value in METRICS.items()}


def facts(provenance: str) -> RunFacts:
    return RunFacts(
        symbol="ZL",
        horizon="1m",
        sessions=21,
        model="lightgbm",
        target="target_1m_log_return",
        weighting="regime",
        provenance=provenance,
        snapshot="abcdef0123456789",
        verdict="no skill",
        metrics=POOLED,
        first=pd.Timestamp("2016-01-04"),
        last=pd.Timestamp("2025-11-26"),
    )


def test_run_note_says_what_why_and_on_what() -> None:
    text = run_note(facts("observed"))
    assert text.startswith("**ZL 1m, lightgbm: no skill** (the interval of the pinball skill")
    assert (
        "| pinball skill against `vol_cone` | -2.6 % | -6.1 % to +0.3 % | p = 0.87; 5.2 % " in text
    )
    assert "5.2 % would be found with 80 % |" in text
    assert "| MAE skill against `random_walk` | n/a | n/a to n/a | no test |" in text
    assert "2,489 origins, 2016-01-04 to 2025-11-26, about 118 independent labels" in text
    assert "CRPS skill against `vol_cone` -3.1 %, 50 % interval covers 47.2 %, 90 % " in text
    assert "90 % interval 88.3 %\n" in text
    assert "Data: observed; snapshot `abcdef012345`" in text
    assert "invented" not in text
    assert "invented" in run_note(facts("synthetic"))


def test_run_note_has_the_interval_of_each_skill_and_the_band_of_its_horizon() -> None:
    metrics = POOLED | {
        f"pooled.uniform.skill_mae{end}": value
        for end, value in (("", 0.02), ("_low", -0.01), ("_high", 0.05))
    }
    metrics |= {"pooled.uniform.dm_p_mae": 0.002, "pooled.uniform.detectable_mae": 0.017}
    text = run_note(replace(facts("observed"), metrics=metrics))
    assert "| pinball skill against `vol_cone` | -2.6 % | -6.1 % to +0.3 % | p = 0.87;" in text
    assert "-1.0 % to +5.0 % | p < 0.01; 1.7 % would be found with 80 % |" in text
    low, high = coverage_band(2489, 21)
    assert f"| 78.1 % | {percent(low)} to {percent(high)} if calibrated |" in text
    assert high - low > 5 * (coverage_band(2489, 1)[1] - 0.8), "labels overlap"


def test_pipeline_note_has_the_table_once_there_is_one() -> None:
    assert pipeline_note("kedro run").startswith("`kedro run`")
    assert "| horizon |" not in pipeline_note("kedro run", pd.DataFrame())
    row = {"horizon": "1m", "model": "tft", "verdict": "no skill", "provenance": "synthetic"}
    text = pipeline_note("kedro run", pd.DataFrame([row | POOLED]))
    assert "| 1m | tft | -2.6 % [-6, +0] | n/a | 78 % | no skill |" in text
    for reference in ("random_walk", "vol_cone"):
        text = pipeline_note("kedro run", pd.DataFrame([row | POOLED | {"model": reference}]))
        assert f"| 1m | {reference} | -2.6 % [-6, +0] | n/a | 78 % | reference |" in text
    assert "synthetic: invented" in text


def test_unknown_rolls_are_said() -> None:
    assert "Rolls unknown" not in run_note(facts("observed"))
    assert f"- **{ROLLS_UNKNOWN}**\n" in run_note(replace(facts("observed"), rolls="unknown"))
    row = {"horizon": "1m", "model": "tft", "verdict": "no skill", "provenance": "observed"}
    table = pd.DataFrame([row | POOLED | {"rolls": rolls} for rolls in ("known", "unknown")])
    assert f"**{ROLLS_UNKNOWN}**" in pipeline_note("kedro run", table)
    assert "Rolls unknown" not in pipeline_note("kedro run", table.iloc[:1])
    assert data_banners("observed", "known") == []
    said = [str(banner) for banner in data_banners("synthetic", "unknown")]
    assert "Synthetic data" in said[0]
    assert ROLLS_UNKNOWN in said[1]
    assert data_text("observed", "unknown") == "observed data, rolls unknown"
