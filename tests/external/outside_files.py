"""Reports and a store in memory for the tests of outside sources."""

import pandas as pd
import pytest

from soyoil.external.readers.cftc import CODE, DAY, DISAGGREGATED, LEGACY, Report
from soyoil.external.store import ExternalRecords, empty_rows

REPORTS = pytest.mark.parametrize("report", [LEGACY, DISAGGREGATED], ids=lambda r: r.name)
LONG = {LEGACY.name: "noncommercial_long", DISAGGREGATED.name: "managed_money_long"}
"""The column that `cot_counts` sets, by report."""


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


def header(report: Report = LEGACY) -> tuple[str, ...]:
    return ("id", DAY, CODE, *report.columns)


def cot_counts(long: int, report: Report = LEGACY) -> dict[str, int]:
    """Positions that add up to an open interest of 1,000 contracts, in the order of the report."""
    # Long, short and spread of each kind of trader, the small ones last.
    counts = {
        LEGACY.name: (1000, long, 200, 50, 600 - long, 700, 350, 50),
        DISAGGREGATED.name: (
            1000, 450 - long, 600, 100, 60, 10, long, 200, 30, 50, 40, 10, 350, 50,
        ),
    }  # fmt: skip
    return dict(zip(report.columns, counts[report.name], strict=True))


def cot_line(
    day: str, long: int = 300, market: str = "7601", report: Report = LEGACY
) -> list[object]:
    """One report as a line of a file."""
    return [f"x{day}", day, market, *cot_counts(long, report).values()]
