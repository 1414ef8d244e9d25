"""Reports and a store in memory for the tests of outside sources."""

import pandas as pd

from soyoil.external.readers.cftc import COLUMNS
from soyoil.external.store import ExternalRecords, empty_rows

HEADER = ("id", "report_date_as_yyyy_mm_dd", "cftc_contract_market_code", *COLUMNS)


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
