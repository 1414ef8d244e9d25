"""Sessions from vendor bars: literal cases and a slow oracle."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soyoil.market.bars import BarOrigin, session_bars

HOURLY = BarOrigin("ohlcv-1h", "observed")


def make_bars(rows: list[tuple[str, int, float, float, float, float, int]]) -> pd.DataFrame:
    """Rows of (UTC start, contract, open, high, low, close, volume) of ZL."""
    frame = pd.DataFrame(
        rows, columns=["ts_event", "instrument_id", "open", "high", "low", "close", "volume"]
    )
    frame["ts_event"] = pd.to_datetime(frame["ts_event"], utc=True).dt.as_unit("us")
    frame["symbol"] = pd.Series(["ZL"] * len(frame), dtype="str")
    return frame


def test_sunday_evening_joins_monday_and_the_hours_aggregate() -> None:
    bars = make_bars(
        [
            ("2024-01-08 01:00", 7, 48.0, 48.4, 47.9, 48.2, 100),  # Sunday 19:00 CT
            ("2024-01-08 15:00", 7, 48.2, 49.0, 48.1, 48.9, 300),
            ("2024-01-08 19:00", 7, 48.9, 48.9, 48.0, 48.5, 600),  # 13:00 CT
            ("2024-01-09 01:00", 7, 48.5, 48.6, 48.4, 48.6, 50),
        ]
    )
    out = session_bars(bars, HOURLY).sessions
    assert list(out["data_date"]) == [pd.Timestamp("2024-01-08"), pd.Timestamp("2024-01-09")]
    first = out.iloc[0]
    assert (first["open"], first["high"], first["low"], first["close"]) == (48.0, 49.0, 47.9, 48.5)
    assert first["volume"] == 1000
    typical = [(48.4 + 47.9 + 48.2) / 3, (49.0 + 48.1 + 48.9) / 3, (48.9 + 48.0 + 48.5) / 3]
    assert first["vwap"] == pytest.approx(np.average(typical, weights=[100, 300, 600]))
    steps = np.diff(np.log([48.2, 48.9, 48.5]))
    assert first["realized_vol_1h"] == pytest.approx(np.sqrt((steps**2).sum() * 252))
    assert first["known_at"] == pd.Timestamp("2024-01-08 19:20", tz="UTC")


def test_weekend_print_without_a_monday_session_is_rejected() -> None:
    """Sunday 2014-08-31 16:00 CT before Labor Day: ZL did not trade on Monday."""
    bars = make_bars(
        [
            ("2014-08-29 15:00", 7, 32.0, 32.5, 31.9, 32.2, 1000),
            ("2014-08-31 21:00", 7, 32.9, 39.7, 32.8, 32.9, 1614),
            ("2014-09-02 15:00", 7, 32.0, 32.5, 31.9, 32.2, 1000),
        ]
    )
    result = session_bars(bars, HOURLY)
    assert list(result.sessions["data_date"].dt.strftime("%F")) == ["2014-08-29", "2014-09-02"]
    assert result.rejected["reason"].tolist() == ["weekend_bar_without_session"]


def test_the_evening_of_a_holiday_opens_the_next_session_of_utc_days() -> None:
    """Independence Day was observed on Monday 2010-07-05; grains opened at 18:00 CT, 23:00 UTC."""
    rows = [
        ("2010-07-02", 7, 36.0, 36.5, 35.9, 36.2, 9000),
        ("2010-07-04", 7, 99.0, 99.9, 98.0, 99.0, 3),  # a Sunday whose Monday is none
        ("2010-07-05", 7, 36.4, 36.9, 36.3, 36.8, 200),
        ("2010-07-06", 7, 36.8, 37.0, 36.6, 36.7, 8000),
        ("2010-09-06", 7, 38.0, 38.1, 37.9, 38.0, 90),  # Labor Day, and nothing of Tuesday
    ]
    result = session_bars(make_bars(rows), BarOrigin("ohlcv-1d", "observed"))
    out = result.sessions
    assert list(out["data_date"].dt.strftime("%F")) == ["2010-07-02", "2010-07-06"]
    opened = out.iloc[1]
    assert (opened["open"], opened["high"], opened["low"]) == (36.4, 37.0, 36.3)
    assert (opened["close"], opened["volume"]) == (36.7, 8200)
    assert result.rejected["reason"].tolist() == [
        "weekend_bar_without_session", "holiday_bar_without_session",
    ]  # fmt: skip


def test_the_contract_with_more_volume_is_kept() -> None:
    bars = make_bars(
        [
            ("2024-01-08 01:00", 7, 48.0, 48.4, 47.9, 48.2, 100),
            ("2024-01-08 15:00", 9, 50.0, 50.4, 49.9, 50.2, 300),
        ]
    )
    out = session_bars(bars, HOURLY).sessions
    assert out["instrument_id"].tolist() == [9]
    assert out["open"].tolist() == [50.0]
    assert out["n_bars"].tolist() == [1]


def test_thin_session_stays_but_is_left_out_of_returns() -> None:
    days = pd.bdate_range("2024-01-08", periods=40)
    rows = [
        (f"{d:%F} 19:00", 7, 48.0 + i, 49.0 + i, 47.0 + i, 48.0 + i, 20 if i == 30 else 60_000)
        for i, d in enumerate(days)
    ]
    out = session_bars(make_bars(rows), HOURLY).sessions
    assert out["is_thin"].to_numpy().nonzero()[0].tolist() == [30]
    assert out["thin_reason"].notna().sum() == 1
    assert np.isnan(out["roll_free_return"].iloc[30])
    assert out["roll_free_return"].iloc[31] == pytest.approx(np.log(79 / 77))


def test_thin_rule_does_not_look_ahead() -> None:
    """A market whose volume grows later does not make its early sessions thin."""
    days = pd.bdate_range("2024-01-08", periods=120)
    rows = [
        (f"{d:%F} 19:00", 7, 48.0, 49.0, 47.0, 48.0, 100 if i < 60 else 60_000)
        for i, d in enumerate(days)
    ]
    assert not session_bars(make_bars(rows), HOURLY).sessions["is_thin"].any()


def test_limit_lock_is_told_by_pinned_bars_at_the_extreme() -> None:
    bars = make_bars(
        [
            ("2023-06-20 18:00", 7, 59.0, 59.4, 58.9, 59.3, 100),
            ("2023-06-20 19:00", 7, 59.3, 59.4, 59.1, 59.3, 100),
            ("2023-06-21 16:00", 7, 59.3, 59.3, 55.3, 55.3, 100),
            ("2023-06-21 17:00", 7, 55.3, 55.3, 55.3, 55.3, 100),
            ("2023-06-21 18:00", 7, 55.3, 55.3, 55.3, 55.3, 100),
        ]
    )
    assert session_bars(bars, HOURLY).sessions["is_limit_locked"].tolist() == [False, True]


def test_degraded_utc_days_mark_every_session_they_touch() -> None:
    bars = make_bars(
        [
            ("2014-10-02 19:00", 7, 32.0, 32.5, 31.9, 32.2, 1000),
            ("2014-10-03 01:00", 7, 32.0, 32.5, 31.9, 32.2, 1000),
            ("2014-10-06 01:00", 7, 32.0, 32.5, 31.9, 32.2, 1000),
        ]
    )
    origin = BarOrigin("ohlcv-1h", "observed", (dt.date(2014, 10, 3),))
    out = session_bars(bars, origin).sessions.set_index("data_date")["is_vendor_degraded"]
    assert out.to_dict() == {
        pd.Timestamp("2014-10-02"): False,
        pd.Timestamp("2014-10-03"): True,
        pd.Timestamp("2014-10-06"): False,
    }


def test_utc_day_bars_are_degraded_and_sunday_stubs_join_monday() -> None:
    bars = make_bars(
        [
            ("2024-01-07 00:00", 7, 48.0, 48.4, 47.9, 48.2, 100),  # Sunday stub
            ("2024-01-08 00:00", 7, 48.2, 49.0, 48.1, 48.9, 300),
        ]
    )
    out = session_bars(bars, BarOrigin("ohlcv-1d", "observed")).sessions
    assert out["data_date"].tolist() == [pd.Timestamp("2024-01-08")]
    row = out.iloc[0]
    assert (row["open"], row["close"], row["volume"]) == (48.0, 48.9, 400)
    assert row["known_at"] == pd.Timestamp("2024-01-09", tz="UTC")
    assert np.isnan(row["realized_vol_1h"])
    assert np.isnan(row["vwap"])
    assert pd.isna(row["is_limit_locked"])


def test_other_roots_are_cut_at_the_decision_time() -> None:
    """CL trades until 16:00 CT; at ZL's 13:20 only bars that ended by 13:00 are complete."""
    zl = make_bars([("2024-01-08 19:00", 7, 48.0, 48.4, 47.9, 48.2, 100)])
    cl = make_bars(
        [
            ("2024-01-08 18:00", 5, 70.0, 70.4, 69.9, 70.2, 100),
            ("2024-01-08 19:00", 5, 70.2, 71.4, 69.9, 71.2, 100),
            ("2024-01-08 21:00", 5, 71.2, 72.4, 71.0, 72.0, 100),
        ]
    ).assign(symbol="CL")
    out = session_bars(pd.concat([cl, zl]), HOURLY).sessions.set_index("symbol")
    assert out.loc["CL", "close"] == 72.0
    assert out.loc["CL", "decision_close"] == 70.2
    assert out.loc["ZL", "decision_close"] == 48.2
    assert out.loc["CL", "known_at"] > out.loc["ZL", "known_at"]


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_matches_a_bar_by_bar_oracle(seed: int) -> None:
    rng = np.random.default_rng(seed)
    hours = pd.date_range("2024-03-04", "2024-03-19", freq="h", tz="UTC")
    hours = hours[np.sort(rng.choice(len(hours), 80, replace=False))]
    low = 40 + rng.random(80).round(3)
    rows = [
        (str(t), int(rng.integers(1, 4)), lo + 0.2, lo + 0.5, lo, lo + 0.3, int(rng.integers(1, 9)))
        for t, lo in zip(hours, low, strict=True)
    ]
    bars = make_bars(rows)
    got = session_bars(bars, HOURLY).sessions.set_index("data_date")
    book: dict[dt.date, dict[int, list[tuple[str, float, float, float, float, int]]]] = {}
    for start, contract, o, h, low_, c, v in rows:
        local = pd.Timestamp(start).tz_convert("America/Chicago")
        day = (local.tz_localize(None) + pd.Timedelta(hours=7)).date()
        if day.weekday() < 5:
            book.setdefault(day, {}).setdefault(contract, []).append((start, o, h, low_, c, v))
    weekday_days = set(book)
    for start, contract, o, h, low_, c, v in rows:
        local = pd.Timestamp(start).tz_convert("America/Chicago")
        day = (local.tz_localize(None) + pd.Timedelta(hours=7)).date()
        if day.weekday() >= 5:
            monday = day + dt.timedelta(days=7 - day.weekday())
            if monday in weekday_days:
                book[monday].setdefault(contract, []).insert(0, (start, o, h, low_, c, v))
    assert sorted(book) == [d.date() for d in got.index]
    for day, contracts in book.items():
        best = min(contracts, key=lambda k: (-sum(b[5] for b in contracts[k]), k))
        kept = sorted(contracts[best])
        row = got.loc[pd.Timestamp(day)]
        assert row["instrument_id"] == best
        assert row["open"] == kept[0][1]
        assert row["close"] == kept[-1][4]
        assert row["high"] == max(b[2] for b in kept)
        assert row["low"] == min(b[3] for b in kept)
        assert row["volume"] == sum(b[5] for b in kept)
        assert row["n_bars"] == len(kept)
