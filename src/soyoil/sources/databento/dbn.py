"""Databento's binary encoding (DBN), streamed and filtered while it is read.

A DBN file is ``DBN``, a version byte, the length of the metadata as little-endian uint32, the
metadata, then records of fixed size; versions 1 to 3 share the record of a bar. It is usually
one zstd frame per day, so only the chunk in hand is ever held in memory.
Source: https://databento.com/docs/standards-and-conventions/databento-binary-encoding
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

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

from soyoil.base.arrays import FloatArray
from soyoil.base.errors import SourceError
from soyoil.market.conventions import BarSchema
from soyoil.sources.databento.complete import Request, check_symbols, check_whole
from soyoil.sources.databento.file import (
    LATEST_NS,
    PRICE_COLUMNS,
    RAW_TYPES,
    WANTED,
    WANTED_FRONTS,
    ZSTD_MAGIC,
    VendorFile,
    damaged,
    empty_raw,
    magic,
)
from soyoil.sources.databento.symbols import DAY_NS, Interval, IntervalMap, SymbolMap, standing

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

SomeMap = TypeVar("SomeMap", bound=IntervalMap)
Records = npt.NDArray[np.void]
"""Bars of one symbol or several, as the file holds them."""


class DbnFile:
    """An opened DBN file whose header has been checked.

    Parameters
    ----------
    stream
        Its bytes, decompressed.
    path
        Where it lies.
    check
        Refuses symbols of another kind.

    Attributes
    ----------
    metadata
        As the vendor's package gives them.
    schema
        Schema of all its records.
    request
        What was asked for.
    records
        Number of records read so far, of all symbols.
    """

    def __init__(
        self, stream: pa.NativeFile, path: Path, check: Callable[[Metadata, Path], None]
    ) -> None:
        self._stream, self._path = stream, path
        self.metadata = _decode(stream, path)
        self.schema = _check_metadata(self.metadata, path, check)
        self.request = _request(self.metadata, path)
        self.records = 0

    def symbols(self, make: Callable[[Mapping[str, list[Interval]]], SomeMap]) -> SomeMap:
        """What the symbols of the file stand for.

        Raises
        ------
        DamagedFileError
            A symbol stands for something else than an instrument.
        """
        try:
            return make(self.metadata.mappings)
        except ValueError as error:
            raise damaged(
                self._path, f"its symbol mapping is no instrument id ({error})"
            ) from error

    def chunks(self) -> Iterator[Records]:
        """Bars in the order of the file; only a chunk is ever held in memory.

        Raises
        ------
        SourceError
            The file is cut off or altered, or does not hold what was asked for.
        """
        days = np.array([], dtype=np.int64)
        for records in records_in(self._stream, self._path, self.schema):
            self.records += len(records)
            days = np.union1d(days, (records["ts_event"] // np.uint64(DAY_NS)).astype(np.int64))
            yield records
        if not self.records and standing(self.metadata.mappings):
            raise damaged(self._path, "its metadata names contracts, yet no record follows")
        check_whole(self._path, self.request, self.records, days.astype("datetime64[D]"))


@contextmanager
def open_dbn(path: Path, check: Callable[[Metadata, Path], None]) -> Iterator[DbnFile]:
    """Open a DBN file, zstd-compressed or plain; which of the two is told by its first bytes.

    Parameters
    ----------
    path
        The file.
    check
        Refuses symbols of another kind.

    Raises
    ------
    SourceError
        The file cannot be read, is no DBN, is cut off or altered, or is of another schema or
        dataset.
    """
    try:
        with pa.input_stream(str(path), compression=_compression(path)) as stream:
            yield DbnFile(stream, path, check)
    except OSError as error:  # Arrow's decompression errors are OSError, too
        raise damaged(path, error) from error


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
    with open_dbn(path, _check_continuous) as file:
        symbols = file.symbols(lambda mappings: SymbolMap(mappings, roots))
        check_symbols(path, file.request, roots)
        parts = [empty_raw(), *(_select(records, symbols) for records in file.chunks())]
    bars = pd.concat(parts, ignore_index=True)
    request = file.request
    return VendorFile(
        path,
        "dbn",
        file.schema,
        bars,
        symbols.symbols,
        file.records,
        request.start,
        request.end,
    )


def _compression(path: Path) -> str | None:
    head = magic(path)
    if head != ZSTD_MAGIC and not head.startswith(b"DBN"):
        raise _foreign(path)
    return "zstd" if head == ZSTD_MAGIC else None


def _foreign(path: Path) -> SourceError:
    return SourceError(f"{path} is not a DBN file in spite of its name; {WANTED}.")


def read_metadata(path: Path) -> Metadata:
    """Metadata of a DBN file, as the vendor's package gives them; no record is read.

    Raises
    ------
    SourceError
        The file cannot be read, is no DBN, or is cut off or altered in its first bytes.
    """
    try:
        with pa.input_stream(str(path), compression=_compression(path)) as stream:
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


def _request(metadata: Metadata, path: Path) -> Request:
    start, end = (
        None if t in (None, UNDEF_TIMESTAMP) else int(t) for t in (metadata.start, metadata.end)
    )
    if (start or 0) >= (LATEST_NS if end is None else end) or (end or 0) > LATEST_NS:
        raise damaged(path, f"its metadata claims an impossible range of time, {start} to {end}")
    return Request(start, end, metadata.limit, metadata.partial, metadata.not_found)


def _check_metadata(
    metadata: Metadata, path: Path, check: Callable[[Metadata, Path], None]
) -> BarSchema:
    if metadata.dataset != DATASET:
        raise SourceError(
            f"{path} is of dataset {metadata.dataset}, not {DATASET}, to which the roots that "
            "soyoil knows belong. Take it out of the folder."
        )
    schema = next((s for s in RTYPES.values() if s == str(metadata.schema)), None)
    if schema is None:
        raise SourceError(
            f"{path} holds records of schema {metadata.schema or 'mixed (live)'}; "
            "download schema ohlcv-1h."
        )
    check(metadata, path)
    if str(metadata.stype_out) != "instrument_id" or metadata.ts_out:
        raise SourceError(
            f"{path} was requested with stype_out={metadata.stype_out}, "
            f"ts_out={metadata.ts_out}; needed are stype_out=instrument_id and ts_out=False, "
            "Databento's defaults."
        )
    return schema


def asked_as(metadata: Metadata) -> str:
    """What a file was requested as, in words: ``ZL.FUT with stype_in=parent``."""
    named = ", ".join(metadata.symbols[:3]) or "all symbols"
    return f"{named} with stype_in={metadata.stype_in}"


def _check_continuous(metadata: Metadata, path: Path) -> None:
    stype = str(metadata.stype_in)
    if stype == "continuous":
        return
    what = (
        "every outright and every spread, not one front contract"
        if stype == "parent"
        else "single contracts without a roll rule"
    )
    raise SourceError(f"{path} was requested as {asked_as(metadata)}: {what}. {WANTED_FRONTS}")


def records_in(stream: pa.NativeFile, path: Path, schema: BarSchema) -> Iterator[Records]:
    """Bars that follow the metadata, in chunks.

    Raises
    ------
    DamagedFileError
        The stream ends inside a record, or holds one that is no bar of the schema.
    """
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


def quoted(fixed: npt.NDArray[np.int64]) -> FloatArray:
    """Prices in quoted units of whole billionths; an undefined one is NaN."""
    return np.where(fixed == UNDEF_PRICE, np.nan, fixed / FIXED_PRICE_SCALE)


def _select(records: Records, symbols: SymbolMap) -> pd.DataFrame:
    # Undefined unsigned values wrap to -1, which the checks of time and volume set aside.
    found = symbols.assign(
        records["ts_event"].astype(np.int64), records["instrument_id"].astype(np.int64)
    )
    kept = records[found["row"].to_numpy()]
    columns: dict[str, object] = {
        "ts_event": kept["ts_event"].astype(np.int64),
        "root": found["code"].to_numpy(),
        "instrument_id": kept["instrument_id"],
    }
    for name in PRICE_COLUMNS:
        columns[name] = quoted(kept[name])
    columns["volume"] = kept["volume"].astype(np.int64)
    columns["mapped"] = found["mapped"].to_numpy()
    return pd.DataFrame(columns).astype(RAW_TYPES)
