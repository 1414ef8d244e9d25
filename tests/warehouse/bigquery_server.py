"""Pytest plugin: a BigQuery-compatible server on loopback, one at a time per test process."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from soyoil.warehouse.connection import BigQueryConnection

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / ".venv-bigquery" / "bin"
PROJECT = "test-project"
START_TIMEOUT_S = 60
ATTEMPTS = 3
MAX_USES = 12

# DuckDB would fetch its extensions; the wheels in the environment carry them.
INSTALL_EXTENSIONS = """
import pathlib, sysconfig
import duckdb
packages = pathlib.Path(sysconfig.get_paths()["purelib"])
connection = duckdb.connect()
for name in ("icu", "ducklake", "spatial"):
    (file,) = (packages / f"duckdb_extension_{name}").rglob("*.duckdb_extension")
    connection.execute(f"INSTALL '{file}'")
"""


@dataclass(frozen=True)
class BigQueryServer:
    """Addresses of a running server."""

    endpoint: str
    storage_endpoint: str
    project: str = PROJECT

    def connection(self, **changes: Any) -> BigQueryConnection:
        """Connection to it; keywords replace fields."""
        fields: dict[str, Any] = {
            "project": self.project,
            "endpoint": self.endpoint,
            "storage_endpoint": self.storage_endpoint,
            "timeout_s": 30,
            "job_timeout_s": 120,
        }
        return BigQueryConnection(**fields | changes)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ready(endpoint: str, process: subprocess.Popen[bytes]) -> bool:
    url = f"{endpoint}/bigquery/v2/projects/{PROJECT}/datasets"
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    return False


@contextmanager
def running(folder: Path) -> Iterator[BigQueryServer]:
    """A server that keeps everything in `folder`; ended with its children."""
    home = folder / "home"
    home.mkdir(parents=True)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "GCS_LOCAL_ROOT": str(folder / "gcs"),
        "CALLER": "user:tester@localhost",
    }
    subprocess.run(
        [BIN / "python", "-c", INSTALL_EXTENSIONS], env=environment, check=True, timeout=120
    )
    log = folder / "server.log"
    for _ in range(ATTEMPTS):  # another process may take a port before the server does
        rest, grpc = _free_port(), _free_port()
        command = [
            str(BIN / "local-bigquery"), "--host", "127.0.0.1", "--port", str(rest),
            "--grpc-port", str(grpc), "--project", PROJECT, "--data-dir", str(folder / "data"),
        ]  # fmt: skip
        with ExitStack() as stack:
            output = stack.enter_context(log.open("ab"))
            process = subprocess.Popen(
                command, env=environment, stdout=output, stderr=output, start_new_session=True
            )
            stack.callback(_end, process)
            server = BigQueryServer(f"http://127.0.0.1:{rest}", f"127.0.0.1:{grpc}")
            if _ready(server.endpoint, process):
                yield server
                return
    raise RuntimeError(f"the BigQuery server did not start:\n{log.read_text()[-2000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, number)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            continue
        return


class Servers:
    """One server at a time, a new one once it has been used a while.

    Every table and every write that a server has seen makes its next statements slower: by half
    after sixty tests. A start takes two seconds.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running = ExitStack()
        self._server: BigQueryServer | None = None
        self.uses = 0

    def current(self) -> BigQueryServer:
        """A server that keeps running until this is asked again."""
        if self._server is None or self.uses > MAX_USES:
            self.end()
            self._server = self._running.enter_context(running(self._folder / uuid.uuid4().hex))
            self.uses = 0
        return self._server

    def end(self) -> None:
        """End the server, and remove what it kept."""
        self._running.close()
        self._server = None
        shutil.rmtree(self._folder, ignore_errors=True)


@pytest.fixture(scope="session")
def bigquery_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """The servers of this test process, or skip."""
    if not (BIN / "local-bigquery").exists():
        pytest.skip(
            "no BigQuery server: `make bigquery-server` sets it up where there is a Python 3.13"
        )
    servers = Servers(tmp_path_factory.mktemp("bigquery"))
    yield servers
    servers.end()


@pytest.fixture(scope="module")
def bigquery_server(bigquery_servers: Servers) -> BigQueryServer:
    """The server of a test module, or skip."""
    return bigquery_servers.current()


@pytest.fixture
def make_bigquery(
    bigquery_servers: Servers, bigquery_server: BigQueryServer
) -> Callable[..., BigQueryConnection]:
    """Factory of connections with datasets of their own; keywords replace fields."""

    def make(**changes: Any) -> BigQueryConnection:
        bigquery_servers.uses += 1
        prefix = f"t{uuid.uuid4().hex[:12]}_"
        return bigquery_server.connection(**{"dataset_prefix": prefix} | changes)

    return make


@pytest.fixture
def bigquery_connection(make_bigquery: Callable[..., BigQueryConnection]) -> BigQueryConnection:
    """Connection with datasets of its own, empty."""
    return make_bigquery()
