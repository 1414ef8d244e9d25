"""Cross-asset features against a slow reference, by hand and on real files."""

import datetime as dt
import math
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soyoil.contracts.contract import load_contract
from soyoil.features.cross_asset import COLUMNS, ROOTS, co_movement, cross_asset_features
from soyoil.market.bars import BarOrigin, add_roll_free, session_bars
from soyoil.market.instruments import INSTRUMENTS
from soyoil.market.rolls import FLIP_BACK_RETURN_SESSIONS
from soyoil.sources import load_bars
from soyoil.sources.base import SourceConfig
from soyoil.sources.synthetic.config import SyntheticConfig
from tiers import slow

Late = Literal["changed", "quiet"]

GRAINS = ("ZL", "ZM", "ZS")
RANDOM_ROOTS = (*GRAINS, "CL", "HO", "RB", "6L")


def at(dates: pd.DatetimeIndex, minutes: np.ndarray) -> pd.Series:
    """UTC moments on dates, minutes after midnight."""
    return (
        pd.Series(dates + pd.to_timedelta(minutes, unit="min"))
        .dt.tz_localize("UTC")
        .dt.as_unit("us")
    )


def random_root(rng: np.random.Generator, root: str, decisions: pd.Series) -> pd.DataFrame:
    """Sessions of one root: holidays, early closes, rolls, flips back, missing decision closes."""
    kept = np.sort(rng.choice(len(decisions), int(len(decisions) * 0.93), replace=False))
    if root == "6L":
        kept = kept[(kept < 20) | (kept > 32)]
    dates = pd.DatetimeIndex(decisions.index[kept])
    decided = decisions.iloc[kept].to_numpy()
    n = len(kept)
    regular = decided if root in GRAINS else np.full(n, 21 * 60)
    closes = np.where(rng.random(n) < 0.05, rng.choice([17 * 60 + 5, 19 * 60 + 5], n), regular)
    if root == "ZL":
        closes = decided
    contract = np.cumsum(rng.random(n) < 0.08) + 1
    back = rng.random(n) < 0.06
    contract[back] = np.maximum(contract[back] - 1, 1)
    price = 40 * np.exp(np.cumsum(rng.normal(0, 0.02, n))) * (1 + 0.03 * (contract % 3))
    close = price * np.exp(rng.normal(0, 0.004, n))
    if root == "CL":
        close[rng.choice(n, 2, replace=False)] = -3.0
    decision_close = np.where(closes <= decided, close, price)
    decision_close[rng.random(n) < 0.1] = np.nan
    event_time = at(dates, closes)
    return pd.DataFrame(
        {
            "symbol": pd.Series([root] * n, dtype="str"),
            "data_date": dates.as_unit("us"),
            "instrument_id": contract,
            "open": price * np.exp(rng.normal(0, 0.01, n)),
            "close": close,
            "decision_time": at(dates, decided),
            "decision_close": close if root == "ZL" else decision_close,
            "event_time": event_time,
            "known_at": event_time,
            "is_thin": False,
        }
    )


def random_market(seed: int, n: int = 110) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    days = pd.bdate_range("2019-11-01", periods=n)
    decisions = pd.Series(np.where(rng.random(n) < 0.06, 17 * 60 + 5, 19 * 60 + 20), index=days)
    parts = [random_root(rng, root, decisions) for root in RANDOM_ROOTS]
    return add_roll_free(
        pd.concat(parts, ignore_index=True).sort_values(["symbol", "data_date"], ignore_index=True)
    )


def rows_of(sessions: pd.DataFrame) -> pd.DataFrame:
    return sessions[["symbol", "data_date", "decision_time"]]


def features(sessions: pd.DataFrame, target: str = "ZL") -> pd.DataFrame:
    """Features of the target's rows by date, without the name of the group."""
    out = cross_asset_features(sessions, rows_of(sessions), target)
    own = sessions["symbol"] == target
    out = out[own].set_axis(pd.DatetimeIndex(sessions.loc[own, "data_date"]))
    return out.set_axis([c.removeprefix("cross_asset.") for c in out.columns], axis=1)


class SlowRoot:
    """One root, session by session, as it stood at a moment."""

    def __init__(self, sessions: pd.DataFrame, root: str) -> None:
        self.rows = sessions[sessions["symbol"] == root].to_dict("records")
        self.booked: list[float] = []
        for k, row in enumerate(self.rows):
            self.booked.append(self.session_return(k, row["close"]))

    def session_return(self, k: int, price: float) -> float:
        """Roll-free return from the session before to `price` within session k."""
        if k == 0 or price <= 0:
            return math.nan
        row, before = self.rows[k], self.rows[k - 1]
        if row["instrument_id"] == before["instrument_id"]:
            return math.log(price / before["close"]) if before["close"] > 0 else math.nan
        for lag in range(2, min(FLIP_BACK_RETURN_SESSIONS, k) + 1):
            seen = self.rows[k - lag]
            if seen["instrument_id"] == row["instrument_id"]:
                between = [r for r in self.booked[k - lag + 1 : k] if not math.isnan(r)]
                return (
                    math.log(price / seen["close"]) - sum(between)
                    if seen["close"] > 0
                    else math.nan
                )
        return math.log(price / row["open"])

    def state(self, moment: pd.Timestamp, day: pd.Timestamp) -> dict[str, float] | None:
        """Price, level, missing returns, contract and age at a moment; None if stale."""
        for k in range(len(self.rows) - 1, -1, -1):
            row = self.rows[k]
            has_decision = row["decision_time"] <= moment and not math.isnan(row["decision_close"])
            has_close = row["event_time"] <= moment
            if not (has_decision or has_close):
                continue
            later = has_close and not (has_decision and row["decision_time"] >= row["event_time"])
            age = (day - row["data_date"]).days
            if age > 7:
                return None
            price = row["close"] if later else row["decision_close"]
            past = self.booked[: k + 1] if later else self.booked[:k]
            level = sum(r for r in past if not math.isnan(r))
            part = 0.0 if later else self.session_return(k, price)
            return {
                "price": price,
                "level": level + part,
                "missing": sum(math.isnan(r) for r in past),
                "contract": row["instrument_id"],
                "age": age,
            }
        return None


def slow_features(sessions: pd.DataFrame) -> pd.DataFrame:
    """Every column of the random market's roots, row by row."""
    roots = {root: SlowRoot(sessions, root) for root in RANDOM_ROOTS}
    own = sessions[sessions["symbol"] == "ZL"].to_dict("records")
    states = {
        r: [s.state(o["decision_time"], o["data_date"]) for o in own] for r, s in roots.items()
    }
    out: list[dict[str, float]] = []
    for t in range(len(own)):
        values: dict[str, float] = {}
        for root in RANDOM_ROOTS:
            if root == "ZL":
                continue
            now = states[root][t]
            values[f"staleness_days_{root}"] = now["age"] if now else math.nan
            for window in (1, 5, 21):
                then = states[root][t - window] if t >= window else None
                known = now is not None and then is not None and now["missing"] == then["missing"]
                values[f"return_{window}d_{root}"] = (
                    now["level"] - then["level"] if known else math.nan
                )
            pairs = [
                (o["roll_free_return"], v[f"return_1d_{root}"])
                for o, v in zip(
                    own[max(t - 62, 0) :], [*out[max(t - 62, 0) :], values], strict=False
                )
            ]
            y, x = np.array(pairs).T
            whole = len(pairs) == 63 and not np.isnan([y, x]).any()
            values[f"corr_63d_{root}"] = np.corrcoef(y, x)[0, 1] if whole else math.nan
            values[f"beta_63d_{root}"] = (
                np.cov(y, x)[0, 1] / np.var(x, ddof=1) if whole else math.nan
            )
        price = {r: states[r][t]["price"] if states[r][t] else math.nan for r in RANDOM_ROOTS}
        values["board_crush"] = 0.022 * price["ZM"] + 0.11 * price["ZL"] - price["ZS"] / 100
        values["oil_share"] = 0.11 * price["ZL"] / (0.11 * price["ZL"] + 0.022 * price["ZM"])
        values["boho"] = price["ZL"] / 100 * 7.5 - price["HO"]
        values["crack_321"] = (2 * 42 * price["RB"] + 42 * price["HO"] - 3 * price["CL"]) / 3
        values["legs_matched"] = values["crush_change_5d"] = math.nan
        contracts = {
            r: [s["contract"] if s else None for s in states[r][max(t - 5, 0) : t + 1]]
            for r in GRAINS
        }
        if t >= 5 and not any(None in c for c in contracts.values()):
            changed = [
                any(a != b for a, b in zip(c[1:], c[:-1], strict=True)) for c in contracts.values()
            ]
            values["legs_matched"] = float(len(set(changed)) == 1)
            if not any(changed):
                values["crush_change_5d"] = values["board_crush"] - out[t - 5]["board_crush"]
        out.append(values)
    return pd.DataFrame(out, index=pd.DatetimeIndex([o["data_date"] for o in own]))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=8, deadline=None)
def test_every_column_matches_the_slow_reference(seed: int) -> None:
    sessions = random_market(seed)
    got = features(sessions).astype("float64")
    want = slow_features(sessions)
    for column in want.columns:
        np.testing.assert_allclose(got[column], want[column], rtol=1e-9, atol=1e-11, err_msg=column)
    absent = [c for c in got.columns if c not in want.columns]
    assert absent
    assert got[absent].isna().all(axis=None)


def test_the_random_market_has_every_difficulty() -> None:
    sessions = random_market(1)
    got = features(sessions)
    cl = sessions[sessions["symbol"] == "CL"]
    zl_days = set(sessions.loc[sessions["symbol"] == "ZL", "data_date"])
    assert (cl["close"] < 0).any()
    assert cl["is_flip_back"].any()
    assert (cl["event_time"] < cl["decision_time"]).any()
    assert zl_days - set(cl["data_date"])
    assert set(cl["data_date"]) - zl_days
    assert got["staleness_days_CL"].max() > 0
    assert got["staleness_days_6L"].isna().any()
    assert got["corr_63d_HO"].notna().any()
    assert set(got["legs_matched"].dropna()) == {True, False}


def test_columns_are_those_of_the_contract() -> None:
    declared = load_contract("features.daily_ml_matrix").flat_columns()
    group = [name for name in declared if name.startswith("cross_asset.")]
    assert group == [column.name for column in COLUMNS]
    assert "ZL" not in ROOTS
    out = features(random_market(2))
    assert [f"cross_asset.{c}" for c in out.columns] == group


def hand_made(rows: list[tuple[str, str, float, float | None, float]]) -> pd.DataFrame:
    """Sessions from (root, date, open, decision close, close), one contract per root.

    Grains close at the decision, 19:20 UTC, other roots at 21:00 UTC.
    """
    frame = pd.DataFrame(rows, columns=["symbol", "data_date", "open", "decision_close", "close"])
    frame["symbol"] = frame["symbol"].astype("str")
    frame["data_date"] = pd.to_datetime(frame["data_date"]).dt.as_unit("us")
    frame["decision_close"] = frame["decision_close"].astype("float64")
    frame["instrument_id"] = 1
    frame["is_thin"] = False
    dates = pd.DatetimeIndex(frame["data_date"])
    frame["decision_time"] = at(dates, np.full(len(frame), 19 * 60 + 20))
    is_grain = frame["symbol"].str.startswith("Z")
    frame["event_time"] = at(dates, np.where(is_grain, 19 * 60 + 20, 21 * 60))
    frame["known_at"] = frame["event_time"]
    return add_roll_free(frame.sort_values(["symbol", "data_date"], ignore_index=True))


ZL_WEEK = ("2023-11-20", "2023-11-21", "2023-11-22", "2023-11-24", "2023-11-27")
"""Thanksgiving 2023: ZL rests on Thursday 23 November."""


def test_a_late_root_enters_with_its_price_at_the_decision() -> None:
    rows = [("ZL", day, 50.0, 50.0, 50.0) for day in ZL_WEEK]
    rows += [
        ("CL", "2023-11-20", 77.0, 77.5, 78.0),
        ("CL", "2023-11-21", 78.0, 77.8, 77.0),
        ("CL", "2023-11-22", 77.0, 74.0, 76.0),
        ("CL", "2023-11-23", 76.0, 75.0, 75.5),
        ("CL", "2023-11-27", 75.5, 74.5, 73.0),
    ]
    got = features(hand_made(rows))
    # Friday 24 November has no CL session here: Thursday's close, a day old.
    assert got["staleness_days_CL"].tolist() == [0, 0, 0, 1, 0]
    assert got["return_1d_CL"].isna().tolist() == [True, True, False, False, False]
    assert got["return_1d_CL"].tolist()[2:] == pytest.approx(
        [math.log(74.0 / 77.8), math.log(75.5 / 74.0), math.log(74.5 / 75.5)]
    )


def test_daily_bars_enter_with_the_close_of_the_session_before() -> None:
    closes = [77.0, 78.0, 76.0, 75.5, 73.0]
    rows = [("ZL", day, 50.0, None, 50.0) for day in ZL_WEEK]
    rows += [("ZS", day, 1300.0, None, 1300.0 + i) for i, day in enumerate(ZL_WEEK)]
    rows += [("CL", day, 77.0, None, close) for day, close in zip(ZL_WEEK, closes, strict=True)]
    got = features(hand_made(rows))
    assert got["staleness_days_CL"].isna().tolist() == [True, False, False, False, False]
    assert got["staleness_days_CL"].tolist()[1:] == [1, 1, 2, 3]
    assert got["return_1d_CL"].tolist()[2:] == pytest.approx(
        [math.log(78 / 77), math.log(76 / 78), math.log(75.5 / 76)]
    )
    assert got["staleness_days_ZS"].tolist() == [0] * 5
    assert got["return_1d_ZS"].tolist()[1] == pytest.approx(math.log(1301 / 1300))


@pytest.mark.parametrize(("silent_days", "kept"), [(7, True), (8, False)])
def test_a_bar_is_used_for_seven_days(silent_days: int, kept: bool) -> None:
    last = pd.Timestamp("2023-11-27") - pd.Timedelta(days=silent_days)
    rows = [("ZL", day, 50.0, 50.0, 50.0) for day in ZL_WEEK]
    rows += [("HO", str((last - pd.Timedelta(days=1)).date()), 2.9, 2.9, 2.9)]
    rows += [("HO", str(last.date()), 2.9, 2.9, 3.0)]
    got = features(hand_made(rows)).loc["2023-11-27"]
    assert pd.notna(got["staleness_days_HO"]) == kept
    assert pd.notna(got["boho"]) == kept
    assert pd.notna(got["return_1d_HO"]) == kept


def test_spreads_by_hand() -> None:
    prices = {"ZL": 50.0, "ZM": 400.0, "ZS": 1300.0, "HO": 3.0, "RB": 2.5, "CL": 80.0}
    sessions = hand_made([(root, ZL_WEEK[0], p, p, p) for root, p in prices.items()])
    got = features(sessions).iloc[0]
    assert got["board_crush"] == pytest.approx(1.3)
    assert got["oil_share"] == pytest.approx(5.5 / 14.3)
    assert got["boho"] == pytest.approx(0.75)
    assert got["crack_321"] == pytest.approx(32.0)


def test_legs_match_where_none_or_all_rolled() -> None:
    days = [str(d.date()) for d in pd.bdate_range("2023-06-01", periods=24)]
    level = {"ZL": 50.0, "ZM": 400.0, "ZS": 1300.0}
    sessions = hand_made(
        [(r, d, p, p, p + i) for r, p in level.items() for i, d in enumerate(days)]
    )
    sessions["decision_close"] = sessions["close"]
    position = sessions.groupby("symbol").cumcount()
    # ZS alone on 9; all three on 16, 17 and 18.
    zs, zm, zl = (sessions["symbol"] == root for root in ("ZS", "ZM", "ZL"))
    sessions["instrument_id"] += zs * ((position >= 9).astype(int) + (position >= 16))
    sessions["instrument_id"] += zm * (position >= 17) + zl * (position >= 18)
    got = features(add_roll_free(sessions))
    matched = got["legs_matched"].tolist()
    assert all(pd.isna(m) for m in matched[:5])
    assert matched[5:] == [True] * 4 + [False] * 5 + [True] * 2 + [False] * 2 + [True] * 3 + [
        False
    ] * 2 + [True]
    changes = got["crush_change_5d"]
    assert np.flatnonzero(changes.notna()).tolist() == [5, 6, 7, 8, 14, 15, 23]
    assert changes.dropna().tolist() == pytest.approx([5 * (0.022 + 0.11 - 0.01)] * 7)


@pytest.mark.parametrize("price", [77.0, -37.63, 0.0])
def test_constant_and_non_positive_prices_are_null_not_infinite(price: float) -> None:
    days = [str(d.date()) for d in pd.bdate_range("2023-01-02", periods=80)]
    rng = np.random.default_rng(0)
    zl = 50 * np.exp(np.cumsum(rng.normal(0, 0.01, 80)))
    rows = [("ZL", d, p, p, p) for d, p in zip(days, zl, strict=True)]
    rows += [("CL", d, price, price, price) for d in days]
    rows += [("HO", d, 1.0, p / 9, p / 9) for d, p in zip(days, zl, strict=True)]
    got = features(hand_made(rows)).astype("float64")
    assert not np.isinf(got).any(axis=None)
    assert got[["corr_63d_CL", "beta_63d_CL"]].isna().all(axis=None)
    returns = got["return_1d_CL"].iloc[2:]
    assert (returns == 0).all() if price > 0 else returns.isna().all()
    assert got["corr_63d_HO"].iloc[-1] == pytest.approx(1.0)
    assert got["beta_63d_HO"].iloc[-1] == pytest.approx(1.0)


def test_a_constant_stretch_after_moves_has_no_co_movement() -> None:
    rng = np.random.default_rng(3)
    y, x = rng.normal(0, 0.01, (2, 200))
    x[100:] = 0.0
    corr, beta = co_movement(y, x, 63)
    assert np.isnan(corr[162:]).all()
    assert np.isnan(beta[162:]).all()
    assert np.isfinite(beta[62:162]).all()


def test_a_negative_close_is_spanned_by_no_return() -> None:
    days = [str(d.date()) for d in pd.bdate_range("2020-04-13", periods=12)]
    close = [20.0] * 5 + [-37.63] + [10.0] * 6
    rows = [("ZL", d, 26.0, 26.0, 26.0) for d in days]
    rows += [("CL", d, 20.0, 15.0, c) for d, c in zip(days, close, strict=True)]
    got = features(hand_made(rows))
    returns = got["return_1d_CL"]
    # At the decision of 20 April the price was still positive and nothing else was known.
    assert returns.loc["2020-04-20"] == pytest.approx(0.0)
    assert returns.loc["2020-04-21":"2020-04-22"].isna().all()
    assert returns.loc["2020-04-23"] == pytest.approx(0.0)
    assert got["return_5d_CL"].loc["2020-04-21":"2020-04-28"].isna().all()


def test_only_rows_of_the_target_are_filled_and_order_is_kept() -> None:
    sessions = random_market(4)
    whole = cross_asset_features(sessions, rows_of(sessions), "ZL")
    other = sessions["symbol"] != "ZL"
    assert whole[other].isna().all(axis=None)
    assert whole[~other].notna().any(axis=None)
    shuffled = sessions.sample(frac=1.0, random_state=0)
    again = cross_asset_features(shuffled, rows_of(shuffled), "ZL")
    pd.testing.assert_frame_equal(again.loc[sessions.index], whole, check_exact=True)


def test_another_target_has_no_columns_of_its_own() -> None:
    sessions = random_market(5)
    got = features(sessions, "ZS")
    assert got[[c for c in got.columns if c.endswith("_ZS")]].isna().all(axis=None)
    assert got["return_1d_CL"].notna().any()
    assert got["board_crush"].notna().any()


@pytest.mark.parametrize("symbols", [[], ["ZL"], ["CL"]])
def test_missing_roots_are_null(symbols: list[str]) -> None:
    sessions = random_market(6)
    sessions = sessions[sessions["symbol"].isin(symbols)]
    got = cross_asset_features(sessions, rows_of(sessions), "ZL")
    assert len(got) == len(sessions)
    assert got.isna().all(axis=None)


def known_bars(bars: pd.DataFrame, decision: pd.Timestamp) -> np.ndarray:
    """Bars that can be known at a decision: those that had ended, and the final grain bars.

    The bar of a grain that holds the close is complete then, although its hour runs on.
    """
    shares = bars["symbol"].map(lambda root: INSTRUMENTS[root].closes == INSTRUMENTS["ZL"].closes)
    ended = bars["ts_event"] + pd.Timedelta(hours=1) <= decision
    return np.asarray(ended | (shares & (bars["ts_event"] < decision)))


def later_bars_changed(bars: pd.DataFrame, known: np.ndarray, late: Late) -> pd.DataFrame:
    """Bars of which the unknown ones have other prices and volumes, or are missing."""
    rng = np.random.default_rng(0)
    factor = np.where(known, 1.0, np.exp(rng.normal(0, 0.1, len(bars))))
    out = bars.assign(**{c: bars[c] * factor for c in ("open", "high", "low", "close")})
    # Volumes stay in proportion: whether a session is thin is told by its whole volume.
    out["volume"] = (bars["volume"] * np.where(known, 1.0, 0.75)).astype("int64")
    rank = (~pd.Series(known)).groupby(bars["symbol"].to_numpy()).cumsum()
    # Quiet: one bar more and silence. Else the rest of the session stays, later bars go missing.
    if late == "quiet":
        return out[known | (rank == 1) | (rank > 12)]
    return out[known | (rank <= 6) | (rng.random(len(bars)) < 0.8)]


def later_bars_matter(bars: pd.DataFrame, origin: BarOrigin, day: str, late: Late) -> list[str]:
    """Columns of rows up to `day` that change with bars unknown at its decision."""

    def rows(some: pd.DataFrame) -> pd.DataFrame:
        sessions = session_bars(some, origin).sessions
        return features(sessions[~sessions["is_thin"]].reset_index(drop=True)).astype("float64")

    sessions = session_bars(bars, origin).sessions
    own = sessions[(sessions["symbol"] == "ZL") & (sessions["data_date"] == day)]
    known = known_bars(bars, own["decision_time"].item())
    changed, whole = rows(later_bars_changed(bars, known, late)), rows(bars)
    assert not changed.loc[day:].iloc[1:].equals(whole.loc[day:].iloc[1:])
    got, want = changed.loc[:day], whole.loc[:day]
    assert got.index.equals(want.index)
    same = np.isclose(got, want, rtol=0, atol=1e-12, equal_nan=True).all(axis=0)
    return got.columns[~same].tolist()


@pytest.fixture(scope="module")
def hourly_market() -> tuple[pd.DataFrame, BarOrigin]:
    span = SyntheticConfig(
        start=dt.date(2019, 9, 2), end=dt.date(2020, 7, 31), hourly_from=dt.date(2019, 9, 2)
    )
    source = SourceConfig(symbols=("ZL", "ZS", "ZM", "CL", "HO", "6L"), synthetic=span)
    batch = load_bars(source, lambda done, total: None)
    return batch.bars, BarOrigin(batch.schema, batch.provenance)


@pytest.mark.parametrize("day", ["2019-11-27", "2020-02-18", "2020-03-09", "2020-05-13"])
def test_later_bars_change_nothing(day: str, hourly_market: tuple[pd.DataFrame, BarOrigin]) -> None:
    assert later_bars_matter(*hourly_market, day, "changed") == []


@pytest.mark.parametrize(
    ("day", "late"),
    [("2019-11-29", "changed"), ("2019-12-24", "changed"), ("2020-05-13", "quiet")],
)
def test_later_bars_of_short_sessions_change_nothing(
    day: str, late: Late, hourly_market: tuple[pd.DataFrame, BarOrigin]
) -> None:
    assert later_bars_matter(*hourly_market, day, late) == []


REAL_ROOTS = ("ZL", "ZS", "ZM", "CL", "HO", "RB", "6L")


@pytest.fixture(scope="module")
def real_batch(databento_dir: Path) -> tuple[pd.DataFrame, BarOrigin]:
    source = SourceConfig(kind="databento", path=str(databento_dir), symbols=REAL_ROOTS)
    batch = load_bars(source, lambda done, total: None)
    return batch.bars, BarOrigin(batch.schema, batch.provenance, batch.degraded_days)


@pytest.mark.slow
@pytest.mark.real_data
def test_real_spreads_have_the_known_medians(real_batch: tuple[pd.DataFrame, BarOrigin]) -> None:
    sessions = session_bars(*real_batch).sessions
    got = features(sessions[~sessions["is_thin"]].reset_index(drop=True))
    span = got.loc["2010":"2023"]
    assert len(span) == 3410
    # 0.94 and 0.365 are the figures to 2025; to 2023 both lie lower.
    assert span["board_crush"].median() == pytest.approx(0.885, abs=0.002)
    assert span["oil_share"].median() == pytest.approx(0.353, abs=0.001)
    assert span["boho"].median() == pytest.approx(0.913, abs=0.002)
    assert span["crack_321"].median() == pytest.approx(19.77, abs=0.05)
    assert 0.8 < span["legs_matched"].mean() < 0.9
    assert not np.isinf(got.astype("float64")).any(axis=None)
    assert got["corr_63d_ZS"].mean() == pytest.approx(0.60, abs=0.01)
    # Decisions share the day's news; a join a day late would halve this.
    assert got["corr_63d_CL"].mean() == pytest.approx(0.30, abs=0.01)


def year_around(batch: tuple[pd.DataFrame, BarOrigin], day: str) -> tuple[pd.DataFrame, BarOrigin]:
    middle = pd.Timestamp(day, tz="UTC")
    half = pd.Timedelta(days=180)
    bars, origin = batch
    return bars[bars["ts_event"].between(middle - half, middle + half)].reset_index(
        drop=True
    ), origin


@pytest.mark.real_data
@pytest.mark.parametrize(
    "day", [slow("2012-06-13"), slow("2014-03-12"), "2020-04-21", slow("2023-06-14")]
)
@pytest.mark.ci
def test_later_real_bars_change_nothing(
    day: str, real_batch: tuple[pd.DataFrame, BarOrigin]
) -> None:
    assert later_bars_matter(*year_around(real_batch, day), day, "changed") == []


@pytest.mark.real_data
@pytest.mark.parametrize("day", [slow("2015-11-27"), slow("2016-12-23"), "2023-11-24"])
def test_later_real_bars_of_short_sessions_change_nothing(
    day: str, real_batch: tuple[pd.DataFrame, BarOrigin]
) -> None:
    assert later_bars_matter(*year_around(real_batch, day), day, "changed") == []
