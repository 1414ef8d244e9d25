"""Databento's CSV encoding, streamed and filtered while it is read.

Header ``ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume[,symbol]``. Times
are ISO 8601 with a zone (``pretty_ts``) or integer nanoseconds; prices are decimal
(``pretty_px``) or integers in units of 1e-9. The file does not say which, so it is told thus:

* every price with a decimal point, and below one million: decimal;
* every price an integer, and zero or at least 1e6 in size (0.001 in quoted units): fixed-point;
* anything else, such as a bare ``51`` or both forms in one file: refused.

No configured root has ever been quoted at a million, nor has a tick below 0.001 been a price of
one, so the two forms cannot be mistaken for each other.
Source: https://databento.com/docs/standards-and-conventions/common-fields-enums-types
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from databento_dbn import FIXED_PRICE_SCALE, UNDEF_PRICE
from pyarrow import csv

from soyoil.errors import SourceError
from soyoil.sources.databento_dbn import RTYPES
from soyoil.sources.databento_file import (
    GZIP_MAGIC,
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
from soyoil.sources.databento_symbols import (
    RULES,
    Continuous,
    Interval,
    SymbolMap,
    continuous_symbols,
)

logger = logging.getLogger(__name__)
FloatArray = npt.NDArray[np.float64]

REQUIRED = ("ts_event", "rtype", "instrument_id", *PRICE_COLUMNS, "volume")
SYMBOLOGY_FILE = "symbology.json"
MIN_FIXED = 1_000_000
"""Smallest size of a fixed-point price other than zero: 0.001 in quoted units."""
MAX_DECIMAL = 1_000_000.0
"""No decimal price reaches this."""

_TYPES = {
    "ts_event": pa.string(),
    "rtype": pa.int64(),
    "publisher_id": pa.int64(),
    "instrument_id": pa.int64(),
    **dict.fromkeys(PRICE_COLUMNS, pa.string()),
    "volume": pa.int64(),
    "symbol": pa.string(),
}
_BLOCK_BYTES = 4 * 2**20
# 1990; integers in seconds, milli- or microseconds stay far below.
_EARLIEST_NS = 631_152_000_000_000_000


def read_csv(path: Path, roots: Sequence[str]) -> VendorFile:
    """Read the bars of the configured roots from one CSV file, plain, zstd or gzip.

    Parameters
    ----------
    path
        The file; compression is told by its first bytes, not by its name. Without a ``symbol``
        column the ``symbology.json`` of the same batch must lie beside it.
    roots
        Configured roots, whose positions are the codes in ``root``.

    Raises
    ------
    SourceError
        The file cannot be read, is not Databento's bar CSV, is cut off or altered, or its
        prices, times or symbols are not clear.
    """
    compression = _compression(path)
    try:
        names = _header(path, compression)
        _check_whole(path, compression)
        with pa.input_stream(str(path), compression=compression) as stream:
            return _Reader(path, names, roots).read(stream)
    except pa.ArrowInvalid as error:
        raise damaged(path, f"it is not CSV as Databento writes it ({error})") from error
    except OSError as error:
        raise damaged(path, error) from error


def read_symbology(path: Path, roots: Sequence[str]) -> SymbolMap:
    """Read the ``symbology.json`` of a batch download.

    Raises
    ------
    SourceError
        The file is no symbology of continuous symbols.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        mappings = {
            symbol: [
                Interval(
                    start_date=dt.date.fromisoformat(i["d0"]),
                    end_date=dt.date.fromisoformat(i["d1"]),
                    symbol=i["s"],
                )
                for i in intervals
            ]
            for symbol, intervals in content["result"].items()
        }
        return SymbolMap(mappings, roots)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(
            f"{path} is no symbology of continuous symbols as Databento delivers it "
            f"({type(error).__name__}: {error}). Download it again, or download the CSV with "
            "map_symbols=True."
        ) from error


def has_symbol_column(path: Path) -> bool:
    """Whether the rows of a CSV file name their symbol; if not, a ``symbology.json`` must.

    Raises
    ------
    SourceError
        The file cannot be read or is not Databento's bar CSV.
    """
    return "symbol" in _header(path, _compression(path))


def _compression(path: Path) -> str | None:
    head = magic(path)
    return "zstd" if head == ZSTD_MAGIC else "gzip" if head[:2] == GZIP_MAGIC else None


def _header(path: Path, compression: str | None) -> list[str]:
    with pa.input_stream(str(path), compression=compression) as stream:
        first = stream.read(4096).split(b"\n", 1)[0]
    names: list[str] = first.decode("utf-8", errors="replace").strip("\r\ufeff").split(",")
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise SourceError(
            f"{path} is not Databento's bar CSV: column {', '.join(missing)} is missing in its "
            f"header {','.join(names)[:120]!r}; {WANTED}."
        )
    return names


def _check_whole(path: Path, compression: str | None) -> None:
    # The last line of a plain file tells no cut inside its last number but by its line end.
    if compression is None:
        with path.open("rb") as stream:
            stream.seek(-1, 2)
            if stream.read(1) != b"\n":
                raise damaged(path, "its last line has no line end")


class _Reader:
    """State of one file: forms that were seen in earlier blocks bind the later ones."""

    def __init__(self, path: Path, names: list[str], roots: Sequence[str]) -> None:
        self.path = path
        self.roots = roots
        self.has_symbol = "symbol" in names
        self.rtypes: set[int] = set()
        self.names: set[str] = set()
        self.count = 0
        self.nameless = 0
        self.pretty_px: bool | None = None
        candidates = [Continuous(root, rule, 0) for root in roots for rule in RULES]
        self.candidates = pa.array([str(c) for c in candidates], pa.string())
        self.root_codes = np.repeat(np.arange(len(roots)), len(RULES))
        self.symbology: SymbolMap | None = None

    def read(self, stream: pa.NativeFile) -> VendorFile:
        if not self.has_symbol:
            self.symbology = self._symbology()
        reader = csv.open_csv(
            stream,
            read_options=csv.ReadOptions(block_size=_BLOCK_BYTES, use_threads=False),
            convert_options=csv.ConvertOptions(
                column_types=_TYPES, include_columns=[*REQUIRED, *self._optional()]
            ),
        )
        parts = [empty_raw(), *(self._block(batch) for batch in reader)]
        if not self.count:
            raise damaged(self.path, "it holds a header and no row")
        schemas = {RTYPES.get(rtype) for rtype in self.rtypes}
        schema = next(iter(schemas))
        if schema is None or len(schemas) > 1:
            found = ", ".join(map(str, sorted(self.rtypes)))
            raise SourceError(
                f"{self.path} holds records of rtype {found}; needed is 34 (ohlcv-1h) or 35 "
                "(ohlcv-1d), one of them in all rows. Download schema ohlcv-1h."
            )
        if self.nameless:
            logger.warning("%s: %d rows without a symbol are left out", self.path, self.nameless)
        bars = pd.concat(parts, ignore_index=True)
        return VendorFile(self.path, "csv", schema, bars, self._symbols(), self.count)

    def _optional(self) -> list[str]:
        return ["symbol"] if self.has_symbol else []

    def _symbology(self) -> SymbolMap:
        beside = self.path.parent / SYMBOLOGY_FILE
        if not beside.is_file():
            raise SourceError(
                f"{self.path} has no symbol column, and no {SYMBOLOGY_FILE} lies beside it, so "
                "its contracts have no names. Download the CSV with map_symbols=True, or put "
                f"the {SYMBOLOGY_FILE} of the same batch into the folder."
            )
        return read_symbology(beside, self.roots)

    def _symbols(self) -> frozenset[Continuous]:
        if self.symbology is not None:
            return self.symbology.symbols
        found = continuous_symbols(self.names)
        if not found:
            raise SourceError(
                f"{self.path} holds symbols such as {', '.join(sorted(self.names)[:3])}, single "
                "contracts or spreads without a roll rule. Download ROOT.v.0 (for example "
                "ZL.v.0) with stype_in=continuous."
            )
        return found

    def _block(self, batch: pa.RecordBatch) -> pd.DataFrame:
        self.count += len(batch)
        for name in ("rtype", "instrument_id", "volume"):
            if batch[name].null_count:
                raise damaged(self.path, f"a row has no {name}")
        self.rtypes.update(pc.unique(batch["rtype"]).to_pylist())
        if self.symbology is None:
            self.names.update(pc.unique(batch["symbol"]).to_pylist())
            self.nameless += pc.sum(pc.equal(batch["symbol"], "")).as_py()
            index = pc.index_in(batch["symbol"], value_set=self.candidates)
            row = np.flatnonzero(index.is_valid().to_numpy(zero_copy_only=False))
            kept = batch.take(pa.array(row))
            code = index.take(pa.array(row)).to_numpy(zero_copy_only=False)
            root = self.root_codes[code.astype(np.int64)]
            mapped = np.ones(len(row), dtype=bool)
        else:
            ids = batch["instrument_id"].to_numpy(zero_copy_only=False)
            found = self.symbology.assign(self._times(batch["ts_event"]), ids)
            kept = batch.take(pa.array(found["row"].to_numpy()))
            root, mapped = found["root"].to_numpy(), found["mapped"].to_numpy()
        if not len(kept):
            return empty_raw()
        prices = self._prices(kept)
        columns = {
            "ts_event": self._times(kept["ts_event"]),
            "root": root,
            "instrument_id": kept["instrument_id"].to_numpy(zero_copy_only=False),
            **dict(zip(PRICE_COLUMNS, prices, strict=True)),
            "volume": kept["volume"].to_numpy(zero_copy_only=False),
            "mapped": mapped,
        }
        return pd.DataFrame(columns).astype(RAW_TYPES)

    def _times(self, text: pa.Array) -> npt.NDArray[np.int64]:
        integer = pc.match_substring_regex(text, r"^-?\d+$")
        if pc.any(integer).as_py():
            stamps = text.cast(pa.int64()).to_numpy()
            if ((stamps < _EARLIEST_NS) | (stamps >= LATEST_NS)).any():
                raise SourceError(
                    f"{self.path} has integer ts_event that are no nanoseconds since 1970 "
                    f"(such as {stamps.min()}). Download the CSV again, with Databento's own "
                    "time format."
                )
            return np.asarray(stamps, dtype=np.int64)
        stamps = text.cast(pa.timestamp("ns", tz="UTC")).cast(pa.int64())
        return np.asarray(stamps.to_numpy(), dtype=np.int64)

    def _prices(self, rows: pa.RecordBatch) -> list[FloatArray]:
        """Prices in quoted units per column; NaN where the vendor left one undefined."""
        text = [rows[name] for name in PRICE_COLUMNS]
        stated = pa.chunked_array(text).filter(pc.not_equal(pa.chunked_array(text), pa.scalar("")))
        if len(stated):
            pointed = pc.match_substring(stated, ".")
            pretty = bool(pc.any(pointed).as_py())
            if pretty != pc.all(pointed).as_py() or self.pretty_px not in (None, pretty):
                raise self._unclear("some prices have a decimal point and some have none")
            self.pretty_px = pretty
        convert = self._decimal if self.pretty_px else self._fixed
        return [convert(column) for column in text]

    def _decimal(self, text: pa.Array) -> FloatArray:
        blank = pc.equal(text, "")
        values = pc.if_else(blank, pa.scalar(None, pa.string()), text).cast(pa.float64())
        price = np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.float64)
        if (np.abs(price) >= MAX_DECIMAL).any():
            raise self._unclear(f"a decimal price is {np.nanmax(np.abs(price)):.0f}")
        return price

    def _fixed(self, text: pa.Array) -> FloatArray:
        blank = pc.equal(text, "")
        filled = pc.if_else(blank, str(UNDEF_PRICE), text)
        units = filled.cast(pa.int64()).to_numpy()
        size = np.abs(units)
        if ((size > 0) & (size < MIN_FIXED)).any():
            raise self._unclear(
                f"a price is the bare integer {units[(size > 0) & (size < MIN_FIXED)][0]}"
            )
        return np.where(units == UNDEF_PRICE, np.nan, units / FIXED_PRICE_SCALE)

    def _unclear(self, what: str) -> SourceError:
        return SourceError(
            f"{self.path}: decimal prices and fixed-point prices (integers in units of 1e-9) "
            f"cannot be told apart, {what}. Export the file again with pretty_px=True."
        )
