"""A small market in files that overlap, and loads of some of them into a warehouse."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from soyoil.contracts.contract import load_contract
from soyoil.contracts.validation import validate
from soyoil.datasets.vendor_store import WarehouseVendorStore
from soyoil.pipelines.ingest.nodes import make_sessions, read_source
from soyoil.sources.base import BarBatch, SourceConfig
from soyoil.sources.vendor_store import SESSIONS, VendorRecords
from soyoil.warehouse.backend import Warehouse, WriteResult

Encode = Callable[..., bytes]
MakeBar = Callable[..., bytes]

ROOTS = ("CL", "ZL")
WEEKS = 6
FIRST = pd.Timestamp("2024-01-08")
HOURS = (1, 8, 15, 16, 18)
"""Hours of a session in winter, UTC; the last is that of the close of ZL."""


@dataclass(frozen=True)
class Bar:
    """One hourly bar."""

    root: str
    time: pd.Timestamp
    contract: int
    prices: tuple[float, float, float, float]
    volume: int


def bars_of(seed: int = 3) -> list[Bar]:
    """All bars: rolls with a flip-back, thin sessions, and Sunday evenings."""
    rng = np.random.default_rng(seed)
    bars = []
    days = pd.bdate_range(FIRST, periods=5 * WEEKS)
    for number, root in enumerate(ROOTS):
        price = 70.0 if root == "CL" else 48.0
        for i, day in enumerate(days):
            # The second contract for a day, the first again, then the second for good.
            contract = 10 * (number + 1) + (i in (12, 16) or i > 17)
            thin = i in (24, 27) if root == "ZL" else i == 25
            times = [day + pd.Timedelta(hours=h) for h in HOURS]
            if day.dayofweek == 0:
                times.insert(0, day - pd.Timedelta(hours=1))
            for time in times:
                close = round(price * float(np.exp(rng.normal(0, 0.004))), 2)
                high, low = max(price, close) + 0.03, min(price, close) - 0.03
                volume = 1 if thin else int(rng.integers(200, 400))
                bars.append(Bar(root, time, contract, (price, high, low, close), volume))
                price = close
    return sorted(bars, key=lambda bar: bar.time)


class Files:
    """Files of the market, by name.

    One a week; one of two weeks over again; one that ends within a session, within an hour that
    had seen half of its volume; one with another price in one bar.
    """

    def __init__(self, encode: Encode, make_bar: MakeBar) -> None:
        self._encode = encode
        self._make_bar = make_bar
        self.bars = bars_of()
        week = pd.Timedelta(days=7)
        starts = [FIRST - pd.Timedelta(days=1) + n * week for n in range(WEEKS)]
        self.content = {
            f"week{n}.dbn": self.build(self.between(start, start + week), start, start + week)
            for n, start in enumerate(starts)
        }
        span = starts[2], starts[4]
        self.content["twice.dbn"] = self.build(self.between(*span), *span)
        cut = starts[4] + pd.Timedelta(days=3, hours=16, minutes=30)
        early = self.between(starts[3], cut)
        unfinished = [self.halved(bar) if bar.time > cut - pd.Timedelta(hours=1) else bar
                      for bar in early]  # fmt: skip
        self.content["early.dbn"] = self.build(unfinished, starts[3], cut)
        other = self.between(starts[1] + pd.Timedelta(days=2), starts[1] + pd.Timedelta(days=3))
        first = other[0]
        changed = Bar(first.root, first.time, first.contract, first.prices, first.volume + 1)
        self.content["other.dbn"] = self.build(
            [changed, *other[1:]], starts[1], starts[1] + pd.Timedelta(days=3)
        )

    @staticmethod
    def halved(bar: Bar) -> Bar:
        """What a bar was before its hour was over."""
        open_, high, low, _ = bar.prices
        middle = round((open_ + low) / 2, 3)
        return Bar(bar.root, bar.time, bar.contract, (open_, high, low, middle), bar.volume // 2)

    def between(self, start: pd.Timestamp, end: pd.Timestamp) -> list[Bar]:
        """Bars that start in ``[start, end)``."""
        return [bar for bar in self.bars if start <= bar.time < end]

    def build(
        self, bars: Iterable[Bar], start: pd.Timestamp, end: pd.Timestamp, rule: str = "v"
    ) -> bytes:
        """DBN file of some bars."""
        bars = list(bars)
        records = [self._make_bar(str(b.time), b.contract, b.prices, b.volume) for b in bars]
        mappings: dict[str, list[Any]] = {}
        days = sorted({(b.root, b.time.date(), b.contract) for b in bars})
        for root, day, contract in days:
            after = str(day + dt.timedelta(days=1))
            mappings.setdefault(f"{root}.{rule}.0", []).append((str(day), after, contract))
        return self._encode(records, mappings, span=(str(start), str(end)))

    def put(self, names: Iterable[str], folder: Path) -> Path:
        """Write some of them into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            (folder / name).write_bytes(self.content[name])
        return folder


@dataclass(frozen=True)
class Loaded:
    """What a load has read and written."""

    batch: BarBatch
    records: VendorRecords
    quarantine: pd.DataFrame
    result: WriteResult


def read(
    warehouse: Warehouse, path: Path, roots: Sequence[str] = ROOTS, replace: str = "nothing"
) -> BarBatch:
    """Read what is at a path beside what is stored."""
    source = SourceConfig.model_validate(
        {"kind": "databento", "path": str(path), "symbols": tuple(roots), "replace": replace}
    )
    return read_source(source, WarehouseVendorStore(warehouse))


def load(
    warehouse: Warehouse, path: Path, roots: Sequence[str] = ROOTS, replace: str = "nothing"
) -> Loaded:
    """What the ingest stage does, in its order."""
    batch = read(warehouse, path, roots, replace)
    records, sessions, quarantine, _ = make_sessions(batch)
    WarehouseVendorStore(warehouse).add(records)
    contract = load_contract(SESSIONS)
    result = warehouse.write(contract, validate(sessions, contract))
    return Loaded(batch, records, quarantine, result)
