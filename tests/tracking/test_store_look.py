"""The tracking store is looked at without a change, whatever state it is in."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from pathlib import Path

import pytest

from soyoil.base.errors import TrackingError
from soyoil.tracking.liveness import host_name
from soyoil.tracking.look import store as store_look
from soyoil.tracking.look.store import look_at_store

VERSION = "abc"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(store_look, "newest_version", lambda: VERSION)
    path = tmp_path / "mlflow.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for statement in (
            "CREATE TABLE experiments (name)",
            "CREATE TABLE alembic_version (version_num)",
            f"INSERT INTO alembic_version VALUES ('{VERSION}')",
            "CREATE TABLE runs (run_uuid, name, status)",
            "CREATE TABLE tags (run_uuid, key, value)",
        ):
            connection.execute(statement)
        connection.commit()
    return path


def add_run(store: Path, name: str, status: str, lock: Path, host: str) -> None:
    with contextlib.closing(sqlite3.connect(store)) as connection:
        connection.execute("INSERT INTO runs VALUES (?, ?, ?)", (name, name, status))
        for tag in (("soyoil.lock", str(lock)), ("soyoil.host", host)):
            connection.execute("INSERT INTO tags VALUES (?, ?, ?)", (name, *tag))
        connection.commit()


def test_runs_whose_process_was_killed_are_found(store: Path, tmp_path: Path) -> None:
    free, held = tmp_path / "free.lock", tmp_path / "held.lock"
    free.touch()
    descriptor = os.open(held, os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    here = host_name()
    add_run(store, "killed", "RUNNING", free, here)
    add_run(store, "runs", "RUNNING", held, here)
    add_run(store, "lock gone", "RUNNING", tmp_path / "gone.lock", here)
    add_run(store, "elsewhere", "RUNNING", free, "another")
    add_run(store, "done", "FINISHED", free, here)
    before = store.read_bytes()
    try:
        look = look_at_store(f"sqlite:///{store}")
    finally:
        os.close(descriptor)
    assert (look.state, look.runs, look.writable) == ("ready", 5, True)
    assert look.dead == ("killed",)
    assert look.alive == ("lock gone", "runs")
    assert store.read_bytes() == before


def test_no_store_is_made(tmp_path: Path) -> None:
    look = look_at_store(f"sqlite:///{tmp_path / 'new' / 'mlflow.db'}")
    assert look.state == "missing"
    assert not list(tmp_path.iterdir())


def test_tables_of_another_version(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_look, "newest_version", lambda: "another")
    assert look_at_store(f"sqlite:///{store}").state == "old"


def test_other_files_are_refused_in_one_message(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    path.write_bytes(b"no database at all, but long enough" * 100)
    with pytest.raises(TrackingError, match="cannot be read: file is not a database"):
        look_at_store(f"sqlite:///{path}")
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE mine (a)")
        connection.commit()
    with pytest.raises(TrackingError, match="another program"):
        look_at_store(f"sqlite:///{path}")


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(TrackingError, match="does not answer"):
        look_at_store("http://127.0.0.1:9")
