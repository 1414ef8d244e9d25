"""Databento's binary encoding (DBN), streamed and filtered while it is read.

A DBN file is ``DBN``, a version byte, the length of the metadata as little-endian uint32, the
metadata, then records of fixed size; versions 1 to 3 share the record of a bar. It is usually
one zstd frame per day, so only the chunk in hand is ever held in memory.
Source: https://databento.com/docs/standards-and-conventions/databento-binary-encoding
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from databento_dbn import (
    FIXED_PRICE_SCALE,
    UNDEF_PRICE,
    UNDEF_TIMESTAMP,
    DBNError,
    Metadata,
    RType,
)

from soyoil.base.errors import SourceError
from soyoil.market.conventions import BarSchema
from soyoil.sources.databento.complete import Request, check_symbols, check_whole
from soyoil.sources.databento.file import (
    LATEST_NS,
    PRICE_COLUMNS,
    RAW_TYPES,
    WANTED,
    ZSTD_MAGIC,
    VendorFile,
    damaged,
    empty_raw,
    magic,
)
from soyoil.sources.databento.symbols import DAY_NS, SymbolMap

DATASET = "GLBX.MDP3"
RTYPES: dict[int, BarSchema] = {
    int(RType.OHLCV_1H): "ohlcv-1h",
    int(RType.OHLCV_1D): "ohlcv-1d",
}
"""Record types of the accepted schemas."""

_RECORD = np.dtype(
    [
        ("length", "u1"),
        ("rtype", "u1"),
        ("publisher_id", "<u2"),
        ("instrument_id", "<u4"),
        ("ts_event", "<u8"),
        *((name, "<i8") for name in PRICE_COLUMNS),
        ("volume", "<u8"),
    ]
)
_LENGTH_UNIT = 4
_CHUNK_RECORDS = 65_536
_MAX_METADATA = 256 * 2**20


@dataclass(frozen=True)
class _Header:
    schema: BarSchema
    symbols: SymbolMap
    request: Request


def read_dbn(path: Path, roots: Sequence[str]) -> VendorFile:
    """Read the bars of the configured roots from one DBN file, zstd-compressed or plain.

    Parameters
    ----------
    path
        The file; compression is told by its first bytes, not by its name.
    roots
        Configured roots, whose positions are the codes in ``root``.

    Raises
    ------
    SourceError
        The file cannot be read, is no DBN, is cut off or altered, does not hold what was asked
        for, or holds another schema, dataset or symbology.
    """
    head = magic(path)
    if head != ZSTD_MAGIC and not head.startswith(b"DBN"):
        raise _foreign(path)
    compression = "zstd" if head == ZSTD_MAGIC else None
    parts = [empty_raw()]
    count = 0
    days = np.array([], dtype=np.int64)
    try:
        with pa.input_stream(str(path), compression=compression) as stream:
            header = _read_header(stream, path, roots)
            for records in _records(stream, path, header.schema):
                count += len(records)
                days = np.union1d(days, (records["ts_event"] // np.uint64(DAY_NS)).astype(np.int64))
                parts.append(_select(records, header.symbols))
    except OSError as error:  # Arrow's decompression errors are OSError, too
        raise damaged(path, error) from error
    if not count and header.symbols.symbols:
        raise damaged(path, "its metadata names contracts, yet no record follows")
    request = header.request
    check_whole(path, request, count, days.astype("datetime64[D]"))
    bars = pd.concat(parts, ignore_index=True)
    return VendorFile(
        path, "dbn", header.schema, bars, header.symbols.symbols, count, request.start, request.end
    )


def _foreign(path: Path) -> SourceError:
    return SourceError(f"{path} is not a DBN file in spite of its name; {WANTED}.")


def read_metadata(path: Path) -> Metadata:
    """Metadata of a DBN file, as the vendor's package gives them; no record is read.

    Raises
    ------
    SourceError
        The file cannot be read, is no DBN, or is cut off or altered in its first bytes.
    """
    head = magic(path)
    if head != ZSTD_MAGIC and not head.startswith(b"DBN"):
        raise _foreign(path)
    try:
        compression = "zstd" if head == ZSTD_MAGIC else None
        with pa.input_stream(str(path), compression=compression) as stream:
            return _decode(stream, path)
    except OSError as error:
        raise damaged(path, error) from error


def _decode(stream: pa.NativeFile, path: Path) -> Metadata:
    prefix = stream.read(8)
    if not prefix.startswith(b"DBN"):
        raise _foreign(path)
    length = int.from_bytes(prefix[4:8], "little")
    if len(prefix) < 8 or length > _MAX_METADATA:
        raise damaged(path, "its metadata header is not whole")
    body = stream.read(length)
    if len(body) < length:
        raise damaged(path, "it ends inside its metadata")
    try:
        return Metadata.decode(prefix + body)
    except (DBNError, ValueError) as error:
        raise damaged(path, f"its metadata cannot be decoded ({error})") from error


def _read_header(stream: pa.NativeFile, path: Path, roots: Sequence[str]) -> _Header:
    metadata = _decode(stream, path)
    schema = _check_metadata(metadata, path)
    try:
        symbols = SymbolMap(metadata.mappings, roots)
    except ValueError as error:
        raise damaged(path, f"its symbol mapping is no instrument id ({error})") from error
    start, end = (
        None if t in (None, UNDEF_TIMESTAMP) else int(t) for t in (metadata.start, metadata.end)
    )
    if (start or 0) >= (LATEST_NS if end is None else end) or (end or 0) > LATEST_NS:
        raise damaged(path, f"its metadata claims an impossible range of time, {start} to {end}")
    request = Request(start, end, metadata.limit, metadata.partial, metadata.not_found)
    check_symbols(path, request, roots)
    return _Header(schema, symbols, request)


def _check_metadata(metadata: Metadata, path: Path) -> BarSchema:
    if metadata.dataset != DATASET:
        raise SourceError(
            f"{path} is of dataset {metadata.dataset}, not {DATASET}, to which the roots of "
            "source.symbols belong. Take it out of the folder."
        )
    schema = next((s for s in RTYPES.values() if s == str(metadata.schema)), None)
    if schema is None:
        raise SourceError(
            f"{path} holds records of schema {metadata.schema or 'mixed (live)'}; "
            "download schema ohlcv-1h."
        )
    if str(metadata.stype_in) != "continuous":
        raise SourceError(_symbology_message(metadata, path))
    if str(metadata.stype_out) != "instrument_id" or metadata.ts_out:
        raise SourceError(
            f"{path} was requested with stype_out={metadata.stype_out}, "
            f"ts_out={metadata.ts_out}; needed are stype_out=instrument_id and ts_out=False, "
            "Databento's defaults."
        )
    return schema


def _symbology_message(metadata: Metadata, path: Path) -> str:
    named = ", ".join(metadata.symbols[:3]) or "all symbols"
    what = (
        "every outright and every spread, not one front contract"
        if str(metadata.stype_in) == "parent"
        else "single contracts without a roll rule"
    )
    return (
        f"{path} was requested as {named} with stype_in={metadata.stype_in}: {what}. "
        "Download ROOT.v.0 (for example ZL.v.0) with stype_in=continuous."
    )


def _records(
    stream: pa.NativeFile, path: Path, schema: BarSchema
) -> Iterator[npt.NDArray[np.void]]:
    rest = b""
    while block := stream.read(_CHUNK_RECORDS * _RECORD.itemsize):
        block = rest + block
        count = len(block) // _RECORD.itemsize
        rest = block[count * _RECORD.itemsize :]
        records = np.frombuffer(block, dtype=_RECORD, count=count)
        expected = records["length"].astype(np.int64) * _LENGTH_UNIT == _RECORD.itemsize
        expected &= np.isin(records["rtype"], [r for r, s in RTYPES.items() if s == schema])
        if not expected.all():
            raise damaged(path, f"it holds a record that is no {schema} bar")
        yield records
    if rest:
        raise damaged(path, f"it ends inside a record ({len(rest)} bytes left over)")


def _select(records: npt.NDArray[np.void], symbols: SymbolMap) -> pd.DataFrame:
    # Undefined unsigned values wrap to -1, which the checks of time and volume set aside.
    found = symbols.assign(
        records["ts_event"].astype(np.int64), records["instrument_id"].astype(np.int64)
    )
    kept = records[found["row"].to_numpy()]
    columns: dict[str, object] = {
        "ts_event": kept["ts_event"].astype(np.int64),
        "root": found["root"].to_numpy(),
        "instrument_id": kept["instrument_id"],
    }
    for name in PRICE_COLUMNS:
        price = kept[name] / FIXED_PRICE_SCALE
        columns[name] = np.where(kept[name] == UNDEF_PRICE, np.nan, price)
    columns["volume"] = kept["volume"].astype(np.int64)
    columns["mapped"] = found["mapped"].to_numpy()
    return pd.DataFrame(columns).astype(RAW_TYPES)
