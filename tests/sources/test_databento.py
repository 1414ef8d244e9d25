"""Databento folders: what is kept, what is refused."""

from __future__ import annotations

import datetime as dt
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import databento_dbn as dbn
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from databento import DBNStore
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soyoil.base.errors import ConfigError, SourceError
from soyoil.market.bars import BarOrigin, session_bars
from soyoil.sources import load_bars
from soyoil.sources.base import (
    BAR_COLUMNS,
    QUARANTINE_COLUMNS,
    BarBatch,
    SourceConfig,
    empty_quarantine,
)
from soyoil.sources.databento.dbn import read_dbn, records_in
from soyoil.sources.databento.load import conditions, list_files, read_folder
from soyoil.sources.databento.symbols import DAY_NS, SymbolMap, parse_continuous

Build = Callable[..., bytes]
Bars = Callable[..., list[bytes]]
Write = Callable[..., Path]

JANUARY = ("2024-01-01", "2024-02-01")
ZL = {"ZL.v.0": [(*JANUARY, 7)]}


def read(path: Path, *roots: str) -> BarBatch:
    return read_folder(SourceConfig(kind="databento", path=str(path), symbols=roots or ("ZL",)))


def refusal(path: Path, *roots: str) -> str:
    with pytest.raises(SourceError) as caught:
        read(path, *roots)
    return str(caught.value)


# Content.


def test_bars_come_sorted_in_quoted_units_with_the_documented_types(
    make_bar: Build, write_dbn: Write, tmp_path: Path
) -> None:
    mappings = {"ZS.v.0": [(*JANUARY, 3)], "ZL.v.0": [(*JANUARY, 7)], "ES.v.0": [(*JANUARY, 9)]}
    records = [
        make_bar("2024-01-08 15:00", 3, (1250.25, 1251.0, 1249.5, 1250.75), 11),
        make_bar("2024-01-08 15:00", 9, (4700.0, 4701.0, 4699.0, 4700.25), 12),
        make_bar("2024-01-08 16:00", 7, (48.1, 48.2, 48.0, 48.15), 13),
        make_bar("2024-01-08 15:00", 7, (48.3, 48.4, 48.05, 48.1), 14),
    ]
    write_dbn("a.ohlcv-1h.dbn.zst", records, mappings)
    done: list[tuple[int, int]] = []
    source = SourceConfig(kind="databento", path=str(tmp_path / "bars"), symbols=("ZS", "ZL"))
    batch = load_bars(source, lambda i, n: done.append((i, n)))
    expected = pd.DataFrame(
        {
            "ts_event": pd.to_datetime(
                ["2024-01-08 15:00", "2024-01-08 16:00", "2024-01-08 15:00"], utc=True
            ).as_unit("us"),
            "symbol": pd.Series(["ZL", "ZL", "ZS"], dtype="str"),
            "instrument_id": [7, 7, 3],
            "open": [48.3, 48.1, 1250.25],
            "high": [48.4, 48.2, 1251.0],
            "low": [48.05, 48.0, 1249.5],
            "close": [48.1, 48.15, 1250.75],
            "volume": [14, 13, 11],
        }
    )
    pd.testing.assert_frame_equal(batch.bars, expected)
    assert tuple(batch.bars.columns) == BAR_COLUMNS
    assert (batch.schema, batch.provenance) == ("ohlcv-1h", "observed")
    pd.testing.assert_frame_equal(batch.quarantine, empty_quarantine())
    assert done == [(1, 1)]


def test_progress_counts_files(make_bars: Bars, write_dbn: Write, tmp_path: Path) -> None:
    write_dbn("b.dbn", make_bars(7, "2024-01-10 01:00"), ZL)
    write_dbn("a.dbn.zst", make_bars(7), ZL)
    done: list[tuple[int, int]] = []
    source = SourceConfig(kind="databento", path=str(tmp_path / "bars"))
    read_folder(source, lambda i, n: done.append((i, n)))
    assert done == [(1, 2), (2, 2)]


def test_one_file_may_be_the_path(make_bars: Bars, write_dbn: Write) -> None:
    write_dbn("other.dbn", make_bars(7, "2024-01-10 01:00"), ZL)
    assert len(read(write_dbn("a.dbn.zst", make_bars(7), ZL)).bars) == 40


def test_a_file_reads_as_the_vendor_reads_it(make_bars: Bars, write_dbn: Write) -> None:
    """Databento's own reader, with its own symbol mapping, is the oracle."""
    mappings = {
        "ZL.v.0": [("2024-01-01", "2024-01-09", 7), ("2024-01-09", "2024-02-01", 8)],
        "CL.v.0": [("2024-01-01", "2024-01-09", 8), ("2024-01-09", "2024-02-01", 7)],
        "ES.v.0": [(*JANUARY, 9)],
    }
    records = make_bars(7) + make_bars(8, level=50.0) + make_bars(9, level=4700.0)
    path = write_dbn("a.dbn.zst", records, mappings)
    theirs = DBNStore.from_file(path).to_df(map_symbols=True).reset_index()
    theirs = theirs[theirs["symbol"] != "ES.v.0"]
    theirs["symbol"] = theirs["symbol"].str.removesuffix(".v.0")
    theirs = theirs.sort_values(["symbol", "ts_event", "instrument_id"], ignore_index=True)
    ours = read(path, "ZL", "CL").bars
    theirs = theirs[list(BAR_COLUMNS)].astype(ours.dtypes.to_dict())
    pd.testing.assert_frame_equal(ours, theirs)
    assert set(ours["instrument_id"]) == {7, 8}


def test_records_of_other_roots_never_leave_the_file(make_bars: Bars, write_dbn: Write) -> None:
    mappings = {f"{root}.v.0": [(*JANUARY, n)] for n, root in enumerate(["ZL", "ES", "CL", "GC"])}
    records = [r for n in range(4) for r in make_bars(n, count=50)]
    path = write_dbn("a.dbn.zst", records, mappings)
    file = read_dbn(path, ("CL", "ZL"))
    assert file.records == 200
    assert file.bars["instrument_id"].value_counts().to_dict() == {0: 50, 2: 50}
    batch = read(path, "ZL", "CL")
    assert batch.bars.groupby("symbol")["instrument_id"].unique().map(list).to_dict() == {
        "CL": [2],
        "ZL": [0],
    }


def test_a_contract_id_belongs_to_a_root_only_within_its_interval(
    make_bar: Build, write_dbn: Write
) -> None:
    """Contract 7 is ZL on the 8th, CL on the 9th, ZL again on the 10th."""
    mappings = {
        "ZL.v.0": [("2024-01-08", "2024-01-09", 7), ("2024-01-10", "2024-01-11", 7)],
        "CL.v.0": [("2024-01-09", "2024-01-10", 7)],
    }
    records = [
        make_bar(f"2024-01-{day} {hour}:00", 7) for day in ("08", "09", "10") for hour in ("00", 23)
    ]
    path = write_dbn("a.dbn", records, mappings)
    for root, days in {"ZL": [8, 8, 10, 10], "CL": [9, 9]}.items():
        batch = read(path, root)
        assert batch.bars["ts_event"].dt.day.tolist() == days
        assert batch.quarantine.empty


intervals = st.lists(
    st.tuples(
        st.integers(1, 4),  # contract
        st.integers(0, 6),  # first day
        st.integers(1, 4),  # days
        st.sampled_from(["ZL.v.0", "ZS.v.0", "ZL.v.1", "CL.v.0"]),
    ),
    max_size=8,
)
records_of = st.lists(st.tuples(st.integers(1, 5), st.integers(0, 10 * 24 - 1)), max_size=30)


@given(intervals, records_of)
@settings(max_examples=150, deadline=None)
def test_symbol_map_agrees_with_brute_force(
    spans: list[tuple[int, int, int, str]], records: list[tuple[int, int]]
) -> None:
    origin = dt.date(2024, 1, 1)
    mappings: dict[str, list[object]] = {}
    for contract, first, days, symbol in spans:
        start = origin + dt.timedelta(days=first)
        mappings.setdefault(symbol, []).append(
            {
                "start_date": start,
                "end_date": start + dt.timedelta(days=days),
                "symbol": str(contract),
            }
        )
    wanted = {"ZL.v.0": 0, "ZS.v.0": 1}
    expected = set()
    for row, (contract, hour) in enumerate(records):
        own = [s for s in spans if s[0] == contract]
        hits = [s for s in own if s[1] <= hour // 24 < s[1] + s[2]]
        mine = {wanted[s[3]] for s in hits if s[3] in wanted}
        expected |= {(row, root, True) for root in mine}
        stray = [wanted[s[3]] for s in own if s[3] in wanted]
        if not hits and stray:
            expected.add((row, "any", False))
    base = (origin - dt.date(1970, 1, 1)).days * DAY_NS
    time = np.array([base + hour * DAY_NS // 24 for _, hour in records], dtype=np.int64)
    ids = np.array([contract for contract, _ in records], dtype=np.int64)
    found = SymbolMap(mappings, ("ZL", "ZS")).assign(time, ids)  # type: ignore[arg-type]
    got = {
        (row, root if mapped else "any", mapped)
        for row, root, mapped in found.itertuples(index=False)
    }
    assert got == expected
    assert found["row"].is_monotonic_increasing


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("ZL.v.0", ("ZL", "v", 0)),
        ("6E.c.12", ("6E", "c", 12)),
        ("ZL.FUT", None),
        ("ZLH4", None),
        ("ZL.x.0", None),
        ("ZL.v.0 ", None),
    ],
)
def test_continuous_symbols_are_told_from_others(text: str, parsed: object) -> None:
    found = parse_continuous(text)
    assert (found and (found.root, found.rule, found.rank)) == parsed


@pytest.mark.parametrize("rule", ["v", "c", "n"])
def test_every_roll_rule_is_read(rule: str, make_bars: Bars, write_dbn: Write) -> None:
    path = write_dbn("a.dbn", make_bars(7), {f"ZL.{rule}.0": [(*JANUARY, 7)]})
    assert set(read(path).bars["symbol"]) == {"ZL"}


def test_other_ranks_beside_rank_zero_are_ignored(make_bars: Bars, write_dbn: Write) -> None:
    records = make_bars(7) + make_bars(8)
    path = write_dbn("a.dbn", records, ZL | {"ZL.v.1": [(*JANUARY, 8)]})
    batch = read(path)
    assert set(batch.bars["instrument_id"]) == {7}
    assert batch.quarantine.empty


def test_daily_bars_are_read_as_such(make_bar: Build, write_dbn: Write) -> None:
    records = [make_bar(f"2024-01-{day:02d}", 7, rtype=dbn.RType.OHLCV_1D) for day in range(8, 13)]
    batch = read(write_dbn("a.dbn.zst", records, ZL, schema=dbn.Schema.OHLCV_1D))
    assert (batch.schema, len(batch.bars)) == ("ohlcv-1d", 5)
    assert batch.quarantine.empty


def test_several_zstd_frames_are_one_file(make_bars: Bars, encode: Build, tmp_path: Path) -> None:
    """Databento writes a frame per day."""
    content = encode(make_bars(7), ZL)
    cuts = [0, len(content) - 30 * 56, len(content) - 17 * 56, len(content)]
    codec = pa.Codec("zstd")
    frames = [codec.compress(content[a:b], asbytes=True) for a, b in zip(cuts, cuts[1:])]  # noqa: B905, RUF007
    path = tmp_path / "a.dbn.zst"
    path.write_bytes(b"".join(frames))
    assert len(read(path).bars) == 40


def test_chunks_do_not_show(
    make_bars: Bars, write_dbn: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = make_bars(7) + make_bars(8)
    path = write_dbn("a.dbn.zst", records, ZL | {"CL.v.0": [(*JANUARY, 8)]})
    whole = read(path, "ZL", "CL").bars
    monkeypatch.setattr("soyoil.sources.databento.dbn._CHUNK_RECORDS", 3)
    pd.testing.assert_frame_equal(read(path, "ZL", "CL").bars, whole)


def test_short_reads_do_not_split_records(make_bars: Bars, tmp_path: Path) -> None:
    """A stream may give fewer bytes than it was asked for."""

    class Trickle:
        def __init__(self, content: bytes) -> None:
            self.rest = content

        def read(self, _: int) -> bytes:
            head, self.rest = self.rest[:100], self.rest[100:]
            return head

    content = b"".join(make_bars(7))
    parts = list(records_in(Trickle(content), tmp_path, "ohlcv-1h"))
    assert b"".join(part.tobytes() for part in parts) == content


def test_a_root_that_begins_later_is_fine(
    make_bars: Bars, write_dbn: Write, tmp_path: Path
) -> None:
    write_dbn("1.dbn", make_bars(7), ZL | {"MES.v.0": []})
    february = ("2024-02-01", "2024-03-01")
    both = {"ZL.v.0": [(*february, 7)], "MES.v.0": [(*february, 9)]}
    later = make_bars(7, "2024-02-05 01:00") + make_bars(9, "2024-02-05 01:00", level=4700.0)
    write_dbn("2.dbn", later, both, span=("2024-02-01", "2024-02-07"))
    counts = read(tmp_path / "bars", "MES", "ZL").bars["symbol"].value_counts()
    assert counts.to_dict() == {"ZL": 80, "MES": 40}


def test_session_bars_accept_the_batch(make_bars: Bars, write_dbn: Write) -> None:
    batch = read(write_dbn("a.dbn.zst", make_bars(7), ZL))
    origin = BarOrigin(batch.schema, batch.provenance, batch.degraded_days)
    sessions = session_bars(batch.bars, origin).sessions
    assert sessions["data_date"].dt.strftime("%F").tolist() == ["2024-01-08", "2024-01-09"]


# What the folder holds besides bars.


def test_companions_and_other_files_are_ignored(
    make_bars: Bars, write_dbn: Write, tmp_path: Path
) -> None:
    folder = write_dbn("a.dbn.zst", make_bars(7), ZL).parent
    for name in ("README.md", "manifest.json", "metadata.json", "symbology.json", "._a.dbn.zst"):
        (folder / name).write_text("not bars")
    (folder / "old").mkdir()
    assert [p.name for p in list_files(folder)] == ["a.dbn.zst"]
    assert len(read(folder).bars) == 40


def test_degraded_days_come_from_the_package_and_the_folder(
    make_bars: Bars, write_dbn: Write
) -> None:
    folder = write_dbn("a.dbn.zst", make_bars(7), ZL).parent
    known = tuple(dt.date.fromisoformat(d) for d in (
        "2014-06-11", "2014-06-12", "2014-10-03", "2020-02-28"
    ))  # fmt: skip
    assert read(folder).degraded_days == known
    (folder / "condition.json").write_text(
        '[{"date": "2024-01-08", "condition": "available", "last_modified_date": "2024-01-09"},'
        ' {"date": "2024-01-09", "condition": "degraded", "last_modified_date": "2024-01-10"},'
        ' {"date": "2014-06-11", "condition": "degraded", "last_modified_date": null}]'
    )
    assert read(folder).degraded_days == (*known, dt.date(2024, 1, 9))
    assert read(folder / "a.dbn.zst").degraded_days == (*known, dt.date(2024, 1, 9))


@pytest.mark.parametrize("text", ["", "{}x", '[{"date": "soon", "condition": "degraded"}]', "[1]"])
def test_a_broken_condition_file_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "condition.json").write_text(text)
    with pytest.raises(SourceError, match=r"condition\.json is not Databento's list of days"):
        conditions(tmp_path)


def test_long_silence_is_named(
    make_bars: Bars, write_dbn: Write, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_dbn("1.dbn", make_bars(7, "2024-01-08 01:00"), ZL, span=("2024-01-01", "2024-01-10"))
    with caplog.at_level(logging.WARNING):
        read(tmp_path / "bars")
    assert not caplog.records
    write_dbn("2.dbn", make_bars(7, "2024-01-29 01:00"), ZL)
    with caplog.at_level(logging.WARNING):
        read(tmp_path / "bars")
    assert "ZL: silent for more than 6 days (1 times), longest 2024-01-09 16:00 to" in caplog.text


# Refusals of the folder.


def test_missing_path(tmp_path: Path) -> None:
    assert "nowhere does not exist; soyoil reads Databento bars" in refusal(tmp_path / "nowhere")


def test_empty_folder(tmp_path: Path) -> None:
    assert f"No Databento file at {tmp_path}, only nothing; soyoil reads" in refusal(tmp_path)


def test_folder_of_parquet_only(tmp_path: Path) -> None:
    pd.DataFrame({"symbol": ["ZL"], "close": [48.0]}).to_parquet(tmp_path / "prices.parquet")
    for path in (tmp_path, tmp_path / "prices.parquet"):
        message = refusal(path)
        assert "only prices.parquet; soyoil reads Databento bars of schema ohlcv-1h" in message
        assert "*.dbn.zst" in message


def test_files_in_a_subfolder_only(make_bars: Bars, write_dbn: Write, tmp_path: Path) -> None:
    write_dbn("a.dbn.zst", make_bars(7), ZL)
    message = refusal(tmp_path)
    assert "only bars/" in message
    assert "Subfolders are not searched" in message


def test_unreadable_folder_and_file(
    make_bars: Bars, write_dbn: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Simulated, because an administrator may read everything."""
    path = write_dbn("a.dbn.zst", make_bars(7), ZL)

    def denied(*_: object, **__: object) -> object:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", denied)
        assert refusal(path).startswith(f"Cannot read {path}: Permission denied. Check")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "iterdir", denied)
        message = refusal(path.parent)
        assert message.startswith(f"Cannot read source.path {path.parent}: Permission denied")


def test_dangling_link(make_bars: Bars, write_dbn: Write) -> None:
    folder = write_dbn("a.dbn.zst", make_bars(7), ZL).parent
    (folder / "b.dbn.zst").symlink_to(folder / "gone")
    assert f"Cannot read {folder / 'b.dbn.zst'}: No such file" in refusal(folder)


def test_root_in_no_file_names_those_that_are(make_bars: Bars, write_dbn: Write) -> None:
    path = write_dbn("a.dbn", make_bars(7), ZL | {"CL.v.0": [(*JANUARY, 8)], "ES.v.0": []})
    message = refusal(path, "ZL", "ES", "6L")
    assert message.startswith(f"No bar of 6L, ES in {path}. Roots there: CL, ZL. Download 6L.v.0")
    assert "leave 6L, ES out of source.symbols" in message


def test_root_with_a_mapping_but_no_record(make_bars: Bars, write_dbn: Write) -> None:
    path = write_dbn("a.dbn", make_bars(7), ZL | {"CL.v.0": [(*JANUARY, 8)]})
    message = refusal(path, "ZL", "CL")
    assert "CL has a symbol mapping, but no record. Roots there: ZL." in message


def test_unknown_root_is_a_matter_of_configuration(make_bars: Bars, write_dbn: Write) -> None:
    path = write_dbn("a.dbn", make_bars(7), ZL)
    with pytest.raises(ConfigError, match="Did you mean"):
        read(path, "ZLL")


def test_higher_rank_only(make_bars: Bars, write_dbn: Write) -> None:
    message = refusal(write_dbn("a.dbn", make_bars(7), {"ZL.v.1": [(*JANUARY, 7)]}))
    assert "Only ZL.v.1 is there, which is not the front (rank 0)" in message
    assert "Download ZL.v.0" in message


def test_two_roll_rules_of_one_root(make_bars: Bars, write_dbn: Write, tmp_path: Path) -> None:
    write_dbn("1.dbn", make_bars(7), ZL)
    write_dbn("2.dbn", make_bars(7, "2024-01-15 01:00"), {"ZL.c.0": [(*JANUARY, 7)]})
    message = refusal(tmp_path / "bars")
    assert "ZL occurs under two roll rules: ZL.v.0 (volume) in" in message
    assert "ZL.c.0 (calendar) in 2.dbn" in message


def test_two_roll_rules_within_one_file(make_bars: Bars, write_dbn: Write) -> None:
    path = write_dbn("a.dbn", make_bars(7), ZL | {"ZL.n.0": [(*JANUARY, 7)]})
    assert "ZL.n.0 (open interest)" in refusal(path)


def test_roots_may_differ_in_their_rule(make_bars: Bars, write_dbn: Write) -> None:
    path = write_dbn("a.dbn", make_bars(7) + make_bars(8), ZL | {"CL.c.0": [(*JANUARY, 8)]})
    assert len(read(path, "ZL", "CL").bars) == 80


@pytest.mark.parametrize(
    ("symbol", "stype", "words"),
    [
        ("ZL.FUT", dbn.SType.PARENT, "as ZL.FUT with stype_in=parent: every outright and every"),
        ("ZLH4", dbn.SType.RAW_SYMBOL, "as ZLH4 with stype_in=raw_symbol: single contracts"),
    ],
)
def test_other_symbology(
    symbol: str, stype: dbn.SType, words: str, make_bars: Bars, write_dbn: Write
) -> None:
    path = write_dbn("a.dbn.zst", make_bars(7), {symbol: [(*JANUARY, 7)]}, stype_in=stype)
    message = refusal(path)
    assert message.startswith(f"{path} was requested {words}")
    assert "Download ROOT.v.0 (for example ZL.v.0) with stype_in=continuous" in message
    assert "belong in a folder of their own, for external.curve.path" in message


def test_hourly_and_daily_in_one_folder(
    make_bar: Build, make_bars: Bars, write_dbn: Write, tmp_path: Path
) -> None:
    write_dbn("a.ohlcv-1h.dbn", make_bars(7), ZL)
    daily = [make_bar("2024-01-08", 7, rtype=dbn.RType.OHLCV_1D)]
    write_dbn("b.ohlcv-1d.dbn", daily, ZL, schema=dbn.Schema.OHLCV_1D)
    message = refusal(tmp_path / "bars")
    assert "a.ohlcv-1h.dbn is ohlcv-1h, b.ohlcv-1d.dbn is ohlcv-1d: one folder, one" in message


def test_dbn_and_csv_of_one_period(
    make_bars: Bars, encode: Build, to_csv: Build, write_dbn: Write
) -> None:
    path = write_dbn("a.dbn.zst", make_bars(7), ZL)
    same = path.with_name("a.csv")
    same.write_bytes(to_csv(encode(make_bars(7), ZL)))
    message = refusal(path.parent)
    assert message.startswith(f"{path} (DBN) and a.csv (CSV) cover the same time. Keep one")
    same.write_bytes(to_csv(encode(make_bars(7, "2024-01-15 01:00"), ZL)))
    assert len(read(path.parent).bars) == 80


# Refusals of a file.


@pytest.mark.parametrize("name", ["a.dbn.zst", "a.dbn", "a.csv", "a.csv.gz"])
def test_zero_bytes(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    message = refusal(tmp_path)
    assert message.startswith(f"{tmp_path / name} is empty (0 bytes)")


@pytest.mark.parametrize("name", ["a.dbn.zst", "a.dbn"])
def test_foreign_content_under_the_right_name(name: str, tmp_path: Path) -> None:
    pd.DataFrame({"close": [48.0]}).to_parquet(tmp_path / "prices.parquet")
    shutil.move(tmp_path / "prices.parquet", tmp_path / name)
    assert f"{tmp_path / name} is not a DBN file in spite of its name" in refusal(tmp_path)


def test_foreign_content_under_zstd(tmp_path: Path) -> None:
    path = tmp_path / "a.dbn.zst"
    path.write_bytes(pa.Codec("zstd").compress(b"date,close\n2024-01-08,48\n", asbytes=True))
    assert f"{path} is not a DBN file in spite of its name" in refusal(path)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.99])
def test_truncated_zstd(share: float, make_bars: Bars, write_dbn: Write) -> None:
    path = write_dbn("a.dbn.zst", make_bars(7, count=300), ZL, span=("2024-01-01", "2024-03-01"))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    message = refusal(path)
    assert message.startswith(f"{path} is truncated or corrupt")
    assert message.endswith("Download it again.")


@pytest.mark.parametrize(("cut", "words"), [
    (1, "it ends inside a record (55 bytes left over)"),
    (57, "it ends inside a record (55 bytes left over)"),
    (40 * 56, "its metadata names contracts, yet no record follows"),
    (40 * 56 + 1, "it ends inside its metadata"),
])  # fmt: skip
def test_truncated_dbn(cut: int, words: str, make_bars: Bars, write_dbn: Write) -> None:
    path = write_dbn("a.dbn", make_bars(7), ZL)
    path.write_bytes(path.read_bytes()[:-cut])
    assert refusal(path) == f"{path} is truncated or corrupt: {words}. Download it again."


def test_every_short_header_is_noticed(make_bars: Bars, write_dbn: Write) -> None:
    path = write_dbn("a.dbn", make_bars(7, count=1), ZL)
    content = path.read_bytes()
    for length in range(1, len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(SourceError, match=r"truncated or corrupt|not a DBN file"):
            read_dbn(path, ("ZL",))


def test_flipped_bit_under_zstd(make_bars: Bars, write_dbn: Write) -> None:
    """The vendor's frames carry a checksum; this one is damaged in its structure."""
    path = write_dbn("a.dbn.zst", make_bars(7, count=300), ZL, span=("2024-01-01", "2024-03-01"))
    content = bytearray(path.read_bytes())
    content[6:40] = bytes(255 - b for b in content[6:40])
    path.write_bytes(content)
    assert refusal(path).startswith(f"{path} is truncated or corrupt")


def test_bytes_after_the_last_frame(make_bars: Bars, write_dbn: Write) -> None:
    path = write_dbn("a.dbn.zst", make_bars(7), ZL)
    path.write_bytes(path.read_bytes() + b"<html>timeout</html>")
    assert refusal(path).startswith(f"{path} is truncated or corrupt")


def test_foreign_record_among_the_bars(make_bar: Build, make_bars: Bars, write_dbn: Write) -> None:
    other = make_bar("2024-01-12 01:00", 7, rtype=dbn.RType.OHLCV_1M)
    path = write_dbn("a.dbn", [*make_bars(7), other], ZL)
    assert "it holds a record that is no ohlcv-1h bar" in refusal(path)


@given(data=st.data())
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@pytest.mark.ci
def test_damage_anywhere_is_refused_or_read_but_never_crashes(
    data: st.DataObject, make_bars: Bars, encode: Build, tmp_path: Path
) -> None:
    content = bytearray(encode(make_bars(7, count=2), ZL))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "a.dbn"
    path.write_bytes(content)
    try:
        batch = read(path)
        outcome = f"a.dbn: {len(batch.bars) + len(batch.quarantine)} bars"
    except SourceError as error:
        outcome = str(error)
    assert "a.dbn" in outcome
    assert "a.dbn: 0 bars" not in outcome


@pytest.mark.parametrize("schema", [dbn.Schema.TRADES, dbn.Schema.OHLCV_1M, dbn.Schema.MBP_1])
def test_other_schema(schema: dbn.Schema, write_dbn: Write) -> None:
    path = write_dbn("a.dbn.zst", [], ZL, schema=schema)
    message = refusal(path)
    assert message == f"{path} holds records of schema {schema}; download schema ohlcv-1h."


def test_live_recording_without_schema(write_dbn: Write) -> None:
    assert "schema mixed (live)" in refusal(write_dbn("a.dbn", [], ZL, schema=None))


def test_other_dataset(make_bars: Bars, write_dbn: Write) -> None:
    path = write_dbn("a.dbn", make_bars(7), ZL, dataset="IFUS.IMPACT")
    assert f"{path} is of dataset IFUS.IMPACT, not GLBX.MDP3" in refusal(path)


@pytest.mark.parametrize("span", [JANUARY[::-1], ("2024-01-01", "2200-01-01")])
def test_impossible_range(span: tuple[str, str], make_bars: Bars, write_dbn: Write) -> None:
    path = write_dbn("a.dbn", make_bars(7), ZL, span=span)
    assert "its metadata claims an impossible range of time" in refusal(path)


def test_mapping_to_something_else_than_contract_ids(make_bars: Bars, write_dbn: Write) -> None:
    path = write_dbn("a.dbn", make_bars(7), {"ZL.v.0": [(*JANUARY, "ZLH4")]})
    assert "its symbol mapping is no instrument id" in refusal(path)


def test_quarantine_has_its_columns(make_bar: Build, make_bars: Bars, write_dbn: Write) -> None:
    records = [*make_bars(7), make_bar("2024-01-12 01:00", 7, (48.0, 47.0, 47.5, 48.0), 5)]
    quarantine = read(write_dbn("a.dbn", records, ZL)).quarantine
    assert tuple(quarantine.columns) == QUARANTINE_COLUMNS
    assert quarantine.dtypes.to_dict() == empty_quarantine().dtypes.to_dict()
    row = quarantine.iloc[0]
    assert (row["symbol"], row["reason"], row["file"]) == ("ZL", "ohlc_violation", "a.dbn")
    assert row["ts_event"] == pd.Timestamp("2024-01-12 01:00", tz="UTC")


@pytest.mark.real_data
def test_real_files_agree_with_the_vendor_s_reader(databento_dir: Path) -> None:
    """Three months, all roots that soyoil knows of five, against `DBNStore`."""
    roots = ("ZL", "ZS", "CL", "6L", "MES")
    for path in [list_files(databento_dir)[i] for i in (0, 118, 162)]:
        theirs = DBNStore.from_file(path).to_df(map_symbols=True).reset_index()
        theirs = theirs[theirs["symbol"].isin([f"{root}.v.0" for root in roots])]
        theirs["symbol"] = theirs["symbol"].str.removesuffix(".v.0")
        present = tuple(sorted(theirs["symbol"].unique()))
        theirs = theirs.sort_values(["symbol", "ts_event", "instrument_id"], ignore_index=True)
        batch = read(path, *present)
        theirs = theirs[list(BAR_COLUMNS)].astype(batch.bars.dtypes.to_dict())
        pd.testing.assert_frame_equal(batch.bars, theirs)
        assert batch.quarantine.empty


@pytest.mark.real_data
def test_warehouse_export_is_refused(databento_dir: Path) -> None:
    message = refusal(databento_dir.parent / "prices_messy")
    assert "only soybean_prices.parquet; soyoil reads Databento bars" in message
