"""What killed processes leave is removed at the next start, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from soyoil.base import leftovers

LEAVE = """
import os, signal
from soyoil.base.leftovers import scratch
with scratch() as folder:
    (folder / "matrix.npy").write_bytes(b"1")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


def _dead() -> int:
    """Number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    return process.pid


def test_scratch_of_a_killed_process(temporary: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LEAVE], check=False)
    assert done.returncode == -9
    (left,) = temporary.iterdir()
    assert (left / "files" / "matrix.npy").exists()
    with leftovers.scratch() as live:
        assert leftovers.remove_scratch() == 1
        assert not left.exists()
        assert live.is_dir()
        assert list(live.iterdir()) == []
    assert not list(temporary.iterdir())
    assert leftovers.remove_scratch() == 0


def test_scratch_that_has_no_lock_yet_is_left_alone(temporary: Path) -> None:
    young = temporary / f"{leftovers.SCRATCH}abc"
    young.mkdir()
    assert leftovers.remove_scratch() == 0
    assert young.is_dir()


def test_unfinished_files_of_dead_processes(tmp_path: Path) -> None:
    dead = _dead()
    kept = [
        tmp_path / "report.html",
        leftovers.unfinished(tmp_path / "own.json"),
        tmp_path / ".unfinished-notes",
        tmp_path / ".lock",
    ]
    for path in kept:
        path.write_text("kept")
    file = tmp_path / f".unfinished-{dead}-current.json"
    file.write_text("half")
    folder = tmp_path / "deep" / f".unfinished-{dead}-0123"
    folder.mkdir(parents=True)
    (folder / "matrix.parquet").write_text("half")
    assert leftovers.remove_unfinished(tmp_path) == 2
    assert not file.exists()
    assert not folder.exists()
    assert all(path.exists() for path in kept)


def test_semaphores_of_dead_processes(
    temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "shm"
    shared.mkdir()
    monkeypatch.setattr(leftovers, "_SEMAPHORES", shared)
    import os

    names = [f"sem.loky-{_dead()}-abc", f"sem.loky-{os.getpid()}-abc", "sem.other-1-abc"]
    for name in names:
        (shared / name).write_text("")
    assert leftovers.remove_scratch() == 1
    assert sorted(p.name for p in shared.iterdir()) == sorted(names[1:])
