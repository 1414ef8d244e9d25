"""DBN files made offline, with the vendor's own encoder."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from io import BytesIO
from types import SimpleNamespace

import databento_dbn as dbn
import pandas as pd
import pyarrow as pa

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


def bar(
    moment: str,
    contract: int,
    prices: tuple[float | None, ...] = (48.0, 48.5, 47.5, 48.25),
    volume: int = 100,
    rtype: dbn.RType = dbn.RType.OHLCV_1H,
) -> bytes:
    """One OHLCV record: (UTC start, contract, [open, high, low, close], volume)."""
    fixed = [dbn.UNDEF_PRICE if p is None else round(p * 1e9) for p in prices]
    return bytes(dbn.OHLCVMsg(rtype, 1, contract, nanoseconds(moment), *fixed, volume))


def encode(
    records: list[bytes],
    mappings: Mapping,
    *,
    symbols: Sequence[str] | None = None,
    span: tuple[str, str] | None = None,
    schema: dbn.Schema | None = dbn.Schema.OHLCV_1H,
    stype_in: dbn.SType = dbn.SType.CONTINUOUS,
    dataset: str = "GLBX.MDP3",
    limit: int | None = None,
    partial: Sequence[str] = (),
    not_found: Sequence[str] = (),
    version: int = 3,
) -> bytes:
    """A plain DBN file of records and ``{symbol: [(first day, end day, contract)]}``.

    Its range is `MONTH` until the day of the last record unless `span` says otherwise, and it is
    requested by the symbols of the mappings unless `symbols` does.
    """
    day = dt.date.fromisoformat
    span = span or (MONTH[0], end_of(records))
    metadata = dbn.Metadata(
        dataset,
        nanoseconds(span[0]),
        stype_in,
        dbn.SType.INSTRUMENT_ID,
        schema,
        symbols=list(mappings if symbols is None else symbols),
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
        version=version,
    )
    return bytes(metadata) + b"".join(records)


def zstd(content: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(content, asbytes=True))


def to_csv(content: bytes, *, px: bool = True, ts: bool = True, symbols: bool = True) -> bytes:
    """CSV as Databento itself writes it."""
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
