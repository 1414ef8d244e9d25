"""Scores against a row-by-row oracle, and the rules of comparison."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soyoil.base.errors import ModelError
from soyoil.metrics.bootstrap import Interval, skill_interval
from soyoil.metrics.evaluate import LOSS_COLUMNS, REFERENCES, evaluate, scored_rows_hash, skill
from soyoil.metrics.losses import pinball, row_losses
from soyoil.metrics.significance import LossTest, loss_test

REGIMES = {"a": 100.0, "b": 300.0, "c": 50.0}


def rows(seed: int, n: int = 24) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    q = np.sort(rng.normal(0, 0.03, (n, 3)), axis=1)
    regime = rng.choice(list(REGIMES), n)
    return pd.DataFrame(
        {
            "data_date": pd.bdate_range("2020-01-01", periods=n).as_unit("us"),
            "fold": np.arange(n) // 8,
            "q10": q[:, 0],
            "q50": q[:, 1],
            "q90": q[:, 2],
            "y": np.random.default_rng(1).normal(0, 0.03, n),
            "regime_name": pd.Series(regime, dtype="str"),
            "regime_weight": [REGIMES[r] for r in regime],
        }
    )


def references(n: int = 24) -> dict[str, pd.DataFrame]:
    walk = rows(1, n).assign(q50=0.0, q10=-0.03, q90=0.03)
    return {"random_walk": walk, "vol_cone": walk.assign(q10=-0.05, q90=0.04)}


def slow(frame: pd.DataFrame, weights: list[float]) -> dict[str, float]:
    """Weighted sums, row by row."""
    total = sum(weights)
    mae = loss = covered = width = bias = right = called = 0.0
    for row, w in zip(frame.itertuples(), weights, strict=True):
        mae += w * abs(row.y - row.q50)
        bias += w * (row.q50 - row.y)
        covered += w * (row.q10 <= row.y <= row.q90)
        width += w * (row.q90 - row.q10)
        for level, q in ((0.1, row.q10), (0.5, row.q50), (0.9, row.q90)):
            error = row.y - q
            loss += w * (level * error if error >= 0 else (level - 1) * error) / 3
        if row.q50 != 0 and row.y != 0:
            called += w
            right += w * ((row.q50 > 0) == (row.y > 0))
    squares = sum(w * w for w in weights)
    return {
        "mae": mae / total,
        "pinball": loss / total,
        "coverage_80": covered / total,
        "width_80": width / total,
        "bias": bias / total,
        "direction": right / called if called else math.nan,
        "effective_n": total**2 / squares,
    }


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_matches_a_row_by_row_oracle(seed: int) -> None:
    frame, others = rows(seed), references()
    got = evaluate(frame, others, sessions=5)
    schemes = {"uniform": [1.0] * len(frame), "regime": frame["regime_weight"].tolist()}
    for weighting, weights in schemes.items():
        want = slow(frame, weights)
        for metric, value in want.items():
            assert got.metrics[f"pooled.{weighting}.{metric}"] == pytest.approx(value)
        walk = slow(others["random_walk"], weights)["mae"]
        cone = slow(others["vol_cone"], weights)["pinball"]
        assert got.metrics[f"pooled.{weighting}.skill_mae"] == pytest.approx(1 - want["mae"] / walk)
        assert got.metrics[f"pooled.{weighting}.skill_pinball"] == pytest.approx(
            1 - want["pinball"] / cone
        )
        independent = got.metrics[f"pooled.{weighting}.independent_n"]
        assert independent == pytest.approx(want["effective_n"] / 5)
        for fold in (0, 1, 2):
            part = (frame["fold"] == fold).to_numpy()
            kept = [w for w, k in zip(weights, part, strict=True) if k]
            per_fold = {k: v for k, f, v in got.fold_metrics if f == fold}
            for metric, value in slow(frame[part], kept).items():
                assert per_fold[f"fold.{weighting}.{metric}"] == pytest.approx(value)
    by_regime = {name: slow(part, [1.0] * len(part)) for name, part in frame.groupby("regime_name")}
    for name, values in by_regime.items():
        assert got.metrics[f"pooled.uniform.mae.{name}"] == pytest.approx(values["mae"])
    maes = [v["mae"] for v in by_regime.values()]
    assert got.metrics["pooled.macro.mae"] == pytest.approx(np.mean(maes))
    assert got.metrics["pooled.worst.mae"] == pytest.approx(max(maes))
    coverage = [v["coverage_80"] for v in by_regime.values()]
    assert abs(got.metrics["pooled.worst.coverage_80"] - 0.8) == pytest.approx(
        max(abs(c - 0.8) for c in coverage)
    )


def test_a_reference_has_no_skill_against_itself() -> None:
    others = references()
    walk = evaluate(others["random_walk"], others, 5).metrics
    assert walk["pooled.uniform.skill_mae"] == 0.0
    assert math.isnan(walk["pooled.uniform.direction"]), "a zero median calls no direction"
    cone = evaluate(others["vol_cone"], others, 5).metrics
    assert cone["pooled.regime.skill_pinball"] == 0.0


def test_intervals_and_verdicts() -> None:
    frame, others = rows(4, 600), references(600)
    got = evaluate(frame, others, 5)
    for weighting in ("uniform", "regime"):
        for skill_name in ("skill_mae", "skill_pinball"):
            point = got.metrics[f"pooled.{weighting}.{skill_name}"]
            low, high = (
                got.metrics[f"pooled.{weighting}.{skill_name}_{b}"] for b in ("low", "high")
            )
            assert low < point < high
    assert got.verdicts == {"skill_mae": "no skill", "skill_pinball": "no skill"}
    assert evaluate(frame, others, 252).verdicts["skill_mae"] == "unprovable"
    y = frame["y"]
    good = frame.assign(q10=y - 0.01, q50=0.7 * y, q90=y + 0.01)
    assert evaluate(good, others, 5).verdicts == {"skill_mae": "skill", "skill_pinball": "skill"}


def test_perfect_and_useless_forecasts() -> None:
    others = references()
    y = others["random_walk"]["y"]
    perfect = rows(0).assign(q10=y, q50=y, q90=y)
    got = evaluate(perfect, others, 5).metrics
    assert got["pooled.uniform.skill_mae"] == 1.0
    assert got["pooled.uniform.skill_pinball"] == 1.0
    assert got["pooled.uniform.coverage_80"] == 1.0
    twice = rows(0).assign(q50=2 * y)
    assert evaluate(twice, others, 5).metrics["pooled.uniform.skill_mae"] == pytest.approx(0.0)


def test_only_common_rows_are_scored_and_hashed() -> None:
    frame, others = rows(3), references()
    shorter = {**others, "vol_cone": others["vol_cone"].iloc[4:]}
    got = evaluate(frame, shorter, 5)
    assert got.metrics["pooled.uniform.n"] == 20
    assert got.scored_rows_hash == scored_rows_hash(frame["data_date"].iloc[4:])
    assert got.scored_rows_hash != evaluate(frame, others, 5).scored_rows_hash
    want = slow(frame.iloc[4:], [1.0] * 20)
    assert got.metrics["pooled.uniform.mae"] == pytest.approx(want["mae"])
    shuffled = evaluate(frame.iloc[::-1], shorter, 5)
    assert shuffled.metrics == pytest.approx(got.metrics, nan_ok=True)


def test_rows_that_do_not_belong_together_are_refused() -> None:
    frame, others = rows(3), references()
    with pytest.raises(ModelError, match="outcomes beside random_walk"):
        evaluate(frame.assign(y=frame["y"] + 1e-9), others, 5)
    with pytest.raises(ModelError, match="more than once"):
        evaluate(pd.concat([frame, frame.iloc[:1]]), others, 5)
    with pytest.raises(ModelError, match=r"hold 1 rows that are not finite.*2020-01-03"):
        evaluate(frame.assign(q50=frame["q50"].where(frame.index != 2)), others, 5)
    later = {
        k: v.assign(data_date=v["data_date"] + pd.Timedelta(days=90)) for k, v in others.items()
    }
    with pytest.raises(ModelError, match="no scored origin in common"):
        evaluate(frame, later, 5)


def test_pinball_literal() -> None:
    got = pinball(np.array([1.0, 1.0]), np.array([0.0, 3.0]), 0.9)
    np.testing.assert_allclose(got, [0.9, 0.2])


def test_bounds_of_the_interval_are_covered() -> None:
    frame = pd.DataFrame({"y": [0.1, -0.1, 0.2], "q10": -0.1, "q50": 0.0, "q90": 0.1})
    assert row_losses(frame)["covered"].tolist() == [1.0, 1.0, 0.0]


def test_skill_against_a_perfect_reference_does_not_exist() -> None:
    assert math.isnan(skill(0.1, 0.0))
    assert skill(0.2, 0.1) == pytest.approx(-1.0)


def scaled(others: dict[str, pd.DataFrame], factor: np.ndarray, **columns: object) -> pd.DataFrame:
    """Forecasts whose losses are those of the vol cone times a factor per row.

    Absolute and pinball loss are linear in the error as long as its sign stays.
    """
    cone = others["vol_cone"]
    moved = {q: cone["y"] + factor * (cone[q] - cone["y"]) for q in ("q10", "q50", "q90")}
    return cone.assign(**moved, **columns)


def test_each_weighting_has_the_interval_of_its_own_weights() -> None:
    """Half the error where the regime weighs 300, one and a half times where it weighs 100."""
    n = 600
    others = references(n)
    boom = np.arange(n) % 2 == 0
    weight = np.where(boom, 300.0, 100.0)
    frame = scaled(
        others,
        np.where(boom, 0.5, 1.5),
        regime_name=np.where(boom, "boom", "calm"),
        regime_weight=weight,
    )
    got = evaluate(frame, others, 5).metrics
    losses = row_losses(frame)
    for metric, column in LOSS_COLUMNS.items():
        loss, reference = (
            table[column].to_numpy() for table in (losses, row_losses(others[REFERENCES[metric]]))
        )
        for weighting, weights in (("uniform", np.ones(n)), ("regime", weight / weight.mean())):
            want = skill_interval(loss, reference, weights, 5)
            key = f"pooled.{weighting}.skill_{metric}"
            assert got[f"{key}_low"] == pytest.approx(want.low)
            assert got[f"{key}_high"] == pytest.approx(want.high)
        assert got[f"pooled.uniform.skill_{metric}_high"] < got[f"pooled.regime.skill_{metric}_low"]


def by_regime(cases: dict[str, dict[str, object]]) -> dict[str, float]:
    """Metrics of a model whose rows in each regime are given, one block of rows per regime."""
    n = 40
    walk = rows(1, n * len(cases)).assign(q10=-1.0, q50=0.0, q90=1.0)
    walk["y"] = np.where(np.arange(len(walk)) % 2 == 0, 0.5, -0.5)
    parts = []
    for i, (name, columns) in enumerate(cases.items()):
        part = walk.iloc[i * n : (i + 1) * n].copy()
        parts.append(part.assign(regime_name=name, **columns))
    frame = pd.concat(parts)
    return dict(evaluate(frame, {"random_walk": walk, "vol_cone": walk}, 5).metrics)


def test_the_worst_regime_is_the_one_farthest_from_what_is_right() -> None:
    inside = np.arange(40) < 28  # 70 % of the rows are covered, then all of them
    got = by_regime(
        {
            "narrow": {"q10": np.where(inside, -1.0, 2.0), "q90": np.where(inside, 1.0, 3.0)},
            "wide": {"q10": -9.0, "q90": 9.0},
        }
    )
    assert got["pooled.uniform.coverage_80.narrow"] == pytest.approx(0.7)
    assert got["pooled.worst.coverage_80"] == 1.0, "0.2 from nominal is worse than 0.1"
    assert got["pooled.macro.coverage_80"] == pytest.approx(0.85)


@pytest.mark.parametrize("order", [("low", "high"), ("high", "low")])
def test_the_worst_regime_by_metric(order: tuple[str, str]) -> None:
    """Bias by its size, losses the largest, skills, directions and counts the smallest."""
    cases = {"low": {"q50": -0.3}, "high": {"q50": 0.1}}
    got = by_regime({name: cases[name] for name in order})
    assert got["pooled.worst.bias"] == pytest.approx(-0.3)
    for metric, worst in (
        ("mae", max), ("pinball", max), ("width_80", max),
        ("direction", min), ("skill_mae", min), ("skill_pinball", min),
        ("n", min), ("effective_n", min), ("independent_n", min),
    ):  # fmt: skip
        values = [got[f"pooled.uniform.{metric}.{name}"] for name in cases]
        assert got[f"pooled.worst.{metric}"] == worst(values), metric
    skilled = by_regime({"good": {"q50": np.tile([0.4, -0.4], 20)}, "bad": {"q50": 0.4}})
    assert skilled["pooled.uniform.skill_mae.good"] == pytest.approx(0.8)
    assert skilled["pooled.worst.skill_mae"] == skilled["pooled.uniform.skill_mae.bad"] < 0.1


def test_the_mean_over_regimes_counts_each_once() -> None:
    """One regime has a quarter of the rows of the other."""
    frame, others = rows(5, 100), references(100)
    frame["regime_name"] = np.where(np.arange(100) < 20, "short", "long")
    got = evaluate(frame, others, 5).metrics
    for metric in ("mae", "skill_pinball", "coverage_80"):
        parts = [got[f"pooled.uniform.{metric}.{name}"] for name in ("short", "long")]
        assert got[f"pooled.macro.{metric}"] == pytest.approx(np.mean(parts))


def test_an_interval_that_holds_zero_shows_no_skill() -> None:
    """Better by a tenth for one half of the time, worse by a tenth for the other."""
    others = references(600)
    half = np.arange(600) < 310
    got = evaluate(scaled(others, np.where(half, 0.7, 1.3)), others, 5)
    for metric in LOSS_COLUMNS:
        low, high = (got.metrics[f"pooled.uniform.skill_{metric}_{end}"] for end in ("low", "high"))
        assert low < 0 < high
        assert got.verdicts[f"skill_{metric}"] == "no skill"


@pytest.mark.parametrize(
    ("low", "p", "said"),
    [(0.1, 0.5, "no skill"), (-0.1, 0.01, "no skill"), (0.1, 0.01, "skill")],
)
def test_interval_and_test_have_to_agree(
    low: float, p: float, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soyoil.metrics.evaluate.skill_interval", lambda *_: Interval(low, 0.3))
    monkeypatch.setattr("soyoil.metrics.evaluate.loss_test", lambda *_: LossTest(p, 0.02))
    got = evaluate(rows(4, 200), references(200), 5)
    assert got.verdicts == {"skill_mae": said, "skill_pinball": said}


def test_each_skill_is_tested_against_its_reference() -> None:
    frame, others = rows(4, 600), references(600)
    got = evaluate(frame, others, 5).metrics
    for metric, column in LOSS_COLUMNS.items():
        own, reference = row_losses(frame), row_losses(others[REFERENCES[metric]])
        want = loss_test(own[column].to_numpy(), reference[column].to_numpy(), 5)
        assert got[f"pooled.uniform.dm_p_{metric}"] == want.p
        assert got[f"pooled.uniform.detectable_{metric}"] == want.detectable
    tie = evaluate(others["vol_cone"], others, 5)
    assert math.isnan(tie.metrics["pooled.uniform.dm_p_pinball"])
    assert tie.verdicts["skill_pinball"] == "no skill"


def test_crps_skill_is_against_the_cone_and_coverages_against_their_own_levels() -> None:
    frame, others = rows(4, 200), references(200)
    got = evaluate(frame, others, 5).metrics
    own, cone = (row_losses(t) for t in (frame, others["vol_cone"]))
    assert got["pooled.uniform.crps"] == pytest.approx(own["crps"].mean())
    want = 1 - own["crps"].mean() / cone["crps"].mean()
    assert got["pooled.uniform.skill_crps"] == pytest.approx(want)
    assert evaluate(others["vol_cone"], others, 5).metrics["pooled.uniform.skill_crps"] == 0.0
    for level in (50, 90):
        values = [got[f"pooled.uniform.coverage_{level}.{name}"] for name in REGIMES]
        assert got[f"pooled.uniform.coverage_{level}"] == own[f"covered_{level}"].mean()
        worst = max(values, key=lambda v: abs(v - level / 100))
        assert got[f"pooled.worst.coverage_{level}"] == worst
    skills = [got[f"pooled.uniform.skill_crps.{name}"] for name in REGIMES]
    assert got["pooled.worst.skill_crps"] == min(skills)


def test_direction_is_scored_where_one_was_called() -> None:
    """A quarter of the medians is zero; they count neither as right nor as wrong."""
    frame, others = rows(6), references()
    frame.loc[::4, "q50"] = 0.0
    called = frame[frame["q50"] != 0]
    right = np.sign(called["q50"]) == np.sign(called["y"])
    got = evaluate(frame, others, 5).metrics
    assert got["pooled.uniform.direction"] == pytest.approx(right.mean())
    assert got["pooled.regime.direction"] == pytest.approx(
        np.average(right, weights=called["regime_weight"])
    )
