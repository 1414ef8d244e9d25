"""Bars that are set aside, and why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soyoil.base.errors import SourceError
from soyoil.sources.base import BarBatch, SourceConfig, empty_quarantine
from soyoil.sources.databento.load import read_folder
from soyoil.sources.quarantine import (
    CONTENT_REASONS,
    MAX_DEFECTIVE_SHARE,
    OUTSIDE,
    SUMMARY_COLUMNS,
    quarantine_summary,
    split_duplicates,
)

Build = Callable[..., bytes]
Bars = Callable[..., list[bytes]]
Write = Callable[..., Path]

JANUARY = ("2024-01-01", "2024-02-01")
ZL = {"ZL.v.0": [("2024-01-01", "2024-01-20", 7)]}
MOMENT = "2024-01-12 01:00"


def read(path: Path, *roots: str) -> BarBatch:
    return read_folder(SourceConfig(kind="databento", path=str(path), symbols=roots or ("ZL",)))


@pytest.mark.parametrize(
    ("reason", "moment", "prices", "volume"),
    [
        ("ohlc_violation", MOMENT, (48.0, 47.9, 47.0, 47.5), 5),  # high below open
        ("ohlc_violation", MOMENT, (48.0, 48.1, 47.0, 48.2), 5),  # high below close
        ("ohlc_violation", MOMENT, (48.0, 49.0, 48.1, 48.5), 5),  # low above open
        ("ohlc_violation", MOMENT, (48.0, 49.0, 47.9, 47.8), 5),  # low above close
        ("non_positive_price", MOMENT, (48.0, 49.0, 0.0, 48.0), 5),
        ("non_positive_price", MOMENT, (-1.0, 49.0, -2.0, 48.0), 5),
        ("undefined_price", MOMENT, (48.0, None, 47.0, 48.0), 5),
        ("undefined_price", MOMENT, (None, None, None, None), 5),
        ("no_volume", MOMENT, (48.0, 48.0, 48.0, 48.0), 0),
        ("no_volume", MOMENT, (48.0, 48.0, 48.0, 48.0), 2**64 - 1),
        ("off_grid", "2024-01-12 01:00:00.000000001", (48.0, 48.0, 48.0, 48.0), 5),
        ("off_grid", "2024-01-12 01:30", (48.0, 48.0, 48.0, 48.0), 5),
        ("outside_file_range", "2023-12-31 23:00", (48.0, 48.0, 48.0, 48.0), 5),
        ("outside_file_range", "2024-02-01 00:00", (48.0, 48.0, 48.0, 48.0), 5),
        ("unmapped_date", "2024-01-20 00:00", (48.0, 48.0, 48.0, 48.0), 5),
    ],
)
def test_defective_bar(
    reason: str,
    moment: str,
    prices: tuple[float | None, ...],
    volume: int,
    make_bar: Build,
    make_bars: Bars,
    write_dbn: Write,
) -> None:
    sound = make_bars(7)
    batch = read(write_dbn("a.dbn.zst", [*sound, make_bar(moment, 7, prices, volume)], ZL))
    assert len(batch.bars) == len(sound)
    assert batch.quarantine["reason"].tolist() == [reason]
    assert reason in (OUTSIDE, *CONTENT_REASONS)
    stamp = pd.Timestamp(moment, tz="UTC").as_unit("us")
    assert batch.quarantine["ts_event"].tolist() == [stamp]
    assert batch.quarantine["file"].tolist() == ["a.dbn.zst"]
    expected = [np.nan if p is None else p for p in prices]
    got = batch.quarantine[["open", "high", "low", "close"]].to_numpy()[0]
    np.testing.assert_array_equal(got, expected)


def test_limits_of_a_sound_bar(make_bar: Build, make_bars: Bars, write_dbn: Write) -> None:
    """One print, first hour of the range, last hour of the mapping."""
    flat = (48.0, 48.0, 48.0, 48.0)
    edges = [make_bar(m, 7, flat, 1) for m in ("2024-01-01 00:00", "2024-01-19 23:00")]
    batch = read(write_dbn("a.dbn", [*make_bars(7), *edges], ZL))
    assert len(batch.bars) == 42
    assert batch.quarantine.empty


def test_energy_keeps_prices_at_and_below_zero(
    make_bar: Build, make_bars: Bars, write_dbn: Write
) -> None:
    levels = {"CL": 48.0, "HO": 2.0, "RB": 2.0, "NG": 4.0, "ES": 4700.0}
    mappings = {f"{r}.v.0": [(*JANUARY, n)] for n, r in enumerate(levels)}
    records = [r for n, x in enumerate(levels.values()) for r in make_bars(n, level=x)]
    records += [make_bar(MOMENT, n, (0.0, 1.0, -7.63, -7.63), 5) for n in range(5)]
    batch = read(write_dbn("a.dbn", records, mappings), "CL", "HO", "RB", "NG", "ES")
    assert batch.bars.groupby("symbol").size().to_dict() == {
        "CL": 41, "ES": 40, "HO": 41, "NG": 41, "RB": 41,
    }  # fmt: skip
    assert batch.quarantine[["symbol", "reason"]].to_numpy().tolist() == [
        ["ES", "non_positive_price"]
    ]


def test_a_month_downloaded_twice_collapses(
    make_bars: Bars, write_dbn: Write, tmp_path: Path
) -> None:
    write_dbn("1.dbn", make_bars(7), ZL)
    write_dbn("2.dbn.zst", make_bars(7), ZL)
    batch = read(tmp_path / "bars")
    assert len(batch.bars) == 40
    assert set(batch.quarantine["reason"]) == {"duplicate_bar"}
    assert quarantine_summary(batch.quarantine)[["file", "count"]].to_numpy().tolist() == [
        ["2.dbn.zst", 40]
    ]


def test_conflicting_copies_all_go(
    make_bar: Build, make_bars: Bars, write_dbn: Write, tmp_path: Path
) -> None:
    one, other = (48.0, 48.5, 47.5, 48.25), (48.0, 48.5, 47.5, 48.26)
    write_dbn("1.dbn", [*make_bars(7, count=60), make_bar(MOMENT, 7, one)], ZL)
    write_dbn("2.dbn", [make_bar(MOMENT, 7, other)], ZL)
    write_dbn("3.dbn", [make_bar(MOMENT, 7, one)], ZL)
    batch = read(tmp_path / "bars")
    assert len(batch.bars) == 60
    assert batch.quarantine["reason"].tolist() == ["conflicting_duplicate"] * 3
    assert batch.quarantine["file"].tolist() == ["1.dbn", "2.dbn", "3.dbn"]


def test_two_contracts_at_one_time_are_no_duplicates(make_bars: Bars, write_dbn: Write) -> None:
    both = {"ZL.v.0": [(*JANUARY, 7), (*JANUARY, 8)]}
    batch = read(write_dbn("a.dbn", make_bars(7) + make_bars(8), both))
    assert len(batch.bars) == 80
    assert batch.bars["instrument_id"].tolist()[:4] == [7, 8, 7, 8]


def test_a_defective_copy_does_not_push_out_the_sound_one(
    make_bar: Build, make_bars: Bars, write_dbn: Write, tmp_path: Path
) -> None:
    write_dbn("1.dbn", [*make_bars(7), make_bar(MOMENT, 7, volume=0)], ZL)
    write_dbn("2.dbn", [make_bar(MOMENT, 7)], ZL)
    batch = read(tmp_path / "bars")
    assert len(batch.bars) == 41
    assert batch.quarantine["reason"].tolist() == ["no_volume"]


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 2), st.integers(7, 8), st.integers(1, 2)),
        max_size=25,
    )
)
@settings(max_examples=100, deadline=None)
def test_duplicates_agree_with_brute_force(rows: list[tuple[int, int, int, int]]) -> None:
    bars = pd.DataFrame(rows, columns=["root", "ts_event", "instrument_id", "volume"]).assign(
        open=1.0, high=1.0, low=1.0, close=1.0
    )
    groups: dict[tuple[int, ...], list[int]] = {}
    for i, row in enumerate(rows):
        groups.setdefault(row[:3], []).append(i)
    kept, reasons = [], {}
    for members in groups.values():
        conflict = len({rows[i] for i in members}) > 1
        if not conflict:
            kept.append(members[0])
        for i in members[0 if conflict else 1 :]:
            reasons[i] = "conflicting_duplicate" if conflict else "duplicate_bar"
    good, bad = split_duplicates(bars)
    assert good.index.tolist() == sorted(kept)
    assert bad["reason"].to_dict() == reasons


def test_too_many_defects_refuse_the_input(
    make_bar: Build, make_bars: Bars, write_dbn: Write, tmp_path: Path
) -> None:
    """38 sound bars: 2 defects are exactly 5 % and pass, 3 do not."""
    mappings = ZL | {"CL.v.0": [(*JANUARY, 8)]}
    sound = make_bars(7, count=38) + make_bars(8, count=400, start="2024-01-02 01:00")
    bad = [make_bar(f"2024-01-12 0{h}:00", 7, volume=0) for h in range(2)]
    assert pytest.approx(0.05) == MAX_DEFECTIVE_SHARE
    write_dbn("1.dbn", sound + bad, mappings)
    assert len(read(tmp_path / "bars", "ZL", "CL").quarantine) == 2
    third = make_bar("2024-01-12 05:00", 7, (48.0, 47.0, 47.5, 48.0))
    write_dbn("2.dbn", [third], mappings)
    with pytest.raises(SourceError) as caught:
        read(tmp_path / "bars", "ZL", "CL")
    message = str(caught.value)
    assert "more than 5% of a root are defective" in message
    assert "ZL: 3 of 41 bars (no_volume 2, ohlc_violation 1) in 1.dbn, 2.dbn" in message
    assert "CL:" not in message


def test_exact_copies_do_not_count_as_defects(
    make_bar: Build, make_bars: Bars, write_dbn: Write, tmp_path: Path
) -> None:
    """Nor do they dilute the share of real ones."""
    bad = [make_bar(f"2024-01-12 0{h}:00", 7, volume=0) for h in range(3)]
    for day in (1, 2, 3):
        write_dbn(f"{day}.dbn", make_bars(7), ZL, span=(f"2023-12-0{day}", "2024-01-10"))
    assert len(read(tmp_path / "bars").quarantine) == 80
    write_dbn("4.dbn", bad, ZL)
    with pytest.raises(SourceError, match=r"ZL: 3 of 43 bars \(no_volume 3\) in 4\.dbn\."):
        read(tmp_path / "bars")


def test_a_wholly_defective_root_is_refused_by_its_defects(
    make_bar: Build, write_dbn: Write
) -> None:
    path = write_dbn("a.dbn", [make_bar(MOMENT, 7, volume=0)], ZL)
    with pytest.raises(SourceError, match=r"ZL: 1 of 1 bars \(no_volume 1\)"):
        read(path)


def test_summary_counts_by_reason_symbol_and_file() -> None:
    moments = ["2024-01-08 02:00", "2024-01-08 01:00", "2014-08-31 21:00", "2024-01-08 01:00"]
    rejected = pd.DataFrame(
        {
            "ts_event": pd.to_datetime(moments, utc=True).as_unit("us"),
            "symbol": pd.Series(["ZL", "ZL", "ZL", "CL"], dtype="str"),
            "reason": pd.Series(
                ["no_volume", "no_volume", "weekend_bar_without_session", "no_volume"], dtype="str"
            ),
            "file": pd.Series(["a.dbn", "a.dbn", np.nan, "a.dbn"], dtype="str"),
        }
    )
    summary = quarantine_summary(rejected)
    assert tuple(summary.columns) == SUMMARY_COLUMNS
    assert summary[["reason", "symbol", "file", "count"]].to_numpy().tolist() == [
        ["no_volume", "CL", "a.dbn", 1],
        ["no_volume", "ZL", "a.dbn", 2],
        ["weekend_bar_without_session", "ZL", "", 1],
    ]
    assert summary["first"].iloc[1] == pd.Timestamp("2024-01-08 01:00", tz="UTC")
    assert summary["last"].iloc[1] == pd.Timestamp("2024-01-08 02:00", tz="UTC")
    assert summary["count"].sum() == len(rejected)


def test_summary_without_files_and_without_rows() -> None:
    orphan = pd.DataFrame(
        {
            "ts_event": pd.to_datetime(["2014-08-31 21:00"], utc=True).as_unit("us"),
            "symbol": ["ZL"],
            "reason": ["weekend_bar_without_session"],
        }
    )
    assert quarantine_summary(orphan)["file"].tolist() == [""]
    empty = quarantine_summary(empty_quarantine())
    assert empty.empty
    full = quarantine_summary(orphan)
    assert empty.dtypes.to_dict() == full.dtypes.to_dict()
    together = pd.concat([empty_quarantine(), orphan], ignore_index=True)
    pd.testing.assert_frame_equal(quarantine_summary(together), full)
