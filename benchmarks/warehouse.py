"""Time and file size of the warehouse on a matrix of one STRUCT.

Usage: ``python benchmarks/warehouse.py [ROWS] [COLUMNS]``; 31,700 x 60 by default. After the
first write a tenth of the rows changes twenty times over, to show whether the file grows.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from soyoil.contracts.contract import TableContract
from soyoil.contracts.structs import flatten
from soyoil.contracts.validation import validate
from soyoil.warehouse.connection import DuckDBConnection
from soyoil.warehouse.open import connect

SYMBOLS = 10
UPDATES = 20
SHARE = 0.1
Result = TypeVar("Result")


def make_contract(columns: int) -> TableContract:
    """Two key columns, two more at the top, the rest numbers with a range in a STRUCT."""
    top = {"symbol": "STRING", "data_date": "DATE", "provenance": "STRING", "known_at": "TIMESTAMP"}
    number = {"type": "FLOAT64", "minimum": -10, "maximum": 10, "description": "feature"}
    fields = [{"name": f"f{i}", **number} for i in range(columns - len(top))]
    struct = {"name": "market_data", "type": "STRUCT", "description": "x", "fields": fields}
    required = {"nullable": False, "description": "x"}
    raw: dict[str, Any] = {
        "name": "features.benchmark",
        "description": "Made up.",
        "version": 1,
        "write_mode": "sync",
        "sync_by": ["symbol"],
        "key": ["symbol", "data_date"],
        "single_provenance": True,
        "columns": [
            *({"name": name, "type": kind, **required} for name, kind in top.items()),
            struct,
        ],
    }
    return TableContract.model_validate(raw)


def make_frame(contract: TableContract, rows: int, random: np.random.Generator) -> pd.DataFrame:
    """Random rows of several symbols; one number in twenty is missing."""
    per_symbol = -(-rows // SYMBOLS)
    dates = np.tile(pd.bdate_range("1990-01-01", periods=per_symbol, unit="us"), SYMBOLS)[:rows]
    numbers = [name for name in contract.flat_columns() if "." in name]
    values = random.uniform(-1, 1, (rows, len(numbers)))
    values[random.random(values.shape) < 0.05] = np.nan
    top = pd.DataFrame(
        {
            "symbol": pd.Series(np.repeat([f"S{i}" for i in range(SYMBOLS)], per_symbol)[:rows]),
            "data_date": dates,
            "provenance": "synthetic",
            "known_at": pd.DatetimeIndex(dates).tz_localize("UTC"),
        }
    )
    return pd.concat([top, pd.DataFrame(values, columns=numbers)], axis=1)


def timed(name: str, action: Callable[[], Result]) -> Result:
    """Run and print the seconds."""
    start = time.perf_counter()
    result = action()
    print(f"{name:<22}{time.perf_counter() - start:6.2f} s")
    return result


def main() -> None:
    """Write, write again, read, then update over and over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="?", type=int, default=31_700)
    parser.add_argument("columns", nargs="?", type=int, default=60)
    options = parser.parse_args()
    random = np.random.default_rng(0)
    contract = make_contract(options.columns)
    frame = make_frame(contract, options.rows, random)
    print(f"{frame.shape[0]:,} rows x {frame.shape[1]} columns")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "warehouse.duckdb"
        warehouse = connect(DuckDBConnection(path=path))
        table = timed("validate", lambda: validate(frame, contract))
        timed("write, new file", lambda: warehouse.write(contract, table))
        timed("write, nothing new", lambda: warehouse.write(contract, table))
        found = timed("read", lambda: warehouse.read(contract))
        timed("flatten", lambda: flatten(found))
        sizes = [path.stat().st_size]
        start = time.perf_counter()
        for _ in range(UPDATES):
            touched = random.random(len(frame)) < SHARE
            frame.loc[touched, "market_data.f0"] = random.uniform(-1, 1, int(touched.sum()))
            warehouse.write(contract, validate(frame, contract))
            sizes.append(path.stat().st_size)
        print(f"{'one update of ' + format(SHARE, '.0%'):<22}"
              f"{(time.perf_counter() - start) / UPDATES:6.2f} s")  # fmt: skip
        print("file after each, MiB: " + " ".join(f"{size / 2**20:.1f}" for size in sizes))


if __name__ == "__main__":
    main()
