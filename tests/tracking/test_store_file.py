"""The tracking store is made whole or not at all, and its failures are one message."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from soyoil.base.errors import TrackingError
from soyoil.tracking import mlflow_store, store_file
from soyoil.tracking.active import ParentSpec
from soyoil.tracking.store_file import State
from tiers import slow

SECRET = "not-a-real-secret"


def _sql(path: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _no_tables(path: Path) -> None:
    path.unlink()
    _sql(path, "PRAGMA user_version = 1")


def _first_tables(path: Path) -> None:
    path.unlink()
    _sql(path, "CREATE TABLE experiments (a)", "CREATE TABLE metrics (a)")


def _no_version(path: Path) -> None:
    _sql(path, "DELETE FROM alembic_version")


def _old_version(path: Path) -> None:
    _sql(path, "DROP TABLE spans", "UPDATE alembic_version SET version_num = '451aebb31d03'")


UNFINISHED: dict[str, Callable[[Path], None]] = {
    "empty": _empty,
    "no tables": _no_tables,
    "first tables": _first_tables,
    "no version": _no_version,
    "between two steps": _old_version,
}


@pytest.mark.parametrize(
    "kind", ["empty", *map(slow, ("no tables", "first tables", "no version")), "between two steps"]
)
def test_an_unfinished_store_without_runs_is_set_aside(
    root: Path, monkeypatch: pytest.MonkeyPatch, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What a kill of MLflow itself leaves behind, by ``mlflow ui`` for example."""
    path = root / "mlflow.db"
    UNFINISHED[kind](path)
    left = path.read_bytes()
    monkeypatch.setattr(store_file, "QUIET_S", 0.0)
    client = mlflow_store.open_client()
    experiment = mlflow_store.experiment_id_of(client, "soyoil", root)
    assert client.create_run(experiment).info.status == "RUNNING"
    (aside,) = root.glob("mlflow.db.unfinished-*")
    assert aside.read_bytes() == left
    assert "holds no run" in caplog.text
    assert not list(root.glob(".mlflow.db.new-*"))


@pytest.mark.parametrize("change", ["DELETE FROM alembic_version", "DROP TABLE experiments"])
def test_a_store_with_runs_is_never_set_aside(root: Path, spec: ParentSpec, change: str) -> None:
    path = root / "mlflow.db"
    client = mlflow_store.open_client()
    client.create_run(mlflow_store.experiment_id_of(client, "soyoil", root))
    _sql(path, "PRAGMA foreign_keys = OFF", change)
    before = path.read_bytes()
    with pytest.raises(TrackingError, match="it holds runs. Restore it from a backup"):
        mlflow_store.open_client()
    assert path.read_bytes() == before


def test_what_is_no_tracking_store_is_refused_and_left_alone(root: Path) -> None:
    path = root / "mlflow.db"
    for make, said in (
        (lambda: path.write_text("my notes, of more than sixteen bytes"), "no SQLite database"),
        (lambda: _sql(path, "CREATE TABLE orders (a)"), r"another program \(tables orders\)"),
        (path.mkdir, "Is a directory"),
    ):
        path.unlink()
        make()
        before = path.is_dir() or path.read_bytes()
        with pytest.raises(TrackingError, match=f"{said}.*Move it away"):
            mlflow_store.open_client()
        assert (path.is_dir() or path.read_bytes()) == before
        assert not list(root.glob("mlflow.db.*"))


def test_a_damaged_store_is_one_message(root: Path) -> None:
    path = root / "mlflow.db"
    content = bytearray(path.read_bytes())
    content[100:4096] = b"\xff" * 3996
    path.write_bytes(content)
    with pytest.raises(TrackingError, match="Restore it from a backup") as caught:
        mlflow_store.open_client()
    assert "\n" not in str(caught.value)


def test_a_store_that_fails_later_is_one_message(
    root: Path, spec: ParentSpec, caplog: pytest.LogCaptureFixture
) -> None:
    client = mlflow_store.open_client()
    experiment = mlflow_store.experiment_id_of(client, "soyoil", root)
    run_id = client.create_run(experiment).info.run_id
    _sql(root / "mlflow.db", "DROP TABLE latest_metrics")
    with pytest.raises(TrackingError, match=r"mlflow\.db failed: .*latest_metrics") as caught:
        client.log_metric(run_id, "a", 1.0)
    assert "\n" not in str(caught.value)
    assert "Traceback" not in caplog.text


def test_artifacts_where_a_file_stands_in_the_way(root: Path, spec: ParentSpec) -> None:
    (root / "mlruns").write_text("a file")
    client = mlflow_store.open_client()
    run_id = client.create_run(mlflow_store.experiment_id_of(client, "soyoil", root)).info.run_id
    with pytest.raises(TrackingError, match="Move the file away"):
        client.log_text(run_id, "text", "a.txt")


@pytest.fixture
def silent_server() -> Iterator[int]:
    """Port of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


@pytest.mark.parametrize(
    "address",
    ["http://me:{secret}@127.0.0.1:{closed}", "postgresql://me:{secret}@127.0.0.1:{closed}/runs",
     "mysql+pymysql://me:{secret}@127.0.0.1:{closed}/runs?password={secret}",
     "http://me:{secret}@127.0.0.1:{silent}", "http://me:{secret}@no.such.host.invalid/",
     "http://me:{secret}@127.0.0.1:none/"],
)  # fmt: skip
def test_servers_that_do_not_answer(
    monkeypatch: pytest.MonkeyPatch,
    silent_server: int,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    address: str,
) -> None:
    """One line, without the password, after one attempt."""
    from soyoil.tracking import store_access

    monkeypatch.setattr(store_access, "_FIRST", store_access._FIRST | {
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "1",
    })  # fmt: skip
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = taken.getsockname()[1]
    uri = address.format(secret=SECRET, closed=closed, silent=silent_server)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_TIMEOUT", raising=False)
    with pytest.raises(TrackingError) as caught:
        mlflow_store.open_client()
    shown = str(caught.value)
    assert "\n" not in shown
    assert "MLFLOW_TRACKING_URI" in shown
    output = "".join(capfd.readouterr())
    assert SECRET not in shown + caplog.text + output
    assert "Traceback" not in caplog.text + output
    assert "MLFLOW_HTTP_REQUEST_TIMEOUT" not in os.environ


START = """
import sys
from pathlib import Path
from soyoil.tracking import store_file
store_file.prepare(Path(sys.argv[1]))
"""


def _start(path: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", START, str(path)], stderr=subprocess.PIPE)


@pytest.mark.ci
def test_two_first_starts(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    for process in [_start(path), _start(path)]:
        assert process.wait(timeout=120) == 0, process.stderr and process.stderr.read()
    assert store_file.state(path) is State.READY
    assert sorted(p.name for p in tmp_path.iterdir()) == [".mlflow.db.lock", "mlflow.db"]


@pytest.mark.slow
@pytest.mark.parametrize("after_s", [0.0, 0.3, 0.6, 1.0, 1.5, 2.0, 2.5, 3.0])
def test_a_kill_while_the_store_is_made(tmp_path: Path, after_s: float) -> None:
    """There is no store, or a whole one, and the next start goes through and tidies up."""
    path = tmp_path / "mlflow.db"
    process = _start(path)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".mlflow.db.new-*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(after_s)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert store_file.state(path) in (State.MISSING, State.READY)
    store_file.prepare(path)
    assert store_file.state(path) is State.READY
    if after_s < 1:
        assert not list(tmp_path.glob(".mlflow.db.new-*"))


def test_a_file_that_grows_is_waited_for(
    root: Path, migrated_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program may be making it at this moment."""
    path = root / "mlflow.db"
    path.write_bytes(b"")
    slept: list[float] = []

    def finish(seconds: float) -> None:
        slept.append(seconds)
        shutil.copy(migrated_store, path)

    monkeypatch.setattr(store_file.time, "sleep", finish)
    store_file.prepare(path)
    assert len(slept) == 1
    assert not list(root.glob("mlflow.db.unfinished-*"))
