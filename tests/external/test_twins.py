"""Twins of outside sources: true lags, stable values, and an effect whose truth is known."""

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from outside_files import REPORTS, MemoryStore, cot_line, header

from soyoil.base.arrays import FloatArray
from soyoil.base.errors import ConfigError
from soyoil.contracts.contract import load_contract
from soyoil.contracts.validation import validate
from soyoil.external.config import ExternalConfig, PlantedConfig
from soyoil.external.load import load_external, rows_of
from soyoil.external.readers.cftc import DISAGGREGATED, LEGACY, Report
from soyoil.external.registry import SOURCES
from soyoil.external.twins import cftc as cftc_module
from soyoil.external.twins.market import TwinMarket, true_effect
from soyoil.external.twins.monthly import eia_twin, palm_twin
from soyoil.external.twins.policy import policy_twin
from soyoil.external.twins.volatility import volatility_twin
from soyoil.external.twins.weather import weather_twin
from soyoil.features.groups.managed_money import managed_money_features
from soyoil.features.groups.positioning import positioning_features
from soyoil.sources.synthetic.config import SyntheticConfig

OIL = "007601"
NOW = pd.Timestamp("2026-01-05", tz="UTC").as_unit("us")
SHORT = {"start": dt.date(2018, 1, 2), "end": dt.date(2019, 4, 30)}
TWINS = {name: {"origin": "synthetic"} for name, source in SOURCES.items() if source.twin}
FUNCTIONS = {
    **{name: source.twin for name, source in SOURCES.items() if source.twin},
    "eia": eia_twin,
    "palm": palm_twin,
    "policy": policy_twin,
    "volatility": volatility_twin,
    "weather": weather_twin,
}
KEY = ("event_time", "known_at", "vintage")


def market(**options: Any) -> TwinMarket:
    planted = options.pop("planted", None)
    return TwinMarket(SyntheticConfig.model_validate({**SHORT, **options}), "ZL", planted)


def test_twins_are_rows_of_their_tables_and_load_once() -> None:
    store, config = MemoryStore(), ExternalConfig.model_validate(TWINS)
    loaded = load_external(config, store, NOW, market())
    assert set(loaded.records.tables) == {SOURCES[name].table for name in TWINS}
    for name, rows in loaded.records.tables.items():
        validate(rows, load_contract(name))
        assert set(rows["provenance"]) == {"synthetic"}
        assert rows["known_at"].max() < pd.Timestamp("2019-05-01", tz="UTC")
    store.write(loaded.records)
    assert not load_external(config, store, NOW, market()).records.tables
    reports = ExternalConfig.model_validate({"cftc": {"origin": "synthetic"}})
    other = load_external(reports, store, NOW, market(seed=2))
    assert other.records.tables
    store.write(other.records)
    assert (
        not store.rows("raw_intelligence.cftc_positioning")
        .duplicated(["market_code", "event_time"])
        .any()
    )


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_later_end_changes_no_value(name: str) -> None:
    planted = PlantedConfig(source=name, strength=0.5)

    def rows(month: int, year: int = 2018, **options: Any) -> pd.DataFrame:
        made = FUNCTIONS[name](market(end=dt.date(year, month, 30), **options))
        return made.sort_values([made.columns[0], *KEY]).reset_index(drop=True)

    short, long = rows(11, planted=planted), rows(4, 2019, planted=planted)
    assert 0 < len(short) < len(long)
    until = pd.Timestamp("2018-12-01", tz="UTC")
    pd.testing.assert_frame_equal(short, long[long["known_at"] < until].reset_index(drop=True))
    assert short["known_at"].max() < until
    # A release of WASDE may be about a marketing year that lies ahead.
    assert name == "usda" or (short["known_at"] >= short["event_time"]).all()
    assert not rows(11).equals(short)
    assert not rows(11, planted=planted, seed=3).equals(short)


def test_implied_volatility_is_that_of_the_market_with_a_premium() -> None:
    own = market()
    rows = volatility_twin(own)
    rows = rows[rows["series_id"] == "ZL.30d"].set_index("event_time")["implied_vol"]
    true = pd.Series(
        100.0 * np.sqrt(252) * own.path.sigma,
        index=pd.to_datetime(own.path.sessions.dates).as_unit("us").tz_localize("UTC"),
    )
    both = np.log(rows).to_frame("implied").join(np.log(true).rename("true"), how="inner")
    assert len(both) > 300
    assert both.corr().iloc[0, 1] > 0.9
    assert 0.05 < (both["implied"] - both["true"]).mean() < 0.15


@REPORTS
def test_reports_keep_the_true_days_and_add_up(report: Report) -> None:
    twin = SOURCES[report.name].twin
    assert twin is not None
    rows = twin(market())
    assert set(rows["market_code"]) == set(report.markets.values())
    oil = rows[rows["market_code"] == OIL].set_index("event_time")
    known = {str(day)[:10]: f"{at:%Y-%m-%d %H:%M}" for day, at in oil["known_at"].items()}
    assert known["2018-03-13"] == "2018-03-16 19:30"
    # Monday, as Tuesday was Christmas; the shutdown held it back.
    assert known["2018-12-24"] == "2019-02-01 20:30"
    assert "2018-12-25" not in known
    for side in ("long", "short"):
        parts = [name for name in report.values if name.endswith((side, "spread"))]
        assert len(parts) == {"cftc": 4, "cftc_disaggregated": 8}[report.name]
        assert (rows[parts].sum(axis=1) == rows["open_interest"]).all()
    assert (rows[list(report.values)] > 0).all(axis=None)


def test_both_reports_are_of_one_market_and_the_history_of_one_came_late() -> None:
    own = market(start=dt.date(2010, 1, 4), end=dt.date(2010, 3, 31))
    key = ["market_code", "event_time"]
    both = cftc_module.cftc_twin(own).merge(cftc_module.disaggregated_twin(own), on=key)
    assert len(both) > 1000
    assert (both["open_interest_x"] == both["open_interest_y"]).all()
    assert (both["nonreportable_long_x"] == both["nonreportable_long_y"]).all()
    assert not (both["noncommercial_long"] == both["managed_money_long"]).any()
    late = both["event_time"] < pd.Timestamp("2009-09-01", tz="UTC")
    assert set(both.loc[late, "known_at_y"].dt.strftime("%F %H:%M")) == {"2009-10-20 19:30"}
    assert (both.loc[~late, "known_at_x"] == both.loc[~late, "known_at_y"]).all()


def test_prices_are_revised_and_balances_add_up() -> None:
    fred, usda = SOURCES["fred"].twin, SOURCES["usda"].twin
    assert fred is not None
    assert usda is not None
    prices = fred(market())
    prices = prices[prices["series_id"] == "CPIAUCSL"]
    march = prices[prices["event_time"] == "2018-03-01"].sort_values("known_at")
    assert march["vintage"].tolist() == ["2018-05-01", "2018-05-31"]
    assert march["value"].nunique() == 2
    rows = usda(market())
    assert not (rows["vintage"].str[:7] == "2019-01").any()
    feb = rows[rows["vintage"] == "2019-02-08"].set_index(["series_id", "event_time"])["value"]
    assert {str(at) for at in rows.loc[rows["vintage"] == "2019-02-08", "known_at"]} == {
        "2019-02-08 17:00:00+00:00"
    }
    wide = feb.unstack("series_id")
    for commodity in ("soybeans", "soybean_oil", "soybean_meal"):
        one = {c.partition(".")[2]: wide[c].dropna() for c in wide if c.startswith(f"{commodity}.")}
        supply = one["beginning_stocks"] + one["production"] + one["imports"]
        assert np.allclose(supply, one["use_total"] + one["ending_stocks"], atol=0.01)
        assert len(supply) == 3
        # What one year ends with the next one begins with.
        assert np.allclose(one["beginning_stocks"][1:], one["ending_stocks"][:-1], atol=0.01)


def test_rows_of_files_and_of_a_twin_never_mix(store: MemoryStore, tmp_path: Path) -> None:
    table = "raw_intelligence.cftc_positioning"
    twin = ExternalConfig.model_validate({"cftc": {"origin": "synthetic"}})
    store.write(load_external(twin, store, NOW, market()).records)
    path = tmp_path / "cot.csv"
    lines = [header(), cot_line("2018-03-13", 333)]
    path.write_text("\n".join(",".join(map(str, line)) for line in lines) + "\n", encoding="utf-8")
    files = ExternalConfig.model_validate({"cftc": {"path": str(path)}})
    loaded = load_external(files, store, NOW, market())
    store.write(loaded.records)
    source = SOURCES["cftc"]
    seen = rows_of(source, store.rows(table), files.cftc)
    assert seen["noncommercial_long"].tolist() == [333]
    assert seen["vintage"].tolist() == ["undated"]
    made = rows_of(source, store.rows(table), twin.cftc)
    assert OIL not in set(made["market_code"])
    store.write(load_external(twin, store, NOW, market()).records)
    assert rows_of(source, store.rows(table), files.cftc).empty
    with pytest.raises(ConfigError, match=r"needs source\.kind=synthetic"):
        load_external(twin, store, NOW)


NET = {
    "cftc": (positioning_features, "positioning.noncommercial_net_share"),
    "cftc_disaggregated": (managed_money_features, "managed_money.net_share"),
}
"""What makes the column of the driver, by report, and its name."""


def effect(
    report: Report, seed: int, strength: float, *, early: bool = False
) -> tuple[float, float]:
    """R² at 1m of the net share on rows by knowledge time, and what it is in truth."""
    planted = PlantedConfig(source=report.name, strength=strength)
    own = TwinMarket(SyntheticConfig(seed=seed), "ZL", planted if strength else None)
    twin, (features, column) = SOURCES[report.name].twin, NET[report.name]
    assert twin is not None
    rows = twin(own)
    if early:
        rows = rows.assign(known_at=rows["event_time"])
    open_days = own.path.sessions.dates <= own.end
    at = pd.DataFrame(
        {
            "symbol": "ZL",
            "data_date": own.path.sessions.dates.astype("datetime64[us]"),
            "decision_time": own.decisions,
        }
    )[open_days]
    total = np.cumsum(own.path.returns)
    label: FloatArray = (total[21:] - total[:-21])[: len(at)]
    net = features(at, {report.name: rows})[column]
    known = ~np.isnan(net)
    found = float(np.corrcoef(net[known], label[known])[0, 1] ** 2)
    return found, true_effect(own, rows["known_at"]).r_squared


@pytest.mark.parametrize(
    ("report", "name"),
    [(LEGACY, "LEGACY"), pytest.param(DISAGGREGATED, "DISAGGREGATED", marks=pytest.mark.ci)],
    ids=["cftc", "cftc_disaggregated"],
)
def test_a_planted_effect_is_found_as_strong_as_it_is_and_a_leak_looks_better(
    report: Report, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cftc_module, name, replace(report, markets={"ZL": OIL}))
    seeds = (1, 2, 3)
    honest = np.array([effect(report, seed, 0.5) for seed in seeds])
    leaking = np.array([effect(report, seed, 0.5, early=True) for seed in seeds])
    nothing = np.array([effect(report, seed, 0.0) for seed in seeds])
    truth = float(honest[0, 1])
    # 0.5² times the square of what a report that is some days old still has ahead of it.
    assert 0.17 < truth < 0.22
    # The standard error over three seeds is 0.024.
    assert abs(honest[:, 0].mean() - truth) < 0.06
    assert (leaking[:, 0] > honest[:, 0] + 0.04).all()
    assert nothing[:, 1].max() == 0.0
    assert nothing[:, 0].mean() < 0.02


def test_what_cannot_be_planted_is_refused() -> None:
    for twin, name, root in (
        (cftc_module.cftc_twin, "cftc", "ZW"),
        (cftc_module.disaggregated_twin, "cftc_disaggregated", "ES"),
    ):
        planted = PlantedConfig(source=name, strength=0.5)
        with pytest.raises(ConfigError, match=f"{root} has none"):
            twin(TwinMarket(SyntheticConfig(), root, planted))
    for values, word in (
        ({"planted": {"source": "cftk"}}, "Did you mean 'cftc'"),
        ({"planted": {"source": "cftc"}}, "needs cftc.origin=synthetic, which is files"),
        ({**TWINS, "planted": {"source": "cftc", "strength": 0.8}}, "less than or equal to 0.7"),
    ):
        with pytest.raises(ValueError, match=word):
            ExternalConfig.model_validate(values)
    config = ExternalConfig.model_validate({**TWINS, "planted": {"source": "cftc"}})
    assert config.identity()[:3] == (
        "cftc(synthetic, planted 0.5)", "cftc_disaggregated(synthetic)", "fred(synthetic)",
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"external\.cftc\.origin=synthetic.*source\.kind=dat"):
        config.check("databento")
