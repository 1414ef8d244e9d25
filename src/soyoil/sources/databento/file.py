"""What one Databento file yields, whatever its encoding."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from soyoil.base.errors import SourceError
from soyoil.market.conventions import BarSchema
from soyoil.sources.databento.symbols import Continuous

DBN_SUFFIXES = (".dbn.zst", ".dbn")
CSV_SUFFIXES = (".csv", ".csv.zst", ".csv.gz")
PRICE_COLUMNS = ("open", "high", "low", "close")
RAW_TYPES = (
    {"ts_event": "int64", "root": "int16", "instrument_id": "int64"}
    | dict.fromkeys(PRICE_COLUMNS, "float64")
    | {"volume": "int64", "mapped": "bool"}
)
"""Columns of raw bars: nanoseconds since 1970 (UTC), code of the root, and ``mapped``, False
where the contract stands for no symbol on that day. An undefined price is NaN."""

WANTED = (
    "soyoil reads Databento bars of schema ohlcv-1h (or, degraded, ohlcv-1d) of continuous "
    "symbols such as ZL.v.0, dataset GLBX.MDP3, as *.dbn.zst, *.dbn, *.csv, *.csv.zst or *.csv.gz"
)
WANTED_FRONTS = (
    "Download ROOT.v.0 (for example ZL.v.0) with stype_in=continuous. Single contracts give back "
    "months: their files belong in a folder of their own, for external.curve.path."
)
"""Remedy for files by contract at ``source.path``."""
WANTED_CONTRACTS = (
    'external.curve.path takes files by contract: symbols=["ZL.FUT"], stype_in=parent, dataset '
    "GLBX.MDP3, schema ohlcv-1h or ohlcv-1d."
)
"""Remedy for other files at ``external.curve.path``."""
LATEST_NS = 4_102_444_800_000_000_000
"""Start of the year 2100 in nanoseconds since 1970; no timestamp of a file lies beyond."""

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True)
class VendorFile:
    """Bars of the configured roots in one file.

    Attributes
    ----------
    path
        The file.
    encoding
        ``dbn`` or ``csv``.
    schema
        Schema of all its records.
    bars
        Columns of `RAW_TYPES`.
    symbols
        Continuous symbols that the file holds, configured or not.
    records
        Number of records of all symbols.
    start, end
        Half-open range that the file claims to cover, nanoseconds since 1970; None where the
        encoding does not say.
    """

    path: Path
    encoding: Literal["dbn", "csv"]
    schema: BarSchema
    bars: pd.DataFrame
    symbols: frozenset[Continuous]
    records: int
    start: int | None = None
    end: int | None = None


def empty_raw() -> pd.DataFrame:
    """Raw bars without rows."""
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in RAW_TYPES.items()})


def refuse_non_file(path: Path) -> None:
    """Refuse what cannot be read as a file, without opening it: a pipe would wait for ever.

    Raises
    ------
    SourceError
        It is a folder, pipe, socket or device, or not there.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise SourceError(
            f"Cannot read {path}: {error.strerror or error}. Check that the file is there and "
            "that you may read it."
        ) from error
    if not stat.S_ISREG(mode):
        kinds = {
            stat.S_IFDIR: "a folder",
            stat.S_IFIFO: "a named pipe",
            stat.S_IFSOCK: "a socket",
            stat.S_IFCHR: "a device",
            stat.S_IFBLK: "a device",
        }
        raise SourceError(
            f"{path} is {kinds.get(stat.S_IFMT(mode), 'no regular file')}, not a file, in spite "
            "of its name. Take it out of the folder or rename it."
        )


def magic(path: Path) -> bytes:
    """First four bytes of a file.

    Raises
    ------
    SourceError
        It is no file, is empty, or may not be read.
    """
    refuse_non_file(path)
    try:
        with path.open("rb") as stream:
            head = stream.read(4)
    except OSError as error:
        raise SourceError(
            f"Cannot read {path}: {error.strerror or error}. Check that the file is there and "
            "that you may read it."
        ) from error
    if not head:
        raise SourceError(
            f"{path} is empty (0 bytes), as a download that was cut off leaves it. "
            "Download it again or remove it."
        )
    return head


class DamagedFileError(SourceError):
    """A file was cut off or altered on its way."""


def damaged(path: Path, what: object, remedy: str = "Download it again.") -> DamagedFileError:
    """Error for a file that was cut off or altered."""
    return DamagedFileError(f"{path} is truncated or corrupt: {str(what).rstrip('.')}. {remedy}")
