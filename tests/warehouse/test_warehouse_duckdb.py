"""DuckDB backend: write modes against a dict model, refusals, locks, kills."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soyoil.errors import ContractError, WarehouseBusyError, WarehouseError
from soyoil.warehouse.backend import Warehouse, WriteResult
from soyoil.warehouse.connection import ConnectionConfig, connect
from soyoil.warehouse.contract import TableContract, load_contract
from soyoil.warehouse.duckdb import DuckDBWarehouse
from soyoil.warehouse.guard import WAREHOUSE_FORBIDDEN, forbid_warehouse
from soyoil.warehouse.structs import flatten
from soyoil.warehouse.validation import validate

MakeContract = Callable[..., TableContract]
MakeFrame = Callable[[dict[Any, Any]], pd.DataFrame]
Model = dict[tuple[str, int], tuple[float | None, int | None]]

MODES: dict[str, dict[str, Any]] = {
    "upsert": {"write_mode": "upsert"},
    "sync": {"write_mode": "sync", "sync_by": ["symbol"]},
    "replace": {"write_mode": "replace"},
}
CELLS = st.tuples(st.sampled_from([None, -0.5, 1.0, 2.0]), st.sampled_from([None, 0, 1]))
KEYS = st.tuples(st.sampled_from(["ZL", "CL", "ZS"]), st.integers(1, 4))
BATCHES = st.lists(st.dictionaries(KEYS, CELLS, max_size=7), min_size=1, max_size=4)
ROWS: Model = {("ZL", 2): (1.5, 1), ("ZL", 3): (None, None), ("CL", 2): (-37.63, 7)}


def model_write(mode: str, table: Model, batch: Model) -> tuple[Model, WriteResult]:
    """Oracle of a write on plain dictionaries."""
    symbols = {symbol for symbol, _ in batch}
    gone = {
        key
        for key in table
        if key not in batch and (mode == "replace" or (mode == "sync" and key[0] in symbols))
    }
    after = {key: row for key, row in table.items() if key not in gone} | batch
    inserted = len(batch.keys() - table.keys())
    updated = sum(key in table and table[key] != row for key, row in batch.items())
    result = WriteResult(inserted, updated, len(gone), len(batch) - inserted - updated)
    return dict(sorted(after.items())), result


def as_model(table: pa.Table) -> Model:
    return {
        (row["symbol"], row["data_date"].day): (row["m"]["x"], row["m"]["n"])
        for row in table.to_pylist()
    }


def content(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=12, deadline=None)
@given(batches=BATCHES)
def test_writes_agree_with_the_model(
    mode: str, make_contract: MakeContract, make_frame: MakeFrame, batches: list[Model]
) -> None:
    contract = make_contract(**MODES[mode])
    state: Model = {}
    with tempfile.TemporaryDirectory() as folder:
        warehouse = DuckDBWarehouse(ConnectionConfig(path=Path(folder) / "w.duckdb"))
        for batch in batches:
            table = validate(make_frame(batch), contract)
            state, expected = model_write(mode, state, batch)
            assert warehouse.write(contract, table) == expected
            found = warehouse.read(contract)
            assert as_model(found) == state
            assert list(as_model(found)) == list(state)
            assert warehouse.write(contract, table) == WriteResult(0, 0, 0, len(batch))


@pytest.mark.parametrize(("regenerated", "mode"), [("observed", "sync"), ("synthetic", "upsert")])
@settings(max_examples=8, deadline=None)
@given(batches=BATCHES)
def test_what_a_generator_makes_is_written_anew(
    regenerated: str,
    mode: str,
    make_contract: MakeContract,
    make_frame: MakeFrame,
    batches: list[Model],
) -> None:
    """Rows of the factory are observed: a sync if that provenance is generated, else an upsert."""
    contract = make_contract(
        write_mode="upsert",
        sync_by=["symbol"],
        sync_provenance=[regenerated],
        single_provenance=True,
    )
    state: Model = {}
    with tempfile.TemporaryDirectory() as folder:
        warehouse = DuckDBWarehouse(ConnectionConfig(path=Path(folder) / "w.duckdb"))
        for batch in batches:
            state, expected = model_write(mode, state, batch)
            assert warehouse.write(contract, validate(make_frame(batch), contract)) == expected
            assert as_model(warehouse.read(contract)) == state


def test_every_type_survives(
    warehouse: DuckDBWarehouse, make_matrix: Callable[..., pd.DataFrame]
) -> None:
    contract = load_contract("features.daily_ml_matrix")
    table = validate(make_matrix(), contract)
    assert warehouse.write(contract, table).inserted == table.num_rows
    found = warehouse.read(contract)
    assert found.schema == contract.arrow_schema()
    assert found.equals(table.sort_by([("symbol", "ascending"), ("data_date", "ascending")]))
    assert flatten(found).dtypes.equals(flatten(table).dtypes)


def test_second_write_leaves_the_file_alone(
    warehouse: DuckDBWarehouse, path: Path, make_matrix: Callable[..., pd.DataFrame]
) -> None:
    contract = load_contract("features.daily_ml_matrix")
    table = validate(make_matrix(), contract)
    warehouse.write(contract, table)
    before = content(path)
    assert not warehouse.write(contract, table).changed
    assert content(path) == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_structs_are_real_structs(
    warehouse: DuckDBWarehouse, path: Path, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    warehouse.write(make_contract(), validate(make_frame(ROWS), make_contract()))
    with duckdb.connect(path, read_only=True) as connection:
        query = "SELECT m.x FROM features.small WHERE m.n = 7"
        assert connection.execute(query).fetchall() == [(-37.63,)]


def test_projection(
    warehouse: DuckDBWarehouse, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    contract = make_contract()
    warehouse.write(contract, validate(make_frame(ROWS), contract))
    found = warehouse.read(contract, ["m", "symbol"])
    assert found.schema.names == ["m", "symbol"]
    assert found["symbol"].to_pylist() == ["CL", "ZL", "ZL"]
    with pytest.raises(ContractError, match=r"no top-level column m\.x"):
        warehouse.read(contract, ["m.x"])


def test_nothing_there(
    warehouse: DuckDBWarehouse, path: Path, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    contract = make_contract()
    assert not warehouse.exists(contract)
    with pytest.raises(WarehouseError, match=r"no table features\.small: run the pipeline"):
        warehouse.read(contract)
    assert not path.exists()
    warehouse.write(contract, validate(make_frame(ROWS), contract))
    assert warehouse.exists(contract)
    other = make_contract(name="features.other")
    assert not warehouse.exists(other)
    with pytest.raises(WarehouseError, match=r"no table features\.other"):
        warehouse.read(other)


def test_file_named_like_a_schema(
    tmp_path: Path, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    warehouse = DuckDBWarehouse(ConnectionConfig(path=tmp_path / "features.duckdb"))
    warehouse.write(make_contract(), validate(make_frame(ROWS), make_contract()))
    assert as_model(warehouse.read(make_contract())) == dict(sorted(ROWS.items()))


def test_columns_named_like_sql(warehouse: DuckDBWarehouse, make_contract: MakeContract) -> None:
    names = ("s", "t", "select", "group", "soyoil_stage", "old", "new", "excluded")
    number = {"type": "FLOAT64", "description": "x"}
    columns = [
        {"name": "key", "type": "INT64", "nullable": False, "description": "x"},
        *({"name": n, "type": "STRUCT", "description": "x",
           "fields": [{"name": "key", **number}]} for n in names),
    ]  # fmt: skip
    contract = make_contract(columns=columns, key=["key"], write_mode="sync", sync_by=["key"])
    frame = pd.DataFrame({"key": [1, 2], **{f"{n}.key": [0.0, 1.0] for n in names}})
    assert warehouse.write(contract, validate(frame, contract)).inserted == 2
    frame.loc[1, "t.key"] = 5.0
    assert warehouse.write(contract, validate(frame, contract)) == WriteResult(0, 1, 0, 1)
    assert flatten(warehouse.read(contract))["t.key"].tolist() == [0.0, 5.0]


def test_batch_must_be_validated(
    warehouse: DuckDBWarehouse, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    contract = make_contract()
    table = validate(make_frame(ROWS), contract)
    with pytest.raises(ContractError, match="validate first"):
        warehouse.write(contract, table.drop_columns(["seen"]))
    with pytest.raises(ContractError, match=r"holds a key twice: symbol\+data_date = \(CL, "):
        warehouse.write(contract, pa.concat_tables([table, table]))
    assert not warehouse.exists(contract)


@pytest.mark.parametrize("mode", MODES)
def test_provenances_never_mix(
    mode: str, warehouse: DuckDBWarehouse, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    contract = make_contract(single_provenance=True, **MODES[mode])
    warehouse.write(contract, validate(make_frame(ROWS), contract))
    other = validate(make_frame(ROWS).assign(provenance="synthetic"), contract)
    if mode == "replace":
        assert warehouse.write(contract, other).updated == len(ROWS)
        return
    with pytest.raises(ContractError, match="holds provenance observed, the batch is synthetic"):
        warehouse.write(contract, other)
    assert as_model(warehouse.read(contract)) == dict(sorted(ROWS.items()))
    mixed = validate(
        make_frame(ROWS).assign(provenance=["observed", "synthetic", "observed"]),
        make_contract(**MODES[mode]),
    )
    with pytest.raises(ContractError, match="mixes the provenances observed, synthetic"):
        warehouse.write(contract, mixed)


def _changed_columns(contract: TableContract, change: Callable[[list[Any]], Any]) -> Any:
    columns = contract.model_dump()["columns"]
    columns = list(columns)
    change(columns)
    return columns


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop(3), "column seen is not in the contract"),
        (
            lambda c: c.append({"name": "new", "type": "BOOL", "description": "x"}),
            "column new is missing",
        ),
        (lambda c: c[3].update(type="DATE"), r"column seen is timestamp\[us, tz\], not date32"),
        (
            lambda c: c[4].update(fields=c[4]["fields"][1:]),
            r"column m\.x is not in the contract",
        ),
        (lambda c: c[4]["fields"][0].update(type="INT64"), r"column m\.x is double, not int64"),
        (lambda c: c.reverse(), "another order"),
        (lambda c: c[3].update(nullable=False), "column seen is NOT NULL in one only"),
    ],
)
def test_table_of_another_shape(
    warehouse: DuckDBWarehouse,
    path: Path,
    make_contract: MakeContract,
    make_frame: MakeFrame,
    change: Callable[[list[Any]], Any],
    message: str,
) -> None:
    old = make_contract()
    table = validate(make_frame(ROWS), old)
    warehouse.write(old, table)
    new = make_contract(columns=_changed_columns(old, change))
    for use in (
        lambda: warehouse.read(new),
        lambda: warehouse.write(new, new.arrow_schema().empty_table()),
    ):
        with pytest.raises(ContractError, match=message) as caught:
            use()
        assert str(path) in str(caught.value)
        assert "DROP TABLE features.small" in str(caught.value)
    assert warehouse.read(old).num_rows == table.num_rows


def test_table_of_another_version(
    warehouse: DuckDBWarehouse, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    old, new = make_contract(), make_contract(version=2)
    table = validate(make_frame(ROWS), old)
    warehouse.write(old, table)
    with pytest.raises(ContractError, match="written under contract version 1, now version 2"):
        warehouse.write(new, table)
    with pytest.raises(ContractError, match="written under contract version 1, now version 2"):
        warehouse.read(new)


def test_new_wording_of_a_contract_is_stamped_once(
    warehouse: DuckDBWarehouse, path: Path, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    old, new = make_contract(), make_contract(description="Better words.")
    table = validate(make_frame(ROWS), old)
    warehouse.write(old, table)
    assert not warehouse.write(new, table).changed
    with duckdb.connect(path, read_only=True) as connection:
        ((comment,),) = connection.execute("SELECT comment FROM duckdb_tables()").fetchall()
    assert new.content_hash in comment
    before = content(path)
    warehouse.write(new, table)
    assert content(path) == before


def test_foreign_table(warehouse: DuckDBWarehouse, path: Path, make_contract: MakeContract) -> None:
    path.parent.mkdir()
    with duckdb.connect(path) as connection:
        connection.execute("CREATE SCHEMA features").fetchall()
        connection.execute("CREATE TABLE features.small (i INT)").fetchall()
    with pytest.raises(ContractError, match="written under no soyoil contract"):
        warehouse.read(make_contract())


@pytest.mark.parametrize("damage", ["text", "empty", "head", "cut", "sqlite"])
def test_damaged_file(
    warehouse: DuckDBWarehouse,
    path: Path,
    make_contract: MakeContract,
    make_frame: MakeFrame,
    damage: str,
) -> None:
    contract = make_contract()
    table = validate(make_frame(ROWS), contract)
    warehouse.write(contract, table)
    whole = path.read_bytes()
    path.write_bytes(
        {
            "text": b"no database at all\n" * 1000,
            "empty": b"",
            "head": b"\xff" * 4096 + whole[4096:],
            "cut": whole[: len(whole) // 3],
            "sqlite": b"SQLite format 3\x00" + bytes(8192),
        }[damage]
    )
    for use in (
        lambda: warehouse.exists(contract),
        lambda: warehouse.read(contract),
        lambda: warehouse.write(contract, table),
    ):
        with pytest.raises(WarehouseError, match="restore or remove it") as caught:
            use()
        assert str(path) in str(caught.value)
        assert not isinstance(caught.value, WarehouseBusyError)


def test_folder_that_cannot_be_made(
    tmp_path: Path, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    (tmp_path / "file").write_text("")
    warehouse = DuckDBWarehouse(ConnectionConfig(path=tmp_path / "file" / "w.duckdb"))
    with pytest.raises(WarehouseError, match="cannot create the warehouse"):
        warehouse.write(make_contract(), validate(make_frame(ROWS), make_contract()))


HOLDER = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.readline()
connection.close()
"""


@contextmanager
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the file until told."""
    path.parent.mkdir(exist_ok=True)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_holder_is_named(path: Path, make_contract: MakeContract, make_frame: MakeFrame) -> None:
    contract = make_contract()
    warehouse = DuckDBWarehouse(ConnectionConfig(path=path, busy_timeout_s=0.3))
    with holder(path) as process:
        start = time.monotonic()
        with pytest.raises(WarehouseBusyError, match=f"held by process {process.pid} .*python"):
            warehouse.write(contract, validate(make_frame(ROWS), contract))
        assert 0.3 <= time.monotonic() - start < 5
        with pytest.raises(WarehouseBusyError, match=str(process.pid)):
            warehouse.exists(contract)


def test_waits_for_the_holder(
    path: Path, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    contract = make_contract()
    warehouse = DuckDBWarehouse(ConnectionConfig(path=path, busy_timeout_s=20))
    with holder(path) as process:
        assert process.stdin is not None
        timer = threading.Timer(0.3, process.stdin.close)
        timer.start()
        result = warehouse.write(contract, validate(make_frame(ROWS), contract))
        timer.join()
    assert result.inserted == len(ROWS)


def test_connection_left_open_in_this_process(
    warehouse: DuckDBWarehouse, path: Path, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    contract = make_contract()
    warehouse.write(contract, validate(make_frame(ROWS), contract))
    with (
        duckdb.connect(path, read_only=True),
        pytest.raises(WarehouseBusyError, match=rf"this process \(PID {os.getpid()}\)"),
    ):
        warehouse.write(contract, validate(make_frame(ROWS), contract))


def test_threads_take_turns(path: Path, make_contract: MakeContract, make_frame: MakeFrame) -> None:
    contract = make_contract()
    warehouse = DuckDBWarehouse(ConnectionConfig(path=path, busy_timeout_s=30))
    failures: list[BaseException] = []

    def work(day: int) -> None:
        try:
            warehouse.write(contract, validate(make_frame({("ZL", day): (1.0, day)}), contract))
            warehouse.read(contract)
        except BaseException as exc:
            failures.append(exc)

    threads = [threading.Thread(target=work, args=(day,)) for day in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert warehouse.read(contract).num_rows == 6


KILLED = """
import os, signal, sys
from pathlib import Path
import pyarrow.parquet as pq
from soyoil.warehouse import duckdb as backend
from soyoil.warehouse.connection import ConnectionConfig
from soyoil.warehouse.contract import TableContract

point, folder = sys.argv[1], Path(sys.argv[2])

def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

real_end = backend.DuckDBWarehouse._end
real_link = os.link

def end_and_die(self, connection, *, commit):
    real_end(self, connection, commit=commit)
    die()

def link_and_die(*args):
    real_link(*args)
    die()

if point == "before_link":
    os.link = die
elif point == "after_link":
    os.link = link_and_die
elif point == "staged":
    backend.DuckDBWarehouse._prepare_table = die
elif point == "table_ready":
    backend._apply = die
elif point == "before_commit":
    backend.DuckDBWarehouse._end = die
elif point == "after_commit":
    backend.DuckDBWarehouse._end = end_and_die

contract = TableContract.model_validate_json((folder / "contract.json").read_text())
table = pq.read_table(folder / "batch.parquet").cast(contract.arrow_schema())
config = ConnectionConfig(path=folder / "w.duckdb")
backend.DuckDBWarehouse(config).write(contract, table)
"""


WRITE_POINTS = ("staged", "table_ready", "before_commit", "after_commit")


@pytest.mark.parametrize(
    ("point", "existing"),
    [("before_link", False), ("after_link", False)]
    + [(point, existing) for point in WRITE_POINTS for existing in (False, True)],
)
def test_kill_leaves_old_or_new(
    point: str,
    existing: bool,
    tmp_path: Path,
    make_contract: MakeContract,
    make_frame: MakeFrame,
) -> None:
    contract = make_contract(**MODES["sync"])
    old: Model = {("ZL", 2): (1.5, 1), ("ZL", 3): (None, None)} if existing else {}
    new: Model = {("ZL", 2): (2.5, None), ("ZL", 4): (0.0, 0)}
    warehouse = DuckDBWarehouse(ConnectionConfig(path=tmp_path / "w.duckdb"))
    if existing:
        warehouse.write(contract, validate(make_frame(old), contract))
    batch = validate(make_frame(new), contract)
    pq.write_table(batch, tmp_path / "batch.parquet")
    (tmp_path / "contract.json").write_text(contract.model_dump_json())
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), point, str(tmp_path)], check=False
    )
    assert done.returncode == -signal.SIGKILL
    after_commit = point == "after_commit"
    if existing or after_commit:
        assert as_model(warehouse.read(contract)) == (new if after_commit else old)
    else:
        assert not warehouse.exists(contract)
    _, expected = model_write("sync", new if after_commit else old, new)
    assert warehouse.write(contract, batch) == expected
    assert as_model(warehouse.read(contract)) == new


def test_failure_in_the_middle_rolls_back(
    warehouse: DuckDBWarehouse,
    make_contract: MakeContract,
    make_frame: MakeFrame,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    contract = make_contract(**MODES["replace"])
    warehouse.write(contract, validate(make_frame(ROWS), contract))

    def fail(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(DuckDBWarehouse, "_end", fail)
    with pytest.raises(KeyboardInterrupt):
        warehouse.write(contract, validate(make_frame({("ZS", 1): (1.0, 1)}), contract))
    assert as_model(warehouse.read(contract)) == dict(sorted(ROWS.items()))


def test_forbidden(
    path: Path,
    make_contract: MakeContract,
    make_frame: MakeFrame,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = ConnectionConfig(path=path)
    contract = make_contract()
    opened_before: Warehouse = connect(config)
    table = validate(make_frame(ROWS), contract)
    with forbid_warehouse("fit reads the snapshot"):
        for use in (
            lambda: connect(config),
            lambda: opened_before.exists(contract),
            lambda: opened_before.read(contract),
            lambda: opened_before.write(contract, table),
        ):
            with pytest.raises(WarehouseError, match="fit reads the snapshot"):
                use()
        with forbid_warehouse("inner"), pytest.raises(WarehouseError, match="inner"):
            connect(config)
        with pytest.raises(WarehouseError, match="fit reads the snapshot"):
            connect(config)
    assert not path.exists()
    monkeypatch.setenv(WAREHOUSE_FORBIDDEN, "worker of the fit stage")
    with pytest.raises(WarehouseError, match="worker of the fit stage"):
        connect(config)
    monkeypatch.delenv(WAREHOUSE_FORBIDDEN)
    assert connect(config).write(contract, table).inserted == len(ROWS)


def test_guard_is_lifted_after_an_error(path: Path) -> None:
    with pytest.raises(ZeroDivisionError), forbid_warehouse("x"):
        raise ZeroDivisionError
    connect(ConnectionConfig(path=path))
