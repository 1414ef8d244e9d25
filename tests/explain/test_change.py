"""A planted cause gets the change and nothing else does; parts add up; fits repeat to the bit."""

import io
from dataclasses import replace
from fractions import Fraction
from itertools import permutations
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from explain_market import CLEAN, explained, later, raw, settings_of, tracked, whole
from pydantic import ValidationError
from rich.console import Console

from counted_fits import Fits
from soyoil.base.errors import ConfigError, SplitError
from soyoil.compare.boards import ScoredRun
from soyoil.explain import settings as settings_module
from soyoil.explain.change import (
    check_pair,
    expected_seconds,
    plan_pair,
    repeats,
)
from soyoil.explain.config import ExplainConfig
from soyoil.explain.result import (
    CODE,
    ExplainResult,
    metrics_of,
    part_verdict,
    parts_table,
    scores_table,
)
from soyoil.explain.settings import Sides, read_settings
from soyoil.explain.shapley import coalitions, shapley
from soyoil.models.engines import ENGINES
from soyoil.regimes.table import RegimeConfig, regime_frame
from soyoil.reports.compare.explain import explain_page, explain_view, plan_view
from soyoil.splits.snapshot import read_kept, write_snapshot

RATE = {"lightgbm__num_leaves": 2}
"""A planted change of the parameters, whatever the engine makes of it."""


def test_parts_are_means_over_all_orders() -> None:
    rng = np.random.default_rng(4)
    causes = ("data", "split", "params", "seed")
    values = {c: float(rng.normal()) for c in coalitions(causes)}
    assert len(values) == 16
    parts = shapley(causes, values)
    for cause in causes:
        steps = []
        for order in permutations(causes):
            before = frozenset(order[: order.index(cause)])
            steps.append(values[before | {cause}] - values[before])
        assert float(parts[cause]) == pytest.approx(np.mean(steps), abs=1e-14)
    whole = Fraction(values[frozenset(causes)]) - Fraction(values[frozenset()])
    assert sum(parts.values()) == whole


PLANTED: dict[str, dict[str, Any]] = {
    "params": RATE,
    "seed": {"fit__seed": 7},
    "weights": {"weights__scheme": "regime_uniqueness"},
    "split": {"split__valid_sessions": 20},
}


@pytest.mark.parametrize(
    "cause",
    ["params", "data"]
    + [pytest.param(cause, marks=pytest.mark.slow) for cause in PLANTED if cause != "params"],
)
def test_the_planted_cause_gets_the_whole_change(
    cause: str, market: ModuleType, fits: Fits, tmp_path: Path
) -> None:
    snapshot = whole(market)
    a = settings_of(snapshot)
    b = settings_of(later(market) if cause == "data" else snapshot, **PLANTED.get(cause, {}))
    found = explained(tmp_path, a, b)
    assert found.causes == (cause,)
    assert found.change != 0
    assert found.parts[cause] == found.change
    assert {c for c, part in found.parts.items() if part} == {cause}
    assert found.repeats == "to the bit"
    # Both mixes and five further seeds; the seed that is planted may not be one of them.
    assert fits.count == 2 + 5


def test_two_causes_share_the_change_exactly(
    market: ModuleType, fits: Fits, tmp_path: Path
) -> None:
    snapshot = whole(market)
    a = settings_of(snapshot)
    b = settings_of(later(market), **RATE)
    found = explained(tmp_path, a, b)
    assert found.causes == ("data", "params")
    assert found.parts["data"] + found.parts["params"] == found.change
    assert found.parts[CODE] == 0
    none, data, params, both = (
        Fraction(found.scores[frozenset(c)])
        for c in ((), ("data",), ("params",), ("data", "params"))
    )
    assert found.parts["data"] == (data - none + both - params) / 2
    # The parameters moved the loss far more than the year of history did.
    assert abs(found.parts["params"]) > 5 * abs(found.parts["data"]) > 0
    assert part_verdict("params", found.parts["params"], found.band) != "noise"
    table = parts_table([found])
    assert table["part"].sum() == pytest.approx(float(found.change), abs=1e-17)
    assert table.set_index("cause")["differs"].to_dict() == {
        "data": True, "split": False, "weights": False, "params": True, "seed": False,
        "code": False,
    }  # fmt: skip
    assert scores_table([found])["from_b"].tolist() == ["none", "data", "params", "data+params"]


def test_equal_runs_have_no_parts(market: ModuleType, fits: Fits, tmp_path: Path) -> None:
    a = settings_of(replace(whole(market)))
    found = explained(tmp_path, a, settings_of(replace(whole(market))))
    assert not found.causes
    assert found.change == 0
    assert not any(found.parts.values())
    assert found.repeats == "to the bit"
    assert fits.count == 1
    assert found.sentence() == "1w lightgbm: nothing changed."


@pytest.mark.slow
def test_the_band_tells_noise_from_parts(market: ModuleType, fits: Fits, tmp_path: Path) -> None:
    snapshot = whole(market)
    a = settings_of(snapshot)
    seed = explained(tmp_path, a, settings_of(snapshot, fit__seed=7))
    assert part_verdict("seed", seed.parts["seed"], seed.band) == "noise"
    assert "within the noise" in seed.sentence()
    # Half-width of a difference of two draws from six, Student's t with 5 degrees of freedom.
    scores = []
    for step in range(6):
        run = tracked(settings_of(snapshot, fit__seed=20240131 + step), "x")
        error = run.rows["y"].to_numpy()[:, None] - run.rows[["q10", "q50", "q90"]].to_numpy()
        loss = np.maximum(np.array([0.1, 0.5, 0.9]) * error, np.array([-0.9, -0.5, -0.1]) * error)
        scores.append(loss.mean())
    assert seed.seeds == 6
    assert seed.band == pytest.approx(2.015048 * np.sqrt(2) * np.std(scores, ddof=1), rel=1e-6)
    bare = explained(tmp_path, a, settings_of(snapshot, **RATE), seeds=0)
    assert np.isnan(bare.band)
    assert part_verdict("params", bare.parts["params"], bare.band) == "no band"


@pytest.mark.parametrize(
    ("cause", "part", "band", "word"),
    [
        ("params", 0.2, 0.1, "raises"),
        ("data", -0.2, 0.1, "lowers"),
        ("data", -0.1, 0.1, "noise"),
        ("seed", 0.2, 0.1, "noise"),
        ("split", 0.0, 0.1, "no part"),
        ("code", 0.2, float("nan"), "no band"),
    ],
)
def test_verdicts(cause: str, part: float, band: float, word: str) -> None:
    assert part_verdict(cause, Fraction(part), band) == word


@pytest.mark.slow
def test_finished_fits_are_kept(market: ModuleType, fits: Fits, tmp_path: Path) -> None:
    snapshot = whole(market)
    a, b = settings_of(snapshot), settings_of(later(market), **RATE)
    fits.fail_at = 3
    with pytest.raises(KeyboardInterrupt):
        explained(tmp_path, a, b)
    first = explained(tmp_path, a, b)
    # Four mixes and five seeds, of which two were there, and the third was tried twice.
    assert fits.count == 4 + 5 + 1
    assert explained(tmp_path, a, b).parts == first.parts
    assert fits.count == 4 + 5 + 1


def test_regimes_are_weights_and_no_data(market: ModuleType, fits: Fits, tmp_path: Path) -> None:
    snapshot = whole(market)
    spans = [("calm", "2000-01-01", "2017-09-01", 1000), ("war", "2017-09-01", None, 50)]
    table = regime_frame(
        [
            RegimeConfig.model_validate(
                {"name": n, "start": start, "end": end, "weight": weight, "description": n}
            )
            for n, start, end, weight in spans
        ]
    )
    matrix = snapshot.matrix.copy()
    matrix["regime.name"], matrix["regime.weight"] = "calm", 1000
    other = replace(snapshot, matrix=matrix, regimes=table)
    found = explained(tmp_path, settings_of(snapshot), settings_of(other), seeds=0)
    assert found.causes == ("weights",)
    assert found.parts["weights"] == found.change != 0
    assert found.repeats == "to the bit"
    model = "lightgbm_uniform"
    assert Sides(settings_of(snapshot), settings_of(other)).differing(model) == ()


@pytest.mark.slow
def test_other_models(market: ModuleType, fits: Fits, tmp_path: Path) -> None:
    snapshot = whole(market)
    a, b = settings_of(snapshot), settings_of(later(market), fit__seed=9, **RATE)
    cone = explained(tmp_path, a, b, model="drift")
    assert cone.causes == ("data",)
    assert cone.parts["data"] == cone.change
    assert cone.repeats == "to the bit"
    assert cone.change != 0
    assert (cone.band, fits.count) == (0.0, 0)
    even = explained(tmp_path, a, b, model="lightgbm_uniform", seeds=0)
    assert even.causes == ("data", "params", "seed")
    assert even.repeats == "to the bit"
    assert even.parts[CODE] == 0
    assert fits.count == 8
    # A store that took one for the other would give the forecasts of equal weights.
    assert explained(tmp_path, a, b, seeds=0).repeats == "to the bit"
    sides = Sides(a, settings_of(snapshot, champion__eta=0.0))
    assert (sides.differing("champion"), sides.differing("lightgbm")) == (("params",), ())


def test_a_champion_is_mixed_as_in_the_fit_stage(
    market: ModuleType, fits: Fits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_module, "ENGINES", {"lightgbm": ENGINES["lightgbm"]})
    snapshot = whole(market)
    a = settings_of(snapshot)
    b = settings_of(later(market), champion__eta=5.0, **RATE)
    found = explained(tmp_path, a, b, model="champion", seeds=2)
    assert found.causes == ("data", "params")
    assert found.repeats == "to the bit"
    assert found.parts[CODE] == 0
    assert found.change != 0
    assert found.band > 0


def test_what_cannot_be_swapped_is_left_over(
    market: ModuleType, fits: Fits, tmp_path: Path
) -> None:
    snapshot = whole(market)
    a, b = settings_of(snapshot), settings_of(snapshot, **RATE)
    runs = (tracked(a, "aaaaaaaa"), tracked(b, "bbbbbbbb", git_sha="older"))
    worse = runs[1].rows.assign(q10=runs[1].rows["q10"] * 1.5)
    moved = (runs[0], ScoredRun(runs[1].run, worse))
    found = explained(tmp_path, a, b, runs=moved, seeds=0)
    assert found.repeats == "other code"
    assert found.parts["params"] + found.parts[CODE] == found.change
    assert found.steps == (Fraction(0), found.parts[CODE])
    assert found.parts[CODE] != 0
    clean = explained(tmp_path, a, b, runs=runs, seeds=0)
    assert found.parts["params"] == clean.parts["params"]
    assert clean.repeats == "to the bit", "what repeats was made with code that is as good"


def test_words_about_the_code(market: ModuleType, fits: Fits) -> None:
    a = tracked(settings_of(whole(market)), "aaaaaaaa", "vol_cone").run
    dirty = replace(a, tags={**a.tags, "git_dirty": "true"})
    older = replace(a, tags={**a.tags, "soyoil_version": "0"})
    assert repeats((True, True), (dirty, older), CLEAN) == "to the bit"
    assert repeats((True, False), (a, a), CLEAN) == "no"
    assert repeats((True, False), (a, older), CLEAN) == "other code"
    assert repeats((False, True), (dirty, a), CLEAN) == "unknown code"
    assert repeats((False, True), (a, a), {}) == "unknown code"


def test_scored_on_rows_that_all_have(market: ModuleType, fits: Fits, tmp_path: Path) -> None:
    snapshot = whole(market)
    a = settings_of(snapshot)
    b = settings_of(snapshot, split__first_origin="2018-10-01", split__valid_sessions=20)
    runs = (tracked(a, "aaaaaaaa"), tracked(b, "bbbbbbbb"))
    found = explained(tmp_path, a, b, runs=runs, seeds=0)
    assert (found.n, found.rows_a, found.rows_b) == (
        len(runs[1].rows), len(runs[0].rows), len(runs[1].rows),
    )  # fmt: skip
    assert found.rows_a > found.n
    assert found.first == pd.Timestamp("2018-10-01")
    assert found.parts["split"] == found.change
    # Rows that both tracked runs have, but a fit has not.
    longer = explained(tmp_path, a, b, runs=(runs[0], tracked(a, "bbbbbbbb")), seeds=0)
    assert (longer.n, longer.rows_b) == (found.n, found.rows_a)
    with pytest.raises(ConfigError, match=r"explain\.min_rows=500"):
        explained(tmp_path, a, b, runs=runs, seeds=0, min_rows=500)
    revised = runs[1].rows.assign(y=runs[1].rows["y"] + 0.001)
    other = (runs[0], ScoredRun(runs[1].run, revised))
    with pytest.raises(ConfigError, match=r"have 0 scored rows"):
        explained(tmp_path, a, b, runs=other, seeds=0)


def test_the_plan_counts_fits_once(market: ModuleType, fits: Fits) -> None:
    snapshot = whole(market)
    sides = Sides(settings_of(snapshot), settings_of(later(market), fit__seed=3, **RATE))
    run = tracked(sides.a, "aaaaaaaa", "vol_cone").run
    config = ExplainConfig(seeds=5)

    def plan_of(model: str):  # type: ignore[no-untyped-def]
        own = replace(run, tags={**run.tags, "model": model})
        return plan_pair((own, own), sides, config)

    engine, champion, cone = (plan_of(m) for m in ("lightgbm", "champion", "vol_cone"))
    assert len(engine.fits) == 8 + 5
    # Only LightGBM's parameters differ: the others are fitted with each data and seed.
    assert len(champion.fits) == (8 + 5) + 2 * (4 + 5)
    assert engine.fits < champion.fits
    assert not cone.fits
    seconds = {("1w", name): 2.0 for name in ENGINES}
    assert expected_seconds([engine, champion, cone], seconds) == 2.0 * len(champion.fits)
    assert expected_seconds([engine], {}) is None


def test_runs_that_do_not_compare(market: ModuleType, fits: Fits) -> None:
    a = tracked(settings_of(whole(market)), "aaaaaaaa", "vol_cone").run
    with pytest.raises(ConfigError, match="observed"):
        check_pair(a, replace(a, tags={**a.tags, "provenance": "observed"}))
    with pytest.raises(ConfigError, match=r"of model vol_cone, .* of drift"):
        check_pair(a, replace(a, tags={**a.tags, "model": "drift"}))


def test_what_cannot_be_fitted_is_said(market: ModuleType, fits: Fits, tmp_path: Path) -> None:
    snapshot = whole(market)
    a = settings_of(snapshot)
    short = settings_of(later(market, 300), split__warm_up=0)
    longer = settings_of(snapshot, split__min_train_rows=400)
    with pytest.raises(ConfigError, match=r"with data snapshot of B and the rest of A"):
        explained(tmp_path, longer, short, runs=(tracked(a, "a"), tracked(short, "b")), seeds=0)


def test_parameters_that_are_not_understood(market: ModuleType) -> None:
    snapshot = whole(market)
    with pytest.raises(ConfigError, match=r"hold no champion, as those of an earlier version"):
        read_settings({k: v for k, v in raw().items() if k != "champion"}, snapshot, "zl (abc)")
    with pytest.raises(ConfigError, match=r"of zl \(abc\) are not understood.*gone_key"):
        read_settings(raw(fit__gone_key=1), snapshot, "zl (abc)")


def test_kept_snapshots(market: ModuleType, tmp_path: Path) -> None:
    first, second = market.make_snapshot(1), market.make_snapshot(2)
    for snapshot in (first, second):
        write_snapshot(snapshot, tmp_path)
    assert read_kept(tmp_path, first.content_hash).content_hash == first.content_hash
    absent = market.make_snapshot(3).content_hash
    with pytest.raises(SplitError, match=f"{absent[:16]} is not under .*there: "):
        read_kept(tmp_path, absent)
    folder = tmp_path / first.content_hash[:16]
    second.matrix.to_parquet(folder / "matrix.parquet", index=False)
    with pytest.raises(SplitError, match="changed after writing"):
        read_kept(tmp_path, first.content_hash)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"runs": "a"}, "names 1 runs; it takes two"),
        ({"model": "lightgmb"}, "Did you mean 'lightgbm'"),
        ({"seeds": 1}, "gives no band"),
        ({"horizon": "1y"}, "Known: 1w"),
    ],
)
def test_configuration(given: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ExplainConfig.model_validate(given)


def test_the_terminal_and_the_page(market: ModuleType, fits: Fits, tmp_path: Path) -> None:
    snapshot = whole(market)
    a = settings_of(snapshot)
    every = {name: value for planted in PLANTED.values() for name, value in planted.items()}
    b = settings_of(later(market), **every)
    cell = explained(tmp_path, a, b, model="lightgbm_uniform", seeds=2)
    five = explained(tmp_path, a, b, seeds=2)
    assert len(five.scores) == 32
    assert sum(five.parts.values()) == five.change
    same = explained(tmp_path, a, a)
    result = ExplainResult([cell, five, same], "pinball", 7, 3)
    sides = Sides(a, b)
    plans = [plan_pair((c.a, c.b), sides, ExplainConfig()) for c in result.cells]
    out = io.StringIO()
    console = Console(file=out, width=80)
    console.print(plan_view(plans, 400.0))
    console.print(explain_view(result))
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text, "it fits 80 columns"
    assert "about 7 min" in text
    assert "Nothing changed: 1w lightgbm." in text
    part = f"{100 * float(five.parts['params']) / five.score_a:+.2f}"
    row = next(line for line in text.splitlines() if line.startswith("1w lightgbm  "))
    assert part in row
    page = explain_page(result)
    assert part in page
    assert "an invented market" in page
    keys = metrics_of(result.cells)
    assert keys["explain.1w.lightgbm_uniform.params"] == pytest.approx(
        float(cell.parts["params"]) / cell.score_a
    )
