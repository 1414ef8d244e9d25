"""``kedro demo``: what is shown, and servers that end with the command."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from soyoil.base.errors import SoyoilError
from soyoil.cli.demo import what_to_show
from soyoil.cli.servers import Server, ServerError, free_port, running
from tiers import ci

SERVE = "import http.server; http.server.test(http.server.SimpleHTTPRequestHandler, port={port})"
# A server that does its work in a child, as kedro-viz does, and leaves it behind when it ends.
WITH_CHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {serve!r}])
print(child.pid, file=open("child", "w"), flush=True)
time.sleep(600)
"""
DEMO = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from pathlib import Path
from soyoil.cli.errors import ending_clearly
from soyoil.cli.servers import Server, running
server = Server("s", [sys.executable, "-c", {code!r}], {port})
with ending_clearly():
    try:
        with running([server], Path.cwd(), 30) as servers:
            print(server.address, flush=True)
            servers.watch()
    except KeyboardInterrupt:
        print("ended", flush=True)
"""


def port() -> int:
    return free_port(21_000 + os.getpid() % 10_000)


def lives(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    if state.exists():
        return state.read_text().rpartition(")")[2].split()[0] != "Z"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SOYOIL_DATA", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://u:planted@h/db")
    folder = tmp_path / "data" / "08_reporting"
    folder.mkdir(parents=True)
    for name in ("forecast.html", "report.html"):
        (folder / name).touch()
    return folder


def test_pages_and_both_servers_are_shown(pages: Path) -> None:
    shown = what_to_show(pages.parents[1], {"env": "bigquery"})
    assert list(shown.links) == ["forecast", "report", "runs", "lineage"]
    assert shown.links["forecast"] == (pages / "forecast.html").as_uri()
    mlflow, viz = shown.servers
    assert mlflow.port != viz.port
    assert shown.links["lineage"] == f"{viz.address}/?pid=overview&types=nodes"
    assert mlflow.environment["MLFLOW_BACKEND_STORE_URI"] == "postgresql://u:planted@h/db"
    assert not any("planted" in word for word in mlflow.command), "others see the list of processes"
    assert "--env=bigquery" in viz.command
    assert "--no-browser" in viz.command


def test_a_tracking_server_is_shown_and_not_started(
    pages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://u:planted@mlflow.example.org")
    shown = what_to_show(pages.parents[1], {})
    assert [server.name for server in shown.servers] == ["kedro viz"]
    assert shown.links["runs"] == "https://***@mlflow.example.org"


def test_before_the_first_run_one_is_told_to_make_it(pages: Path) -> None:
    (pages / "report.html").unlink()
    with pytest.raises(SoyoilError, match=r"has no report\.html: run `make train`"):
        what_to_show(pages.parents[1], {})


def test_a_port_in_use_is_passed_over() -> None:
    first = port()
    with socket.socket() as held:
        held.bind(("127.0.0.1", first))
        held.listen()
        assert free_port(first) > first
    assert free_port(first, taken=[first]) > first


def test_a_server_that_ends_shows_what_it_said(tmp_path: Path) -> None:
    code = "print('no module named x, password=planted'); raise SystemExit(3)"
    server = Server("mlflow ui", [sys.executable, "-c", code], port())
    with pytest.raises(ServerError) as caught, running([server], tmp_path, 30):
        pass
    assert "mlflow ui has ended with exit code 3" in str(caught.value)
    assert "no module named x" in str(caught.value)
    assert "planted" not in str(caught.value)


def test_a_server_that_does_not_answer_is_ended(tmp_path: Path) -> None:
    code = "import os, time; print(os.getpid(), file=open('pid', 'w'), flush=True); time.sleep(600)"
    server = Server("kedro viz", [sys.executable, "-c", code], port())
    with (
        pytest.raises(ServerError, match="kedro viz does not answer"),
        running([server], tmp_path, 1),
    ):
        pass
    assert not lives(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize("number", [signal.SIGINT, ci(signal.SIGTERM)])
def test_an_interrupt_ends_the_servers_and_their_children(
    tmp_path: Path, number: signal.Signals
) -> None:
    where = port()
    code = WITH_CHILD.format(serve=SERVE.format(port=where))
    process = subprocess.Popen(
        [sys.executable, "-c", DEMO.format(code=code, port=where)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    # Kedro may say where its logging is configured.
    address = next(line.strip() for line in process.stdout if line.startswith("http"))
    assert urllib.request.urlopen(address, timeout=10).status == 200
    child = int((tmp_path / "child").read_text())
    assert lives(child)
    process.send_signal(number)
    assert "ended" in process.stdout.read()
    assert process.wait(timeout=30) == 0
    deadline = time.monotonic() + 10
    while lives(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not lives(child)
