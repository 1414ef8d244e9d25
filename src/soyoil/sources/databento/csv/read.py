"""Databento's CSV encoding, streamed and filtered while it is read.

Header ``ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume[,symbol]``. Times
are ISO 8601 with a zone (``pretty_ts``) or integer nanoseconds; prices are decimal
(``pretty_px``) or integers in units of 1e-9. The file does not say which, so it is told by size:

* every price zero or below one million: decimal, with or without a point;
* every price an integer, and zero or at least 1e6 in size (0.001 in quoted units): fixed-point;
* both in one file: refused.

No configured root has ever been quoted at a million, nor has a tick below 0.001 been a price of
one, so the two forms cannot be mistaken for each other. Files that went through another program
are read where nothing is in doubt: other separators, quoted or padded fields, ``783.0`` lots,
``2024-01-08 01:00:00 UTC``, empty rows. All else is refused with line and column.
Source: https://databento.com/docs/standards-and-conventions/common-fields-enums-types
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from soyoil.base.arrays import FloatArray
from soyoil.base.errors import SourceError
from soyoil.sources.databento.csv.fields import (
    FieldError,
    mixed,
    parse_integers,
    parse_prices,
    parse_times,
    tell_form,
)
from soyoil.sources.databento.csv.layout import (
    SYMBOL,
    Layout,
    bad_width,
    check_end,
    has_nul,
    read_layout,
)
from soyoil.sources.databento.dbn import RTYPES
from soyoil.sources.databento.file import (
    PRICE_COLUMNS,
    RAW_TYPES,
    WANTED_FRONTS,
    VendorFile,
    damaged,
    empty_raw,
    refuse_non_file,
)
from soyoil.sources.databento.symbols import (
    RULES,
    Continuous,
    Interval,
    SymbolMap,
    continuous_symbols,
    parse_continuous,
)

logger = logging.getLogger(__name__)

SYMBOLOGY_FILE = "symbology.json"
_BLOCK_BYTES = 4 * 2**20


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
    try:
        layout = read_layout(path)
        check_end(layout)
        with pa.input_stream(str(path), compression=layout.compression) as stream:
            return _Reader(layout, roots).read(stream)
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
    return read_layout(path).has_symbol


@contextmanager
def _numbered(position: npt.NDArray[np.intp]) -> Iterator[None]:
    """Let a `FieldError` speak of rows of the block, of which those at hand are a part."""
    try:
        yield
    except FieldError as error:
        raise FieldError(int(position[error.row]), error.column, error.reason) from error


def _vendor_spelling(name: str) -> str:
    """A symbol without the quotes, spaces and small letters that other programs put in."""
    root, _, rest = re.sub(r"[\s'\"]", "", name).partition(".")
    return f"{root.upper()}.{rest.lower()}"


class _Reader:
    """State of one file: forms that were seen in earlier blocks bind the later ones."""

    def __init__(self, layout: Layout, roots: Sequence[str]) -> None:
        self.layout = layout
        self.path = layout.path
        self.roots = roots
        self.rtypes: set[int] = set()
        self.names: set[str] = set()
        self.count = 0
        # Position of the block at hand among the lines that are not blank; the header's is 0.
        self.first_row = 1
        self.empty = 0
        self.nameless = 0
        self.unnamed = 0
        self.unmapped = 0
        self.decimal: bool | None = None
        candidates = [Continuous(root, rule, 0) for root in roots for rule in RULES]
        self.candidates = pa.array([str(c) for c in candidates], pa.string())
        self.root_codes = np.repeat(np.arange(len(roots)), len(RULES))
        self.symbology: SymbolMap | None = None

    def read(self, stream: pa.NativeFile) -> VendorFile:
        if not self.layout.has_symbol:
            self.symbology = self._symbology()
        used = self.layout.used
        try:
            reader = csv.open_csv(
                stream,
                read_options=csv.ReadOptions(
                    block_size=_BLOCK_BYTES,
                    use_threads=False,
                    column_names=list(self.layout.names),
                    skip_rows_after_names=1,
                ),
                parse_options=csv.ParseOptions(delimiter=self.layout.separator),
                convert_options=csv.ConvertOptions(
                    column_types=dict.fromkeys(used, pa.string()), include_columns=list(used)
                ),
            )
            parts = [empty_raw(), *(self._block(batch) for batch in reader)]
        except pa.ArrowInvalid as error:
            raise bad_width(self.layout) or error from error
        return self._file(pd.concat(parts, ignore_index=True))

    def _file(self, bars: pd.DataFrame) -> VendorFile:
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
        self._check_named()
        if self.empty:
            logger.info("%s: %d empty rows are passed over", self.path, self.empty)
        return VendorFile(self.path, "csv", schema, bars, self._symbols(), self.count)

    def _check_named(self) -> None:
        if self.unnamed or self.unmapped:
            raise SourceError(
                f"{self.path}: {self.unnamed + self.unmapped:,} of its {self.count:,} bars have "
                f"no name in {SYMBOLOGY_FILE} ({self.unnamed:,} of contracts that it does not "
                f"know, {self.unmapped:,} on days that it does not cover): it belongs to another "
                f"batch. Put each batch with its own {SYMBOLOGY_FILE} into a folder of its own, "
                "or download the CSV with map_symbols=True."
            )
        vendor = frozenset(self.candidates.to_pylist())
        for name in sorted(self.names - vendor):
            spelling = _vendor_spelling(name)
            if spelling in vendor:
                raise SourceError(
                    f"{self.path} holds the symbol {name!r}, which the vendor spells {spelling}: "
                    "its rows would be left out. Mend the column symbol or download the file again."
                )
        single = sorted(n for n in self.names if n and parse_continuous(n) is None)
        if single and continuous_symbols(self.names):
            logger.warning(
                "%s: rows of %d symbols that are not continuous, such as %s, are left out",
                *(self.path, len(single), ", ".join(single[:3])),
            )
        if self.nameless:
            logger.warning("%s: %d rows without a symbol are left out", self.path, self.nameless)

    def _symbology(self) -> SymbolMap:
        beside = self.path.parent / SYMBOLOGY_FILE
        if os.path.lexists(beside):
            refuse_non_file(beside)
        else:
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
                f"contracts or spreads without a roll rule. {WANTED_FRONTS}"
            )
        return found

    def _block(self, batch: pa.RecordBatch) -> pd.DataFrame:
        first_row = self.first_row
        self.first_row += len(batch)
        names = self.layout.used
        columns = {name: pc.utf8_trim_whitespace(batch[name]) for name in names}
        if refusal := has_nul(self.layout, list(columns.values()), first_row):
            raise refusal
        blank = np.logical_and.reduce(
            [pc.equal(c, "").to_numpy(zero_copy_only=False) for c in columns.values()]
        )
        self.empty += int(blank.sum())
        position = np.flatnonzero(~blank)
        rows = pa.record_batch(columns).take(pa.array(position))
        try:
            return self._bars(rows, position)
        except FieldError as error:
            line = self.layout.line_of(first_row + error.row)
            raise SourceError(
                f"{self.path}, line {line}, column {error.column}: {error.reason}"
            ) from error

    def _bars(self, rows: pa.RecordBatch, position: npt.NDArray[np.intp]) -> pd.DataFrame:
        """Bars of the wanted symbols; a `FieldError` names the row of the block."""
        self.count += len(rows)
        with _numbered(position):
            numbers = {
                name: parse_integers(rows[name], name)
                for name in ("rtype", "instrument_id", "volume")
            }
            times = parse_times(rows["ts_event"])
        self.rtypes.update(np.unique(numbers["rtype"]).tolist())
        if self.symbology is None:
            self.names.update(pc.unique(rows[SYMBOL]).to_pylist())
            self.nameless += pc.sum(pc.equal(rows[SYMBOL], "")).as_py() or 0
            index = pc.index_in(rows[SYMBOL], value_set=self.candidates)
            row = np.flatnonzero(index.is_valid().to_numpy(zero_copy_only=False))
            code = index.take(pa.array(row)).to_numpy(zero_copy_only=False)
            root = self.root_codes[code.astype(np.int64)]
            mapped = np.ones(len(row), dtype=bool)
        else:
            ids = numbers["instrument_id"]
            found = self.symbology.assign(times, ids)
            row, root = found["row"].to_numpy(), found["code"].to_numpy()
            mapped = found["mapped"].to_numpy()
            self.unnamed += int((~np.isin(ids, self.symbology.known_ids)).sum())
            self.unmapped += int((~mapped).sum())
        if not len(row):
            return empty_raw()
        text = [rows[name].take(pa.array(row)) for name in PRICE_COLUMNS]
        with _numbered(position[row]):
            prices = self._prices(text)
        columns = {
            "ts_event": times[row],
            "root": root,
            "instrument_id": numbers["instrument_id"][row],
            **dict(zip(PRICE_COLUMNS, prices, strict=True)),
            "volume": numbers["volume"][row],
            "mapped": mapped,
        }
        return pd.DataFrame(columns).astype(RAW_TYPES)

    def _prices(self, text: Sequence[pa.Array]) -> list[FloatArray]:
        """Prices in quoted units per column; NaN where the vendor left one undefined."""
        for name, column in zip(PRICE_COLUMNS, text, strict=True):
            form = tell_form(column, name)
            if form is None:
                continue
            if self.decimal not in (None, form):
                stated = pc.fill_null(pc.index(pc.not_equal(column, ""), True), 0).as_py()
                raise FieldError(stated, name, mixed(column[stated].as_py()))
            self.decimal = form
        return [parse_prices(column, decimal=self.decimal is not False) for column in text]
