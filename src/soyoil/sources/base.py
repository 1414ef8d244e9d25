"""What every bar source is configured by and gives back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

import pandas as pd
from pydantic import Field, field_validator, model_validator

from soyoil.base.config import Config
from soyoil.market.bars import BarOrigin
from soyoil.market.conventions import BarSchema, Rolls
from soyoil.sources.databento.download.config import DownloadConfig
from soyoil.sources.synthetic.config import SyntheticConfig
from soyoil.sources.table.config import TableColumns
from soyoil.sources.vendor_store import VendorRecords

Advance = Callable[[int, int], None]
"""Called with (units done, units in all) while a source is read."""

BAR_COLUMNS = (
    "ts_event", "symbol", "instrument_id", "open", "high", "low", "close", "volume",
)  # fmt: skip
"""Columns of vendor bars, in order."""

QUARANTINE_COLUMNS = (*BAR_COLUMNS, "reason", "file")
"""Columns of bars that were set aside."""


class SourceConfig(Config):
    """Where vendor bars come from.

    Attributes
    ----------
    kind
        ``synthetic``: the seeded generator. ``databento``: files under `path`. ``warehouse``: daily
        bars in `table`, a table of your own.
    path
        ``databento``: a folder of ``*.dbn.zst`` files, or of Databento CSV files, or one such file;
        needed. ``warehouse``: a DuckDB file that holds `table`; None is the warehouse of the run.
    symbols
        Futures roots to keep; everything else in the files is skipped while reading.
    replace
        What the files at `path` take the place of. ``nothing``: they are added to the files that
        the warehouse knows. ``same_name``: stored files with the name of one of them and other
        content count no more, as after a corrected download. ``everything``: no stored file
        counts that is not at `path`, and no other root, as in a new warehouse.
    download
        ``databento``: what is missing at `path`, or of single contracts in a folder of their own,
        and may be pulled by API.
    table
        ``dataset.table`` of the bars (on BigQuery also ``project.dataset.table``), without the
        prefix of soyoil's own datasets. It is read and never changed.
    columns
        Columns of `table`; those that are not named are guessed.
    synthetic
        Options of the generator.
    """

    kind: Literal["synthetic", "databento", "warehouse"] = "synthetic"
    path: str | None = None
    symbols: tuple[str, ...] = Field(default=("ZL",), min_length=1)
    replace: Literal["nothing", "same_name", "everything"] = "nothing"
    download: DownloadConfig = DownloadConfig()
    table: str = Field(
        default="market_data.databento_futures_ohlcv_1d",
        pattern=r"^[^.\s`\"']+\.[^.\s`\"']+(\.[^.\s`\"']+)?$",
    )
    columns: TableColumns = TableColumns()
    synthetic: SyntheticConfig = SyntheticConfig()

    @field_validator("symbols", mode="before")
    @classmethod
    def _split_symbols(cls, value: object) -> object:
        # `--params=source.symbols=ZL+CL`: Kedro's own list separator on the command line.
        return tuple(value.split("+")) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check(self) -> Self:
        repeated = sorted({s for s in self.symbols if self.symbols.count(s) > 1})
        if repeated:
            raise ValueError(f"source.symbols names {', '.join(repeated)} more than once")
        if self.kind == "databento" and not self.path:
            raise ValueError(
                "source.kind=databento needs source.path: a folder of *.dbn.zst or CSV files, "
                "for example --params=source.kind=databento,source.path=/data/databento"
            )
        if self.download.mode is not None and self.kind != "databento":
            raise ValueError(
                f"source.download.mode={self.download.mode} pulls files of Databento, and "
                f"source.kind is {self.kind}: set source.kind=databento and source.path, or "
                "source.download.mode=null"
            )
        if self.kind == "databento" and self.path:
            self._check_contracts(self.path)
        return self

    def _check_contracts(self, path: str) -> None:
        """Refuse contracts where the front months are: loads of either would read both."""
        own = Path(path).expanduser().resolve()
        contracts = self.download.contracts_folder(path).resolve()
        if contracts == own or (contracts == own.parent and own.is_file()):
            raise ValueError(
                f"source.download.contracts_path={contracts} is the folder that source.path="
                f"{path} reads: contracts need a folder of their own"
            )


@dataclass(frozen=True)
class BarBatch:
    """Vendor bars of all roots that a source holds.

    Attributes
    ----------
    bars
        `BAR_COLUMNS`: ``ts_event`` (``datetime64[us, UTC]``, start of the bar), ``symbol`` (root,
        ``str``), ``instrument_id`` (``int64``), prices (``float64``, quoted units), ``volume``
        (``int64``, lots); sorted by symbol and time, one bar per symbol, time and contract.
    quarantine
        `QUARANTINE_COLUMNS`: bars that were set aside, with the reason and the file's name.
    schema
        ``ohlcv-1h`` or ``ohlcv-1d``.
    provenance
        ``observed`` or ``synthetic``.
    degraded_days
        UTC days that the vendor marks as degraded.
    coverage
        What the files speak for, see `soyoil.market.bars.BarOrigin`; None from a generator.
    records
        What is to be stored of the files; None from a generator.
    rolls
        By symbol, whether its contracts are known; a symbol that is not named is ``known``.
    facts
        What was guessed of the source, by name of a tag.
    """

    bars: pd.DataFrame
    quarantine: pd.DataFrame
    schema: BarSchema
    provenance: str
    degraded_days: tuple[dt.date, ...] = ()
    coverage: pd.DataFrame | None = None
    records: VendorRecords | None = None
    rolls: Mapping[str, Rolls] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> BarOrigin:
        """Where the bars come from, as sessions are made of them."""
        return BarOrigin(
            self.schema,
            self.provenance,
            self.degraded_days,
            self.coverage,
            self.quarantine,
            self.rolls,
        )


def no_progress(done: int, total: int) -> None:
    """Progress callback that does nothing."""


def empty_quarantine() -> pd.DataFrame:
    """Quarantine table without rows."""
    types = {"ts_event": "datetime64[us, UTC]", "symbol": "str", "instrument_id": "int64"}
    types |= dict.fromkeys(("open", "high", "low", "close"), "float64")
    types |= {"volume": "int64", "reason": "str", "file": "str"}
    return pd.DataFrame({c: pd.Series(dtype=types[c]) for c in QUARANTINE_COLUMNS})
