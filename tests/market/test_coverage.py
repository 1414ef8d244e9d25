"""Sessions that files cut off or lack, short ones and those with quarantined bars."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soyoil.base.errors import SourceError
from soyoil.market.bars import BarOrigin, SessionBars, session_bars
from soyoil.market.conventions import BarSchema
from soyoil.market.coverage import CUT, IN_PROGRESS, covered_spans, describe_missing

CHICAGO = "America/Chicago"
Span = tuple[str, str]


def market(
    first: str, last: str, root: str = "ZL", hours: Sequence[int] = (*range(-5, 8), 8, 9, 13)
) -> pd.DataFrame:
    """Bars of every weekday at some hours of the day in Chicago, before midnight if negative."""
    days = pd.bdate_range(first, last)
    starts = [day + pd.Timedelta(hours=hour) for day in days for hour in hours]
    count = len(starts)
    time = pd.DatetimeIndex(starts).tz_localize(CHICAGO).tz_convert("UTC").as_unit("us")
    close = 48 + np.arange(count) % 7 / 100
    return pd.DataFrame(
        {
            "ts_event": time, "symbol": pd.Series([root] * count, dtype="str"),
            "instrument_id": 7, "open": close, "high": close + 0.1, "low": close - 0.1,
            "close": close, "volume": 1000,
        }
    )  # fmt: skip


def coverage(spans: Sequence[Span], declared: bool = True, root: str = "ZL") -> pd.DataFrame:
    """Ranges of files, UTC."""
    starts, ends = zip(*spans, strict=True)
    return pd.DataFrame(
        {
            "symbol": pd.Series([root] * len(spans), dtype="str"),
            "start": pd.to_datetime(starts, utc=True, format="ISO8601").as_unit("us"),
            "end": pd.to_datetime(ends, utc=True, format="ISO8601").as_unit("us"),
            "declared": declared,
        }
    )


def build(
    bars: pd.DataFrame, covered: pd.DataFrame | None, schema: BarSchema = "ohlcv-1h"
) -> SessionBars:
    return session_bars(bars, BarOrigin(schema, "observed", coverage=covered))


def until(bars: pd.DataFrame, moment: str) -> pd.DataFrame:
    return bars[bars["ts_event"] < pd.Timestamp(moment, tz="UTC")]


def dates(frame: pd.DataFrame) -> list[str]:
    return frame["data_date"].dt.strftime("%F").tolist()


WEEK = market("2015-07-06", "2015-07-17")


@pytest.mark.parametrize(
    ("end", "last"),
    [
        ("2015-07-15 15:00", "2015-07-14"),
        ("2015-07-15 18:19", "2015-07-14"),
        ("2015-07-15 18:20", "2015-07-15"),
        ("2015-07-16 00:00", "2015-07-15"),
        ("2015-07-16 01:00", "2015-07-15"),
    ],
)
def test_a_session_in_progress_is_set_aside(end: str, last: str) -> None:
    """ZL closes at 13:20 in Chicago, 18:20 UTC in summer."""
    result = build(until(WEEK, end), coverage([("2015-07-01", end)]))
    assert dates(result.sessions)[-1] == last
    assert set(result.rejected["reason"]) <= {IN_PROGRESS}
    whole = build(WEEK, None).sessions
    expected = whole[whole["data_date"] <= last].reset_index(drop=True)
    pd.testing.assert_frame_equal(result.sessions, expected)


def test_a_session_that_the_range_begins_in_is_set_aside() -> None:
    bars = WEEK[WEEK["ts_event"] >= pd.Timestamp("2015-07-07 02:00", tz="UTC")]
    result = build(bars, coverage([("2015-07-07 02:00", "2015-07-18")]))
    assert dates(result.sessions)[0] == "2015-07-08"
    assert set(result.rejected["reason"]) == {CUT}
    # It opens at 19:00 the day before, midnight UTC.
    result = build(WEEK, coverage([("2015-07-06", "2015-07-18")]))
    assert dates(result.sessions)[0] == "2015-07-06"


def test_files_that_follow_each_other_cut_nothing() -> None:
    """Files of UTC days end in the middle of sessions of CL, and the next goes on."""
    bars = market("2024-01-08", "2024-01-19", "CL", range(-7, 16))
    days = [str(day.date()) for day in pd.date_range("2024-01-07", "2024-01-20")]
    result = build(bars, coverage(list(pairwise(days)), root="CL"))
    assert len(result.sessions) == 10
    assert result.rejected.empty
    assert result.missing.empty
    spans = [s for s in pairwise(days) if s[0] != "2024-01-10"]
    gone = bars["ts_event"].dt.strftime("%F") == "2024-01-10"
    result = build(bars[~gone], coverage(spans, root="CL"))
    assert result.rejected.groupby("reason").size().to_dict() == {IN_PROGRESS: 1, CUT: 22}
    assert {"2024-01-10", "2024-01-11"}.isdisjoint(dates(result.sessions))


def test_daily_files_whose_first_hour_never_trades_are_whole_to_the_newest() -> None:
    """A file that declares no range, as CSV, begins with its first bar."""
    bars = market("2015-07-06", "2015-07-31", hours=range(-4, 14))
    by_day = bars["ts_event"].groupby(bars["ts_event"].dt.strftime("%F")).agg(["min", "max"])
    spans = [(str(a), str(b + pd.Timedelta(hours=1))) for a, b in by_day.to_numpy()]
    covered = coverage(spans, declared=False)
    result = build(bars, covered)
    assert dates(result.sessions)[-1] == "2015-07-31"
    assert len(result.sessions) == 20
    # A file that begins later than is usual is cut all the same.
    late = bars[(bars["ts_event"] < "2015-07-30") | (bars["ts_event"].dt.hour > 8)]
    spans[-2:] = [(f"{day} 09:00", f"{day} 19:00") for day in ("2015-07-30", "2015-07-31")]
    result = build(late, coverage(spans, declared=False))
    assert dates(result.sessions)[-1] == "2015-07-29"
    assert set(result.rejected["reason"]) == {CUT}


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=12, deadline=None)
def test_declared_ranges_against_a_minute_by_minute_oracle(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bars = market("2024-03-04", "2024-03-15")  # over the change to daylight saving
    hours = np.sort(rng.choice(24 * 14, 2 * int(rng.integers(1, 6)), replace=False)).reshape(-1, 2)
    begin = pd.Timestamp("2024-03-03", tz="UTC")
    spans = [tuple(begin + pd.Timedelta(hours=int(hour)) for hour in pair) for pair in hours]
    time = bars["ts_event"]
    inside = np.any([(time >= start) & (time < end) for start, end in spans], axis=0)
    bars = bars[inside].reset_index(drop=True)
    minutes = pd.date_range(begin, periods=60 * 24 * 16, freq="min")
    covered = np.any([(minutes >= start) & (minutes < end) for start, end in spans], axis=0)
    whole, held = set(), set()
    for day in pd.bdate_range("2024-03-04", "2024-03-15"):
        opens = (day - pd.Timedelta(hours=5)).tz_localize(CHICAGO)
        closes = (day + pd.Timedelta(hours=13, minutes=20)).tz_localize(CHICAGO)
        if ((bars["ts_event"] >= opens) & (bars["ts_event"] < closes)).any():
            held.add(f"{day:%F}")
            if covered[(minutes >= opens) & (minutes < closes)].all():
                whole.add(f"{day:%F}")
    if not held:
        return
    texts = [(str(start), str(end)) for start, end in spans]
    result = build(bars, coverage(texts))
    assert set(dates(result.sessions)) == whole
    ids = pd.to_datetime(result.rejected["ts_event"]).dt.tz_convert(CHICAGO)
    lost = (ids.dt.tz_localize(None) + pd.Timedelta(hours=7)).dt.strftime("%F")
    assert set(lost) == held - whole
    assert len(result.rejected) + result.sessions["n_bars"].sum() == len(bars)
    first, last = spans[0][0], spans[-1][1]
    expected = {
        f"{day:%F}"
        for day in pd.bdate_range("2024-03-04", "2024-03-15")
        if (day - pd.Timedelta(hours=5)).tz_localize(CHICAGO) >= first
        and (day + pd.Timedelta(hours=13, minutes=20)).tz_localize(CHICAGO) <= last
    }
    assert set(dates(result.missing)) == expected - held


def test_ranges_are_joined_and_keep_what_says_so() -> None:
    one = coverage([("2024-01-01", "2024-01-03"), ("2024-01-02", "2024-01-02 12:00")])
    other = coverage([("2024-01-03", "2024-01-04"), ("2024-01-05", "2024-01-06")], declared=False)
    spans = covered_spans(pd.concat([one, other]))
    assert spans["start"].dt.strftime("%d").tolist() == ["01", "05"]
    assert spans["end"].dt.strftime("%d").tolist() == ["04", "06"]
    assert spans["start_declared"].tolist() == [True, False]
    assert spans["end_declared"].tolist() == [False, False]


def undeclared(bars: pd.DataFrame, root: str = "ZL") -> pd.DataFrame:
    last = bars["ts_event"].max() + pd.Timedelta(hours=1)
    return coverage([(str(bars["ts_event"].min()), str(last))], declared=False, root=root)


def test_a_csv_that_stops_before_the_close_lacks_its_last_session() -> None:
    cut = until(WEEK, "2015-07-15 14:30")
    result = build(cut, undeclared(cut))
    assert dates(result.sessions)[-1] == "2015-07-14"
    assert set(result.rejected["reason"]) == {IN_PROGRESS}
    result = build(WEEK, undeclared(WEEK))
    assert len(result.sessions) == 10
    assert result.rejected.empty


def test_a_csv_that_starts_in_a_session_lacks_it() -> None:
    late = WEEK[WEEK["ts_event"] >= pd.Timestamp("2015-07-07 08:00", tz="UTC")]
    result = build(late, undeclared(late))
    assert dates(result.sessions)[0] == "2015-07-08"
    assert set(result.rejected["reason"]) == {CUT}


def test_a_csv_may_end_with_an_early_close() -> None:
    """The day after Thanksgiving ended at 12:05; five hours earlier it had not."""
    days = market("2023-11-01", "2023-11-22")
    short = market("2023-11-24", "2023-11-24", hours=(8, 9, 10, 11, 12))
    eve = pd.concat([days, short], ignore_index=True)
    result = build(eve, undeclared(eve))
    assert dates(result.sessions)[-1] == "2023-11-24"
    assert not result.sessions["is_short"].any()
    assert result.sessions["event_time"].iloc[-1] == pd.Timestamp("2023-11-24 18:05", tz="UTC")
    cut = until(eve, "2023-11-24 16:00")
    assert dates(build(cut, undeclared(cut)).sessions)[-1] == "2023-11-22"


def test_hours_without_trade_are_no_cut() -> None:
    """A root whose sessions often end two hours before the close may end so at last."""
    rng = np.random.default_rng(5)
    bars = market("2024-01-08", "2024-05-31", "6L", range(-7, 16))
    local = bars["ts_event"].dt.tz_convert(CHICAGO)
    day = ((local.dt.tz_localize(None) + pd.Timedelta(hours=7)).dt.normalize()).astype("str")
    ends = {d: int(rng.choice([13, 14, 15])) for d in day.unique()}
    kept = (local.dt.hour <= day.map(ends)) | (local.dt.hour >= 17)
    last = day == "2024-05-31"
    thin = bars[kept & ~(last & (local.dt.hour > 13))]
    result = build(thin, undeclared(thin, "6L"))
    assert dates(result.sessions)[-1] == "2024-05-31"
    assert not result.sessions["is_short"].iloc[30:].any()
    cut = thin[~(last.reindex(thin.index) & (local.reindex(thin.index).dt.hour > 9))]
    cut = cut[cut["ts_event"] < pd.Timestamp("2024-05-31 15:00", tz="UTC")]
    assert dates(build(cut, undeclared(cut, "6L")).sessions)[-1] == "2024-05-30"


def test_daily_bars_are_whole_when_the_range_holds_the_utc_day() -> None:
    days = pd.bdate_range("2024-01-08", "2024-01-12", tz="UTC").as_unit("us")
    bars = market("2024-01-08", "2024-01-12", hours=(0,)).assign(ts_event=days)
    for end, last in (("2024-01-12 15:00", "2024-01-11"), ("2024-01-13", "2024-01-12")):
        result = build(bars, coverage([("2024-01-08", end)]), "ohlcv-1d")
        assert dates(result.sessions)[-1] == last
        assert result.sessions["is_short"].isna().all()
    assert len(build(bars, undeclared(bars), "ohlcv-1d").sessions) == 5


def test_missing_sessions_are_named() -> None:
    bars = market("2023-02-01", "2023-03-31")
    session = (bars["ts_event"].dt.tz_convert(CHICAGO) + pd.Timedelta(hours=7)).dt.strftime("%F")
    # The exchange rests on Presidents' Day, 2023-02-20.
    gone = ["2023-02-15", "2023-02-20", "2023-03-01", "2023-03-02"]
    result = build(bars[~session.isin(gone)], coverage([("2023-02-01", "2023-04-03")]))
    assert dates(result.missing) == ["2023-02-15", "2023-03-01", "2023-03-02"]
    assert describe_missing(result.missing) == [
        "ZL: 3 sessions missing: 2023-02-15, 2023-03-01, 2023-03-02"
    ]
    both = pd.concat([result.missing, result.missing.assign(symbol="ZS")])
    assert describe_missing(both, shown=1) == ["ZL, ZS: 3 sessions missing: 2023-02-15 and 2 more"]
    assert describe_missing(result.missing.iloc[:0]) == []


def test_sessions_at_the_ends_of_a_declared_range_are_missed_too() -> None:
    bars = market("2023-02-06", "2023-02-10")
    result = build(bars, coverage([("2023-02-02", "2023-02-15")]))
    assert dates(result.missing) == ["2023-02-02", "2023-02-03", "2023-02-13", "2023-02-14"]


def test_a_short_session_is_marked() -> None:
    """2023-02-15 has no bar after 11:00 and is no eve of a holiday."""
    bars = market("2023-02-01", "2023-02-28", hours=(-5, 8, 9, 11, 12, 13))
    local = bars["ts_event"].dt.tz_convert(CHICAGO)
    short = local.dt.strftime("%F") == "2023-02-15"
    out = build(bars[~(short & (local.dt.hour > 11))], None).sessions
    assert dates(out[out["is_short"].astype(bool)]) == ["2023-02-15"]
    out = build(bars[~(short & (local.dt.hour > 12))], None).sessions
    assert dates(out[out["is_short"].astype(bool)]) == ["2023-02-15"]
    assert not out["is_incomplete"].any()


@pytest.mark.parametrize(
    "reason",
    ["conflicting_duplicate", "undefined_price", "ohlc_violation", "no_volume", "off_grid",
     "unmapped_date", "implausible_price"],
)  # fmt: skip
def test_a_quarantined_last_bar_moves_no_decision(reason: str) -> None:
    bars = market("2023-02-13", "2023-02-17")
    gone = bars["ts_event"] == pd.Timestamp("2023-02-15 19:00", tz="UTC")
    lost = bars[gone].assign(reason=reason)
    origin = BarOrigin("ohlcv-1h", "observed", set_aside=lost)
    out = session_bars(bars[~gone], origin).sessions.set_index("data_date")
    row = out.loc[pd.Timestamp("2023-02-15")]
    close = pd.Timestamp("2023-02-15 19:20", tz="UTC")
    assert (row["decision_time"], row["known_at"], row["event_time"]) == (close, close, close)
    assert row["is_incomplete"]
    assert not row["is_short"]
    assert out["is_incomplete"].sum() == 1
    whole = session_bars(bars, BarOrigin("ohlcv-1h", "observed")).sessions.set_index("data_date")
    assert out["decision_time"].equals(whole["decision_time"])


def test_a_quarantined_last_bar_of_another_root_moves_no_knowledge_time() -> None:
    bars = market("2023-02-13", "2023-02-17", "CL", range(-7, 16))
    gone = bars["ts_event"] >= pd.Timestamp("2023-02-17 20:00", tz="UTC")
    lost = bars[gone].assign(reason="conflicting_duplicate")
    origin = BarOrigin("ohlcv-1h", "observed", set_aside=lost)
    out = session_bars(bars[~gone], origin).sessions
    assert out["known_at"].iloc[-1] == pd.Timestamp("2023-02-17 22:00", tz="UTC")


@pytest.mark.parametrize("reason", ["duplicate_bar", "unfinished_bar", "outside_file_range"])
def test_copies_and_strays_do_not_mark_a_session(reason: str) -> None:
    bars = market("2023-02-13", "2023-02-17")
    lost = bars.iloc[[20]].assign(reason=reason)
    origin = BarOrigin("ohlcv-1h", "observed", set_aside=lost)
    assert not session_bars(bars, origin).sessions["is_incomplete"].any()


def test_an_early_close_with_a_quarantined_last_bar_stays_one() -> None:
    days = market("2023-11-01", "2023-11-22")
    short = market("2023-11-24", "2023-11-24", hours=(8, 9, 10, 11))
    lost = market("2023-11-24", "2023-11-24", hours=(12,)).assign(reason="no_volume")
    origin = BarOrigin("ohlcv-1h", "observed", set_aside=lost)
    bars = pd.concat([days, short], ignore_index=True)
    row = session_bars(bars, origin).sessions.iloc[-1]
    assert row["decision_time"] == pd.Timestamp("2023-11-24 18:05", tz="UTC")
    assert row["is_incomplete"]


def test_volumes_are_added_exactly_or_refused() -> None:
    bars = market("2023-02-13", "2023-02-17")
    exact = bars.assign(volume=np.where(np.arange(len(bars)) == 3, 2**60 + 1, 1))
    assert build(exact, None).sessions["volume"].iloc[0] == 2**60 + 1 + 15
    with pytest.raises(SourceError, match=r"bars of ZL on 2023-02-13 hold 7.*e\+19 lots"):
        build(bars.assign(volume=2**62), None)


def test_sessions_that_are_all_cut_leave_none() -> None:
    bars = until(WEEK, "2015-07-06 12:00")
    result = build(bars, coverage([("2015-07-05", "2015-07-06 12:00")]))
    assert result.sessions.empty
    assert len(result.rejected) == len(bars)
    assert result.missing.empty
