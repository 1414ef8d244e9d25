"""No column of the matrix depends on what came later; planted leaks are found."""

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from outside_tables import random_tables
from own_tables import own_tables

from soyoil.contracts.contract import load_contract
from soyoil.external.config import ExternalConfig
from soyoil.external.registry import SOURCES
from soyoil.external.twins import TwinMarket
from soyoil.features import cross_asset, matrix
from soyoil.features.registry import FEATURES, SymbolBars
from soyoil.market.bars import BarOrigin, add_roll_free, session_bars
from soyoil.market.instruments import INSTRUMENTS, TARGET_ROOT
from soyoil.models.arrays import feature_names
from soyoil.pipelines.features.nodes import assemble_matrix
from soyoil.pipelines.regimes.nodes import make_regime_table
from soyoil.sources import load_bars
from soyoil.sources.base import BarBatch, SourceConfig
from soyoil.sources.synthetic.config import SyntheticConfig
from tiers import ci, slow

ROOTS = ("ZL", "ZS", "ZM", "CL", "HO")
Market = tuple[pd.DataFrame, BarOrigin, pd.DataFrame]


def known_bars(bars: pd.DataFrame, decision: pd.Timestamp) -> np.ndarray:
    """Bars that can be known at a decision of the target, shape ``(n,)``.

    Those that had ended, and the last ones of roots that close when the target does: they are
    complete then, although their hour runs on.
    """
    closes = INSTRUMENTS[TARGET_ROOT].closes
    shares = bars["symbol"].map({root: i.closes == closes for root, i in INSTRUMENTS.items()})
    ended = bars["ts_event"] + pd.Timedelta(hours=1) <= decision
    return np.asarray(ended | (shares & (bars["ts_event"] < decision)), dtype=bool)


def differing_columns(got: pd.DataFrame, want: pd.DataFrame) -> list[str]:
    """Columns that are not equal bit for bit, missing values and types included.

    Only the keys are named where the frames do not hold the same rows.
    """
    keys = ["symbol", "data_date"]
    got, want = (frame.sort_values(keys).reset_index(drop=True) for frame in (got, want))
    if not got[keys].equals(want[keys]):
        return keys
    assert list(got.columns) == list(want.columns)
    return [column for column in want.columns if not got[column].equals(want[column])]


@dataclass(frozen=True)
class Causality:
    """Rebuilds the matrix from a part of its input and compares what both can know.

    Attributes
    ----------
    regimes
        Rows of ``training.regime_weights``.
    prepare
        Step between session bars and the matrix; a mutant may stand here.
    outside
        Raw rows of outside sources.
    """

    regimes: pd.DataFrame
    prepare: Callable[[pd.DataFrame], pd.DataFrame] = lambda sessions: sessions
    outside: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    def build(self, sessions: pd.DataFrame) -> pd.DataFrame:
        """The whole matrix, as the features stage makes it."""
        built = matrix.build_matrix(self.prepare(sessions), outside=self.outside)
        return assemble_matrix(built, self.regimes)

    def by_date(self, sessions: pd.DataFrame, cuts: Iterable[str]) -> list[str]:
        """Columns whose rows up to a date change when later sessions are taken away."""
        whole = self.build(sessions)
        found: set[str] = set()
        for cut in cuts:
            part = self.build(sessions[sessions["data_date"] <= cut])
            found |= set(differing_columns(part, whole[whole["data_date"] <= cut]))
        return sorted(found)

    def by_bars(self, bars: pd.DataFrame, origin: BarOrigin, days: Iterable[str]) -> list[str]:
        """Columns of the target that change when bars unknown at its decision are taken away."""
        sessions = session_bars(bars, origin).sessions
        whole = self.build(sessions)
        decisions = sessions[sessions["symbol"] == TARGET_ROOT].set_index("data_date")
        found: set[str] = set()
        for day in days:
            known = known_bars(bars, decisions.loc[day, "decision_time"])
            part = self.build(session_bars(bars[known], origin).sessions)
            own, want = (
                frame[(frame["symbol"] == TARGET_ROOT) & (frame["data_date"] <= day)]
                for frame in (part, whole)
            )
            assert want["data_date"].iloc[-1] == pd.Timestamp(day)
            found |= set(differing_columns(own, want))
        return sorted(found)


@pytest.fixture(scope="module")
def causality(project_root: Path) -> Causality:
    """Harness with the regimes of the project."""
    text = (project_root / "conf" / "base" / "parameters_regimes.yml").read_text(encoding="utf-8")
    regimes = make_regime_table(yaml.safe_load(text)["regimes"])
    outside = random_tables(np.random.default_rng(3), "2016-01-05", "2019-09-03")
    outside |= own_tables(np.random.default_rng(3), "2017-11-01", "2019-09-03")
    # An anomaly of the weather needs five earlier years.
    long = TwinMarket(SyntheticConfig(start=dt.date(2011, 1, 3), end=dt.date(2019, 9, 3)), "ZL")
    for name in ("weather", "eia", "curve", "export_sales"):
        twin = SOURCES[name].twin
        assert twin is not None
        outside[name] = ExternalConfig().of(name).prepare(twin(long))
    return Causality(regimes, outside=outside)


@pytest.fixture(scope="module")
def bars_alone(causality: Causality) -> Causality:
    """Without outside sources, for leaks of bars: a matrix in a tenth of the time."""
    return replace(causality, outside={})


Plant = Callable[[pytest.MonkeyPatch, Causality], Causality]
"""Plants a leak and gives the harness to run."""


def market_of(batch: BarBatch) -> Market:
    """Bars, their origin and their sessions."""
    origin = BarOrigin(batch.schema, batch.provenance, batch.degraded_days)
    return batch.bars, origin, session_bars(batch.bars, origin).sessions


@pytest.fixture(scope="module")
def market() -> Market:
    start = dt.date(2018, 1, 2)
    span = SyntheticConfig(start=start, end=dt.date(2019, 8, 30), hourly_from=start)
    source = SourceConfig(symbols=ROOTS, synthetic=span)
    return market_of(load_bars(source, lambda done, total: None))


@pytest.fixture(scope="module")
def real_market(databento_dir: Path) -> Market:
    source = SourceConfig(
        kind="databento", path=str(databento_dir), symbols=("ZL", "ZS", "CL", "HO")
    )
    return market_of(load_bars(source, lambda done, total: None))


def cuts_of(sessions: pd.DataFrame) -> list[str]:
    """Dates on which a leak would show: about rolls, flips back and weekends, and short ones."""
    own = sessions[(sessions["symbol"] == "ZL") & ~sessions["is_thin"]].reset_index(drop=True)
    late = np.arange(len(own)) > 270
    roll = np.flatnonzero(own["is_roll"] & ~own["is_flip_back"] & late)[0]
    flip = np.flatnonzero(own["is_flip_back"])[-1]
    wednesday = np.flatnonzero((own["data_date"].dt.dayofweek == 2) & late)[-5]
    friday = np.flatnonzero((own["data_date"].dt.dayofweek == 4) & late)[-2]
    at = [0, 40, roll - 1, roll, flip - 1, flip, wednesday, friday, len(own) - 2]
    return [str(day.date()) for day in own["data_date"].iloc[at]]


def few_cuts_of(sessions: pd.DataFrame) -> list[str]:
    """About a roll and a flip back, and a Wednesday: enough to find a planted leak."""
    return cuts_of(sessions)[2:7]


@pytest.mark.parametrize("cuts", [few_cuts_of, slow(cuts_of)], ids=["few", "all"])
def test_truncated_sessions_give_the_same_rows(
    market: Market, causality: Causality, cuts: Callable[[pd.DataFrame], list[str]]
) -> None:
    assert causality.by_date(market[2], cuts(market[2])) == []


def test_every_column_has_values_to_compare(market: Market, causality: Causality) -> None:
    """A column without values in the rows compared would be causal for nothing."""
    cuts = cuts_of(market[2])
    whole = causality.build(market[2])
    last = whole[(whole["symbol"] == "ZL") & whole["data_date"].isin(pd.DatetimeIndex(cuts))]
    empty = last.columns[last.isna().all()]
    absent = tuple(f"_{root}" for root in cross_asset.ROOTS if root not in ROOTS)
    assert [c for c in empty if not c.endswith(absent)] == ["cross_asset.crack_321"]
    assert set(whole.columns) == set(load_contract(matrix.TABLE).flat_columns())


@pytest.mark.parametrize(
    "day", ["2018-11-21", slow("2019-01-22"), slow("2019-05-08"), ci("2019-08-05")]
)
def test_bars_known_at_the_decision_give_the_same_row(
    day: str, market: Market, causality: Causality
) -> None:
    """About Thanksgiving, Martin Luther King's day, and plain days."""
    bars, origin, _ = market
    assert causality.by_bars(bars, origin, [day]) == []


@pytest.mark.slow
@pytest.mark.real_data
def test_truncated_real_sessions_give_the_same_rows(
    real_market: Market, causality: Causality
) -> None:
    sessions = real_market[2]
    cuts = [*cuts_of(sessions), "2013-09-09", "2018-07-06", "2020-04-20", "2023-11-22"]
    assert causality.by_date(sessions, cuts) == []


@pytest.mark.real_data
@pytest.mark.parametrize(
    "day", [slow("2012-06-13"), slow("2016-12-27"), "2020-04-20", slow("2023-12-28")]
)
@pytest.mark.ci
def test_real_bars_known_at_the_decision_give_the_same_row(
    day: str, real_market: Market, causality: Causality
) -> None:
    bars, origin, _ = real_market
    since = pd.Timestamp(day, tz="UTC") - pd.Timedelta(days=500)
    until = pd.Timestamp(day, tz="UTC") + pd.Timedelta(days=40)
    near = bars[bars["ts_event"].between(since, until)].reset_index(drop=True)
    assert causality.by_bars(near, origin, [day]) == []


def with_feature(name: str, leak: Callable[[SymbolBars, np.ndarray], Any]) -> Plant:
    """Replace a registered feature by what `leak` makes of its bars and its true values."""

    def plant(patch: pytest.MonkeyPatch, causality: Causality) -> Causality:
        spec = FEATURES[name]
        wrong = replace(spec, function=lambda bars: np.asarray(leak(bars, spec.function(bars))))
        patch.setitem(FEATURES, name, wrong)
        return causality

    return plant


def with_step(step: Callable[[pd.DataFrame], pd.DataFrame]) -> Plant:
    """Put a step between the session bars and the matrix."""

    def plant(patch: pytest.MonkeyPatch, causality: Causality) -> Causality:
        return replace(causality, prepare=step)

    return plant


def centred_window(bars: SymbolBars, true: np.ndarray) -> Any:
    return pd.Series(bars.returns).rolling(21, center=True).std() * np.sqrt(252)


def backward_fill(bars: SymbolBars, true: np.ndarray) -> Any:
    gaps = pd.Series(true).where(np.arange(len(true)) % 3 == 0)
    return gaps.bfill()


def whole_sample_score(bars: SymbolBars, true: np.ndarray) -> Any:
    values = pd.Series(true)
    return (values - values.mean()) / values.std()


def whole_sample_rank(bars: SymbolBars, true: np.ndarray) -> Any:
    return pd.Series(true).rank(pct=True)


def back_adjusted(bars: SymbolBars, true: np.ndarray) -> Any:
    return bars.index * bars.close[-1] / bars.index[-1]


def unfinished_week(bars: SymbolBars, true: np.ndarray) -> Any:
    week = pd.Series(bars.dates).dt.to_period("W")
    high, low, close = (pd.Series(v) for v in (bars.high, bars.low, bars.close))
    total = high.groupby(week).transform("max") + low.groupby(week).transform("min")
    return (total + close.groupby(week).transform("last")) / 3


def repainting_swing(bars: SymbolBars, true: np.ndarray) -> Any:
    """Swing highs at their own session, told by the sessions after it."""
    high = pd.Series(bars.high / bars.factor)
    swing = high == high.rolling(11, center=True, min_periods=6).max()
    return high.where(swing).ffill() * bars.factor


def sessions_to_roll(bars: SymbolBars, true: np.ndarray) -> Any:
    position = np.arange(len(bars))
    following = pd.Series(np.where(bars.is_roll, position, np.nan)).bfill().shift(-1)
    return following - position


def tomorrow(bars: SymbolBars, true: np.ndarray) -> Any:
    return np.r_[true[1:], np.nan]


def without_flips_back(sessions: pd.DataFrame) -> pd.DataFrame:
    """Contracts of single sessions replaced by those of their neighbours, the next one too."""
    contract = sessions.groupby("symbol")["instrument_id"]
    before, after = contract.shift(1), contract.shift(-1)
    settled = sessions["instrument_id"].where(before.ne(after), before).fillna(0).astype("int64")
    return add_roll_free(sessions.assign(instrument_id=settled))


def centred_thin_filter(sessions: pd.DataFrame) -> pd.DataFrame:
    usual = sessions.groupby("symbol")["volume"].transform(
        lambda v: v.rolling(61, center=True, min_periods=31).median()
    )
    return add_roll_free(sessions.assign(is_thin=sessions["volume"] < 0.75 * usual))


def session_close_of_the_day(sessions: pd.DataFrame) -> pd.DataFrame:
    """The close of a late market joined to the same date."""
    return sessions.assign(decision_close=sessions["close"])


def without_decision_close(sessions: pd.DataFrame) -> pd.DataFrame:
    return sessions.assign(decision_close=np.nan)


def close_known_at_the_decision(sessions: pd.DataFrame) -> pd.DataFrame:
    """Knowledge time of a late close set to the decision."""
    moments = dict.fromkeys(("event_time", "known_at"), sessions["decision_time"])
    return without_decision_close(sessions).assign(**moments)


def whole_sample_beta(patch: pytest.MonkeyPatch, causality: Causality) -> Causality:
    def co_movement(y: np.ndarray, x: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray]:
        known = ~np.isnan(x) & ~np.isnan(y)
        corr = np.corrcoef(x[known], y[known])[0, 1] if known.sum() > 2 else np.nan
        return np.full(len(x), corr), np.full(len(x), corr)

    patch.setattr(cross_asset, "co_movement", co_movement)
    return causality


def nearest_close(patch: pytest.MonkeyPatch, causality: Causality) -> Causality:
    """As-of join that takes the nearest close, earlier or later."""
    backward = pd.merge_asof

    def merge_asof(*args: Any, **kwargs: Any) -> pd.DataFrame:
        return backward(*args, **{**kwargs, "direction": "nearest"})

    patch.setattr(pd, "merge_asof", merge_asof)
    return replace(causality, prepare=without_decision_close)


MUTANTS: dict[str, tuple[Plant, str]] = {
    "centred window": (
        with_feature("market_data.volatility_21d", centred_window),
        "market_data.volatility_21d",
    ),
    "backward fill": (
        with_feature("market_data.rsi_14", backward_fill),
        "market_data.rsi_14",
    ),
    "whole-sample score": (
        with_feature("market_data.momentum_21d", whole_sample_score),
        "market_data.momentum_21d",
    ),
    "whole-sample rank": (
        with_feature("regime.vol_percentile", whole_sample_rank),
        "regime.vol_percentile",
    ),
    "back-adjusted level": (
        with_feature("market_data.roll_free_index", back_adjusted),
        "market_data.roll_free_index",
    ),
    "unfinished week": (
        with_feature("pivots.weekly_P", unfinished_week),
        "pivots.weekly_P",
    ),
    "repainting zig-zag": (
        with_feature("golden_zone.swing_high", repainting_swing),
        "golden_zone.swing_high",
    ),
    "sessions to the next roll": (
        with_feature("market_data.atr_14", sessions_to_roll),
        "market_data.atr_14",
    ),
    "value of tomorrow": (
        with_feature("market_data.volume_21d_log_ratio", tomorrow),
        "market_data.volume_21d_log_ratio",
    ),
    "flips back removed": (with_step(without_flips_back), "market_data.instrument_id"),
    "centred thin filter": (with_step(centred_thin_filter), "data_date"),
    "whole-sample beta": (whole_sample_beta, "cross_asset.beta_63d_CL"),
}
"""Leaks that show when sessions are taken away, with a column that must be named."""

LATE_MUTANTS: dict[str, tuple[Plant, str]] = {
    "same-day join of a late close": (
        with_step(session_close_of_the_day),
        "cross_asset.return_1d_CL",
    ),
    "late close known at the decision": (
        with_step(close_known_at_the_decision),
        "cross_asset.boho",
    ),
    "nearest close": (nearest_close, "cross_asset.return_5d_HO"),
}
"""Leaks within the day, which show only when bars are taken away."""


@pytest.mark.parametrize("mutant", MUTANTS)
def test_planted_leaks_are_found(
    mutant: str, market: Market, bars_alone: Causality, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant, column = MUTANTS[mutant]
    planted = plant(monkeypatch, bars_alone)
    assert column in planted.by_date(market[2], few_cuts_of(market[2]))


@pytest.mark.parametrize(
    "mutant", [name if n == 0 else slow(name) for n, name in enumerate(LATE_MUTANTS)]
)
def test_planted_leaks_within_the_day_are_found(
    mutant: str, market: Market, bars_alone: Causality, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant, column = LATE_MUTANTS[mutant]
    planted = plant(monkeypatch, bars_alone)
    bars, origin, _ = market
    # Whole sessions hide such a leak.
    assert planted.by_date(market[2], few_cuts_of(market[2])) == []
    assert column in planted.by_bars(bars, origin, ["2019-05-08"])


@pytest.mark.ci
def test_only_the_planted_column_is_blamed(
    market: Market, causality: Causality, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant, column = MUTANTS["centred window"]
    planted = plant(monkeypatch, causality)
    # Besides it what is made of it: implied over realised volatility.
    made_of_it = "implied.zl_implied_realised"
    assert planted.by_date(market[2], few_cuts_of(market[2])) == [made_of_it, column]


CALENDAR = re.compile(
    r"(?:^|[._])(?:years?|dates?|days?_since_start|rows?|row_?number|position|epoch|trend|"
    r"ordinal|timestamp|time|instrument_id|index)(?:[._]|$)"
)


def test_no_regime_and_no_clock_is_a_feature() -> None:
    names = feature_names()
    assert not {"regime.name", "regime.weight", "regime_name", "regime_weight"} & set(names)
    assert [n for n in names if n.startswith("regime.")] == ["regime.vol_percentile"]
    assert [n for n in names if CALENDAR.search(n)] == []
    assert CALENDAR.search("market_data.row_number")
    assert CALENDAR.search("market_data.roll_free_index")


def test_no_feature_tells_the_time(market: Market, causality: Causality) -> None:
    """A column that only grows is a clock under another name."""
    whole = causality.build(market[2])
    own = whole[whole["symbol"] == "ZL"]

    def clock(column: str) -> bool:
        values = own[column].dropna().astype("float64")
        return bool(
            values.nunique() > 20 and values.corr(values.index.to_series(), "spearman") ** 2 > 0.99
        )

    own = own.assign(row_number=np.arange(len(own)))
    assert clock("row_number")
    assert [name for name in feature_names() if clock(name)] == []
