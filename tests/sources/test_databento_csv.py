"""Databento's CSV layouts give the bars of the DBN file they were made from."""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import databento_dbn as dbn
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soyoil.base.errors import SourceError
from soyoil.sources.base import BarBatch, SourceConfig
from soyoil.sources.databento.load import list_files, read_folder
from tiers import slow

Build = Callable[..., bytes]
Bars = Callable[..., list[bytes]]
Write = Callable[..., Path]

JANUARY = ("2024-01-01", "2024-02-01")
MAPPINGS = {
    "ZL.v.0": [("2024-01-01", "2024-01-09", 7), ("2024-01-09", "2024-02-01", 8)],
    "CL.v.0": [("2024-01-01", "2024-01-09", 8), ("2024-01-09", "2024-02-01", 7)],
    "ES.v.0": [(*JANUARY, 9)],
}
HEADER = "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol\n"
ROW = "2024-01-08T01:00:00.000000000Z,34,1,7,48.000000000,48.5,47.5,48.25,100,ZL.v.0\n"


def read(path: Path, *roots: str) -> BarBatch:
    return read_folder(SourceConfig(kind="databento", path=str(path), symbols=roots or ("ZL",)))


def refusal(path: Path, *roots: str) -> str:
    with pytest.raises(SourceError) as caught:
        read(path, *roots)
    return str(caught.value)


def write_text(tmp_path: Path, text: str, name: str = "a.csv") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def symbology() -> str:
    result = {
        symbol: [{"d0": a, "d1": b, "s": str(contract)} for a, b, contract in intervals]
        for symbol, intervals in MAPPINGS.items()
    }
    return json.dumps({"result": result, "stype_in": "continuous", "stype_out": "instrument_id"})


@pytest.fixture
def content(make_bar: Build, make_bars: Bars, encode: Build) -> bytes:
    """Two roots that swap contracts, one of them with a negative and an undefined price."""
    records = [
        *make_bars(7),
        *make_bars(8, level=70.123456789),
        *make_bars(9, level=4700.0),
        make_bar("2024-01-12 01:00", 7, (48.5, 48.75, -37.63, -12.0), 3),
        make_bar("2024-01-12 02:00", 8, (48.0, None, 47.0, 47.5), 3),
        make_bar("2024-01-12 03:00", 8, (48.0, 47.5, 47.0, 47.5), 3),
    ]
    return encode(records, MAPPINGS)


def _layouts() -> Iterator[Any]:
    """Every layout; compressed in each way only one of them in the fast tier."""
    for suffix, *layout in itertools.product((".csv", ".csv.zst", ".csv.gz"), *[(True, False)] * 3):
        case = (*layout, suffix)
        yield case if suffix == ".csv" or all(layout) else slow(*case)


@pytest.mark.parametrize(("px", "ts", "symbols", "suffix"), list(_layouts()))
def test_every_layout_gives_the_bars_of_the_dbn_file(
    px: bool, ts: bool, symbols: bool, suffix: str, content: bytes, to_csv: Build, tmp_path: Path
) -> None:
    binary = tmp_path / "dbn" / "a.dbn"
    binary.parent.mkdir()
    binary.write_bytes(content)
    expected = read(binary, "CL", "ZL")
    text = to_csv(content, px=px, ts=ts, symbols=symbols)
    if suffix == ".csv.zst":
        text = pa.Codec("zstd").compress(text, asbytes=True)
    elif suffix == ".csv.gz":
        text = gzip.compress(text)
    (tmp_path / f"a{suffix}").write_bytes(text)
    if not symbols:
        (tmp_path / "symbology.json").write_text(symbology())
    batch = read(tmp_path, "CL", "ZL")
    assert len(expected.bars) == 81
    assert expected.quarantine["reason"].tolist() == ["undefined_price", "ohlc_violation"]
    pd.testing.assert_frame_equal(batch.bars, expected.bars)
    pd.testing.assert_frame_equal(
        batch.quarantine.drop(columns="file"), expected.quarantine.drop(columns="file")
    )
    assert batch.schema == "ohlcv-1h"


def test_blocks_do_not_show(
    content: bytes, to_csv: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(to_csv(content))
    whole = read(path, "CL", "ZL")
    monkeypatch.setattr("soyoil.sources.databento.csv.read._BLOCK_BYTES", 300)
    pd.testing.assert_frame_equal(read(path, "CL", "ZL").bars, whole.bars)


def test_roots_keep_their_names_under_any_roll_rule(tmp_path: Path) -> None:
    """One bar per root, told apart by contract."""
    symbols = {1: "ZS.n.0", 2: "ZL.c.0", 3: "CL.v.0", 4: "ZC.n.0"}
    rows = [ROW.replace(",7,", f",{n},").replace("ZL.v.0", s) for n, s in symbols.items()]
    for i in (0, 3):  # cents a bushel
        rows[i] = rows[i].replace("48.000000000,48.5,47.5,48.25", "480.0,485.0,475.0,482.5")
    bars = read(write_text(tmp_path, HEADER + "".join(rows)), "ZL", "ZS", "CL", "ZC").bars
    assert dict(zip(bars["instrument_id"], bars["symbol"], strict=True)) == {
        n: s.split(".")[0] for n, s in symbols.items()
    }


def test_daily_bars(make_bar: Build, encode: Build, to_csv: Build, tmp_path: Path) -> None:
    prices = (4700.0, 4710.0, 4690.0, 4705.0)
    records = [
        make_bar(f"2024-01-{d:02d}", 9, prices, rtype=dbn.RType.OHLCV_1D) for d in range(8, 13)
    ]
    daily = encode(records, MAPPINGS, schema=dbn.Schema.OHLCV_1D)
    (tmp_path / "a.csv").write_bytes(to_csv(daily))
    batch = read(tmp_path, "ES")
    assert (batch.schema, len(batch.bars)) == ("ohlcv-1d", 5)


def test_a_data_frame_written_by_pandas(tmp_path: Path) -> None:
    """Other time format, fewer decimals, an extra column, other order of columns."""
    text = (
        "symbol,ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,note\n"
        "ZL.v.0,2024-01-08 01:00:00+00:00,34,1,7,48.0,48.5,47.5,48.25,100,x\n"
    )
    bars = read(write_text(tmp_path, text)).bars
    assert bars["ts_event"].tolist() == [pd.Timestamp("2024-01-08 01:00", tz="UTC")]
    assert bars[["open", "high", "low", "close"]].to_numpy().tolist() == [[48.0, 48.5, 47.5, 48.25]]


@pytest.mark.parametrize(
    ("prices", "words"),
    [
        ("48000000000,48500000000,47,48000000000", "column low: decimal prices"),
        ("48000000000,48.5,47.5,48.25", "column high: decimal prices"),
        ("48000000000.0,48500000000.0,47500000000.0,48250000000.0", "a decimal price is 4"),
    ],
)
def test_unclear_prices_are_refused(prices: str, words: str, tmp_path: Path) -> None:
    row = f"2024-01-08T01:00:00.000000000Z,34,1,7,{prices},100,ZL.v.0\n"
    path = write_text(tmp_path, HEADER + row)
    message = refusal(path)
    assert message.startswith(f"{path}, line 2, column ")
    assert "decimal prices and fixed-point prices (integers in units of 1e-9)" in message
    assert words in message
    assert "pretty_px=True" in message


def test_price_form_must_hold_for_the_whole_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One row per block, so that no block by itself holds both forms.
    monkeypatch.setattr("soyoil.sources.databento.csv.read._BLOCK_BYTES", 105)
    fixed = "2024-01-09T01:00:00.000000000Z,34,1,7,48000000000,48500000000,47500000000,"
    path = write_text(tmp_path, HEADER + ROW + fixed + "48250000000,100,ZL.v.0\n")
    assert f"{path}, line 3, column open: decimal prices and fixed-point" in refusal(path)


def test_a_price_form_of_other_roots_does_not_matter(tmp_path: Path) -> None:
    other = "2024-01-08T01:00:00.000000000Z,34,1,9,4700,4701,4699,4700,100,ES.v.0\n"
    assert len(read(write_text(tmp_path, HEADER + ROW + other)).bars) == 1


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        ("1704675600", "integer ts_event that are no nanoseconds since 1970"),
        ("1704675600000000", "integer ts_event that are no nanoseconds since 1970"),
        ("2024-01-08T01:00:00.000000000", "has no time zone"),
        ("8 January", "'8 January' is no time"),
        ("", "is no time: the field is empty"),
    ],
)
def test_unclear_times_are_refused(moment: str, words: str, tmp_path: Path) -> None:
    path = write_text(tmp_path, HEADER + ROW.replace("2024-01-08T01:00:00.000000000Z", moment))
    message = refusal(path)
    assert message.startswith(str(path))
    assert words in message


def test_mixed_times_are_refused(tmp_path: Path) -> None:
    other = ROW.replace("2024-01-08T01:00:00.000000000Z", "1704675600000000000")
    path = write_text(tmp_path, HEADER + ROW + other)
    message = refusal(path)
    assert message.startswith(f"{path}, line 3, column ts_event: '1704675600000000000' is no time")


def test_another_table_is_refused(tmp_path: Path) -> None:
    path = write_text(tmp_path, "Date,Open,High,Low,Close,Volume\n2024-01-08,48,49,47,48,100\n")
    message = refusal(tmp_path)
    assert message.startswith(f"{path} is not Databento's bar CSV: column ts_event, rtype")
    assert "'Date,Open,High,Low,Close,Volume'; soyoil reads Databento bars" in message


def test_binary_under_the_name_of_a_csv(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    pd.DataFrame({"close": [48.0]}).to_parquet(path)
    assert f"{path} is not Databento's bar CSV: its first line holds NUL bytes" in refusal(path)


@pytest.mark.parametrize(("rtype", "found"), [("33", "33"), ("0", "0")])
def test_other_schema(rtype: str, found: str, tmp_path: Path) -> None:
    path = write_text(tmp_path, HEADER + ROW.replace("Z,34,", f"Z,{rtype},"))
    message = refusal(path)
    assert f"{path} holds records of rtype {found}; needed is 34 (ohlcv-1h)" in message


def test_two_schemas_in_one_file(tmp_path: Path) -> None:
    path = write_text(tmp_path, HEADER + ROW + ROW.replace("Z,34,", "Z,35,"))
    assert "holds records of rtype 34, 35" in refusal(path)


def test_header_only(tmp_path: Path) -> None:
    assert "it holds a header and no row" in refusal(write_text(tmp_path, HEADER))


def test_without_symbols_and_symbology(tmp_path: Path) -> None:
    text = (HEADER + ROW).replace(",symbol", "").replace(",ZL.v.0", "")
    message = refusal(write_text(tmp_path, text))
    assert "has no symbol column, and no symbology.json lies beside it" in message
    assert "map_symbols=True" in message


@pytest.mark.parametrize("text", ["", "[]", '{"result": {"ZL.v.0": [{"d0": "soon"}]}}', "{}"])
def test_broken_symbology(text: str, tmp_path: Path) -> None:
    write_text(tmp_path, (HEADER + ROW).replace(",symbol", "").replace(",ZL.v.0", ""))
    (tmp_path / "symbology.json").write_text(text)
    assert "symbology.json is no symbology of continuous symbols" in refusal(tmp_path)


def test_single_contracts(tmp_path: Path) -> None:
    path = write_text(tmp_path, HEADER + ROW.replace("ZL.v.0", "ZLH4"))
    message = refusal(path)
    assert f"{path} holds symbols such as ZLH4" in message
    assert "stype_in=continuous" in message
    assert "for external.curve.path" in message


def test_missing_root(tmp_path: Path) -> None:
    message = refusal(write_text(tmp_path, HEADER + ROW), "ZL", "CL")
    assert "No bar of CL in" in message
    assert "Roots there: ZL." in message


def test_rows_without_symbol_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_text(tmp_path, HEADER + ROW + ROW.replace("ZL.v.0", ""))
    assert len(read(path).bars) == 1
    assert f"{path}: 1 rows without a symbol are left out" in caplog.text


@pytest.mark.parametrize("field", ["7", "100", "34"])
def test_blank_number(field: str, tmp_path: Path) -> None:
    path = write_text(tmp_path, HEADER + ROW.replace(f",{field},", ",,"))
    assert refusal(path).startswith(f"{path}, line 2, column ")


@pytest.mark.parametrize("cut", [3, 4, 40])
def test_truncated_text(cut: int, tmp_path: Path) -> None:
    path = write_text(tmp_path, (HEADER + ROW * 3)[:-cut])
    assert refusal(path).startswith(f"{path} is truncated or corrupt")


@pytest.mark.parametrize("codec", ["zstd", "gzip"])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_truncated_compression(
    codec: str, share: float, content: bytes, to_csv: Build, tmp_path: Path
) -> None:
    text = to_csv(content)
    packed = (
        gzip.compress(text) if codec == "gzip" else pa.Codec("zstd").compress(text).to_pybytes()
    )
    path = tmp_path / ("a.csv.gz" if codec == "gzip" else "a.csv.zst")
    path.write_bytes(packed[: int(share * len(packed))])
    assert refusal(path).startswith(f"{path} is truncated or corrupt")


@given(data=st.data())
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_damage_anywhere_is_refused_or_read_but_never_crashes(
    data: st.DataObject, tmp_path: Path
) -> None:
    text = bytearray((HEADER + ROW * 2).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "a.csv"
    path.write_bytes(text)
    try:
        batch = read(path)
        outcome = f"a.csv: {len(batch.bars) + len(batch.quarantine)} bars"
    except SourceError as error:
        outcome = str(error)
    assert "a.csv" in outcome
    assert "a.csv: 0 bars" not in outcome


@pytest.mark.real_data
def test_real_month_as_csv(databento_dir: Path, to_csv: Build, tmp_path: Path) -> None:
    """April 2020 of all 84 roots, in two layouts."""
    [real] = [p for p in list_files(databento_dir) if "-20200401-" in p.name]
    expected = read(real, "CL", "ZL")
    raw = pa.input_stream(str(real), compression="zstd").read()
    for px in (True, False):
        path = tmp_path / f"{px}.csv"
        path.write_bytes(to_csv(raw, px=px, ts=px))
        batch = read(path, "CL", "ZL")
        pd.testing.assert_frame_equal(batch.bars, expected.bars)
        assert batch.quarantine.empty
    assert set(expected.bars["symbol"]) == {"CL", "ZL"}
