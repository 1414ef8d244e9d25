"""A daily refresh of the matrix in BigQuery, beside pandas-gbq in the same run.

Usage: ``python benchmarks/refresh.py [ROOTS] [SESSIONS]``; 16 x 4,000 by default, 178 columns as
the daily matrix has. ``python benchmarks/refresh.py --batches [SYMBOLS] [SESSIONS]`` writes and
reads many symbols, a batch of them at a time, and tells the peak of memory; ``--duckdb`` does so
in a DuckDB file. BigQuery is the server of the tests (``make bigquery-server``). Without
pandas-gbq, which soyoil does not need, its lines are left out.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from soyoil.contracts.contract import TableContract
from soyoil.contracts.validation import validate
from soyoil.warehouse import usage
from soyoil.warehouse.bigquery.client import client_for
from soyoil.warehouse.connection import BigQueryConnection, ConnectionConfig, DuckDBConnection
from soyoil.warehouse.open import connect
from warehouse import make_contract

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "warehouse"))
from bigquery_server import running

COLUMNS = 178
BATCH = 50
LAYOUT = {"partition": {"column": "data_date", "granularity": "MONTH"}, "cluster": ("symbol",)}
TABLE = "g_features.flat"


def make_rows(contract: TableContract, symbols: list[str], sessions: int) -> pd.DataFrame:
    """Random rows; those of a session are the same however many follow."""
    dates = pd.bdate_range("2010-01-04", periods=sessions, unit="us")
    numbers = [name for name in contract.flat_columns() if "." in name]
    blocks = []
    for symbol in symbols:
        random = np.random.default_rng([*symbol.encode()])
        values = random.uniform(-1, 1, (sessions, len(numbers)))
        values[random.random(values.shape) < 0.05] = np.nan
        blocks.append(values)
    top = pd.DataFrame(
        {
            "symbol": pd.Series(np.repeat(symbols, sessions), dtype="str"),
            "data_date": np.tile(dates, len(symbols)),
            "provenance": "synthetic",
            "known_at": pd.DatetimeIndex(np.tile(dates, len(symbols))).tz_localize("UTC"),
        }
    )
    return pd.concat([top, pd.DataFrame(np.concatenate(blocks), columns=numbers)], axis=1)


def measured(name: str, action: Callable[[], Any]) -> Any:
    """Run and print seconds, requests and MB sent and read, as far as they are counted."""
    usage.reset()
    start = time.perf_counter()
    result = action()
    seconds, used = time.perf_counter() - start, usage.current()
    sent, read = used.loaded_bytes / 1e6, used.storage_bytes / 1e6
    print(f"{name:<44}{seconds:7.2f} s {used.requests:4d} requests {sent:8.2f} {read:8.2f} MB")
    return result


def refresh(config: BigQueryConnection, contract: TableContract, roots: int, sessions: int) -> None:
    """Write all, write nothing new, write one session more, read the target."""
    symbols = [f"S{i}" for i in range(roots)]
    # The frame with a session more has the rows of the other one.
    later = make_rows(contract, symbols, sessions + 1)
    last = later["data_date"] == later["data_date"].max()
    batches = [validate(frame, contract) for frame in (later[~last], later)]
    warehouse = connect(config)
    write = "soyoil: write"
    measured(f"{write}, new table", lambda: warehouse.write(contract, batches[0]))
    measured(f"{write}, nothing new", lambda: warehouse.write(contract, batches[0]))
    result = measured(f"{write}, a session more", lambda: warehouse.write(contract, batches[1]))
    if (result.inserted, result.updated, result.unchanged) != (roots, 0, roots * sessions):
        raise AssertionError(f"not what was new: {result}")
    where = {"symbol": [symbols[0]]}
    found = measured("soyoil: read one symbol", lambda: warehouse.read(contract, where=where))
    wanted = batches[1].filter(np.asarray(later["symbol"] == symbols[0]))
    if not found.equals(wanted.combine_chunks()):
        raise AssertionError("the rows read are not those written")
    measured("soyoil: read all", lambda: warehouse.read(contract))
    if find_spec("pandas_gbq"):
        beside(config, later, last)


def beside(config: BigQueryConnection, later: pd.DataFrame, last: pd.Series[bool]) -> None:
    """The same by pandas-gbq, in flat columns: it writes no STRUCT from a frame's columns."""
    import pandas_gbq
    from google.auth.credentials import AnonymousCredentials

    # Given a client, it would talk to Google's host all the same.
    os.environ["BIGQUERY_EMULATOR_HOST"] = config.endpoint or ""
    client = client_for(config)
    flat = later.rename(columns=lambda name: name.replace(".", "_"))
    common: dict[str, Any] = {
        "project_id": config.project,
        "credentials": AnonymousCredentials(),
    }
    client.create_dataset(f"{config.project}.{TABLE.split('.')[0]}")

    def write(frame: pd.DataFrame, how: str) -> None:
        pandas_gbq.to_gbq(
            frame, TABLE, if_exists=how, api_method="load_parquet", progress_bar=False, **common
        )

    def read(sql: str) -> pd.DataFrame:
        return pandas_gbq.read_gbq(sql, dialect="standard", progress_bar_type=None, **common)

    measured("pandas-gbq: write, new table", lambda: write(flat[~last], "fail"))
    measured("pandas-gbq: write, all again", lambda: write(flat, "replace"))
    measured("pandas-gbq: append a session, unchecked", lambda: write(flat[last], "append"))
    one = f"SELECT * FROM `{config.project}.{TABLE}` WHERE symbol = 'S0'"
    measured("pandas-gbq: read one symbol (REST)", lambda: read(one))


def batched(symbols: int) -> Iterator[list[str]]:
    """Names of the symbols, `BATCH` at a time."""
    for start in range(0, symbols, BATCH):
        yield [f"S{i}" for i in range(start, min(start + BATCH, symbols))]


def many(config: ConnectionConfig, contract: TableContract, symbols: int, sessions: int) -> None:
    """Write and read batch by batch, then one symbol, with a session more at the end."""
    warehouse = connect(config)

    def write(count: int) -> None:
        for names in batched(symbols):
            warehouse.write(contract, validate(make_rows(contract, names, count), contract))

    def read() -> None:
        for names in batched(symbols):
            if warehouse.read(contract, where={"symbol": names}).num_rows != len(names) * sessions:
                raise AssertionError("rows are missing")

    for name, action in (
        ("write", lambda: write(sessions)),
        ("write again, nothing new", lambda: write(sessions)),
        ("read", read),
        ("read one symbol", lambda: warehouse.read(contract, where={"symbol": ["S1"]})),
    ):
        measured(f"{symbols} symbols: {name}", action)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{'':<44}peak of this process so far {peak:,.0f} MiB")


def main() -> None:
    """One of the two."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", action="store_true")
    parser.add_argument("--duckdb", action="store_true")
    parser.add_argument("symbols", nargs="?", type=int)
    parser.add_argument("sessions", nargs="?", type=int, default=4_000)
    options = parser.parse_args()
    symbols = options.symbols or (1_000 if options.batches else 16)
    raw = make_contract(COLUMNS).model_dump() | LAYOUT
    contract = TableContract.model_validate(raw)
    print(f"{symbols:,} symbols x {options.sessions:,} sessions x {COLUMNS} columns")
    print("seconds, requests, MB sent by loads, MB read by the Storage API")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if options.duckdb:
            many(DuckDBConnection(path=folder / "w.duckdb"), contract, symbols, options.sessions)
            return
        server = stack.enter_context(running(folder / "server"))
        config = server.connection(dataset_prefix="b_", job_timeout_s=1800)
        action = many if options.batches else refresh
        action(config, contract, symbols, options.sessions)


if __name__ == "__main__":
    main()
