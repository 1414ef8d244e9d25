"""How a CSV file is laid out: encoding, separator, header, line ends.

Files pass through spreadsheets, warehouses and editors on their way. What can be read without
a doubt is read; for the rest the true cause is named.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from soyoil.base.errors import SourceError
from soyoil.sources.databento.file import (
    GZIP_MAGIC,
    PRICE_COLUMNS,
    WANTED,
    ZSTD_MAGIC,
    damaged,
    magic,
)
from soyoil.sources.databento.symbols import parse_continuous

REQUIRED: Final = ("ts_event", "rtype", "instrument_id", *PRICE_COLUMNS, "volume")
SYMBOL: Final = "symbol"
_SEPARATORS: Final = (",", ";", "\t", "|")
_WIDE_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_HEAD_BYTES: Final = 65_536
_TAIL_BYTES: Final = 4_096


@dataclass(frozen=True)
class Layout:
    """What is told from the beginning of a file.

    Attributes
    ----------
    path
        The file.
    compression
        ``zstd``, ``gzip`` or None.
    separator
        Character between fields.
    names
        Column names, without quotes and surrounding space.
    """

    path: Path
    compression: str | None
    separator: str
    names: tuple[str, ...]

    @property
    def has_symbol(self) -> bool:
        """Whether rows name their symbol."""
        return SYMBOL in self.names

    @property
    def used(self) -> tuple[str, ...]:
        """Columns that are read."""
        return (*REQUIRED, SYMBOL) if self.has_symbol else REQUIRED

    def line_of(self, row: int) -> int:
        """Line in the file, from 1, of a row among those that are not blank, from 0."""
        filled = (i for i, line in enumerate(self.lines(), start=1) if line)
        return next(islice(filled, row, None), 0)

    def last_line(self) -> int:
        """Number of the last line, from 1."""
        return sum(1 for _ in self.lines())

    def lines(self) -> Iterator[bytes]:
        """All lines, without their ends."""
        with pa.input_stream(str(self.path), compression=self.compression) as stream:
            rest = b""
            while block := stream.read(2**20):
                *lines, rest = (rest + block).split(b"\n")
                yield from (line.rstrip(b"\r") for line in lines)
            yield rest.rstrip(b"\r")


def read_layout(path: Path) -> Layout:
    """Tell the layout of a CSV file, compressed or not, by its beginning.

    Raises
    ------
    SourceError
        It is empty, no text, in another encoding, or its header is not that of bars.
    """
    head = magic(path)
    compression = "zstd" if head == ZSTD_MAGIC else "gzip" if head[:2] == GZIP_MAGIC else None
    with pa.input_stream(str(path), compression=compression) as stream:
        first = stream.read(_HEAD_BYTES)
    if first.startswith(_WIDE_MARKS) or first[1:20:2] == bytes(10) or first[0:20:2] == bytes(10):
        raise SourceError(
            f"{path} is text in UTF-16, as spreadsheets save 'Unicode text'. Save it as "
            "'CSV UTF-8', or take the file as it was downloaded."
        )
    line = first.removeprefix(codecs.BOM_UTF8).lstrip(b"\r\n").splitlines()[:1] or [b""]
    text = line[0].decode("utf-8", errors="replace")
    if "\0" in text:
        raise SourceError(
            f"{path} is not Databento's bar CSV: its first line holds NUL bytes, so it is damaged, "
            f"or no text at all; {WANTED}."
        )
    separator = max(_SEPARATORS, key=lambda s: sum(name in REQUIRED for name in _split(text, s)))
    names = _split(text, separator)
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise SourceError(
            f"{path} is not Databento's bar CSV: column {', '.join(missing)} is missing in its "
            f"header {text[:120]!r}; {WANTED}."
        )
    twice = sorted({name for name in (*REQUIRED, SYMBOL) if names.count(name) > 1})
    if twice:
        raise SourceError(
            f"{path}, line 1: column {', '.join(twice)} occurs {names.count(twice[0])} times, and "
            "which of them counts is not clear. Remove or rename the others."
        )
    return Layout(path, compression, separator, names)


def _split(line: str, separator: str) -> tuple[str, ...]:
    try:
        fields = next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
    except csv.Error:
        return ()
    return tuple(field.strip() for field in fields)


def check_end(layout: Layout) -> None:
    """Refuse a file that may have been cut off within its last field.

    Only a plain file can: a compressed one tells by itself. Without a final line end the last row
    is taken as whole if it ends in a continuous symbol, the only field that tells its own end.

    Raises
    ------
    SourceError
        The last line has no line end and may not be whole.
    """
    if layout.compression is not None:
        return
    with layout.path.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(0, size - _TAIL_BYTES))
        last = stream.read().splitlines(keepends=True)[-1].decode("utf-8", errors="replace")
    if last.endswith(("\n", "\r")):
        return
    if "\0" in last:
        raise _has_nul(layout.path, layout.last_line())
    fields = _split(last, layout.separator)
    is_whole = len(fields) == len(layout.names) and not any(fields)
    if len(fields) == len(layout.names) and layout.names[-1] == SYMBOL:
        is_whole |= parse_continuous(fields[-1]) is not None
    if not is_whole:
        raise damaged(
            layout.path,
            f"its last line ({last.strip()[-60:]!r}) has no line end and may have been cut off",
            "If that line is whole, add a line end; if not, download the file again.",
        )


def bad_width(layout: Layout) -> SourceError | None:
    """Error for the first line with another number of fields than the header, if there is one."""
    width = len(layout.names)
    for number, line in enumerate(layout.lines(), start=1):
        text = line.decode("utf-8", errors="replace")
        fields = _split(text, layout.separator) if text else layout.names
        if len(fields) == width:
            continue
        if "\0" in text:
            return _has_nul(layout.path, number)
        more = len(fields) > width and layout.separator == ","
        hint = " A comma as thousands or decimal separator does that." if more else ""
        return damaged(
            layout.path,
            f"line {number} has {len(fields)} fields where the header has {width}: "
            f"{text.strip()[:80]!r}",
            f"Mend that line or download the file again.{hint}",
        )
    return None


def has_nul(layout: Layout, columns: Sequence[pa.Array], first_row: int) -> SourceError | None:
    """Error for the first field that holds a NUL byte, if there is one."""
    for column in columns:
        row = pc.index(pc.match_substring(column, "\0"), True).as_py()
        if row >= 0:
            return _has_nul(layout.path, layout.line_of(first_row + row))
    return None


def _has_nul(path: Path, line: int) -> SourceError:
    return damaged(
        path,
        f"line {line} holds NUL bytes, as a crashed disk or a broken transfer leaves them",
        "Download it again.",
    )
