"""What a group adds: against the forecasts themselves, with every trial written down first."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from small_market import SIGNALS, SMALL, Small, rules_of

from counted_fits import Fits
from soyoil.base.errors import ConfigError
from soyoil.contracts.contract import load_contract
from soyoil.market.conventions import QUANTILE_COLUMNS
from soyoil.metrics.losses import pinball
from soyoil.panel.ablation.config import AblationConfig, roots_of
from soyoil.panel.ablation.result import AblationResult, holm, sentences, verdict
from soyoil.panel.ablation.score import Workshop, ablate, metrics_of, plan_trials
from soyoil.panel.ablation.trials import FILE, GroupTrial, TrialBook
from soyoil.panel.roots import root_series
from soyoil.panel.store import ResultStore
from soyoil.reports.panel.ablation import ablation_page, ablation_view
from soyoil.targets.horizons import HORIZONS
from soyoil.targets.labels import forward_sums

BASE = ("pivots",)
LEVELS = (0.1, 0.5, 0.9)


def workshop(small: Small, folder: Path) -> Workshop:
    cut = small.tables.snapshots(tuple(SIGNALS))
    return Workshop(cut, SMALL, rules_of(), ResultStore(folder), TrialBook(folder))


def run(small: Small, folder: Path, *groups: str) -> AblationResult:
    shop = workshop(small, folder)
    trials = plan_trials(shop, tuple(SIGNALS), BASE, groups)
    series = root_series(small.sessions, tuple(SIGNALS))
    return ablate(shop, series, trials, "synthetic")


def lines(folder: Path, kind: str) -> list[dict[str, object]]:
    entries = [json.loads(line) for line in (folder / FILE).read_text("utf-8").splitlines()]
    return [entry for entry in entries if entry["kind"] == kind]


def loss_of(small: Small, folder: Path, symbol: str, groups: set[str]) -> dict[str, float]:
    """Pinball losses at 1w, from the kept forecasts, found by what they were made with."""
    found = {}
    for path in (folder / "lightgbm").glob(f"{symbol}.1w.*.parquet"):
        frame = pd.read_parquet(path)
        own = small.sessions[small.sessions["symbol"] == symbol]
        y = pd.Series(
            forward_sums(own["roll_free_return"].to_numpy(), 5), index=own["data_date"].to_numpy()
        )
        outcome = y.loc[frame["data_date"]].to_numpy()
        at = np.isfinite(outcome)
        q = frame[list(QUANTILE_COLUMNS)].to_numpy()
        found[path.name] = float(
            np.mean([pinball(outcome, q[:, i], p)[at].mean() for i, p in enumerate(LEVELS)])
        )
    assert len(found) == len(groups)
    return found


def test_a_group_that_tells_the_future_adds_and_noise_does_not(
    small: Small, fits: Fits, tmp_path: Path
) -> None:
    result = run(small, tmp_path, "market_data", "golden_zone")
    table = result.table.set_index(["group", "horizon"])
    told, noise = table.loc[("market_data", "1w")], table.loc[("golden_zone", "1w")]
    assert told["verdict"] == "adds"
    assert told["gain_low"] > 0.02
    assert told["champion_gain_low"] > 0
    assert (told["roots"], told["positive"] >= 2, told["best_root"] in ("ZL", "ES")) == (4, True, 1)
    assert noise["verdict"] != "adds"
    assert abs(noise["gain"]) < 0.02
    assert table.loc[("market_data", "6m"), "verdict"] == "too few labels"
    roots = result.roots.set_index(["group", "horizon", "symbol"]).sort_index()
    own = roots.loc[("market_data", "1w")]
    assert (own.loc[["ZL", "ES"], "gain"] > 0.1).all()
    assert (own.loc[["CL", "GC"], "gain"].abs() < 0.05).all()
    assert told["gain"] == pytest.approx(own["gain"].mean())
    assert told["gain_without_best"] == pytest.approx(own["gain"].drop(told["best_root"]).mean())
    # The gain is that of the kept forecasts, by a plain loop over them.
    losses = loss_of(small, tmp_path, "ZL", {"base", "market_data", "golden_zone"})
    gains = [1 - a / b for a in losses.values() for b in losses.values()]
    for group in ("market_data", "golden_zone"):
        assert np.abs(np.array(gains) - roots.loc[(group, "1w", "ZL"), "gain"]).min() < 1e-12
    assert result.trials == 2
    assert metrics_of(result.table)["ablation.market_data.1w.gain"] == told["gain"]
    shown(result)


def shown(result: AblationResult) -> None:
    console = Console(width=80, force_terminal=False)
    with console.capture() as capture:
        console.print(ablation_view(result))
    text = capture.get()
    assert max(map(len, text.splitlines())) <= 80
    assert re.search(r"^market_data +\+\d+\.\d+\*", text, re.M)
    assert "market_data: adds at 1w" in text
    assert "over all 10 tests" in " ".join(text.split())
    page = ablation_page(result)
    assert "adds at 1w" in page
    assert "Gain by golden_zone" in page


@pytest.mark.ci
def test_trials_are_written_down_before_they_are_tried(
    small: Small, fits: Fits, tmp_path: Path
) -> None:
    fits.fail_at = 1
    with pytest.raises(KeyboardInterrupt):
        run(small, tmp_path, "market_data", "golden_zone")
    entries = lines(tmp_path, "registered")
    assert [entry["group"] for entry in entries] == ["market_data", "golden_zone"]
    assert not lines(tmp_path, "scored")
    fits.fail_at = None
    first = run(small, tmp_path, "golden_zone")
    assert first.trials == 2, "one that was broken off counts"
    again = run(small, tmp_path, "golden_zone")
    assert again.trials == 2, "the same trial is one"
    assert len(lines(tmp_path, "registered")) == 2
    assert len(lines(tmp_path, "scored")) == 1
    pd.testing.assert_frame_equal(first.table, again.table, check_exact=True)
    # Other rows are another trial, and earlier ones go on counting.
    changed = small.matrix.copy()
    name = next(name for name in changed.columns if name.startswith("pivots."))
    changed.loc[changed.index[200], name] += 1.0
    other = run(replace(small, matrix=changed), tmp_path, "golden_zone")
    assert other.trials == 3
    p = other.table["p_value"].to_numpy()
    np.testing.assert_array_equal(other.table["p_adjusted"], holm(p, 3 * len(HORIZONS)))


def test_markets_are_counted_apart(tmp_path: Path) -> None:
    book = TrialBook(tmp_path)
    now = pd.Timestamp("2024-01-02", tz="UTC")
    one = GroupTrial("databento", "macro", BASE, "lightgbm", ("ZL",), "a", "b")
    book.register([one, replace(one, market="synthetic-1"), one], now)
    assert (book.count("databento"), book.count("synthetic-1")) == (1, 1)
    with (tmp_path / FILE).open("a", encoding="utf-8") as file:
        file.write('{"kind":"registered","market":"databento"')
    assert book.count("databento") == 1
    book.register([replace(one, group="positioning")], now)
    assert book.count("databento") == 2


def test_holm_against_a_loop() -> None:
    rng = np.random.default_rng(3)
    p = rng.random(9) ** 4
    p[4] = np.nan
    for trials in (9, 40):
        found = holm(p, trials)
        want = np.full(9, np.nan)
        running = 0.0
        for rank, at in enumerate(sorted((i for i in range(9) if i != 4), key=lambda i: p[i])):
            running = max(running, p[at] * (trials - rank))
            want[at] = min(running, 1.0)
        np.testing.assert_allclose(found, want)


@pytest.mark.parametrize(
    ("gain", "adjusted", "independent", "word"),
    [
        (0.01, 0.01, 90.0, "adds"),
        (-0.01, 0.01, 90.0, "costs"),
        (0.01, 0.06, 90.0, "nothing shown"),
        (0.01, 0.01, 19.0, "too few labels"),
        (0.01, float("nan"), 90.0, "too few labels"),
    ],
)
def test_verdicts(gain: float, adjusted: float, independent: float, word: str) -> None:
    assert verdict(gain, adjusted, independent) == word


def test_sentences_name_every_horizon() -> None:
    words = ["adds", "nothing shown", "costs", "too few labels", "too few labels"]
    table = pd.DataFrame({"group": "macro", "horizon": list(HORIZONS), "verdict": words})
    result = AblationResult(table, pd.DataFrame(), "lightgbm", BASE, 1, "observed", {})
    (text,) = sentences(result, tuple(HORIZONS))
    assert text == (
        "macro: adds at 1w, costs at 3m, nothing shown at 1m, too few labels at 6m 12m."
    )


def test_a_group_is_tried_where_it_is_about() -> None:
    assert roots_of("fundamentals", ("ZL", "CL", "ZS")) == ("ZL", "ZS")
    assert roots_of("macro", ("ZL", "CL")) == ("ZL", "CL")


def test_a_group_without_a_value_is_refused(small: Small, fits: Fits, tmp_path: Path) -> None:
    empty = small.matrix.copy()
    columns = [name for name in empty.columns if name.startswith("golden_zone.")]
    empty[columns] = np.nan
    with pytest.raises(ConfigError, match="'golden_zone' holds no value"):
        run(replace(small, matrix=empty), tmp_path, "golden_zone")
    assert not (tmp_path / FILE).exists()
    assert fits.count == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "tft"}, "ablation.engine=tft takes no feature groups"),
        ({"engine": "lightbgm"}, "lightgbm"),
        ({"groups": "macr"}, "Unknown group 'macr' in ablation.groups"),
        ({"groups": "macro+macro"}, "names macro more than once"),
        ({"groups": "macro", "base": "macro"}, "both name macro"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, object], message: str) -> None:
    columns = load_contract("features.daily_ml_matrix").feature_columns()
    with pytest.raises((ConfigError, ValueError), match=re.escape(message)):
        AblationConfig.model_validate(options).check(columns)


def test_the_base_is_what_is_made_from_bars() -> None:
    columns = load_contract("features.daily_ml_matrix").feature_columns()
    base = AblationConfig().base_of(columns)
    assert {"market_data", "pivots", "cross_asset"} <= set(base)
    assert not {"macro", "positioning", "fundamentals", "calendar"} & set(base)
    assert "pivots" not in AblationConfig.model_validate({"groups": "pivots"}).base_of(columns)
