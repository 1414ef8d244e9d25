"""The synthetic market, seen through the session pipeline and against its own truth."""

import datetime as dt
import hashlib
import os
import subprocess
import sys
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soyoil.base.errors import ConfigError, SourceError
from soyoil.contracts.contract import load_contract
from soyoil.contracts.validation import validate
from soyoil.market.bars import BarOrigin, session_bars
from soyoil.market.instruments import get_instrument
from soyoil.sources import BarBatch, SourceConfig, load_bars
from soyoil.sources.base import BAR_COLUMNS, QUARANTINE_COLUMNS
from soyoil.sources.synthetic.calendar import root_sessions
from soyoil.sources.synthetic.config import SyntheticConfig
from soyoil.sources.synthetic.dynamics import Feedback, calibrate, simulate_root
from soyoil.sources.synthetic.market import true_signal
from soyoil.sources.synthetic.rolls import plan_contracts
from soyoil.sources.synthetic.roots import ROOT_SPECS, root_spec
from soyoil.targets.labels import forward_sums

ROOTS = ("ZL", "CL", "ZN")
SEEDS = tuple(range(8))
PRICES = ["open", "high", "low", "close"]
DEFAULT = SyntheticConfig()
PLANTED = {"signal": "planted", "signal_strength": 0.5}


def make_batch(symbols: tuple[str, ...] = ("ZL",), **options: object) -> BarBatch:
    config = SyntheticConfig.model_validate(options)
    return load_bars(SourceConfig(symbols=symbols, synthetic=config))


def make_sessions(batch: BarBatch) -> pd.DataFrame:
    origin = BarOrigin(batch.schema, batch.provenance, batch.degraded_days)
    result = session_bars(batch.bars, origin)
    assert result.rejected.empty
    return result.sessions


@cache
def default_batch() -> BarBatch:
    return make_batch(ROOTS)


@cache
def default_sessions() -> pd.DataFrame:
    return make_sessions(default_batch())


@cache
def seeded_sessions(seed: int, signal: str) -> pd.DataFrame:
    return make_sessions(make_batch(("ZL", "CL"), seed=seed, signal=signal))


def one(sessions: pd.DataFrame, symbol: str) -> pd.DataFrame:
    return sessions[sessions["symbol"] == symbol].reset_index(drop=True)


def regular(sessions: pd.DataFrame, symbol: str) -> pd.DataFrame:
    rows = one(sessions, symbol)
    return rows[~rows["is_thin"]].reset_index(drop=True)


def on(sessions: pd.DataFrame, symbol: str, date: str) -> pd.Series:
    rows = one(sessions, symbol)
    return rows[rows["data_date"] == pd.Timestamp(date)].iloc[0]


def test_batch_has_the_shape_of_vendor_bars() -> None:
    calls: list[tuple[int, int]] = []
    source = SourceConfig(
        symbols=("ZL", "6L"),
        synthetic=SyntheticConfig(end=dt.date(2011, 1, 31)),
    )
    batch = load_bars(source, lambda done, total: calls.append((done, total)))
    assert calls == [(1, 2), (2, 2)]
    bars = batch.bars
    assert tuple(bars.columns) == BAR_COLUMNS
    assert bars["ts_event"].dtype == "datetime64[us, UTC]"
    assert bars["symbol"].dtype == "str"
    assert bars[["instrument_id", "volume"]].dtypes.eq("int64").all()
    assert bars[PRICES].dtypes.eq("float64").all()
    assert list(bars["symbol"].unique()) == ["6L", "ZL"]
    pd.testing.assert_frame_equal(bars, bars.sort_values(["symbol", "ts_event"], kind="stable"))
    assert not bars.duplicated(["symbol", "ts_event", "instrument_id"]).any()
    assert (batch.schema, batch.provenance, batch.degraded_days) == ("ohlcv-1h", "synthetic", ())
    assert batch.quarantine.empty
    assert tuple(batch.quarantine.columns) == QUARANTINE_COLUMNS


@pytest.mark.parametrize("symbol", sorted(ROOT_SPECS))
def test_prices_are_consistent_multiples_of_the_tick(symbol: str) -> None:
    bars = make_batch(
        (symbol,), start="2020-01-01", end="2021-12-31", hourly_from="2021-06-01"
    ).bars
    ticks = bars[PRICES] / get_instrument(symbol).tick
    assert (ticks - ticks.round()).abs().to_numpy().max() < 1e-6
    assert (bars[PRICES] > 0).all(axis=None)
    assert (bars["low"] <= bars[["open", "close"]].min(axis=1)).all()
    assert (bars["high"] >= bars[["open", "close"]].max(axis=1)).all()
    assert (bars["volume"] >= 1).all()


@pytest.mark.parametrize("symbol", ROOTS)
def test_sessions_are_those_of_the_calendar(symbol: str) -> None:
    spec = root_spec(symbol)
    expected = root_sessions(DEFAULT.start, DEFAULT.end, get_instrument(symbol), spec.is_grain)
    rows = one(default_sessions(), symbol)
    np.testing.assert_array_equal(rows["data_date"].to_numpy(), expected.dates)
    hourly = rows["data_date"] >= pd.Timestamp(DEFAULT.hourly_from)
    two = plan_contracts(DEFAULT, symbol, expected)
    shown = np.where(hourly, expected.bars, 3) - (two.first_contract != two.contract)
    np.testing.assert_array_equal(rows["n_bars"], shown)


def test_literal_dates() -> None:
    sessions = default_sessions()
    days = {symbol: set(one(sessions, symbol)["data_date"].dt.strftime("%F")) for symbol in ROOTS}
    for closed in ("2024-03-29", "2015-04-03", "2024-01-01", "2020-12-25", "2021-12-24"):
        assert not any(closed in held for held in days.values()), closed
    for grain_holiday in ("2024-11-28", "2024-09-02", "2023-06-19", "2013-07-04"):
        assert grain_holiday not in days["ZL"]
        assert grain_holiday in days["CL"]
    assert {"2024-11-29", "2021-06-18", "2021-12-31", "2022-01-03"} <= days["ZL"]


@pytest.mark.parametrize(
    ("symbol", "date", "closing"),
    [
        ("ZL", "2024-01-08", "2024-01-08 19:20"),
        ("ZL", "2024-07-08", "2024-07-08 18:20"),
        ("ZL", "2024-11-29", "2024-11-29 18:05"),
        ("ZL", "2012-06-04", "2012-06-04 19:00"),
        ("ZL", "2011-01-10", "2011-01-10 19:15"),
        ("CL", "2024-01-08", "2024-01-08 22:00"),
        ("CL", "2012-06-04", "2012-06-04 21:15"),
        # A root that does not decide is known when its last hour has ended.
        ("CL", "2024-11-28", "2024-11-28 18:00"),
    ],
)
def test_closing_times(symbol: str, date: str, closing: str) -> None:
    row = on(default_sessions(), symbol, date)
    assert row["event_time"] == pd.Timestamp(closing, tz="UTC")
    if symbol == "ZL":
        assert row["decision_time"] == row["event_time"] == row["known_at"]


def test_a_session_starts_in_the_evening_and_ends_in_the_hour_of_the_close() -> None:
    bars = default_batch().bars
    for symbol, first, last in (
        ("ZL", "2024-01-08 01:00", "2024-01-08 19:00"),
        ("CL", "2024-01-07 23:00", "2024-01-08 21:00"),
    ):
        own = bars[(bars["symbol"] == symbol) & bars["ts_event"].between(
            pd.Timestamp("2024-01-07", tz="UTC"), pd.Timestamp("2024-01-08 22:00", tz="UTC")
        )]  # fmt: skip
        assert own["ts_event"].min() == pd.Timestamp(first, tz="UTC")
        assert own["ts_event"].max() == pd.Timestamp(last, tz="UTC")
        assert own["ts_event"].diff().dropna().eq(pd.Timedelta(hours=1)).all()


@pytest.mark.parametrize("symbol", ROOTS)
def test_closes_are_the_intended_ones_and_continuous_within_a_contract(symbol: str) -> None:
    path = simulate_root(DEFAULT, symbol)
    contracts = plan_contracts(DEFAULT, symbol, path.sessions)
    rows = one(default_sessions(), symbol)
    np.testing.assert_array_equal(rows["instrument_id"], contracts.contract)
    intended = root_spec(symbol).level * np.exp(path.log_index + contracts.offset)
    tick = get_instrument(symbol).tick
    assert np.abs(rows["close"] - intended).max() <= tick / 2 + 1e-9
    spread = pd.Series(contracts.offset).groupby(contracts.contract).agg(np.ptp)
    assert spread.max() == 0.0


@pytest.mark.parametrize("symbol", ROOTS)
def test_roll_free_returns_are_the_intended_ones(symbol: str) -> None:
    path = simulate_root(DEFAULT, symbol)
    rows = one(default_sessions(), symbol).assign(index=path.log_index)
    rows = rows[~rows["is_thin"]].reset_index(drop=True)
    truth = rows["index"].diff()
    error = (rows["roll_free_return"] - truth).abs()
    rounding = get_instrument(symbol).tick / rows[["open", "close"]].min(axis=1)
    rounding = np.maximum(rounding, rounding.shift(1))
    plain = ~rows["is_roll"] & (rows.index > 0)
    assert (error[plain] <= 1.01 * rounding[plain]).all()
    # A flip-back makes the contract's own return whole again since it was last seen.
    booked = rows["roll_free_return"].fillna(0.0).cumsum()
    flips = np.flatnonzero(rows["is_flip_back"])
    assert len(flips) > 5
    for at in flips:
        same = rows["instrument_id"].iloc[:at] == rows["instrument_id"].iloc[at]
        seen = int(np.flatnonzero(same)[-1])
        gap = (booked[at] - booked[seen]) - (rows["index"][at] - rows["index"][seen])
        assert abs(gap) <= 1.01 * max(rounding[at], rounding[seen])


def test_rolls_of_soybean_oil() -> None:
    rows = regular(default_sessions(), "ZL")
    assert 100 <= rows["is_roll"].sum() <= 135
    months = rows["instrument_id"] % 100
    # F H K N Q Z lead by volume; U and V are listed and never do.
    assert set(months) == {1, 3, 5, 7, 8, 12}
    step = np.log(rows["open"] / rows["close"].shift(1))[rows["is_roll"]].abs()
    assert 0.008 < step.mean() < 0.02
    changes = rows[rows["is_roll"] & ~rows["is_flip_back"]]
    delivery = pd.to_datetime((changes["instrument_id"] % 1_000_000).astype(str), format="%Y%m")
    # The next contract takes over after its predecessor's lead before delivery, never after
    # its own: between one and five months ahead here.
    ahead = (delivery - changes["data_date"]).dt.days
    assert ahead.between(30, 160).all()


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5])
def test_flip_back_share_is_the_expected_one(share: float) -> None:
    changes = flips = 0
    for seed in SEEDS:
        config = SyntheticConfig(seed=seed, flip_back_share=share)
        sessions = root_sessions(config.start, config.end, get_instrument("ZL"), grain=True)
        path = plan_contracts(config, "ZL", sessions)
        front = path.contract[~path.is_thin]
        for at in np.flatnonzero(front[1:] != front[:-1]) + 1:
            changes += 1
            flips += int(front[at] in front[max(at - 3, 0) : at])
    assert flips / changes == pytest.approx(share, abs=0.035)


def test_flip_backs_read_old_new_old_new() -> None:
    front = regular(default_sessions(), "ZL")["instrument_id"]
    runs = front[front != front.shift(1)].to_numpy()
    back = np.flatnonzero(runs[2:] == runs[:-2]) + 2
    assert len(back) == regular(default_sessions(), "ZL")["is_flip_back"].sum()
    np.testing.assert_array_equal(back[1::2], back[::2] + 1)


@pytest.mark.parametrize("symbol", sorted(ROOT_SPECS))
def test_planned_thin_sessions_are_the_flagged_ones(symbol: str) -> None:
    options: dict[str, object] = {"thin_sessions_per_year": 4.0, "end": "2014-12-31"}
    config = SyntheticConfig.model_validate(options)
    sessions = make_sessions(make_batch((symbol,), **options))
    path = simulate_root(config, symbol)
    planned = plan_contracts(config, symbol, path.sessions)
    np.testing.assert_array_equal(sessions["is_thin"], planned.is_thin)
    assert 8 <= planned.is_thin.sum() <= 32
    assert path.sessions.near_holiday[planned.is_thin].all()
    before = sessions["instrument_id"].shift(1)
    lone = planned.is_thin & ~np.roll(planned.is_thin, 1)
    assert (sessions["instrument_id"] != before)[lone].all()


def test_thin_sessions_stand_beside_holidays() -> None:
    rows = one(default_sessions(), "ZL")
    assert 2 <= rows["is_thin"].sum() <= 16
    following = rows["data_date"].shift(-1) - rows["data_date"]
    preceding = rows["data_date"] - rows["data_date"].shift(1)
    usual = pd.Timedelta(days=1)
    weekend = rows["data_date"].dt.dayofweek
    beside = (following.where(weekend != 4, following - 2 * usual) > usual) | (
        preceding.where(weekend != 0, preceding - 2 * usual) > usual
    )
    assert beside[rows["is_thin"]].all()
    assert not make_sessions(make_batch(thin_sessions_per_year=0.0))["is_thin"].any()


def test_some_sessions_hold_two_contracts() -> None:
    bars = default_batch().bars
    day = (bars["ts_event"].dt.tz_convert("America/Chicago") + pd.Timedelta(hours=7)).dt.date
    zl = bars[bars["symbol"] == "ZL"]
    held = zl.groupby(day)["instrument_id"].nunique()
    assert 5 <= (held == 2).sum() <= 30
    assert held.max() == 2
    rows = one(default_sessions(), "ZL").set_index("data_date")
    both = rows.loc[pd.to_datetime(held.index[held == 2])]
    assert (both["n_bars"] < rows["n_bars"].max()).all()
    assert both["is_roll"].all()


def test_compact_and_hourly_forms_give_the_same_sessions() -> None:
    span = {"start": "2012-01-02", "end": "2013-12-31", "thin_sessions_per_year": 2.0}
    compact, hourly = (
        make_sessions(make_batch(("ZL", "CL"), hourly_from=day, **span))
        for day in ("2014-01-01", "2012-01-01")
    )
    by_bars = ["n_bars", "vwap", "realized_vol_1h"]
    pd.testing.assert_frame_equal(
        compact.drop(columns=by_bars), hourly.drop(columns=by_bars), check_exact=True
    )
    assert set(compact["n_bars"]) == {2, 3}
    assert hourly["n_bars"].min() >= 17
    assert compact["decision_close"].notna().all()
    cl = one(hourly, "CL")
    assert (cl["decision_close"] != cl["close"]).mean() > 0.5


@settings(max_examples=8, deadline=None)
@given(
    end=st.dates(dt.date(2020, 1, 2), dt.date(2020, 12, 30)),
    signal=st.sampled_from(["null", "planted"]),
    hourly_from=st.dates(dt.date(2020, 1, 1), dt.date(2021, 1, 1)),
)
def test_a_later_end_and_more_roots_change_no_earlier_value(
    end: dt.date, signal: str, hourly_from: dt.date
) -> None:
    options = {"start": "2019-06-03", "signal": signal, "hourly_from": hourly_from}
    options |= {"thin_sessions_per_year": 3.0, "flip_back_share": 0.5}
    short = make_batch(("ZL",), end=end, **options).bars
    long = make_batch(("CL", "ZL", "ES"), end="2022-03-31", **options).bars
    prefix = long[long["symbol"] == "ZL"].iloc[: len(short)].reset_index(drop=True)
    pd.testing.assert_frame_equal(short, prefix, check_exact=True)
    early, late = (
        true_signal(SyntheticConfig.model_validate(options | {"end": day}), "ZL", 21)
        for day in (end, "2022-03-31")
    )
    pd.testing.assert_frame_equal(early, late.iloc[: len(early)], check_exact=True)


def test_the_seed_changes_everything() -> None:
    first, second = (regular(seeded_sessions(seed, "null"), "ZL") for seed in (0, 1))
    dates = first.merge(second, on="data_date", suffixes=("_a", "_b"))
    assert abs(dates["roll_free_return_a"].corr(dates["roll_free_return_b"])) < 0.06
    assert (dates["volume_a"] != dates["volume_b"]).mean() > 0.99
    assert list(first["data_date"][first["is_roll"]]) != list(
        second["data_date"][second["is_roll"]]
    )


def test_another_process_gives_the_same_bits() -> None:
    code = (
        "import hashlib\n"
        "import pandas as pd\n"
        "from soyoil.sources import SourceConfig, load_bars\n"
        "from soyoil.sources.synthetic.config import SyntheticConfig\n"
        "config = SyntheticConfig(end='2012-12-31', hourly_from='2012-01-01')\n"
        "bars = load_bars(SourceConfig(symbols=('ZL', 'CL'), synthetic=config)).bars\n"
        "print(hashlib.sha256(pd.util.hash_pandas_object(bars).to_numpy()).hexdigest())\n"
    )
    digests = set()
    for salt in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": salt},
            capture_output=True,
            text=True,
            check=True,
        )
        digests.add(done.stdout.strip())
    bars = make_batch(("ZL", "CL"), end="2012-12-31", hourly_from="2012-01-01").bars
    digests.add(hashlib.sha256(pd.util.hash_pandas_object(bars).to_numpy()).hexdigest())
    assert len(digests) == 1


def test_sessions_satisfy_their_contract() -> None:
    sessions = default_sessions()
    table = validate(sessions, load_contract("market_data.soyoil_futures_sessions"))
    assert table.num_rows == len(sessions)


def test_volatility_is_plausible_persistent_and_seasonal() -> None:
    returns = [regular(seeded_sessions(seed, "null"), "ZL") for seed in SEEDS]
    levels = [rows["roll_free_return"].std() for rows in returns]
    assert np.mean(levels) == pytest.approx(0.0145, abs=0.0007)
    assert min(levels) > 0.0125
    assert max(levels) < 0.017
    sizes = pd.concat([r.assign(size=r["roll_free_return"].abs()) for r in returns])
    assert np.mean([r["roll_free_return"].abs().autocorr(5) for r in returns]) > 0.08
    assert np.mean([r["roll_free_return"].kurt() for r in returns]) > 1.5
    by_month = sizes.groupby(sizes["data_date"].dt.month)["size"].mean()
    assert by_month[7] > 1.2 * by_month[1]


def test_tail_df_sets_the_tails() -> None:
    kurtosis = {
        df: np.mean(
            [
                pd.Series(path.returns / path.sigma).kurt()
                for path in (
                    simulate_root(SyntheticConfig(seed=s, tail_df=df), "NG") for s in SEEDS
                )
            ]
        )
        for df in (5.0, 1000.0)
    }
    assert kurtosis[5.0] > 1.5
    assert abs(kurtosis[1000.0]) < 0.15


def test_common_factors_tie_the_roots_together() -> None:
    paths = {root: simulate_root(DEFAULT, root) for root in ("ZL", "ZS", "CL", "HO", "ES")}
    frame = pd.DataFrame(
        {
            root: pd.Series(path.returns / path.sigma, index=path.sessions.dates)
            for root, path in paths.items()
        }
    ).dropna()
    correlation = frame.corr()
    for one_root, other in (("ZL", "ZS"), ("ZL", "CL"), ("CL", "HO"), ("ZS", "ES")):
        a, b = root_spec(one_root), root_spec(other)
        expected = a.grain * b.grain + a.energy * b.energy + a.risk * b.risk
        assert correlation.loc[one_root, other] == pytest.approx(expected, abs=0.06)


def standardised_predictors(rows: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    returns = rows["roll_free_return"].fillna(0.0)
    lagged = other.set_index("data_date")["roll_free_return"].reindex(rows["data_date"])
    signals = pd.DataFrame(
        {
            "reversal": returns,
            "momentum_5": returns.rolling(5).sum(),
            "momentum_21": returns.rolling(21).sum(),
            "momentum_252": returns.rolling(252).sum(),
            "other_root": lagged.fillna(0.0).to_numpy(),
            "volatility": returns.rolling(21).std(),
            "volume": np.log(rows["volume"]),
        }
    )
    for month in range(1, 13):
        signals[f"month_{month}"] = (rows["data_date"].dt.month == month).astype(float)
    return (signals - signals.mean()) / signals.std()


def pooled_r_squared(signal: str, horizon: int) -> pd.Series:
    """R² of each predictor over non-overlapping labels of all seeds."""
    tables = []
    for seed in SEEDS:
        sessions = seeded_sessions(seed, signal)
        rows = regular(sessions, "ZL")
        label = forward_sums(rows["roll_free_return"].to_numpy(), horizon)
        signals = standardised_predictors(rows, regular(sessions, "CL"))
        tables.append(signals.assign(label=label).iloc[252::horizon].dropna())
    pooled = pd.concat(tables)
    return pooled.drop(columns="label").corrwith(pooled["label"]) ** 2


def test_nothing_foretells_the_null_market_but_momentum_the_planted_one() -> None:
    for horizon, bound in ((1, 0.001), (21, 0.008)):
        null = pooled_r_squared("null", horizon)
        assert (null < bound).all(), null[null >= bound]
        planted = pooled_r_squared("planted", horizon)
        assert planted["momentum_21"] > 3 * bound
    assert pooled_r_squared("planted", 21)["momentum_21"] > 0.12


def test_the_null_market_has_no_drift() -> None:
    pooled = pd.concat([regular(seeded_sessions(seed, "null"), "ZL") for seed in SEEDS])
    returns = pooled["roll_free_return"].dropna()
    assert abs(returns.mean()) < 3.0 * returns.std() / np.sqrt(len(returns))


def test_the_null_market_says_so() -> None:
    truth = true_signal(SourceConfig(), "ZL", 21)
    assert truth["data_date"].dtype == "datetime64[us]"
    assert len(truth) == len(one(default_sessions(), "ZL"))
    assert (truth["conditional_mean"] == 0.0).all()


def oracle_errors(horizon: int) -> tuple[float, float, float, float]:
    """Sums over seeds and roots: squared and absolute errors of the oracle and of zero."""
    totals = np.zeros(4)
    for seed in SEEDS:
        for symbol in ("ZL", "CL"):
            rows = regular(seeded_sessions(seed, "planted"), symbol)
            config = SyntheticConfig(seed=seed, signal="planted", signal_strength=0.5)
            truth = true_signal(config, symbol, horizon).set_index("data_date")
            mean = truth["conditional_mean"].reindex(rows["data_date"]).to_numpy()
            # Labels in units of the root's volatility, so that both roots count alike.
            unit = root_spec(symbol).volatility
            label = forward_sums(rows["roll_free_return"].to_numpy(), horizon)
            error, label = (label - mean)[1:-horizon] / unit, label[1:-horizon] / unit
            totals += [(error**2).sum(), (label**2).sum(), abs(error).sum(), abs(label).sum()]
    return tuple(totals.tolist())


def test_the_oracle_has_the_planted_skill() -> None:
    squared, squared_zero, absolute, absolute_zero = oracle_errors(21)
    assert 1 - squared / squared_zero == pytest.approx(0.25, abs=0.04)
    assert 1 - absolute / absolute_zero > 0.08


def test_the_truth_is_the_ewma_of_past_returns() -> None:
    config = SyntheticConfig.model_validate(PLANTED)
    returns = pd.Series(simulate_root(config, "ZL").returns)
    fast, slow = (returns.ewm(halflife=h, adjust=False).mean() for h in (21.0, 252.0))
    multiple = calibrate(0.5, 21.0).multiple
    truth = true_signal(config, "ZL", 1)["conditional_mean"]
    # By the end the drawn past before the first session has faded.
    expected = multiple * (fast - slow)
    np.testing.assert_allclose(truth.tail(250), expected.tail(250), atol=2e-3 * truth.std())
    null = simulate_root(SyntheticConfig(), "ZL")
    shocks = returns - truth.shift(1)
    np.testing.assert_allclose(shocks[1:], null.returns[1:], atol=1e-12)


def test_the_signal_is_stationary_from_the_first_session() -> None:
    feedback = calibrate(0.5, 21.0)
    weights = feedback.horizon_weights(21)
    first = []
    for seed in range(200):
        config = SyntheticConfig(seed=seed, end=dt.date(2010, 6, 8), signal="planted")
        first.append(float(true_signal(config, "ZL", 21)["conditional_mean"].iloc[0]))
    daily = root_spec("ZL").volatility / np.sqrt(252)
    expected = daily * np.sqrt(weights @ feedback.covariance() @ weights)
    assert np.std(first) == pytest.approx(expected, rel=0.2)
    assert np.mean(first) == pytest.approx(0.0, abs=0.25 * expected)


@settings(max_examples=25, deadline=None)
@given(strength=st.floats(0.05, 0.8), halflife=st.floats(5.0, 126.0))
def test_calibration_meets_the_strength(strength: float, halflife: float) -> None:
    feedback = calibrate(strength, halflife)
    assert feedback.is_stable()
    assert feedback.r_squared(21) == pytest.approx(strength**2, rel=1e-6)
    # No gain at frequency zero: the long-run spread of prices is that of the null market.
    state = np.linalg.solve(np.eye(2) - feedback.transition, feedback.response)
    assert feedback.drift @ state == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(("strength", "halflife"), [(0.5, 21.0), (0.3, 5.0), (0.7, 63.0)])
def test_theory_of_the_feedback_agrees_with_simulation(strength: float, halflife: float) -> None:
    feedback: Feedback = calibrate(strength, halflife)
    rng = np.random.default_rng(5)
    runs, horizon = 40_000, 21
    state = rng.standard_normal((runs, 2)) @ np.linalg.cholesky(feedback.covariance()).T
    for _ in range(100):
        state = state @ feedback.transition.T + np.outer(
            rng.standard_normal(runs), feedback.response
        )
    mean = state @ feedback.horizon_weights(horizon)
    total = np.zeros(runs)
    for _ in range(horizon):
        step = state @ feedback.drift + rng.standard_normal(runs)
        total += step
        keep = np.array([feedback.keep_fast, feedback.keep_slow])
        state = state * keep + np.outer(step, 1 - keep)
    slope, intercept = np.polyfit(mean, total, 1)
    assert slope == pytest.approx(1.0, abs=0.03)
    assert intercept == pytest.approx(0.0, abs=0.15)
    assert mean.var() / total.var() == pytest.approx(strength**2, abs=0.015)


def test_errors_name_the_remedy() -> None:
    with pytest.raises(ConfigError, match=r"Unknown futures root 'ZLL'.*Did you mean ZL"):
        make_batch(("ZLL",))
    with pytest.raises(SourceError, match=r"2024-03-29.*holds no session of ZL; move"):
        make_batch(start="2024-03-29", end="2024-03-31")
    with pytest.raises(ValueError, match="at least 1"):
        true_signal(DEFAULT, "ZL", 0)
