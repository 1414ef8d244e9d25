"""Databento files made offline, with the vendor's own encoder."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import databento_dbn as dbn
import pandas as pd
import pyarrow as pa
import pytest

sys.path.insert(0, str(Path(__file__).parent))

Mapping = dict[str, list[tuple[str, str, int | str]]]

MONTH = ("2024-01-01", "2024-02-01")


def nanoseconds(moment: str) -> int:
    return int(pd.Timestamp(moment, tz="UTC").value)


def end_of(records: Sequence[bytes]) -> str:
    """Day after the last record, no later than the end of `MONTH`."""
    stamps = [int.from_bytes(record[8:16], "little") for record in records]
    if not stamps:
        return MONTH[1]
    return min(str((pd.Timestamp(max(stamps)) + pd.Timedelta(days=1)).date()), MONTH[1])


@pytest.fixture(scope="session")
def make_bar() -> Callable[..., bytes]:
    """One OHLCV record: (UTC start, contract, [open, high, low, close], volume)."""

    def bar(
        moment: str,
        contract: int,
        prices: tuple[float | None, ...] = (48.0, 48.5, 47.5, 48.25),
        volume: int = 100,
        rtype: dbn.RType = dbn.RType.OHLCV_1H,
    ) -> bytes:
        fixed = [dbn.UNDEF_PRICE if p is None else round(p * 1e9) for p in prices]
        return bytes(dbn.OHLCVMsg(rtype, 1, contract, nanoseconds(moment), *fixed, volume))

    return bar


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    """A plain DBN file of records and ``{symbol: [(first day, end day, contract)]}``.

    Its range is `MONTH` until the day of the last record unless `span` says otherwise.
    """

    def build(
        records: list[bytes],
        mappings: Mapping,
        *,
        span: tuple[str, str] | None = None,
        schema: dbn.Schema | None = dbn.Schema.OHLCV_1H,
        stype_in: dbn.SType = dbn.SType.CONTINUOUS,
        dataset: str = "GLBX.MDP3",
        limit: int | None = None,
        partial: Sequence[str] = (),
        not_found: Sequence[str] = (),
    ) -> bytes:
        day = dt.date.fromisoformat
        span = span or (MONTH[0], end_of(records))
        metadata = dbn.Metadata(
            dataset,
            nanoseconds(span[0]),
            stype_in,
            dbn.SType.INSTRUMENT_ID,
            schema,
            symbols=list(mappings),
            partial=list(partial),
            not_found=list(not_found),
            limit=limit,
            mappings=[
                SimpleNamespace(
                    raw_symbol=symbol,
                    intervals=[
                        SimpleNamespace(start_date=day(a), end_date=day(b), symbol=str(contract))
                        for a, b, contract in intervals
                    ],
                )
                for symbol, intervals in mappings.items()
            ],
            end=nanoseconds(span[1]),
        )
        return bytes(metadata) + b"".join(records)

    return build


def zstd(content: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(content, asbytes=True))


@pytest.fixture(scope="session")
def make_bars(make_bar: Callable[..., bytes]) -> Callable[..., list[bytes]]:
    """Sound hourly records of one contract with rising prices."""

    def bars(
        contract: int, start: str = "2024-01-08 01:00", count: int = 40, level: float = 48.0
    ) -> list[bytes]:
        first = pd.Timestamp(start)
        return [
            make_bar(
                str(first + pd.Timedelta(hours=i)),
                contract,
                (level + i / 100, level + i / 100 + 0.5, level - 0.5, level + i / 100 + 0.25),
                100 + i,
            )
            for i in range(count)
        ]

    return bars


@pytest.fixture
def write_dbn(tmp_path: Path, encode: Callable[..., bytes]) -> Callable[..., Path]:
    """Write a DBN file into the folder ``bars``, compressed if its name says so."""

    def write(name: str, records: list[bytes], mappings: Mapping, **options: object) -> Path:
        content = encode(records, mappings, **options)
        path = tmp_path / "bars" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(zstd(content) if name.endswith(".zst") else content)
        return path

    return write


@pytest.fixture(scope="session")
def to_csv() -> Callable[..., bytes]:
    """CSV as Databento itself writes it."""

    def transcode(
        content: bytes, *, px: bool = True, ts: bool = True, symbols: bool = True
    ) -> bytes:
        sink = BytesIO()
        coder = dbn.Transcoder(
            sink,
            dbn.Encoding.CSV,
            dbn.Compression.NONE,
            pretty_px=px,
            pretty_ts=ts,
            map_symbols=symbols,
        )
        coder.write(content)
        coder.flush()
        return sink.getvalue()

    return transcode
