"""Engines over a panel: against the fit stage and the champion's rule, and resumed after a kill."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from panel_market import RULES, market
from rich.console import Console
from small_market import FITTED, SIGNALS, SMALL, SPLIT, Small, rules_of

from counted_fits import Fits
from soyoil.base.errors import ConfigError, ContractError, SplitError
from soyoil.base.handover import HandoverError
from soyoil.metrics.losses import pinball
from soyoil.models.baselines import baseline_quantiles, vol_cone_sigma
from soyoil.models.champion import CONES, ExpertForecasts, mix
from soyoil.models.config import FitConfig, LightGBMConfig, TFTConfig
from soyoil.models.executors import shutdown
from soyoil.models.registry import CHAMPION
from soyoil.panel.config import PanelConfig
from soyoil.panel.engines import EngineRules, PanelForecasts, fit_engines
from soyoil.panel.losses import ALONE, MODELS, panel_quantiles, root_losses
from soyoil.panel.result import make_panel
from soyoil.panel.roots import root_series
from soyoil.panel.store import ResultStore
from soyoil.params import WeightsConfig
from soyoil.pipelines.fit.nodes import fit_model
from soyoil.pipelines.split.nodes import make_labels, make_split_plan, make_weights
from soyoil.reports.panel.page import panel_page
from soyoil.reports.panel.terminal import panel_view
from soyoil.sources.base import SourceConfig
from soyoil.sources.identity import market_identity
from soyoil.targets.horizons import HORIZONS
from soyoil.targets.labels import forward_sums
from soyoil.warehouse.origins import ORIGINS


def test_forecasts_of_a_root_are_those_of_the_fit_stage(small: Small, tmp_path: Path) -> None:
    """To the bit: the stages' own nodes with the root as target, LightGBM in its workers."""
    config = LightGBMConfig(n_estimators=6)
    fit = FitConfig(feature_groups=("market_data",), rows_per_label=4)
    weights = WeightsConfig(scheme="regime_uniqueness")
    rules = EngineRules("quick", weights, fit, {"lightgbm": config})
    found = small.forecasts(tmp_path, rules, ("CL",))
    assert {key[2] for key in found.quantiles} == {"1w", "1m", "3m"}
    snapshot = small.tables.snapshots(["CL"])("CL")
    assert snapshot.symbol == "CL"
    for name in ("1w", "3m"):
        horizon = HORIZONS[name]
        labels, _ = make_labels(snapshot, horizon=horizon)
        plan = make_split_plan(snapshot, labels, SPLIT, "quick", horizon=horizon)
        sample_weights, _ = make_weights(snapshot, plan, weights, horizon=horizon)
        want, _ = fit_model(
            snapshot, labels, plan, sample_weights, "quick", fit, config,
            horizon=horizon, model="lightgbm",
        )  # fmt: skip
        (path,) = tmp_path.glob(f"lightgbm/CL.{name}.*.parquet")
        got = pd.read_parquet(path)
        pd.testing.assert_frame_equal(got, want[list(got.columns)], check_exact=True)
        assert got["fold"].nunique() == 2
        days = snapshot.matrix["data_date"]
        values = found.quantiles["lightgbm", "CL", name]
        assert days[np.isfinite(values).all(axis=1)].tolist() == want["data_date"].tolist()
    shutdown()


def test_the_champion_is_the_mix_of_cones_and_engines() -> None:
    frame = market("planted", ("ZL", "CL"))
    series, horizon = root_series(frame, ["CL"])[0], HORIZONS["1m"]
    h = horizon.sessions
    baselines = baseline_quantiles(series.returns, series.hourly_vol, h)
    rng = np.random.default_rng(8)
    first, second = (
        baselines["vol_cone"] * scale + rng.normal(0, 0.01, (len(series.dates), 1))
        for scale in (0.7, 1.1)
    )
    second[:1200] = np.nan
    engines = {"lightgbm": first, "tft": second}
    rows, y, quantiles = panel_quantiles(series, horizon, RULES, engines)
    outcome = forward_sums(series.returns, h)[rows]
    np.testing.assert_array_equal(y, outcome)
    experts = {name: baselines[name][rows] for name in CONES} | {
        name: values[rows] for name, values in engines.items()
    }
    sigma = vol_cone_sigma(series.returns, h)[rows]
    want = mix(ExpertForecasts(rows, outcome, sigma, experts), h, RULES.champion).quantiles
    np.testing.assert_array_equal(quantiles[CHAMPION], want)
    alone = panel_quantiles(series, horizon, RULES)[2]
    assert not np.array_equal(want, alone[CHAMPION])
    np.testing.assert_array_equal(quantiles[ALONE], alone[CHAMPION])
    # An engine of the last folds alone is scored on its own rows, against the cone on the same.
    losses = root_losses(series, horizon, RULES, engines)
    own = losses.of("tft")
    at = rows >= 1200
    np.testing.assert_array_equal(own.dates, series.dates[rows][at])
    for name in ("tft", "vol_cone"):
        q = experts[name][at]
        loss = np.mean([pinball(y[at], q[:, i], p) for i, p in enumerate((0.1, 0.5, 0.9))], axis=0)
        np.testing.assert_array_equal(own.pinball[name], loss)
    assert set(losses.pinball) == {*MODELS, ALONE}
    np.testing.assert_array_equal(
        quantiles[ALONE], panel_quantiles(series, horizon, RULES)[2][CHAMPION]
    )
    found = {("lightgbm", "CL", "1m"): first, ("tft", "CL", "1m"): second}
    groups = {"lightgbm": "all", "tft": "its own columns"}
    result = make_panel(frame, ("ZL", "CL"), (), RULES, forecasts=PanelForecasts(groups, found))
    table = result.roots.set_index(["model", "symbol", "horizon"])
    gain = 1 - own.pinball["tft"].sum() / own.pinball["vol_cone"].sum()
    assert table.loc[("tft", "CL", "1m"), "skill_pinball"] == pytest.approx(gain)
    assert table.loc[("tft", "CL", "1m"), "n"] == at.sum()
    assert table.loc[("tft", "ZL", "1m"), "status"] == "too short"
    # A root without a forecast of any engine is as it is without engines.
    plain = make_panel(frame, ("ZL", "CL"), (), RULES).roots
    base = result.roots[result.roots["model"].isin(MODELS)]
    pd.testing.assert_frame_equal(
        base[base["symbol"] == "ZL"].drop(columns=["feature_groups", "skill_pinball_low",
                                                   "skill_pinball_high"]).reset_index(drop=True),
        plain[plain["symbol"] == "ZL"].drop(columns=["skill_pinball_low", "skill_pinball_high"])
        .reset_index(drop=True),
        check_exact=True,
    )  # fmt: skip


def test_a_signal_is_found_where_it_is(small: Small, fits: Fits, tmp_path: Path) -> None:
    result = small.result(small.forecasts(tmp_path, rules_of()))
    table = result.roots.set_index(["model", "horizon", "symbol"])["skill_pinball"].sort_index()
    own = table.loc["lightgbm", "1w"]
    assert (own[["ZL", "ES"]] > 0.1).all()
    assert (own[["CL", "GC"]].abs() < 0.05).all()
    mixed = table.loc[CHAMPION, "1w"]
    plain = small.result(PanelForecasts()).roots
    cones = plain.set_index(["model", "horizon", "symbol"]).sort_index()
    gain = mixed - cones.loc[(CHAMPION, "1w"), "skill_pinball"]
    assert (gain[["ZL", "ES"]] > 0.02).all()
    assert (gain[["CL", "GC"]].abs() < 0.005).all()
    added = result.engines_add.set_index("horizon")
    assert added.loc["1w", "skill_pinball_low"] > 0
    mixed = result.roots.set_index(["model", "horizon", "symbol"])["pinball"].sort_index()
    ratio = mixed[CHAMPION, "1w"] / cones.loc[(CHAMPION, "1w"), "pinball"]
    assert added.loc["1w", "skill_pinball"] == pytest.approx((1 - ratio).mean())
    assert added["roots"].tolist() == [4, 4, 4, 0, 0]
    assert fits.count == FITTED * len(SIGNALS)
    assert result.models[-1] == "lightgbm"
    assert not result.engines["lightgbm"].passed


def test_an_excluded_root_does_not_count_in_what_engines_add(
    small: Small, fits: Fits, tmp_path: Path
) -> None:
    forecasts = small.forecasts(tmp_path, rules_of())
    roots = tuple(SIGNALS)
    added = make_panel(small.sessions, roots, ("ZL", "ES"), SMALL, forecasts=forecasts).engines_add
    one = added.set_index("horizon").loc["1w"]
    assert one["roots"] == 2
    assert abs(one["skill_pinball"]) < 0.005


@pytest.mark.slow
def test_a_root_too_short_for_a_fold_is_named(small: Small, fits: Fits, tmp_path: Path) -> None:
    late = (small.matrix["symbol"] == "GC") & (small.matrix["data_date"] < "2017-12-01")
    part = replace(small, matrix=small.matrix[~late])
    forecasts = part.forecasts(tmp_path, rules_of())
    assert fits.count == FITTED * 3
    assert set(forecasts.short) == {("GC", "1w"), ("GC", "1m"), ("GC", "3m")}
    assert "training" in forecasts.short["GC", "1w"]
    result = part.result(forecasts)
    table = result.roots.set_index(["model", "symbol", "horizon"])["status"].sort_index()
    assert table[CHAMPION, "GC", "1w"] == "scored"
    assert (table["lightgbm", "GC"] == "too short").all()
    assert table["lightgbm", "ZL", "1w"] == "scored"
    console = Console(width=80, force_terminal=False)
    with console.capture() as capture:
        console.print(panel_view(result))
    lines = capture.get().splitlines()
    assert max(map(len, lines)) <= 80
    text = " ".join(" ".join(lines).split())
    assert "No engine, too short for a fold: GC (1w 1m 3m)." in text
    assert "lightgbm, feature groups: all" in text
    assert re.search(r"What lightgbm adds to the champion, .*: 1w \+\d", text)
    assert "What lightgbm adds to the champion" in panel_page(result)
    assert "FAIL: the panel does not show that lightgbm beats vol_cone: " in text
    page = panel_page(result)
    assert "Engine lightgbm" in page
    assert "No engine, too short for a fold: GC (1w 1m 3m)." in page
    views = re.findall(r'id="figure-\d-data">(.*?)</script>', page)
    assert [view.count('"layout"') for view in views] == [5, 5]


@pytest.mark.ci
def test_an_interrupted_run_is_continued(small: Small, fits: Fits, tmp_path: Path) -> None:
    fits.fail_at = 6
    with pytest.raises(KeyboardInterrupt):
        small.forecasts(tmp_path, rules_of())
    files = sorted(tmp_path.rglob("*.*"))
    assert len(files) == 5
    assert not [path for path in files if path.name.startswith(".")]
    fits.fail_at, fits.count = None, 0
    found = small.forecasts(tmp_path, rules_of())
    assert (fits.count, found.kept) == (FITTED * 4 - 5, {"lightgbm": 5})
    # Nothing is left to fit; how many processes there are decides no result.
    again = small.forecasts(tmp_path, rules_of(fit={"workers": 1}))
    assert (fits.count, again.kept) == (FITTED * 4 - 5, {"lightgbm": FITTED * 4})
    whole = small.forecasts(tmp_path / "other", rules_of())
    for key, values in whole.quantiles.items():
        np.testing.assert_array_equal(values, found.quantiles[key])
        np.testing.assert_array_equal(values, again.quantiles[key])


@pytest.mark.slow
def test_what_decides_a_result_is_in_its_name(small: Small, fits: Fits, tmp_path: Path) -> None:
    def count(rules: EngineRules, matrix: pd.DataFrame = small.matrix) -> int:
        fits.count = 0
        replace(small, matrix=matrix).forecasts(tmp_path, rules, ("ZL", "CL"))
        return fits.count

    everything = FITTED * 2
    assert count(rules_of()) == everything
    assert count(rules_of(lambda_l2=5.0)) == everything
    assert count(rules_of(fit={"seed": 1})) == everything
    assert count(rules_of(fit={"feature_groups": "market_data"})) == everything
    assert count(replace(rules_of(), weights=WeightsConfig(scheme="uniform"))) == everything
    other = small.matrix.copy()
    name = next(c for c in other.columns if c.startswith("technical") or c.endswith("rsi_14"))
    other.loc[other.index[(other["symbol"] == "CL").to_numpy()][200], name] += 1.0
    assert count(rules_of(), other) == FITTED
    assert count(rules_of()) == 0
    for path in tmp_path.rglob("CL.1w.*"):
        path.write_bytes(path.read_bytes()[:-40])
    assert count(rules_of()) == 1
    for path in tmp_path.rglob("CL.1m.*"):
        frame = pd.read_parquet(path)
        stamp = dict(frame.attrs)
        frame["q50"] += 1e-9
        frame.attrs = stamp
        frame.to_parquet(path, index=False)
    assert count(rules_of()) == 1


def test_other_sessions_than_those_of_the_matrix_are_refused(
    small: Small, fits: Fits, tmp_path: Path
) -> None:
    series = root_series(small.sessions.iloc[:-1], tuple(SIGNALS))
    cut = small.tables.snapshots(tuple(SIGNALS))
    with pytest.raises(ContractError, match=r"other sessions of GC .*--pipeline=features"):
        fit_engines(cut, series, SMALL, rules_of(), ResultStore(tmp_path))
    with pytest.raises(SplitError, match=r"no row of NG.*--pipelines=ingest,regimes,features"):
        small.tables.snapshots(["ZL", "NG"])
    matrix = small.matrix.copy()
    made = market_identity(SourceConfig(), "ZL") | {"source.symbols": "ES+ZL"}
    matrix.attrs[ORIGINS] = {"CL": made}
    with pytest.raises(HandoverError, match=r"of CL cannot be used: .*source\.symbols"):
        replace(small, matrix=matrix).tables.snapshots(["ZL", "CL"])


@pytest.mark.slow
def test_feature_groups_are_told(small: Small, fits: Fits, tmp_path: Path) -> None:
    rules = rules_of(fit={"feature_groups": "market_data+pivots"})
    result = small.result(small.forecasts(tmp_path, rules))
    for table in (result.roots, result.means):
        shown = table.set_index("model")["feature_groups"]
        assert (shown["lightgbm"] == "market_data+pivots").all()
        assert (shown[CHAMPION] == "").all()
    assert re.search(r"Feature groups: market_data\+pivots", panel_page(result))
    own = replace(rules, configs={"tft": TFTConfig()})
    assert own.feature_groups("tft") == "its own columns"
    assert "feature_groups" not in small.result(PanelForecasts()).roots


def test_engines_are_checked_by_name() -> None:
    config = PanelConfig.model_validate({"engines": "lightgbm+tft"})
    assert config.engines == ("lightgbm", "tft")
    config.check(("ZL",))
    with pytest.raises(ConfigError, match=r"'lightgbn' in panel\.engines.*mean 'lightgbm'"):
        PanelConfig.model_validate({"engines": "lightgbn"}).check(("ZL",))
    with pytest.raises(ValueError, match=r"panel\.engines names tft more than once"):
        PanelConfig.model_validate({"engines": ["tft", "tft"]})
