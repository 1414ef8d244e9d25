"""Small files in the form of the CFTC's and FRED's, and a store in memory."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd
import pytest

from soyoil.external.cftc import _COLUMNS
from soyoil.external.store import ExternalRecords, empty_rows

HEADER = ("id", "report_date_as_yyyy_mm_dd", "cftc_contract_market_code", *_COLUMNS)


class MemoryStore:
    """Raw tables in memory; a write replaces the series that it holds."""

    def __init__(self) -> None:
        self.tables: dict[str, pd.DataFrame] = {}

    def rows(self, table: str) -> pd.DataFrame:
        return self.tables.get(table, empty_rows(table))

    def write(self, records: ExternalRecords) -> None:
        for name, rows in records.tables.items():
            old, series = self.rows(name), rows.columns[0]
            kept = old[~old[series].isin(rows[series])]
            self.tables[name] = pd.concat([kept, rows], ignore_index=True)


def cot_line(day: str, long: int = 300, market: str = "7601") -> list[object]:
    """One report whose sides add up to an open interest of 1,000 contracts."""
    # Open interest, noncommercial long, short, spread, commercial long, short, the rest.
    counts = (1000, long, 200, 50, 600 - long, 700, 350, 50)
    return [f"x{day}", day, market, *counts]


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def write_cot(tmp_path: Path) -> Callable[[Sequence[Sequence[object]]], Path]:
    """Writes reports as a CSV file of the CFTC's."""

    def write(lines: Sequence[Sequence[object]], name: str = "cot.csv") -> Path:
        text = [",".join(str(v) for v in line) for line in (HEADER, *lines)]
        path = tmp_path / name
        path.write_text("\n".join(text) + "\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def write_fred(tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """Writes FRED's files, their text by series."""

    def write(files: Mapping[str, str]) -> Path:
        folder = tmp_path / "fred"
        folder.mkdir(exist_ok=True)
        for series, text in files.items():
            (folder / f"{series}.csv").write_text(text, encoding="utf-8")
        return folder

    return write
