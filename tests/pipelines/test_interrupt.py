"""Ctrl-C and kill -9 in ingest, in the write, in training and in tracking; then again."""

import os
import signal
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

STRIKE = """
import os, signal, sys
number = int(sys.argv[2])
# A test run in the background inherits an ignored SIGINT.
signal.signal(signal.SIGINT, signal.default_int_handler)

def strike():
    os.kill(os.getpid(), number)

def after(module, name):
    original = getattr(module, name)
    def struck(*args, **kwargs):
        result = original(*args, **kwargs)
        strike()
        return result
    setattr(module, name, struck)

point = sys.argv[1]
if point == "ingest":
    import soyoil.pipelines.ingest.nodes as nodes
    after(nodes, "load_bars")
elif point == "write":
    import soyoil.warehouse.duckdb.backend as duckdb_backend
    after(duckdb_backend, "_apply")
elif point == "training":
    import soyoil.pipelines.fit.nodes as nodes
    original = nodes.run_walk_forward
    nodes.run_walk_forward = lambda job, arrays, tasks, on_done: original(
        job, arrays, tasks, lambda done: strike()
    )
elif point == "tracking":
    import soyoil.pipelines.evaluate.nodes as nodes
    after(nodes, "evaluate")
from kedro.framework.cli.cli import main
sys.argv = ["kedro", "run", *sys.argv[3:]]
main()
"""

POINTS = ("ingest", "write", "training", "tracking")


def points(*few: str) -> list[Any]:
    """All points; those named are for `.ci/run`, the others are slow tests."""
    return [
        pytest.param(point, marks=pytest.mark.ci if point in few else pytest.mark.slow)
        for point in POINTS
    ]


def strike(project, point: str, number: signal.Signals) -> subprocess.CompletedProcess[str]:  # type: ignore[no-untyped-def]
    params = "source.symbols=ZL,split.first_origin=2023-01-03,lightgbm.n_estimators=60"
    done: subprocess.CompletedProcess[str] = project.execute(
        ["-c", STRIKE, point, str(int(number)), "--tags=1w", f"--params={params}"]
    )
    return done


def workers_of(root: Path) -> list[int]:
    """Processes that still run in the project's folder."""
    found = []
    for process in psutil.process_iter(["pid"]):
        try:
            if Path(process.cwd()) == root and process.pid != os.getpid():
                found.append(process.pid)
        except (psutil.Error, OSError):
            continue
    return found


def statuses(root: Path) -> dict[str, int]:
    with sqlite3.connect(root / "mlflow.db") as db:
        return dict(db.execute("select status, count(*) from runs group by status").fetchall())


def check_recovery(project) -> None:  # type: ignore[no-untyped-def]
    before = statuses(project.root).get("FINISHED", 0)
    again = project.run("--tags=1w")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "1w lightgbm: skill MAE" in again.stdout
    found = statuses(project.root)
    assert found.get("RUNNING", 0) == 0
    assert found["FINISHED"] - before == 11, "parent, champion, 4 baselines, 5 fitted models"
    data = project.root / "data"
    leftovers = [p for p in data.rglob(".*") if p != data / ".lock"]
    assert not leftovers, leftovers


@pytest.mark.parametrize("point", points("training"))
def test_ctrl_c_then_again(project, point: str) -> None:  # type: ignore[no-untyped-def]
    done = strike(project, point, signal.SIGINT)
    assert done.returncode == 130, done.stdout + done.stderr
    assert "Interrupted" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not workers_of(project.root)
    assert statuses(project.root).get("RUNNING", 0) == 0
    assert statuses(project.root).get("KILLED", 0) >= 1
    check_recovery(project)


@pytest.mark.parametrize("point", points("tracking"))
def test_kill_then_again(project, point: str) -> None:  # type: ignore[no-untyped-def]
    done = strike(project, point, signal.SIGKILL)
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr
    deadline = time.monotonic() + 90
    while workers_of(project.root) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert not workers_of(project.root), "workers outlive their parent"
    check_recovery(project)
