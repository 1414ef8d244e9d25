"""What kill -9 leaves behind: the old or the new state, and a warehouse that goes on working.

A killed process leaves what it had handed to the operating system and no lock. So a copy of the
folder taken in the middle of a write is what a kill there leaves: every point of every write mode
is tested on copies, in this process, and a few on processes that are really killed.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from soyoil.contracts.contract import TableContract
from soyoil.contracts.validation import validate
from soyoil.warehouse.backend import WriteResult
from soyoil.warehouse.connection import DuckDBConnection
from soyoil.warehouse.duckdb import backend as backend
from soyoil.warehouse.duckdb.backend import DuckDBWarehouse

MakeContract = Callable[..., TableContract]
MakeFrame = Callable[[dict[Any, Any]], pd.DataFrame]
Files = dict[str, bytes]

FILE = "w.duckdb"
MODES: dict[str, dict[str, Any]] = {
    "upsert": {"write_mode": "upsert"},
    "sync": {"write_mode": "sync", "sync_by": ["symbol"]},
    "replace": {"write_mode": "replace"},
}
OLD = {("ZL", 2): (1.5, 1), ("ZL", 3): (None, None), ("CL", 2): (-37.63, 7)}
NEW = {("ZL", 2): (2.5, None), ("ZL", 4): (0.0, 0)}


def open_in(folder: Path) -> DuckDBWarehouse:
    return DuckDBWarehouse(DuckDBConnection(path=folder / FILE))


def state(warehouse: DuckDBWarehouse, contract: TableContract) -> pa.Table | None:
    return warehouse.read(contract) if warehouse.exists(contract) else None


def same(one: pa.Table | None, other: pa.Table | None) -> bool:
    return one is other is None or (one is not None and other is not None and one.equals(other))


def files_in(folder: Path) -> Files:
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def restored(files: Files, folder: Path) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    folder.mkdir(exist_ok=True)
    return folder


def record(write: Callable[[], object], folder: Path) -> list[Files]:
    """Every different state of the folder before, during and after a write."""
    seen = [files_in(folder)]

    def look() -> None:
        found = files_in(folder)
        if found != seen[-1]:
            seen.append(found)

    def looking(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            look()
            result = function(*args, **kwargs)
            look()
            return result

        return wrapped

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend, "_rows", looking(backend._rows))
        patch.setattr(DuckDBWarehouse, "_end", looking(DuckDBWarehouse._end))
        patch.setattr(os, "link", looking(os.link))
        write()
    look()
    return seen


def check_every_state(
    states: list[Files], contract: TableContract, batch: pa.Table, tmp_path: Path
) -> set[str]:
    """Each state reads as the first or the last one, in this order; writing goes on from it."""
    old = state(open_in(restored(states[0], tmp_path / "old")), contract)
    new = state(open_in(restored(states[-1], tmp_path / "new")), contract)
    assert not same(old, new)
    found = []
    for number, files in enumerate(states):
        warehouse = open_in(restored(files, tmp_path / f"killed{number}"))
        now = state(warehouse, contract)
        assert same(now, old) or same(now, new), number
        found.append("new" if same(now, new) else "old")
        warehouse.write(contract, batch)
        assert same(state(warehouse, contract), new), number
    assert found == sorted(found, reverse=True)
    return {name for files in states for name in files}


@pytest.mark.parametrize(
    ("mode", "before"),
    [("sync", "no file"), ("sync", "no table"), *((mode, "rows") for mode in MODES)],
)
def test_every_point_of_a_write(
    mode: str, before: str, tmp_path: Path, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    contract = make_contract(**MODES[mode])
    folder = tmp_path / "run"
    folder.mkdir()
    warehouse = open_in(folder)
    if before == "no table":
        other = make_contract(name="features.other")
        warehouse.write(other, validate(make_frame(OLD), other))
    if before == "rows":
        warehouse.write(contract, validate(make_frame(OLD), contract))
    batch = validate(make_frame(NEW), contract)
    states = record(lambda: warehouse.write(contract, batch), folder)
    names = check_every_state(states, contract, batch, tmp_path)
    assert f"{FILE}.wal" in names, "the state between commit and checkpoint was seen"
    assert list(files_in(folder)) == [FILE]


def big_batch(contract: TableContract, seed: int) -> pa.Table:
    """More than a row group, which DuckDB writes into the file before the commit."""
    n = 130_000
    x = np.random.default_rng(seed).normal(size=n)
    days = pd.date_range("1700-01-01", periods=n, unit="us")
    return validate(pd.DataFrame({"data_date": days, "m.x": x}), contract)


def big_contract(make_contract: MakeContract, **changes: Any) -> TableContract:
    fields = [{"name": "x", "type": "FLOAT64", "description": "x"}]
    columns = [
        {"name": "data_date", "type": "DATE", "nullable": False, "description": "x"},
        {"name": "m", "type": "STRUCT", "description": "x", "fields": fields},
    ]
    return make_contract(key=["data_date"], columns=columns, **changes)


def test_rows_written_before_the_commit(tmp_path: Path, make_contract: MakeContract) -> None:
    contract = big_contract(make_contract)
    folder = tmp_path / "run"
    folder.mkdir()
    warehouse = open_in(folder)
    states = record(lambda: warehouse.write(contract, big_batch(contract, 1)), folder)
    sizes = [len(files[FILE]) for files in states if FILE in files and len(files) == 1]
    assert sizes[-1] > sizes[-2] > sizes[0], "rows were there before the commit"
    check_every_state(states, contract, big_batch(contract, 1), tmp_path)


@pytest.mark.parametrize("kept", [0.0, 0.02, 0.5, 0.98])
def test_kill_in_the_middle_of_the_commit(
    kept: float, tmp_path: Path, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    contract = make_contract(**MODES["sync"])
    folder = tmp_path / "run"
    folder.mkdir()
    warehouse = open_in(folder)
    warehouse.write(contract, validate(make_frame(OLD), contract))
    old = warehouse.read(contract)
    batch = validate(make_frame(NEW), contract)
    states = record(lambda: warehouse.write(contract, batch), folder)
    (committed,) = [files for files in states if f"{FILE}.wal" in files]
    log = committed[f"{FILE}.wal"]
    torn = {**committed, f"{FILE}.wal": log[: int(kept * len(log))]}
    warehouse = open_in(restored(torn, tmp_path / "torn"))
    assert warehouse.read(contract).equals(old)
    warehouse.write(contract, batch)
    assert warehouse.read(contract).num_rows == 3


KILLED = """
import os, signal, sys
from pathlib import Path
import pyarrow as pa
from soyoil.warehouse.duckdb import backend as backend
from soyoil.warehouse.connection import DuckDBConnection
from soyoil.contracts.contract import TableContract

point, folder, path = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
contract = TableContract.model_validate_json((folder / "contract.json").read_text())
batches = [pa.ipc.open_file(str(path)).read_all() for path in sorted(folder.glob("*.arrow"))]
warehouse = backend.DuckDBWarehouse(DuckDBConnection(path=path, busy_timeout_s=30))

def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

real_end = backend.DuckDBWarehouse._end

def end_and_die(*args, **kwargs):
    real_end(*args, **kwargs)
    die()

if point == "before_link":
    os.link = die
elif point == "before_commit":
    backend.DuckDBWarehouse._end = die
elif point == "after_commit":
    backend.DuckDBWarehouse._end = end_and_die

print("ready", flush=True)
sys.stdin.readline()
if point == "anywhere":
    while True:
        for batch in batches:
            warehouse.write(contract, batch)
else:
    for batch in batches:
        warehouse.write(contract, batch)
"""


def start(point: str, folder: Path, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", KILLED, point, str(folder), str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def go(*processes: subprocess.Popen[str]) -> None:
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()


def prepare(folder: Path, contract: TableContract, *batches: pa.Table) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "contract.json").write_text(contract.model_dump_json())
    for number, batch in enumerate(batches):
        with pa.ipc.new_file(str(folder / f"{number}.arrow"), batch.schema) as writer:
            writer.write_table(batch)


@pytest.mark.parametrize(
    ("point", "existing"), [("before_link", False), ("before_commit", True), ("after_commit", True)]
)
def test_killed_process(
    point: str, existing: bool, tmp_path: Path, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    contract = make_contract(**MODES["sync"])
    warehouse = open_in(tmp_path)
    if existing:
        warehouse.write(contract, validate(make_frame(OLD), contract))
    old = state(warehouse, contract)
    batch = validate(make_frame(NEW), contract)
    prepare(tmp_path, contract, batch)
    with start(point, tmp_path, tmp_path / FILE) as process:
        go(process)
        assert process.wait(60) == -signal.SIGKILL
    done = point == "after_commit"
    assert same(state(warehouse, contract), old) is not done
    assert warehouse.write(contract, batch).changed is not done
    assert warehouse.write(contract, batch) == WriteResult(0, 0, 0, len(NEW))


def test_two_processes_create_one_file(
    tmp_path: Path, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    contract = make_contract()
    folders = [tmp_path / "one", tmp_path / "two"]
    for day, folder in enumerate(folders, start=1):
        prepare(folder, contract, validate(make_frame({("ZL", day): (1.0, day)}), contract))
    path = tmp_path / "deep" / FILE
    with start("write", folders[0], path) as first, start("write", folders[1], path) as second:
        go(first, second)
        assert (first.wait(60), second.wait(60)) == (0, 0)
    assert [entry.name for entry in path.parent.iterdir()] == [FILE]
    assert open_in(path.parent).read(contract)["m"].to_pylist() == [
        {"x": 1.0, "n": day, "P": None, "tag": None} for day in (1, 2)
    ]


@pytest.mark.ci
@pytest.mark.parametrize("seed", range(8))
def test_killed_anywhere(seed: int, tmp_path: Path, make_contract: MakeContract) -> None:
    contract = big_contract(make_contract, write_mode="replace")
    batches = [big_batch(contract, 1), big_batch(contract, 2)]
    warehouse = open_in(tmp_path)
    warehouse.write(contract, batches[0])
    prepare(tmp_path, contract, *batches)
    with start("anywhere", tmp_path, tmp_path / FILE) as process:
        go(process)
        time.sleep(random.Random(seed).uniform(0.0, 1.5))
        process.kill()
    found = warehouse.read(contract)
    assert any(found.equals(batch) for batch in batches)
    assert warehouse.write(contract, batches[0]).deleted == 0
    assert warehouse.read(contract).equals(batches[0])
