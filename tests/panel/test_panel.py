"""Panels of markets whose truth is known, dirty inputs, causality and slow oracles."""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from panel_market import ROOTS, RULES, market, root_frame

from soyoil.base.errors import ContractError, SourceError
from soyoil.market.conventions import QUANTILES
from soyoil.models.registry import CHAMPION
from soyoil.panel.losses import MODELS, PanelRules, panel_quantiles, root_losses
from soyoil.panel.result import PanelResult, make_panel
from soyoil.panel.roots import root_series, scored_rows
from soyoil.splits.plan import SplitConfig
from soyoil.splits.walkforward import walk_forward
from soyoil.targets.horizons import HORIZONS
from soyoil.targets.labels import build_labels


@pytest.fixture(scope="module")
def null() -> PanelResult:
    return make_panel(market("null", seed=4), ROOTS, (), RULES)


@pytest.fixture(scope="module")
def planted() -> PanelResult:
    return make_panel(market("planted"), ROOTS, ("ZL",), RULES)


def champion(result: PanelResult, table: str = "means") -> pd.DataFrame:
    frame: pd.DataFrame = getattr(result, table)
    return frame[frame["model"] == CHAMPION].reset_index(drop=True)


def test_a_null_market_gives_nothing_and_no_pass(null: PanelResult) -> None:
    means = champion(null)
    assert means["skill_pinball"].abs().max() < 0.002
    assert champion(null, "roots")["skill_pinball"].abs().max() < 0.006
    assert not null.gate.passed
    assert null.means.loc[null.means["model"] == "vol_cone", "skill_pinball"].eq(0).all()


def test_a_planted_market_passes(planted: PanelResult) -> None:
    means = champion(planted).set_index("horizon")
    assert planted.gate.passed, planted.gate.failed
    assert means.loc["1w", "skill_pinball_low"] > 0.01
    assert means.loc["1m", "skill_pinball_low"] > 0
    assert means["skill_pinball"].is_monotonic_decreasing


def test_an_excluded_root_is_shown_and_does_not_count(planted: PanelResult) -> None:
    table = champion(planted, "roots")
    own = table[table["horizon"] == "1w"].set_index("symbol")
    assert own.index.tolist() == list(ROOTS)
    assert not own.loc["ZL", "counted"]
    assert own.loc["ZL", "skill_pinball"] > 0
    means = champion(planted).iloc[0]
    assert means["roots"] == len(ROOTS) - 1
    assert means["skill_pinball"] == pytest.approx(own.drop("ZL")["skill_pinball"].mean())
    assert means["coverage_80"] == pytest.approx(own.drop("ZL")["coverage_80"].mean())
    assert (means["worst_symbol"], means["worst_skill"]) == (
        own.drop("ZL")["skill_pinball"].idxmin(), own.drop("ZL")["skill_pinball"].min(),
    )  # fmt: skip


def test_it_is_the_same_to_the_bit_in_any_order_of_rows(planted: PanelResult) -> None:
    shuffled = market("planted").sample(frac=1.0, random_state=0)
    again = make_panel(shuffled, ROOTS, ("ZL",), RULES)
    pd.testing.assert_frame_equal(again.roots, planted.roots, check_exact=True)
    pd.testing.assert_frame_equal(again.means, planted.means, check_exact=True)
    assert again.gate == planted.gate


def slow_pinball(y: float, quantiles: np.ndarray) -> float:
    return float(
        np.mean(
            [
                level * (y - q) if y >= q else (1 - level) * (q - y)
                for level, q in zip(QUANTILES, quantiles, strict=True)
            ]
        )
    )


@pytest.mark.parametrize("horizon", ["1w", "3m"])
def test_labels_losses_skill_and_coverage_against_a_slow_loop(
    planted: PanelResult, horizon: str
) -> None:
    h = HORIZONS[horizon].sessions
    (series,) = root_series(market("planted"), ["CL"])
    rows, y, quantiles = panel_quantiles(series, HORIZONS[horizon], RULES)
    returns, dates = series.returns, pd.DatetimeIndex(series.dates)
    loss: dict[str, list[float]] = {name: [] for name in MODELS}
    inside = 0
    positions = []
    for t in range(252, len(returns) - h):
        if dates[t] < pd.Timestamp("2012-01-03"):
            continue
        place = len(positions)
        positions.append(t)
        outcome = math.fsum(returns[t + 1 : t + 1 + h])
        assert y[place] == pytest.approx(outcome, abs=1e-12)
        for name in MODELS:
            loss[name].append(slow_pinball(outcome, quantiles[name][place]))
        low, _, high = quantiles[CHAMPION][place]
        inside += low <= outcome <= high
    assert rows.tolist() == positions
    table = planted.roots
    own = table[(table["symbol"] == "CL") & (table["horizon"] == horizon)].set_index("model")
    cone = math.fsum(loss["vol_cone"])
    for name in MODELS:
        assert own.loc[name, "skill_pinball"] == pytest.approx(
            1 - math.fsum(loss[name]) / cone, abs=1e-12
        )
        assert own.loc[name, "pinball"] == pytest.approx(math.fsum(loss[name]) / len(positions))
        assert own.loc[name, "n"] == len(positions)
    assert own.loc[CHAMPION, "coverage_80"] == pytest.approx(inside / len(positions))


@pytest.mark.parametrize(
    "split", [{}, {"origins": "weekly"}, {"last_origin": "2015-06-01"}, {"refit_every": 30}]
)
@pytest.mark.parametrize("horizon", ["1w", "12m"])
def test_scored_rows_are_the_test_rows_of_the_split_stage(
    split: Mapping[str, object], horizon: str
) -> None:
    config = SplitConfig.model_validate(
        {"first_origin": "2014-03-03", "valid_sessions": 0, "min_train_rows": 20, **split}
    )
    frame = market("null", ("ZL",)).assign(close=1.0)
    labels = build_labels(frame, HORIZONS[horizon])
    labelled = labels[HORIZONS[horizon].target].notna().to_numpy()
    h = HORIZONS[horizon].sessions
    plan = walk_forward(frame["data_date"], labelled, (horizon, h), config)
    rows = scored_rows(frame["data_date"].to_numpy(), labelled, config)
    assert rows.tolist() == plan.test_rows()[1].tolist()
    got, *_ = panel_quantiles(
        root_series(frame, ["ZL"])[0], HORIZONS[horizon], PanelRules(config, RULES.champion, 100)
    )
    assert got.tolist() == rows.tolist()


def test_a_fixed_plan_is_scored_from_its_test_on() -> None:
    config = SplitConfig.model_validate(
        {"plan": "fixed", "valid_from": "2013-01-01", "test_from": "2014-01-01"}
    )
    days = market("null", ("ZL",))["data_date"].to_numpy()
    rows = scored_rows(days, np.ones(len(days), bool), config)
    assert days[rows[0]] == np.datetime64("2014-01-01")


@given(st.integers(600, 1100), st.integers(0, 2**32 - 1), st.sampled_from(list(HORIZONS)))
@settings(max_examples=15, deadline=None)
def test_no_forecast_knows_a_later_session(cut: int, seed: int, horizon: str) -> None:
    frame = market("planted", ("ZL",), n=1200)
    rng = np.random.default_rng(seed)
    later = frame.copy()
    n = len(frame) - cut
    later.loc[cut:, "roll_free_return"] = rng.normal(0, 0.3, n)
    later.loc[cut:, "realized_vol_1h"] = np.where(rng.random(n) < 0.3, np.nan, rng.random(n) * 9)
    forecasts = [
        panel_quantiles(root_series(f, ["ZL"])[0], HORIZONS[horizon], RULES)
        for f in (frame, later, frame[:cut])
    ]
    for rows, _, quantiles in forecasts[1:]:
        kept = np.intersect1d(rows[rows < cut], forecasts[0][0][forecasts[0][0] < cut])
        for name in MODELS:
            # The rolling sum behind the labels runs backward, so its last bits know what follows.
            np.testing.assert_allclose(
                quantiles[name][np.isin(rows, kept)],
                forecasts[0][2][name][np.isin(forecasts[0][0], kept)],
                rtol=1e-12,
                atol=1e-15,
            )


def dirty() -> pd.DataFrame:
    """A sound root beside one of every kind of trouble."""
    sound = market("planted", ("ZL", "ZS", "CL", "ES", "GC", "NG", "HG", "MES"))
    by_root = {str(name): rows.copy() for name, rows in sound.groupby("symbol", sort=False)}
    gaps = by_root["ZS"]
    gaps.loc[gaps.index[[700, 900, 901]], "roll_free_return"] = np.nan
    by_root["ZS"] = gaps.drop(gaps.index[1000:1060])
    by_root["CL"] = by_root["CL"][500:]
    by_root["ES"] = by_root["ES"].assign(roll_free_return=0.0)
    by_root["GC"] = by_root["GC"].assign(realized_vol_1h=np.nan)
    by_root["NG"] = by_root["NG"][-120:]
    by_root["HG"] = by_root["HG"].assign(is_thin=True)
    by_root["MES"] = by_root["MES"].assign(roll_free_return=np.nan)
    return pd.concat(by_root.values(), ignore_index=True)


def test_dirty_roots_are_named_and_none_is_dropped() -> None:
    symbols = ("ZL", "ZS", "CL", "ES", "GC", "NG", "HG", "MES")
    result = make_panel(dirty(), symbols, (), RULES)
    assert len(result.roots) == len(symbols) * len(HORIZONS) * len(MODELS)
    table = champion(result, "roots").set_index(["symbol", "horizon"])
    status = table["status"].unstack()[list(HORIZONS)]
    assert (status.loc[["ZL", "ZS", "CL", "GC"]] == "scored").all(axis=None)
    assert (status.loc["ES"] == "flat price").all()
    assert (status.loc[["NG", "HG", "MES"]] == "too short").all(axis=None)
    # Three missing returns cost the labels that hold them; sixty lost sessions cost rows alone.
    whole = table.loc[("ZL", "1w"), "n"]
    assert table.loc[("ZS", "1w"), "n"] == whole - 60 - 5 - 6
    # The late root begins 500 sessions later and is scored from its own warm-up on.
    days = pd.bdate_range("2010-01-04", periods=1700)
    assert table.loc[("CL", "1w"), "first"] == days[500 + 252]
    # No hourly values: the hourly cone is the vol cone, and so is the champion.
    assert table.loc[("GC", "1w"), "hourly_share"] == 0
    assert table.loc[("GC", "1w"), "skill_pinball"] == pytest.approx(0, abs=1e-14)
    assert table.loc[("ES", "1w"), "skill_pinball"] != table.loc[("ES", "1w"), "skill_pinball"]
    means = champion(result).set_index("horizon")
    assert (means["roots"] == 4).all()
    own = table["skill_pinball"].unstack()["1m"]
    assert means.loc["1m", "skill_pinball"] == pytest.approx(own[["ZL", "ZS", "CL", "GC"]].mean())


def test_a_tie_is_not_positive() -> None:
    frame = market("planted", ("ZL", "ZS", "ES"), n=900).assign(realized_vol_1h=np.nan)
    means = champion(make_panel(frame, ("ZL", "ZS", "ES"), (), RULES))
    assert (means["positive"] == 0).all()
    assert (means["share_positive"].dropna() == 0).all()


def test_a_root_shorter_than_a_horizon_is_too_short_there_alone() -> None:
    frame = market("planted", ("ZL",), n=252 + 150)
    rules = PanelRules(
        SplitConfig.model_validate({"first_origin": "2010-01-04"}), RULES.champion, min_rows=100
    )
    result = make_panel(frame, ("ZL",), (), rules)
    table = champion(result, "roots").set_index("horizon")
    assert table["status"].to_dict() == {
        "1w": "scored", "1m": "scored", "3m": "too short", "6m": "too short", "12m": "too short",
    }  # fmt: skip
    assert table["n"].tolist() == [145, 129, 87, 24, 0]
    assert champion(result)["roots"].tolist() == [1, 1, 0, 0, 0]


def test_nothing_that_can_be_scored_is_a_result_too() -> None:
    result = make_panel(market("null", ("ZL", "ZS"), n=40), ("ZL", "ZS"), (), RULES)
    assert (result.roots["status"] == "too short").all()
    assert result.means["skill_pinball"].isna().all()
    assert result.gate.failed == ("no root could be scored at 1w", "no root could be scored at 1m")


def test_a_root_without_a_session_is_refused() -> None:
    with pytest.raises(SourceError, match=r"no session of NG.*source\.symbols"):
        make_panel(market("null", n=300), (*ROOTS, "NG"), (), RULES)


def test_mixed_and_repeated_sessions_are_refused() -> None:
    frame = market("null", ("ZL", "ZS"), n=300)
    mixed = frame.assign(provenance=np.where(frame["symbol"] == "ZL", "observed", "synthetic"))
    with pytest.raises(ContractError, match="observed and synthetic"):
        make_panel(mixed, ("ZL", "ZS"), (), RULES)
    with pytest.raises(ContractError, match=r"ZS has two sessions on 2010-01-05"):
        make_panel(pd.concat([frame, frame[301:302]]), ("ZL", "ZS"), (), RULES)


def test_each_root_is_forecast_on_its_own_sessions_alone() -> None:
    alone = root_losses(root_series(market("planted"), ["ES"])[0], HORIZONS["1m"], RULES)
    frame = market("planted")
    frame.loc[frame["symbol"] != "ES", "roll_free_return"] = 0.5
    beside = root_losses(root_series(frame, ["ES"])[0], HORIZONS["1m"], RULES)
    for name in MODELS:
        np.testing.assert_array_equal(alone.pinball[name], beside.pinball[name])


def test_frames_of_the_warehouse_have_other_missing_values() -> None:
    frame = root_frame("ZL", np.full(5, 0.01), np.full(5, 0.2))
    stored = frame.astype({"realized_vol_1h": "Float64", "is_thin": "boolean"})
    stored.loc[2, "realized_vol_1h"] = pd.NA
    (series,) = root_series(stored, ["ZL"])
    assert np.isnan(series.hourly_vol).tolist() == [False, False, True, False, False]
    assert series.hourly_vol.dtype == series.returns.dtype == np.float64
    assert series.dates.dtype == np.dtype("datetime64[us]")
