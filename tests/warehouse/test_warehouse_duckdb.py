"""DuckDB backend: write modes against a dict model, refusals, locks, file size."""

from __future__ import annotations

import hashlib
import math
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from write_model import MODES, Model, as_model, model_write

from soyoil.base.errors import ContractError, WarehouseBusyError, WarehouseError
from soyoil.contracts.contract import TableContract, load_contract
from soyoil.contracts.structs import flatten
from soyoil.contracts.validation import validate
from soyoil.warehouse.backend import Warehouse, WriteResult
from soyoil.warehouse.connection import DuckDBConnection
from soyoil.warehouse.duckdb.backend import DuckDBWarehouse
from soyoil.warehouse.guard import WAREHOUSE_FORBIDDEN, forbid_warehouse
from soyoil.warehouse.open import connect

MakeContract = Callable[..., TableContract]
MakeFrame = Callable[[dict[Any, Any]], pd.DataFrame]

CELLS = st.tuples(st.sampled_from([None, -0.5, 1.0, 2.0]), st.sampled_from([None, 0, 1]))
KEYS = st.tuples(st.sampled_from(["ZL", "CL", "ZS"]), st.integers(1, 4))
BATCHES = st.lists(st.dictionaries(KEYS, CELLS, max_size=7), min_size=1, max_size=4)
ROWS: Model = {("ZL", 2): (1.5, 1), ("ZL", 3): (None, None), ("CL", 2): (-37.63, 7)}


def content(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=10, deadline=None)
@given(batches=BATCHES)
def test_writes_agree_with_the_model(
    mode: str, make_contract: MakeContract, make_frame: MakeFrame, batches: list[Model]
) -> None:
    contract = make_contract(**MODES[mode])
    state: Model = {}
    with tempfile.TemporaryDirectory() as folder:
        warehouse = DuckDBWarehouse(DuckDBConnection(path=Path(folder) / "w.duckdb"))
        for batch in batches:
            table = validate(make_frame(batch), contract)
            state, expected = model_write(mode, state, batch)
            assert warehouse.write(contract, table) == expected
        found = as_model(warehouse.read(contract))
        assert list(found.items()) == list(state.items())
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
        warehouse = DuckDBWarehouse(DuckDBConnection(path=Path(folder) / "w.duckdb"))
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


def test_row_and_column_order_mean_nothing(
    warehouse: DuckDBWarehouse, make_matrix: Callable[..., pd.DataFrame]
) -> None:
    contract = load_contract("features.daily_ml_matrix")
    frame = make_matrix()
    warehouse.write(contract, validate(frame, contract))
    before = warehouse.read(contract)
    shuffled = frame.sample(frac=1, random_state=1).sample(frac=1, axis=1, random_state=2)
    assert list(shuffled.columns) != list(frame.columns)
    result = warehouse.write(contract, validate(shuffled, contract))
    assert result == WriteResult(0, 0, 0, len(frame))
    assert warehouse.read(contract).equals(before)


def test_updates_from_and_to_null(
    warehouse: DuckDBWarehouse, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    contract = make_contract()
    moment = pd.Timestamp("2020-01-02 19:20", tz="UTC")
    frame = make_frame({("ZL", 2): (1.0, 1)})
    for seen, x, expected in (
        (pd.NaT, np.nan, WriteResult(1, 0, 0, 0)),
        (moment, np.nan, WriteResult(0, 1, 0, 0)),
        (moment, 0.0, WriteResult(0, 1, 0, 0)),
        (pd.NaT, 0.0, WriteResult(0, 1, 0, 0)),
        (pd.NaT, np.nan, WriteResult(0, 1, 0, 0)),
        (pd.NaT, np.nan, WriteResult(0, 0, 0, 1)),
    ):
        frame["seen"] = pd.Series([seen], dtype="datetime64[us, UTC]")
        frame["m.x"] = x
        assert warehouse.write(contract, validate(frame, contract)) == expected
        pd.testing.assert_frame_equal(flatten(warehouse.read(contract)), frame)


def test_zero_has_no_sign(
    warehouse: DuckDBWarehouse, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    contract = make_contract()
    for zero, written in ((-0.0, WriteResult(1, 0, 0, 0)), (0.0, WriteResult(0, 0, 0, 1))):
        table = validate(make_frame({("ZL", 2): (zero, 0)}), contract)
        assert warehouse.write(contract, table) == written
        assert math.copysign(1, flatten(warehouse.read(contract))["m.x"][0]) == 1


def test_hundred_thousand_rows(warehouse: DuckDBWarehouse, make_contract: MakeContract) -> None:
    number = {"type": "FLOAT64", "description": "x"}
    columns = [
        {"name": "symbol", "type": "STRING", "nullable": False, "description": "x"},
        {"name": "data_date", "type": "DATE", "nullable": False, "description": "x"},
        {"name": "m", "type": "STRUCT", "description": "x",
         "fields": [{"name": f"f{i}", **number} for i in range(5)]},
    ]  # fmt: skip
    contract = make_contract(columns=columns, write_mode="sync", sync_by=["symbol"])
    random = np.random.default_rng(3)
    days = pd.date_range("1900-01-01", periods=25_000, unit="us")
    frame = pd.DataFrame({"symbol": np.repeat(list("ABCD"), 25_000), "data_date": list(days) * 4})
    for i in range(5):
        frame[f"m.f{i}"] = np.where(random.random(100_000) < 0.1, np.nan, random.random(100_000))
    table = validate(frame.sample(frac=1, random_state=4), contract)
    assert warehouse.write(contract, table) == WriteResult(100_000, 0, 0, 0)
    pd.testing.assert_frame_equal(flatten(warehouse.read(contract)), frame)
    touched = random.random(100_000) < 0.01
    later = frame.assign(**{"m.f3": frame["m.f3"].mask(touched, 2.0)}).iloc[:-10]
    expected = WriteResult(0, int(touched[:-10].sum()), 10, int((~touched[:-10]).sum()))
    assert warehouse.write(contract, validate(later, contract)) == expected
    pd.testing.assert_frame_equal(flatten(warehouse.read(contract)), later)


def test_the_file_does_not_grow_without_bound(
    warehouse: DuckDBWarehouse, path: Path, make_contract: MakeContract
) -> None:
    columns = [
        {"name": "k", "type": "INT64", "nullable": False, "description": "x"},
        {"name": "m", "type": "STRUCT", "description": "x",
         "fields": [{"name": f"f{i}", "type": "FLOAT64", "description": "x"} for i in range(20)]},
    ]  # fmt: skip
    contract = make_contract(columns=columns, key=["k"], write_mode="sync", sync_by=["k"])
    random = np.random.default_rng(5)
    names = list(contract.flat_columns())[1:]
    frame = pd.DataFrame(random.random((8_000, 20)), columns=names).assign(k=range(8_000))
    warehouse.write(contract, validate(frame, contract))
    sizes = [path.stat().st_size]
    for _ in range(12):
        frame.loc[random.random(8_000) < 0.1, names] = random.random()
        assert warehouse.write(contract, validate(frame, contract)).updated > 0
        sizes.append(path.stat().st_size)
    assert sizes[0] > 1_000_000
    # Blocks are freed one write after they were replaced, so twice the size is the most.
    assert max(sizes) < 2.5 * sizes[0], sizes
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
    warehouse = DuckDBWarehouse(DuckDBConnection(path=tmp_path / "features.duckdb"))
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
    fields = [pa.field(f.name, f.type, f.nullable) for f in reversed(table.schema.field("m").type)]
    parts = [table["m"].combine_chunks().field(f.name) for f in fields]
    other_order = pa.StructArray.from_arrays(parts, fields=fields)
    with pytest.raises(ContractError, match="validate first"):
        warehouse.write(contract, table.set_column(4, "m", other_order))
    nothing = pa.nulls(len(table), pa.string())
    with pytest.raises(ContractError, match="lacks values of the required provenance"):
        warehouse.write(contract, table.set_column(2, table.schema.field(2), nothing))
    assert not warehouse.exists(contract)


@pytest.mark.parametrize("mode", MODES)
def test_provenances_never_mix(
    mode: str, warehouse: DuckDBWarehouse, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    contract = make_contract(single_provenance=True, **MODES[mode])
    warehouse.write(contract, validate(make_frame(ROWS), contract))
    other = validate(make_frame(ROWS).assign(provenance="synthetic"), contract)
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
            lambda c: c.insert(4, {"name": "new", "type": "BOOL", "description": "x"}),
            "column new is missing",
        ),
        (lambda c: c[3].update(type="DATE"), r"column seen is timestamp\[us, tz\], not date32"),
        (
            lambda c: c[4].update(fields=c[4]["fields"][1:]),
            r"column m\.x is not in the contract",
        ),
        (lambda c: c[4]["fields"][0].update(type="INT64"), r"column m\.x is double, not int64"),
        (lambda c: c.reverse(), "another order"),
        (lambda c: c[4].update(fields=c[4]["fields"][::-1]), "another order"),
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
    before = content(path)
    new = make_contract(columns=_changed_columns(old, change))
    for use in (
        lambda: warehouse.read(new),
        lambda: warehouse.write(new, new.arrow_schema().empty_table()),
    ):
        with pytest.raises(ContractError, match=message) as caught:
            use()
        assert str(path) in str(caught.value)
        assert "DROP TABLE features.small" in str(caught.value)
    assert content(path) == before
    assert warehouse.read(old).equals(table.sort_by("symbol"))


@pytest.mark.parametrize("write_mode", MODES)
def test_table_of_another_version(
    write_mode: str,
    warehouse: DuckDBWarehouse,
    path: Path,
    make_contract: MakeContract,
    make_frame: MakeFrame,
) -> None:
    old = make_contract(**MODES[write_mode])
    new = make_contract(**MODES[write_mode], version=2)
    table = validate(make_frame(ROWS), old)
    warehouse.write(old, table)
    before = content(path)
    for use in (lambda: warehouse.write(new, table), lambda: warehouse.read(new)):
        with pytest.raises(ContractError, match=r"contract version 1, now version 2.*DROP TABLE"):
            use()
    assert content(path) == before


def test_new_wording_of_a_contract_is_stamped_once(
    warehouse: DuckDBWarehouse, path: Path, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    old, new = make_contract(), make_contract(description="Better words.")
    table = validate(make_frame(ROWS), old)
    warehouse.write(old, table)
    assert not warehouse.write(new, table).changed
    with duckdb.connect(path, read_only=True) as connection:
        query = "SELECT comment FROM duckdb_tables() WHERE table_name = 'small'"
        ((comment,),) = connection.execute(query).fetchall()
    assert new.content_hash in comment
    before = content(path)
    warehouse.write(new, table)
    assert content(path) == before


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("CREATE TABLE features.small (i INT)", "written under no soyoil contract"),
        ("CREATE TABLE features.small AS SELECT 'ZL' symbol", "column data_date is missing"),
        ("CREATE VIEW features.small AS SELECT 1 i", "already exists"),
    ],
)
def test_foreign_table(
    warehouse: DuckDBWarehouse,
    path: Path,
    make_contract: MakeContract,
    make_frame: MakeFrame,
    statement: str,
    message: str,
) -> None:
    path.parent.mkdir()
    with duckdb.connect(path) as connection:
        connection.execute("CREATE SCHEMA features").fetchall()
        connection.execute(statement).fetchall()
    before = content(path)
    contract = make_contract()
    with pytest.raises((ContractError, WarehouseError), match=message) as caught:
        warehouse.write(contract, validate(make_frame(ROWS), contract))
    assert str(path) in str(caught.value)
    assert "run again" in str(caught.value)
    with pytest.raises((ContractError, WarehouseError)):
        warehouse.read(contract)
    assert content(path) == before


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
    warehouse = DuckDBWarehouse(DuckDBConnection(path=tmp_path / "file" / "w.duckdb"))
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
    warehouse = DuckDBWarehouse(DuckDBConnection(path=path, busy_timeout_s=0.3))
    with holder(path) as process:
        start = time.monotonic()
        with pytest.raises(WarehouseBusyError, match=f"held by process {process.pid} .*python"):
            warehouse.write(contract, validate(make_frame(ROWS), contract))
        assert 0.3 <= time.monotonic() - start < 5
        with pytest.raises(WarehouseBusyError, match=str(process.pid)):
            warehouse.exists(contract)
    assert not warehouse.exists(contract)


@pytest.mark.parametrize(
    ("message", "holder"),
    [
        ("Conflicting lock is held in /usr/bin/python3.11 (PID 7) by user a.", "process 7 (/usr/"),
        ("Conflicting lock is held in /Apps (x86)/py (PID 7).", "process 7 (/Apps (x86)/py)"),
        ("Conflicting lock is held in PID 7. See also", "process 7"),
        ("something new", "another process"),
    ],
)
def test_holder_in_any_wording(
    path: Path, monkeypatch: pytest.MonkeyPatch, message: str, holder: str
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise duckdb.IOException(f'Could not set lock on file "x": {message}')

    path.parent.mkdir()
    path.touch()
    monkeypatch.setattr(duckdb, "connect", fail)
    warehouse = DuckDBWarehouse(DuckDBConnection(path=path, busy_timeout_s=0))
    with pytest.raises(WarehouseBusyError, match=re.escape(f"is held by {holder}")):
        warehouse.exists(load_contract("training.regime_weights"))


def test_waits_for_the_holder(
    path: Path, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    contract = make_contract()
    warehouse = DuckDBWarehouse(DuckDBConnection(path=path, busy_timeout_s=20))
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
    warehouse = DuckDBWarehouse(DuckDBConnection(path=path, busy_timeout_s=30))
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
    config = DuckDBConnection(path=path)
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
    connect(DuckDBConnection(path=path))


@pytest.mark.parametrize(
    ("trouble", "remedy"),
    [
        ('Could not write file "x.wal": No space left on device', "make room"),
        ('Cannot open file "x": Read-only file system', "writable"),
        ("it is not a valid DuckDB database file!", "restore or remove it"),
    ],
)
def test_a_full_disk_is_no_damage(
    path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str, remedy: str
) -> None:
    warehouse = DuckDBWarehouse(DuckDBConnection(path=path))

    def connect(*args: object, **kwargs: object) -> None:
        raise duckdb.IOException(f"IO Error: {trouble}")

    monkeypatch.setattr(duckdb, "connect", connect)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    with pytest.raises(WarehouseError, match=remedy) as caught:
        warehouse.exists(load_contract("training.regime_weights"))
    assert ("remove" in str(caught.value)) is ("restore" in remedy)
