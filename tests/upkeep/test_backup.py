"""Backup and restore: what comes back, what is refused, and what a kill leaves."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from upkeep_project import fill, places_of, rows_of, state_of, store_rows, trial, write_rows

from soyoil.base.errors import SoyoilError, WarehouseBusyError, WarehouseError
from soyoil.base.leftovers import remove_unfinished
from soyoil.hooks.lock import LockHooks
from soyoil.upkeep.backup import BackupPlan, make_backup
from soyoil.upkeep.manifest import BackupError, manifest_text, read_manifest
from soyoil.upkeep.places import LEDGERS, SNAPSHOTS, Places
from soyoil.upkeep.restore import restore_backup
from soyoil.upkeep.swap import JOURNAL, Change, replaced_files, swap, undo_broken_restore
from tiers import slow

NOW = dt.datetime(2024, 5, 31, 12, tzinfo=dt.UTC)


def back_up(places: Places, folder: Path) -> None:
    make_backup(BackupPlan(places, folder, "1.0", NOW))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project, its backup in a first state, and the project as it went on from there."""
    root = tmp_path_factory.mktemp("made")
    fill(places_of(root / "first"))
    back_up(places_of(root / "first"), root / "backup")
    shutil.copytree(root / "first", root / "second")
    fill(places_of(root / "second"), rows=25, trials=5)
    return root


@pytest.fixture
def places(made: Path, tmp_path: Path) -> Places:
    """A project in its first state."""
    shutil.copytree(made / "first", tmp_path / "project")
    return places_of(tmp_path / "project")


@pytest.fixture
def folder(made: Path, places: Places) -> Path:
    """A backup of the first state, after which the project went on to another one."""
    shutil.rmtree(places.root)
    shutil.copytree(made / "second", places.root)
    return Path(shutil.copytree(made / "backup", places.root.with_name("backup")))


def test_all_of_it_comes_back(folder: Path, places: Places) -> None:
    restore_backup(places, folder, replace=True)
    assert rows_of(places.warehouse[0].path) == 10
    assert places.store is not None
    assert len(store_rows(places.store, "SELECT run_uuid FROM runs")) == 10
    assert (places.artifacts / "r0/artifacts/predictions.parquet").read_bytes() == b"p10"
    pointer = json.loads((places.data / SNAPSHOTS / "current.json").read_text())
    assert pointer == {"snapshot": f"{10:016d}"}
    # What was made since is gone with its folder, and nothing is left beside.
    assert not (places.data / SNAPSHOTS / f"{25:016d}").exists()
    assert not [p for p in places.root.rglob(".*") if p.name != ".lock"]


def test_trials_that_the_backup_does_not_know_stay_in_their_books(
    folder: Path, places: Places
) -> None:
    damaged = places.data / LEDGERS[0]
    lines = damaged.read_bytes().replace(b'"number":4', b'"number":9')
    damaged.write_bytes(lines + b'{"cut')
    restore_backup(places, folder, replace=True)
    assert damaged.read_bytes() == b"".join(trial(n) for n in range(4))
    assert (places.data / LEDGERS[1]).read_bytes() == b"".join(trial(n) for n in range(5))


def test_a_new_machine_names_its_own_artifacts(made: Path, folder: Path, tmp_path: Path) -> None:
    other = places_of(tmp_path / "elsewhere")
    other.data.mkdir(parents=True)
    restore_backup(other, folder, replace=False)
    assert other.store is not None
    new = other.artifacts.resolve().as_uri()
    assert store_rows(other.store, "SELECT artifact_uri FROM runs")[3] == f"{new}/r3/artifacts"
    found = store_rows(other.store, "SELECT artifact_location FROM experiments")
    # One that only begins alike is another folder.
    assert found == [new, f"{(made / 'first/mlruns').resolve().as_uri()}-old/x"]
    assert rows_of(other.warehouse[0].path) == 10


def test_nothing_is_overwritten_unasked(folder: Path, places: Places) -> None:
    before = state_of(places)
    with pytest.raises(
        BackupError, match=r"synthetic\.duckdb \(newer than the backup\).*--replace"
    ):
        restore_backup(places, folder, replace=False)
    assert state_of(places) == before


@pytest.mark.parametrize("where", ["first", "last"])
@pytest.mark.parametrize("name", ["warehouse/synthetic.duckdb", "mlflow/mlflow.db", LEDGERS[0]])
def test_one_flipped_bit_is_refused(folder: Path, places: Places, name: str, where: str) -> None:
    path = folder / (f"data/{name}" if name in LEDGERS else name)
    content = bytearray(path.read_bytes())
    content[0 if where == "first" else -1] ^= 1
    path.write_bytes(content)
    before = state_of(places)
    with pytest.raises(BackupError, match=f"damaged: .*{path.name} was changed. Nothing"):
        restore_backup(places, folder, replace=True)
    assert state_of(places) == before


def _no_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def _other_hash(folder: Path) -> None:
    """Somebody who changes a file and its hash has not changed the hash of the list."""
    path = folder / "manifest.json"
    listed = json.loads(path.read_text())
    listed["content"]["files"][0]["sha256"] = "0" * 64
    path.write_text(json.dumps(listed))


def _outside(folder: Path) -> None:
    content = read_manifest(folder)
    entry = content.files[0]
    object.__setattr__(entry, "path", "../outside")
    (folder / "manifest.json").write_bytes(manifest_text(content))


def _lost_file(folder: Path) -> None:
    (folder / "mlflow/mlflow.db").unlink()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_no_manifest, "no whole backup"),
        (_other_hash, "manifest.json was changed"),
        (_outside, "leads out of it"),
        (_lost_file, "mlflow.db is missing"),
    ],
)
def test_what_is_no_whole_backup_is_refused(
    folder: Path, places: Places, spoil: object, said: str
) -> None:
    assert callable(spoil)
    spoil(folder)
    before = state_of(places)
    with pytest.raises(BackupError, match=said):
        restore_backup(places, folder, replace=True)
    assert state_of(places) == before


def test_a_damaged_warehouse_is_no_backup_and_is_replaced(folder: Path, places: Places) -> None:
    path = places.warehouse[0].path
    path.write_bytes(b"no database" * 500)
    with pytest.raises(WarehouseError):
        back_up(places, folder.with_name("second"))
    assert not folder.with_name("second").exists()
    restore_backup(places, folder, replace=True)
    assert rows_of(path) == 10


def test_changes_in_the_log_are_in_the_copy(places: Places, tmp_path: Path) -> None:
    path = places.warehouse[0].path
    script = (
        "import duckdb, os, sys\n"
        "c = duckdb.connect(sys.argv[1])\n"
        "c.execute(\"SET checkpoint_threshold = '1GB'\").fetchall()\n"
        "c.execute('INSERT INTO market.bars SELECT 1 FROM range(7)').fetchall()\n"
        "os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=True, timeout=60)
    assert path.with_name(path.name + ".wal").exists()
    back_up(places, tmp_path / "backup")
    write_rows(path, 3)
    restore_backup(places, tmp_path / "backup", replace=True)
    assert rows_of(path) == 17


def test_a_log_of_the_replaced_file_does_not_stay(folder: Path, places: Places) -> None:
    log = places.warehouse[0].path.with_name("synthetic.duckdb.wal")
    log.write_bytes(b"of another file")
    restore_backup(places, folder, replace=True)
    assert not log.exists()
    assert rows_of(places.warehouse[0].path) == 10


def test_a_writer_is_waited_for(folder: Path, places: Places) -> None:
    path = places.warehouse[0].path
    script = (
        "import duckdb, sys\nc = duckdb.connect(sys.argv[1])\n"
        "print('open', flush=True)\nsys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, str(path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        with pytest.raises(WarehouseBusyError):
            back_up(places, folder.with_name("second"))
        with pytest.raises(WarehouseBusyError):
            restore_backup(places, folder, replace=True)
        writer.communicate("")
    assert rows_of(path) == 25
    assert not list(places.root.rglob(".unfinished-*"))


def test_folders_that_cannot_hold_a_backup(folder: Path, places: Places, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="not empty"):
        back_up(places, folder)
    with pytest.raises(BackupError, match="lies in what is backed up"):
        back_up(places, places.data / "08_reporting/backup")
    with pytest.raises(BackupError, match="nothing to back up"):
        back_up(places_of(tmp_path / "empty"), tmp_path / "other")
    (places.data / "06_models").mkdir()
    (places.data / "06_models/far").symlink_to(tmp_path)
    with pytest.raises(SoyoilError, match="far is a link to another folder"):
        back_up(places, tmp_path / "other")
    assert not (tmp_path / "other").exists()


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from upkeep_project import places_of
from soyoil.upkeep import restore
kept, at = Path.rename, [int(sys.argv[4])]
def rename(self, target):
    at[0] -= 1
    if at[0] < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return kept(self, target)
Path.rename = rename
restore.restore_backup(places_of(Path(sys.argv[2])), Path(sys.argv[3]), replace=True)
"""


@pytest.mark.parametrize("renames", [0, slow(1), 2, slow(5), 9])
def test_a_kill_in_the_middle_leaves_the_old_state(
    folder: Path, places: Places, renames: int
) -> None:
    before = state_of(places)
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", KILLED, here, str(places.root), str(folder), str(renames)]
    done = subprocess.run(command, check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL
    assert (places.data / JOURNAL).exists()
    assert undo_broken_restore(places.data)
    remove_unfinished(places.data)
    for path in replaced_files(places):
        path.unlink()
    assert state_of(places) == before
    restore_backup(places, folder, replace=True)
    assert rows_of(places.warehouse[0].path) == 10


def test_a_kill_before_the_swap_leaves_the_old_state(folder: Path, places: Places) -> None:
    before = state_of(places)
    script = KILLED.replace("Path.rename = rename", "restore.swap = lambda *_: rename(Path(), '')")
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", script, here, str(places.root), str(folder), "0"]
    assert subprocess.run(command, check=False, timeout=120).returncode == -signal.SIGKILL
    # The staged copies are not mistaken for anything; the next restore removes them.
    now = state_of(places)
    assert {k: v for k, v in now.items() if ".unfinished-" not in k} == before
    assert len(now) > len(before)
    restore_backup(places, folder, replace=True)
    remove_unfinished(places.data)
    assert not [name for name in state_of(places) if ".unfinished-" in name]


def test_an_error_between_two_renames_puts_everything_back(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(f"old {name}")
    (tmp_path / "new-a").write_text("new a")
    changes = [
        Change(tmp_path / "a", tmp_path / "new-a"),
        Change(tmp_path / "c", None),
        Change(tmp_path / "b", tmp_path / "is-not-there"),
    ]
    with pytest.raises(FileNotFoundError):
        swap(changes, tmp_path)
    found = {p.name: p.read_text() for p in tmp_path.iterdir()}
    assert found == {"a": "old a", "b": "old b"}


def test_a_journal_that_cannot_be_read_is_told_of(tmp_path: Path) -> None:
    (tmp_path / JOURNAL).write_text("[{")
    with pytest.raises(SoyoilError, match="cannot be read"):
        undo_broken_restore(tmp_path)
    assert (tmp_path / JOURNAL).exists()


def test_a_copy_of_the_store_is_of_one_moment(places: Places, tmp_path: Path) -> None:
    assert places.store is not None
    writer = sqlite3.connect(places.store)
    try:
        writer.execute("INSERT INTO runs VALUES ('open', 'x')")  # not committed
        back_up(places, tmp_path / "backup")
        writer.commit()
    finally:
        writer.close()
    copied = store_rows(tmp_path / "backup/mlflow/mlflow.db", "SELECT run_uuid FROM runs")
    assert "open" not in copied
    assert len(copied) == 10


def test_the_copy_is_a_warehouse_like_the_original(folder: Path) -> None:
    with duckdb.connect(folder / "warehouse/synthetic.duckdb", read_only=True) as connection:
        assert connection.execute("SELECT sum(n) FROM market.bars").fetchall() == [(45,)]


def test_the_next_run_puts_a_broken_restore_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOYOIL_DATA", raising=False)
    data = tmp_path / "data"
    data.mkdir()
    (data / "a").write_text("new")
    (data / ".replaced-1-0-a").write_text("old")
    step = {"target": data / "a", "stage": data / "s", "aside": data / ".replaced-1-0-a"}
    written = {**{key: str(path) for key, path in step.items()}, "existed": True}
    (data / JOURNAL).write_text(json.dumps([written]))
    hooks: Any = LockHooks()
    hooks.after_context_created(SimpleNamespace(project_path=tmp_path))
    # One that only reads is no exception.
    hooks.before_pipeline_run({}, Pipeline([]), DataCatalog())
    hooks.after_pipeline_run()
    assert (data / "a").read_text() == "old"
    assert not (data / JOURNAL).exists()
