"""What all backends must do alike."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from backends import Backend
from write_model import MODES, Model, as_model, model_write

from soyoil.base.errors import ContractError, WarehouseError
from soyoil.contracts.contract import TableContract, load_contract
from soyoil.contracts.structs import flatten
from soyoil.contracts.validation import validate
from soyoil.warehouse import table_check
from soyoil.warehouse.backend import DateSpan, WriteResult
from soyoil.warehouse.bigquery.schema import description
from soyoil.warehouse.ddl import bigquery_ddl

MakeContract = Callable[..., TableContract]
MakeFrame = Callable[[dict[Any, Any]], pd.DataFrame]

ROWS: Model = {("ZL", 2): (1.5, 1), ("ZL", 3): (None, None), ("CL", 2): (-37.63, 7)}
LAYOUT = {"partition": {"column": "data_date", "granularity": "MONTH"}, "cluster": ["symbol"]}
DAILY = {"partition": {"column": "data_date", "granularity": "DAY"}, "cluster": ["symbol"]}
SORTED = [("symbol", "ascending"), ("data_date", "ascending")]


@pytest.mark.parametrize("name", ["features.daily_ml_matrix", "training.regime_weights"])
@pytest.mark.ci_on_bigquery
def test_a_table_of_the_project(
    backend: Backend, make_matrix: Callable[..., pd.DataFrame], name: str
) -> None:
    """Created from its contract, with every type, partitions and clusters."""
    contract = load_contract(name)
    frame = make_matrix() if name.startswith("features") else _regimes()
    table = validate(frame, contract)
    n = table.num_rows
    assert not backend.warehouse.exists(contract)
    assert backend.warehouse.write(contract, table) == WriteResult(n, 0, 0, 0)
    found = backend.warehouse.read(contract)
    assert found.schema == contract.arrow_schema()
    order = [(key, "ascending") for key in contract.key]
    assert found.equals(table.sort_by(order))
    assert flatten(found).dtypes.equals(flatten(table).dtypes)
    assert backend.warehouse.write(contract, table) == WriteResult(0, 0, 0, n)


def _regimes() -> pd.DataFrame:
    ends = pd.Series(pd.to_datetime(["2018-01-01", None])).astype("datetime64[us]")
    contract = load_contract("training.regime_weights")
    values: dict[str, Any] = {
        "regime_name": ["early", "late"],
        "start_date": pd.to_datetime(["2010-01-01", "2018-01-01"]).as_unit("us"),
        "end_date": ends,
        "known_at": pd.to_datetime(["2010-01-01", "2018-01-01"]).as_unit("us"),
    }
    columns = contract.flat_columns()
    for column in set(columns) - set(values):
        values[column] = [1.0, 2.0] if columns[column].type == "FLOAT64" else ["x", "y"]
    if columns["known_at"].type == "TIMESTAMP":
        values["known_at"] = values["known_at"].tz_localize("UTC")
    return pd.DataFrame(values)[list(columns)]


BATCHES: list[Model] = [
    ROWS,
    {("ZL", 2): (None, 1), ("ZL", 3): (2.5, None), ("ZS", 9): (0.0, 0)},
    {("CL", 4): (1e-300, 2**53)},
    {},
]


@pytest.mark.ci_on_bigquery
@pytest.mark.parametrize("mode", MODES)
def test_writes_agree_with_the_model(
    backend: Backend, make_contract: MakeContract, make_frame: MakeFrame, mode: str
) -> None:
    contract = make_contract(**MODES[mode], **LAYOUT)
    state: Model = {}
    for batch in BATCHES:
        table = validate(make_frame(batch), contract)
        state, expected = model_write(mode, state, batch)
        assert backend.warehouse.write(contract, table) == expected
        assert as_model(backend.warehouse.read(contract)) == state


def test_a_group_of_two_columns_is_told_by_both(
    backend: Backend, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    """Rows that share only one of the batch's values stay."""
    contract = make_contract(
        key=["symbol", "data_date", "provenance"],
        write_mode="sync",
        sync_by=["symbol", "provenance"],
    )
    groups = [("ZL", "observed"), ("ZL", "synthetic"), ("CL", "observed"), ("CL", "synthetic")]
    first = pd.concat(
        [
            make_frame({(symbol, day): (1.0, day) for day in (2, 3)}).assign(provenance=origin)
            for symbol, origin in groups
        ],
        ignore_index=True,
    )
    assert backend.warehouse.write(contract, validate(first, contract)).inserted == 8
    for symbol, origin in (groups[0], groups[3]):
        batch = make_frame({(symbol, 3): (2.0, 3)}).assign(provenance=origin)
        found = backend.warehouse.write(contract, validate(batch, contract))
        assert found == WriteResult(0, 1, 1, 0)
    left = flatten(backend.warehouse.read(contract))
    days = left.groupby(["symbol", "provenance"])["m.n"].agg(list).to_dict()
    assert days == {
        ("CL", "observed"): [2, 3],
        ("CL", "synthetic"): [3],
        ("ZL", "observed"): [3],
        ("ZL", "synthetic"): [2, 3],
    }


@pytest.mark.ci_on_bigquery
def test_refused_before_anything_is_written(
    backend: Backend, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    """No request is made, and no file: the table cannot even be created."""
    contract = make_contract(**LAYOUT)
    table = validate(make_frame(ROWS), contract)
    m = table["m"].combine_chunks()
    wider = [*m.type, pa.field("unknown", pa.float64())]
    parts = [*m.flatten(), pa.nulls(len(m), pa.float64())]
    shuffled = list(m.type)[::-1]
    for bad, message in (
        (pa.concat_tables([table, table]), r"holds a key twice: symbol\+data_date = \(CL, 2020"),
        (table.drop_columns(["seen"]), "validate first"),
        (table.set_column(0, "symbol", pa.array([1, 2, 3])), "validate first"),
        (
            table.set_column(2, table.schema.field(2), pa.nulls(3, pa.string())),
            "lacks values of the required provenance",
        ),
        (
            table.set_column(4, "m", pa.StructArray.from_arrays(parts, fields=wider)),
            "validate first",
        ),
        (
            table.set_column(
                4, "m", pa.StructArray.from_arrays(m.flatten()[::-1], fields=shuffled)
            ),
            "validate first",
        ),
    ):
        with pytest.raises(ContractError, match=message):
            backend.warehouse.write(contract, bad)
    for frame, message in (
        (make_frame(ROWS).assign(**{"m.unknown": 1.0}), r"m\.unknown: is not in the contract"),
        (make_frame(ROWS).assign(**{"m.x": "text"}), r"m\.x: needs FLOAT64"),
        (make_frame(ROWS).assign(symbol=[None, "ZL", "CL"]), "missing value in a required"),
    ):
        with pytest.raises(ContractError, match=message):
            validate(frame, contract)
    assert not backend.warehouse.exists(contract)


@pytest.mark.ci_on_bigquery
def test_order_means_nothing(
    backend: Backend, make_matrix: Callable[..., pd.DataFrame], make_contract: MakeContract
) -> None:
    """Rows, columns and fields of STRUCTs in any order are the same rows."""
    contract = load_contract("features.daily_ml_matrix")
    frame = make_matrix(n=3)
    rng = np.random.default_rng(7)
    shuffled = frame.iloc[rng.permutation(len(frame)), rng.permutation(frame.shape[1])]
    backend.warehouse.write(contract, validate(shuffled, contract))
    assert backend.warehouse.read(contract).equals(validate(frame, contract).sort_by(SORTED))


def _with_field(contract: TableContract, make_contract: MakeContract) -> TableContract:
    columns = [c.model_dump() for c in contract.columns]
    extra = {"name": "extra", "type": "FLOAT64", "description": "new"}
    columns[4]["fields"] = [*columns[4]["fields"], extra]
    return make_contract(columns=columns, version=2, **LAYOUT)


@pytest.mark.ci_on_bigquery
def test_added_nested_field_is_null_in_old_rows(
    backend: Backend, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    old = make_contract(**LAYOUT)
    new = _with_field(old, make_contract)
    backend.warehouse.write(old, validate(make_frame(ROWS), old))
    with pytest.raises(ContractError, match="written under contract version 1, now version 2"):
        backend.warehouse.read(new)
    head = bigquery_ddl(new, "{features}.small", description(new))
    fields = ", ".join(f"m.{f.name} AS {f.name}" for f in old.columns[4].fields)
    backend.run(
        "ALTER TABLE features.small ADD COLUMN m.extra DOUBLE; "
        f"COMMENT ON TABLE features.small IS '{table_check.stamp(new)}'",
        # The server of the tests loses the rows if a table is replaced by a query of itself.
        "CREATE TABLE `{features}.old` AS SELECT * FROM `{features}.small`; "
        f"DROP TABLE `{{features}}.small`; {head}; "
        "INSERT INTO `{features}.small` (symbol, data_date, provenance, seen, m) "
        f"SELECT * EXCEPT (m), STRUCT({fields}, CAST(NULL AS FLOAT64) AS extra) "
        "FROM `{features}.old`",
    )
    found = flatten(backend.warehouse.read(new))
    assert found["m.extra"].isna().all()
    assert found["m.x"].dropna().tolist() == [-37.63, 1.5]
    frame = make_frame({("ZL", 3): (2.0, 5), ("ZS", 1): (0.5, 1)}).assign(**{"m.extra": 9.0})
    assert backend.warehouse.write(new, validate(frame, new)) == WriteResult(1, 1, 0, 0)
    assert flatten(backend.warehouse.read(new))["m.extra"].dropna().tolist() == [9.0, 9.0]


@pytest.mark.ci_on_bigquery
def test_nan_is_null_and_zero_has_no_sign(
    backend: Backend, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    contract = make_contract()
    nan = make_frame({("ZL", 2): (float("nan"), 1), ("ZL", 3): (-0.0, 0)})
    null = make_frame({("ZL", 2): (None, 1), ("ZL", 3): (0.0, 0)})
    assert backend.warehouse.write(contract, validate(nan, contract)).inserted == 2
    assert backend.warehouse.write(contract, validate(null, contract)) == WriteResult(0, 0, 0, 2)
    found = backend.warehouse.read(contract)["m"].combine_chunks().field("x")
    assert found.null_count == 1
    assert str(found[1].as_py()) == "0.0"


def test_empty_batch_creates_the_table(
    backend: Backend, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    contract = make_contract(**LAYOUT)
    nothing = contract.arrow_schema().empty_table()
    assert backend.warehouse.write(contract, nothing) == WriteResult(0, 0, 0, 0)
    assert backend.warehouse.exists(contract)
    assert backend.warehouse.read(contract).equals(nothing)
    one = validate(make_frame({("ZL", 2): (1.0, 1)}), contract)
    assert backend.warehouse.write(contract, one) == WriteResult(1, 0, 0, 0)
    assert backend.warehouse.write(contract, nothing) == WriteResult(0, 0, 0, 0)
    assert backend.warehouse.read(contract).equals(one)


@pytest.mark.ci_on_bigquery
def test_projection_and_span(
    backend: Backend, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    contract = make_contract(**DAILY)
    backend.warehouse.write(contract, validate(make_frame(ROWS), contract))
    found = backend.warehouse.read(contract, ["m", "symbol"])
    assert found.schema == pa.schema([contract.arrow_schema().field(n) for n in ("m", "symbol")])
    assert found["symbol"].to_pylist() == ["CL", "ZL", "ZL"]
    second, third = dt.date(2020, 1, 2), dt.date(2020, 1, 3)
    for span, days in (
        (DateSpan(second, third), [2, 2]),
        (DateSpan(third), [3]),
        (DateSpan(end=second), []),
        (DateSpan(), [2, 2, 3]),
    ):
        rows = backend.warehouse.read(contract, ["data_date"], span)
        assert [day.day for day in rows["data_date"].to_pylist()] == days
    with pytest.raises(ContractError, match="no top-level column x; it has symbol"):
        backend.warehouse.read(contract, ["x"])
    with pytest.raises(ContractError, match="no partition column"):
        backend.warehouse.read(make_contract(name="features.other"), None, DateSpan(second))


def test_a_missing_table(backend: Backend, make_contract: MakeContract) -> None:
    with pytest.raises(WarehouseError, match=r"no table features\.small: run the pipeline"):
        backend.warehouse.read(make_contract())


@pytest.mark.ci_on_bigquery
def test_provenances_never_mix(
    backend: Backend, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    contract = make_contract(single_provenance=True)
    backend.warehouse.write(contract, validate(make_frame(ROWS), contract))
    other = validate(make_frame(ROWS).assign(provenance="synthetic"), contract)
    with pytest.raises(ContractError, match="holds provenance observed, the batch is synthetic"):
        backend.warehouse.write(contract, other)
    assert as_model(backend.warehouse.read(contract)) == dict(sorted(ROWS.items()))


@pytest.mark.ci_on_bigquery
def test_what_a_generator_makes_is_written_anew(
    backend: Backend, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    contract = make_contract(
        sync_by=["symbol"], sync_provenance=["observed"], single_provenance=True, **LAYOUT
    )
    backend.warehouse.write(contract, validate(make_frame(ROWS), contract))
    batch: Model = {("ZL", 2): (1.5, 1)}
    expected = WriteResult(0, 0, 1, 1)
    assert backend.warehouse.write(contract, validate(make_frame(batch), contract)) == expected
    left = {("CL", 2): (-37.63, 7), **batch}
    assert as_model(backend.warehouse.read(contract)) == left


CHANGES: list[tuple[Callable[[list[Any]], Any], str]] = [
    (lambda c: c.pop(3), "column seen is not in the contract"),
    (
        lambda c: c.insert(4, {"name": "new", "type": "BOOL", "description": "x"}),
        "column new is missing",
    ),
    (lambda c: c[3].update(type="DATE"), r"column seen is timestamp\[us, tz\], not date32"),
    (lambda c: c[4].update(fields=c[4]["fields"][1:]), r"column m\.x is not in the contract"),
    (lambda c: c[4].update(fields=c[4]["fields"][::-1]), "another order"),
    (lambda c: c[3].update(nullable=False), "column seen is NOT NULL in one only"),
]


def test_table_of_another_shape(backend: Backend, make_contract: MakeContract) -> None:
    old = make_contract()
    backend.warehouse.write(old, old.arrow_schema().empty_table())
    for change, message in CHANGES:
        columns = [c.model_dump() for c in old.columns]
        change(columns)
        new = make_contract(columns=columns)
        nothing = new.arrow_schema().empty_table()
        with pytest.raises(ContractError, match=message) as caught:
            backend.warehouse.read(new)
        assert "Restore the contract it was written under, or " in str(caught.value)
        assert backend.config.place in str(caught.value)
        with pytest.raises(ContractError, match=message):
            backend.warehouse.write(new, nothing)
    assert backend.warehouse.read(old).num_rows == 0


@pytest.mark.ci_on_bigquery
def test_a_column_that_the_contract_gained(
    backend: Backend, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    """A write adds it, a read of the other columns does without, whoever needs it is refused."""
    old = make_contract()
    backend.warehouse.write(old, validate(make_frame(ROWS), old))
    added = {"name": "new", "type": "BOOL", "description": "x"}
    required = make_contract(columns=[*old.model_dump()["columns"], added | {"nullable": False}])
    with pytest.raises(ContractError, match="column new is missing"):
        backend.warehouse.write(required, required.arrow_schema().empty_table())
    contract = make_contract(columns=[*old.model_dump()["columns"], added])
    with pytest.raises(ContractError, match="column new is missing"):
        backend.warehouse.read(contract)
    keys = backend.warehouse.read(contract, ["symbol", "data_date"])
    assert keys.num_rows == len(ROWS)
    batch = {("ZL", 2): (1.5, 1)}
    flagged = validate(make_frame(batch).assign(new=pd.array([True], dtype="boolean")), contract)
    assert backend.warehouse.write(contract, flagged) == WriteResult(0, 1, 0, 0)
    found = backend.warehouse.read(contract)
    assert found.schema == contract.arrow_schema()
    assert as_model(found) == dict(sorted(ROWS.items()))
    assert found["new"].to_pylist() == [None, True, None]
    assert backend.warehouse.write(contract, flagged) == WriteResult(0, 0, 0, 1)
    with pytest.raises(ContractError, match="column new is not in the contract"):
        backend.warehouse.read(old)


@pytest.mark.ci_on_bigquery
def test_table_of_another_version_and_wording(
    backend: Backend, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    old = make_contract()
    table = validate(make_frame(ROWS), old)
    backend.warehouse.write(old, table)
    with pytest.raises(ContractError, match="contract version 1, now version 2"):
        backend.warehouse.write(make_contract(version=2), table)
    reworded = make_contract(description="Better words.")
    assert not backend.warehouse.write(reworded, table).changed
    assert as_model(backend.warehouse.read(old)) == dict(sorted(ROWS.items()))


def test_foreign_table(
    backend: Backend, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    backend.warehouse.write(
        make_contract(name="features.other"), validate(make_frame(ROWS), make_contract())
    )
    backend.run(
        "CREATE TABLE {features}.small (symbol VARCHAR)",
        "CREATE TABLE `{features}.small` (symbol STRING)",
    )
    contract = make_contract()
    with pytest.raises(ContractError, match=r"written under no soyoil contract.*data_date is mis"):
        backend.warehouse.write(contract, validate(make_frame(ROWS), contract))
    with pytest.raises(ContractError, match="written under no soyoil contract"):
        backend.warehouse.read(contract)


@pytest.mark.ci_on_bigquery
def test_interrupted_write_leaves_the_table_as_it_was(
    backend: Backend,
    make_contract: MakeContract,
    make_frame: MakeFrame,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The user interrupts after the rows were changed, before the end of the transaction."""
    contract = make_contract(**MODES["replace"])
    backend.warehouse.write(contract, validate(make_frame(ROWS), contract))
    batch = validate(make_frame({("ZS", 1): (1.0, 1)}), contract)

    backend.interrupt_writes(monkeypatch)
    with pytest.raises((KeyboardInterrupt, WarehouseError)):
        backend.warehouse.write(contract, batch)
    monkeypatch.undo()
    assert as_model(backend.warehouse.read(contract)) == dict(sorted(ROWS.items()))
    assert backend.warehouse.write(contract, batch) == WriteResult(1, 0, 3, 0)


@pytest.mark.ci_on_bigquery
def test_writers_at_once_lose_nothing(
    backend: Backend, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    """Each adds a row and changes one of its own; DuckDB lets them in one by one."""
    contract = make_contract(**LAYOUT)
    writers = 3
    start: Model = {("ZL", day): (0.0, 0) for day in range(1, writers + 1)}
    backend.warehouse.write(contract, validate(make_frame(start), contract))
    failures: list[BaseException] = []

    def work(day: int) -> None:
        batch: Model = {("ZL", day): (float(day), 1), ("CL", day): (float(day), 2)}
        try:
            result = backend.warehouse.write(contract, validate(make_frame(batch), contract))
            assert result == WriteResult(1, 1, 0, 0)
        except BaseException as exc:
            failures.append(exc)

    threads = [threading.Thread(target=work, args=(day,)) for day in range(1, writers + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    expected = {
        (symbol, day): (float(day), kind)
        for symbol, kind in (("CL", 2), ("ZL", 1))
        for day in range(1, writers + 1)
    }
    assert as_model(backend.warehouse.read(contract)) == expected


@pytest.mark.ci_on_bigquery
def test_rows_are_picked_by_their_symbol(
    backend: Backend, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    contract = make_contract(**MODES["sync"], **LAYOUT)
    warehouse = backend.warehouse
    rows: Model = {**ROWS, ("Z'L", 4): (2.0, 3)}
    warehouse.write(contract, validate(make_frame(rows), contract))
    for wanted in (["ZL"], ["CL", "Z'L", "none", "CL"], ["none"]):
        found = warehouse.read(contract, where={"symbol": wanted})
        assert as_model(found) == dict(sorted((k, v) for k, v in rows.items() if k[0] in wanted))
        assert found.schema == contract.arrow_schema()
    day = DateSpan(dt.date(2020, 1, 3))
    narrow = warehouse.read(contract, ["data_date"], day, where={"symbol": ["ZL", "CL"]})
    assert narrow["data_date"].to_pylist() == [dt.date(2020, 1, 3)]
    for wrong in ({"m": ["ZL"]}, {"data_date": ["2020-01-02"]}, {"symbol": []}, {"symbol": "ZL"}):
        with pytest.raises(ContractError, match=r"features\.small (cannot be|are) picked"):
            warehouse.read(contract, where=wrong)


@pytest.mark.ci_on_bigquery
def test_of_picked_rows_those_are_checked_that_are_read(
    backend: Backend, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    """Rows of another symbol were altered: that refuses its reader, and nobody else."""
    contract = make_contract(**MODES["sync"], **LAYOUT)
    warehouse = backend.warehouse
    warehouse.write(contract, validate(make_frame(ROWS), contract))
    backend.run(
        "UPDATE {features}.small SET m = struct_update(m, x := 5.0) WHERE symbol = 'CL'",
        "UPDATE {features}.small SET m.x = 5.0 WHERE symbol = 'CL'",
    )
    added = "INSERT INTO {features}.small SELECT * REPLACE ('ZZ' AS symbol) FROM {features}.small"
    backend.run(*[f"{added} WHERE symbol = 'CL'"] * 2)
    assert set(as_model(warehouse.read(contract, where={"symbol": ["ZL"]}))) == {
        ("ZL", 2),
        ("ZL", 3),
    }
    for wanted, said in (
        ({"symbol": ["CL"]}, "CL has other"),
        ({"symbol": ["ZZ"]}, "ZZ has 1 rows that soyoil did not write"),
        (None, "CL has other"),
    ):
        with pytest.raises(ContractError, match=f"altered since soyoil wrote it: {said}"):
            warehouse.read(contract, where=wanted)


def _many(n: int, make_contract: MakeContract, **layout: Any) -> tuple[TableContract, pa.Table]:
    contract = make_contract(
        key=["data_date"],
        columns=[
            {"name": "data_date", "type": "DATE", "nullable": False, "description": "day"},
            {"name": "symbol", "type": "STRING", "nullable": False, "description": "root"},
            {"name": "x", "type": "FLOAT64", "description": "number"},
        ],
        **layout,
    )
    days = pa.array(np.arange(n, dtype="int32"), pa.int32()).cast(pa.date32())
    columns = [days, pa.array(["ZL"] * n), pa.array(np.linspace(0, 1, n))]
    return contract, pa.Table.from_arrays(columns, schema=contract.arrow_schema())


@pytest.mark.ci_on_bigquery
def test_the_users_failed_insert(backend: Backend, make_contract: MakeContract) -> None:
    """6,960 daily partitions from 2010 to 2029 in one write, more than one statement may touch."""
    contract, _ = _many(1, make_contract, **DAILY)
    days = pd.date_range("2010-01-01", "2029-12-31", unit="s")
    days = days[np.linspace(0, len(days) - 1, 6_960).astype(int)]
    frame = pd.DataFrame({"data_date": days, "symbol": "ZL", "x": np.arange(6_960.0)})
    table = validate(frame, contract)
    assert len(table_check.partitions(contract, table)) == 6_960
    assert backend.warehouse.write(contract, table) == WriteResult(6_960, 0, 0, 0)
    assert backend.warehouse.read(contract).equals(table)
    frame.loc[[3, 6_000], "x"] = -1.0
    changed = validate(frame, contract)
    assert backend.warehouse.write(contract, changed) == WriteResult(0, 2, 0, 6_958)
    assert backend.warehouse.read(contract).equals(changed)


def test_too_many_partitions_are_refused_with_advice(
    backend: Backend, make_contract: MakeContract
) -> None:
    contract, table = _many(10_001, make_contract, **DAILY)
    message = r"would have 10,001 partitions by DAY of data_date.*10,000\. Partition by MONTH"
    with pytest.raises(ContractError, match=message):
        backend.warehouse.write(contract, table)
    assert not backend.warehouse.exists(contract)
    months, table = _many(10_001, make_contract, **LAYOUT)
    assert backend.warehouse.write(months, table).inserted == 10_001


@pytest.mark.ci_on_bigquery
def test_hundred_thousand_rows(backend: Backend, make_contract: MakeContract) -> None:
    contract = make_contract(**LAYOUT)
    n = 100_000
    days = np.datetime64("1975-01-01") + np.arange(n // 10)
    frame = pd.DataFrame(
        {
            "symbol": np.repeat([f"S{i}" for i in range(10)], n // 10),
            "data_date": np.tile(days, 10).astype("datetime64[s]"),
            "provenance": "observed",
            "seen": pd.Timestamp("2020-01-01", tz="UTC"),
            "m.x": np.linspace(-999, 999, n),
            "m.n": np.arange(n),
            "m.P": True,
            "m.tag": "a",
        }
    )
    table = validate(frame, contract)
    assert backend.warehouse.write(contract, table) == WriteResult(n, 0, 0, 0)
    assert backend.warehouse.write(contract, table) == WriteResult(0, 0, 0, n)
    assert backend.warehouse.read(contract).equals(table)
