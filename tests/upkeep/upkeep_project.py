"""A small project with everything that a backup holds, without Kedro and MLflow."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from functools import partial
from pathlib import Path

import duckdb

from soyoil.base.lines import with_checksum
from soyoil.upkeep.places import LEDGERS, SNAPSHOTS, Places, WarehouseFile
from soyoil.warehouse.connection import DuckDBConnection
from soyoil.warehouse.open import hold_file

KIND = "synthetic"


def places_of(root: Path) -> Places:
    path = root / "data/warehouse/synthetic.duckdb"
    config = DuckDBConnection(path=path, busy_timeout_s=0)
    file = WarehouseFile(KIND, path, partial(hold_file, config))
    return Places(root, root / "data", (file,), root / "mlflow.db", root / "mlruns")


def write_rows(path: Path, rows: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(path) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS market").fetchall()
        connection.execute(
            f"CREATE OR REPLACE TABLE market.bars AS SELECT range AS n FROM range({rows})"
        ).fetchall()


def rows_of(path: Path) -> int:
    with duckdb.connect(path, read_only=True) as connection:
        return int(connection.execute("SELECT count(*) FROM market.bars").fetchall()[0][0])


def write_store(path: Path, artifacts: Path, runs: int) -> None:
    path.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE experiments (name, artifact_location)")
        connection.execute("CREATE TABLE runs (run_uuid, artifact_uri)")
        uri = artifacts.resolve().as_uri()
        connection.execute("INSERT INTO experiments VALUES ('soyoil', ?)", (uri,))
        connection.execute("INSERT INTO experiments VALUES ('far', ?)", (f"{uri}-old/x",))
        for number in range(runs):
            run = (f"r{number}", f"{uri}/r{number}/artifacts")
            connection.execute("INSERT INTO runs VALUES (?, ?)", run)
        connection.commit()


def store_rows(path: Path, query: str) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return [str(row[0]) for row in connection.execute(query)]


def trial(number: int) -> bytes:
    return with_checksum({"schema": 2, "number": number})


def fill(places: Places, rows: int = 10, trials: int = 2) -> None:
    """One state of the project; two calls with other numbers give two states."""
    write_rows(places.warehouse[0].path, rows)
    assert places.store is not None
    write_store(places.store, places.artifacts, rows)
    artifact = places.artifacts / "r0/artifacts/predictions.parquet"
    artifact.parent.mkdir(parents=True, exist_ok=True)
    artifact.write_bytes(b"p%d" % rows)
    snapshot = places.data / SNAPSHOTS / f"{rows:016d}"
    snapshot.mkdir(parents=True, exist_ok=True)
    (snapshot / "manifest.json").write_text(json.dumps({"hash": f"{rows:064d}"}))
    (places.data / SNAPSHOTS / "current.json").write_text(json.dumps({"snapshot": snapshot.name}))
    for ledger in LEDGERS:
        path = places.data / ledger
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(trial(number) for number in range(trials)))


def state_of(places: Places) -> dict[str, bytes]:
    """Every file of the project but locks, by its path."""
    return {
        path.relative_to(places.root).as_posix(): path.read_bytes()
        for path in sorted(places.root.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }
