"""Clusters of two processes: equal to the bit, lost workers, and nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from soyoil.models import executors
from soyoil.models.backends import machines
from soyoil.models.backends.fleet import fleet_for
from soyoil.models.base import FoldResult
from soyoil.models.config import FitConfig
from soyoil.models.walkforward import run_walk_forward

sys.path.insert(0, str(Path(__file__).parent))

from small_folds import arrays, job, tasks

pytestmark = [pytest.mark.ci, pytest.mark.timeout(900)]

HERE = Path(__file__).parent
ENGINES = {"lightgbm", "xgboost", "torch"}
LIBRARIES = {"dask": "distributed", "ray": "ray"}


@pytest.fixture(autouse=True)
def _two_processes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(machines, "available_cores", lambda: 2)
    yield
    executors.shutdown(kill=True)


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


def left_of(before: set[int]) -> set[int]:
    """Processes that are there beside those of before, once they had time to end."""
    deadline = time.monotonic() + 30
    while (left := alive(children() - before)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return left


def alive(pids: set[int]) -> set[int]:
    found = set()
    for pid in pids:
        try:
            process = psutil.Process(pid)
            # The trackers of multiprocessing stay for the next pool.
            if process.status() != psutil.STATUS_ZOMBIE and "tracker" not in str(process.cmdline()):
                found.add(pid)
        except psutil.Error:
            continue
    return found


def check_equal(far: list[FoldResult], near: list[FoldResult], engine: str) -> None:
    assert [r.fold for r in far] == [r.fold for r in near]
    for one, other in zip(far, near, strict=True):
        np.testing.assert_array_equal(one.quantiles, other.quantiles)
        assert one.models == other.models
        assert one.importance == other.importance
        assert one.libraries == (engine,), "no other engine in the process"


@pytest.mark.parametrize("backend", LIBRARIES)
def test_equal_to_the_bit_and_nothing_is_left(backend: str) -> None:
    pytest.importorskip(LIBRARIES[backend])
    before = children()
    # Other tests of this process may have loaded one.
    loaded = ENGINES & set(sys.modules)
    for engine in ("lightgbm", "xgboost"):
        seen: list[int] = []
        far = run_walk_forward(job(engine, backend), arrays(), tasks(4), seen.append)
        assert seen == [1, 2, 3, 4]
        near = run_walk_forward(job(engine, "local"), arrays(), tasks(4), lambda done: None)
        check_equal(far, near, engine)
        # Fewer fits than workers: what they share is fetched by the one that needs it.
        one = run_walk_forward(job(engine, backend), arrays(), tasks(4)[:1], seen.append)
        check_equal(one, near[:1], engine)
    assert ENGINES & set(sys.modules) == loaded
    executors.shutdown()
    assert not left_of(before)


@pytest.mark.parametrize("backend", LIBRARIES)
def test_a_worker_that_is_killed_in_the_middle_is_replaced(backend: str) -> None:
    pytest.importorskip(LIBRARIES[backend])
    killed: list[int] = []

    def kill_one(done: int) -> None:
        if done == 1:
            killed.append(_worker(backend))
            os.kill(killed[0], signal.SIGKILL)

    given = arrays(), tasks(6)
    far = run_walk_forward(job("lightgbm", backend, rounds=400), *given, kill_one)
    near = run_walk_forward(job("lightgbm", "local", rounds=400), *given, lambda done: None)
    assert len(killed) == 1
    check_equal(far, near, "lightgbm")


def _worker(backend: str) -> int:
    """A worker of the cluster that fits."""
    mark = "soyoil.models.backends.child"
    for process in psutil.Process().children(recursive=True):
        if mark in process.cmdline():
            parent = process.parent()
            assert parent is not None
            return parent.pid
    raise AssertionError(f"no fit runs on {backend}")


@pytest.mark.parametrize("backend", ["local", "dask"])
def test_ctrl_c_leaves_no_process(backend: str) -> None:
    if backend != "local":
        pytest.importorskip(LIBRARIES[backend])
    command = [sys.executable, str(HERE / "small_folds.py"), backend]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline().strip() == "1"
        others = {c.pid for c in psutil.Process(running.pid).children(recursive=True)}
        os.killpg(running.pid, signal.SIGINT)
        assert "ended" in running.stdout.read()
        assert running.wait(60) == 130
    deadline = time.monotonic() + 30
    while alive(others) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not alive(others)


def test_no_scheduler_at_the_address_is_said_clearly() -> None:
    pytest.importorskip("distributed")
    from soyoil.base.errors import ConfigError

    fit = FitConfig(backend="dask", cluster="tcp://127.0.0.1:1")
    with pytest.raises(ConfigError, match=r"fit\.cluster=tcp://127\.0\.0\.1:1: no Dask scheduler"):
        fleet_for(fit, "lightgbm")
