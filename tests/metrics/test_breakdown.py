"""Coverage bands and scores by regime."""

import math

import numpy as np
import pandas as pd
import pytest

from soyoil.metrics.breakdown import SCORES, coverage_band, coverage_table, regime_scores
from soyoil.metrics.evaluate import evaluate


def pmf(trials: int) -> np.ndarray:
    """Binomial(trials, 0.8), by hand."""
    return np.array(
        [math.comb(trials, k) * 0.8**k * 0.2 ** (trials - k) for k in range(trials + 1)]
    )


@pytest.mark.parametrize(("n", "sessions", "trials"), [(250, 5, 50), (102, 21, 4), (30, 252, 1)])
def test_band_is_the_tightest_with_at_most_five_percent_outside_on_either_side(
    n: int, sessions: int, trials: int
) -> None:
    low, high = (round(bound * trials) for bound in coverage_band(n, sessions))
    mass = pmf(trials)
    assert mass[:low].sum() < 0.05 <= mass[: low + 1].sum()
    assert mass[high + 1 :].sum() <= 0.05 < mass[high:].sum()


def test_band_holds_for_overlapping_labels() -> None:
    rng = np.random.default_rng(11)
    n, sessions, paths = 504, 21, 400
    steps = np.cumsum(rng.normal(size=(paths, n + sessions)), axis=1)
    labels = steps[:, sessions:] - steps[:, :-sessions]
    covered = (np.abs(labels) <= 1.2815515655446004 * math.sqrt(sessions)).mean(axis=1)
    low, high = coverage_band(n, sessions)
    assert ((covered >= low) & (covered <= high)).mean() >= 0.9
    naive_low, naive_high = coverage_band(n, 1)
    inside = ((covered >= naive_low) & (covered <= naive_high)).mean()
    assert inside < 0.5, "rows are no independent trials"


def predictions(n: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    days = pd.bdate_range("2019-06-03", periods=n).as_unit("us")
    frame = pd.DataFrame(
        {
            "data_date": days,
            "fold": np.arange(n) // 100,
            "q10": -0.1,
            "q50": 0.0,
            "q90": 0.1,
            "y": 0.08 * rng.normal(size=n),
            "regime_name": np.where(np.arange(n) < 140, "calm", "boom"),
            "regime_weight": np.where(np.arange(n) < 140, 100.0, 300.0),
        }
    )
    return frame.sample(frac=1.0, random_state=1)


def test_coverage_by_regime_and_year_counts_hits() -> None:
    frame = predictions()
    table = coverage_table(frame, 5).set_index(["group", "name"])
    assert table.index.tolist() == [
        ("all", "all"), ("regime", "calm"), ("regime", "boom"), ("year", "2019"), ("year", "2020"),
    ]  # fmt: skip
    hits = frame["y"].between(-0.1, 0.1)
    assert table.loc[("all", "all"), "coverage_80"] == pytest.approx(hits.mean())
    boom = frame["regime_name"] == "boom"
    assert table.loc[("regime", "boom"), "coverage_80"] == pytest.approx(hits[boom].mean())
    assert table.loc[("regime", "boom"), ["n", "independent_n"]].tolist() == [160, 32]
    later = frame["data_date"].dt.year == 2020
    assert table.loc[("year", "2020"), "coverage_80"] == pytest.approx(hits[later].mean())
    assert (table["band_low"] < 0.8).all()
    assert (table["band_high"] >= 0.8).all()


def test_regime_scores_are_those_of_the_evaluation() -> None:
    frame = predictions()
    reference = frame.assign(q10=-0.2, q90=0.2)
    found = evaluate(frame, {"random_walk": reference, "vol_cone": reference}, 5).metrics
    table = regime_scores(found).set_index("rows")
    assert table.columns.tolist() == list(SCORES)
    assert table.index.tolist() == [
        "all rows", "all rows, regime weights", "mean over regimes", "worst regime, each metric",
        "calm", "boom",
    ]  # fmt: skip
    assert table.loc["boom", "pinball"] == found["pooled.uniform.pinball.boom"]
    assert table.loc["all rows", "mae"] == found["pooled.uniform.mae"]
    weighted = table.loc["all rows, regime weights"]
    assert weighted["effective_n"] == found["pooled.regime.effective_n"] < weighted["n"]
    assert table.loc["mean over regimes", "skill_pinball"] == pytest.approx(
        table.loc[["calm", "boom"], "skill_pinball"].mean()
    )
    assert table.loc[["calm", "boom"], "n"].sum() == 300
