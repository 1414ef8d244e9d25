"""Seconds, requests and bytes of both warehouses on the same matrix.

Usage: ``python benchmarks/bigquery.py [ROWS] [COLUMNS]``; 100,000 x 60 by default. BigQuery is the
server of the tests (``make bigquery-server``): its seconds say little about Google's, requests
and bytes are the same there.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from soyoil.contracts.contract import TableContract
from soyoil.contracts.validation import validate
from soyoil.warehouse import usage
from soyoil.warehouse.connection import ConnectionConfig, DuckDBConnection
from soyoil.warehouse.open import connect
from warehouse import make_contract, make_frame

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "warehouse"))
from bigquery_server import running

LAYOUT = {"partition": {"column": "data_date", "granularity": "MONTH"}, "cluster": ("symbol",)}


def measured(name: str, action: Callable[[], Any]) -> Any:
    """Run and print seconds, requests and MiB sent and read."""
    usage.reset()
    start = time.perf_counter()
    result = action()
    seconds, used = time.perf_counter() - start, usage.current()
    sent, read = used.loaded_bytes / 2**20, used.storage_bytes / 2**20
    print(f"{name:<34}{seconds:7.2f} s {used.requests:4d} requests {sent:7.1f} {read:7.1f} MiB")
    return result


def compare(config: ConnectionConfig, contract: TableContract, rows: int) -> None:
    """Write, write again, update one row, read all, read two columns."""
    frame = make_frame(contract, rows, np.random.default_rng(0))
    table = validate(frame, contract)
    frame.loc[0, "market_data.f0"] = 0.5
    changed = validate(frame, contract)
    warehouse, backend = connect(config), config.backend
    measured(f"{backend}: write, new table", lambda: warehouse.write(contract, table))
    measured(f"{backend}: write, nothing new", lambda: warehouse.write(contract, table))
    measured(f"{backend}: write, one row changed", lambda: warehouse.write(contract, changed))
    found = measured(f"{backend}: read", lambda: warehouse.read(contract))
    order = [(name, "ascending") for name in contract.key]
    if not found.equals(changed.sort_by(order)):
        raise AssertionError("the rows read are not those written")
    measured(f"{backend}: read two columns", lambda: warehouse.read(contract, contract.key))


def main() -> None:
    """Both backends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="?", type=int, default=100_000)
    parser.add_argument("columns", nargs="?", type=int, default=60)
    options = parser.parse_args()
    raw = make_contract(options.columns).model_dump() | LAYOUT
    contract = TableContract.model_validate(raw)
    print(f"{options.rows:,} rows x {options.columns} columns; sent by loads, read by Storage API")
    with tempfile.TemporaryDirectory() as folder:
        compare(DuckDBConnection(path=Path(folder) / "w.duckdb"), contract, options.rows)
        with running(Path(folder) / "server") as server:
            compare(server.connection(dataset_prefix="b_"), contract, options.rows)


if __name__ == "__main__":
    main()
