"""Databento files made offline, with the vendor's own encoder."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import dbn_files
from dbn_files import Mapping, zstd

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def make_bar() -> Callable[..., bytes]:
    """One OHLCV record: (UTC start, contract, [open, high, low, close], volume)."""
    return dbn_files.bar


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    """A plain DBN file of records and ``{symbol: [(first day, end day, contract)]}``."""
    return dbn_files.encode


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
    return dbn_files.to_csv
