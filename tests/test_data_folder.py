"""The data folder: its name, and one writer at a time."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from soyoil.base.data_folder import DataFolderBusyError, acquire, data_folder, locked
from soyoil.base.errors import ConfigError

HOLD = """
import os, sys, time
from pathlib import Path
from soyoil.base.data_folder import acquire
lock = acquire(Path(sys.argv[1]), "kedro run --pipeline=train")
{then}
os.write(1, b"held\\n")
time.sleep(60)
"""
# One write a line: two processes share the pipe.
FORK = """
if os.fork() == 0:
    os.write(1, f"{os.getpid()}\\n".encode())
    time.sleep(60)
    os._exit(0)
"""
START = """
import subprocess
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid, flush=True)
"""


def holder(folder: Path, then: str = "") -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD.format(then=then), str(folder)],
        stdout=subprocess.PIPE,
        text=True,
    )
    return process


def lines(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(count)]


def test_the_second_writer_is_refused_at_once_and_told_who_is_first(tmp_path: Path) -> None:
    first = holder(tmp_path)
    try:
        assert lines(first, 1) == ["held"]
        with pytest.raises(DataFolderBusyError) as caught:
            acquire(tmp_path, "kedro run")
        message = str(caught.value)
        for part in (
            str(tmp_path),
            f"PID {first.pid}",
            "kedro run --pipeline=train",
            "SOYOIL_DATA",
        ):
            assert part in message
    finally:
        first.kill()
        first.wait()
    # However the first one ends, its lock goes with it.
    acquire(tmp_path, "kedro run").release()


@pytest.mark.parametrize("then", [FORK, START], ids=["forked", "started"])
def test_a_process_that_is_left_over_keeps_no_lock(tmp_path: Path, then: str) -> None:
    first = holder(tmp_path, then)
    child = 0
    try:
        said = set(lines(first, 2))
        assert "held" in said
        child = int((said - {"held"}).pop())
        first.kill()
        first.wait()
        os.kill(child, 0)
        with locked(tmp_path, "kedro run"):
            pass
    finally:
        first.kill()
        if child:
            os.kill(child, signal.SIGKILL)


def test_a_forked_worker_does_not_free_the_lock_of_its_run(tmp_path: Path) -> None:
    lock = acquire(tmp_path, "kedro run")
    pid = os.fork()
    if pid == 0:
        lock.release()
        os._exit(0)
    os.waitpid(pid, 0)
    with pytest.raises(DataFolderBusyError):
        acquire(tmp_path, "kedro run")
    lock.release()
    acquire(tmp_path, "kedro run").release()


def test_a_text_of_a_dead_process_is_no_holder(tmp_path: Path) -> None:
    first = holder(tmp_path)
    lines(first, 1)
    first.kill()
    first.wait()
    assert (tmp_path / ".lock").read_text()
    acquire(tmp_path, "kedro run").release()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot be written.*SOYOIL_DATA"):
        acquire(tmp_path / "file" / "data", "kedro run")


def test_names_of_data_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOYOIL_DATA", raising=False)
    assert data_folder(tmp_path) == tmp_path / "data"
    for name, found in {
        "": tmp_path / "data",
        "data-2": tmp_path / "data-2",
        "../beside": tmp_path.parent / "beside",
        "/elsewhere/data": Path("/elsewhere/data"),
    }.items():
        monkeypatch.setenv("SOYOIL_DATA", name)
        assert data_folder(tmp_path) == found
    (tmp_path / "file").write_text("")
    for name in (".", "..", "/", "data/..", "file", " data", "a<b>", "{x}", "${HOME}", "~/data"):
        monkeypatch.setenv("SOYOIL_DATA", name)
        with pytest.raises(ConfigError, match="SOYOIL_DATA"):
            data_folder(tmp_path)


def test_no_dataset_stays_behind_when_the_data_folder_moves(project_root: Path) -> None:
    fixed = [
        f"{path.name}:{number}"
        for path in (project_root / "conf").glob("*/*.yml")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if "path: data/" in line and not line.lstrip().startswith("#")
    ]
    assert fixed == []
