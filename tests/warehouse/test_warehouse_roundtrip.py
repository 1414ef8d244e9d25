"""Flat frames and STRUCT tables are exact inverses, for any contract; DuckDB keeps every value."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from soyoil.contracts.contract import Column, TableContract
from soyoil.contracts.structs import flatten, unflatten
from soyoil.contracts.validation import validate
from soyoil.warehouse.backend import WriteResult
from soyoil.warehouse.connection import DuckDBConnection
from soyoil.warehouse.duckdb.backend import DuckDBWarehouse

Row = dict[str, Any]

FIRST, LAST = dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999_999)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "STRING": st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
    "INT64": st.integers(-(2**63), 2**63 - 1),
    "FLOAT64": st.floats(allow_nan=False, allow_infinity=False),
    "BOOL": st.booleans(),
    "DATE": st.sampled_from([FIRST.date(), LAST.date()]) | st.dates(),
    "TIMESTAMP": (st.sampled_from([FIRST, LAST]) | st.datetimes()).map(
        lambda moment: moment.replace(tzinfo=dt.UTC)
    ),
}
# As `flatten` documents them: with and without missing values.
DTYPES = {
    "STRING": ("str", "str"),
    "INT64": ("Int64", "int64"),
    "FLOAT64": ("float64", "float64"),
    "BOOL": ("boolean", "bool"),
    "DATE": ("datetime64[us]", "datetime64[us]"),
    "TIMESTAMP": ("datetime64[us, UTC]", "datetime64[us, UTC]"),
}
NAMES = ("a", "b", "Close", "select", "x1", "_y", "m", "k2", "TABLE")


@st.composite
def column(draw: st.DrawFn, name: str, depth: int) -> Row:
    kinds = [*VALUES, *(["STRUCT"] * 3 if depth else [])]
    made: Row = {
        "name": name,
        "type": draw(st.sampled_from(kinds)),
        "nullable": draw(st.booleans()),
        "description": "x",
    }
    if made["type"] == "STRUCT":
        names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True))
        made["fields"] = [draw(column(inner, depth - 1)) for inner in names]
    return made


@st.composite
def contracts(draw: st.DrawFn) -> TableContract:
    key = {"name": "key", "type": "INT64", "nullable": False, "description": "x"}
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    columns = [draw(column(name, 3)) for name in names]
    columns.insert(draw(st.integers(0, len(columns))), key)
    return TableContract.model_validate(
        {
            "name": "features.any",
            "description": "x",
            "version": 1,
            "write_mode": draw(st.sampled_from(["upsert", "replace"])),
            "key": ["key"],
            "columns": columns,
        }
    )


def value(draw: st.DrawFn, column: Column, *, null_structs: bool) -> Any:
    if column.type == "STRUCT":
        if null_structs and column.nullable and draw(st.booleans()):
            return None
        return {f.name: value(draw, f, null_structs=null_structs) for f in column.fields}
    if column.nullable and draw(st.integers(0, 2)) == 0:
        return None
    return draw(VALUES[column.type])


def rows_of(draw: st.DrawFn, contract: TableContract, *, null_structs: bool = False) -> list[Row]:
    rows = [
        {c.name: value(draw, c, null_structs=null_structs) for c in contract.columns}
        for _ in range(draw(st.integers(0, 4)))
    ]
    return [{**row, "key": number} for number, row in enumerate(rows)]


def at(row: Row, dotted: str) -> Any:
    found: Any = row
    for part in dotted.split("."):
        found = None if found is None else found[part]
    return found


def frame_of(rows: list[Row], contract: TableContract) -> pd.DataFrame:
    """Oracle of `flatten`, value by value."""
    return pd.DataFrame(
        {
            name: pd.Series(
                [at(row, name) for row in rows], dtype=DTYPES[c.type][0 if c.nullable else 1]
            )
            for name, c in contract.flat_columns().items()
        },
        index=range(len(rows)),
    )


def filled(value: Any, column: Column) -> Any:
    """The value with a struct of NULLs in the place of every NULL struct."""
    if column.type != "STRUCT":
        return value
    return {f.name: filled(None if value is None else value[f.name], f) for f in column.fields}


@settings(max_examples=100, deadline=None)
@given(contract=contracts(), data=st.data())
def test_frame_to_table_and_back(contract: TableContract, data: st.DataObject) -> None:
    rows = rows_of(data.draw, contract)
    frame = frame_of(rows, contract)
    expected = pa.Table.from_pylist(rows, schema=contract.arrow_schema())
    shuffled = frame[data.draw(st.permutations(list(frame.columns)))]
    for table in (validate(shuffled, contract), unflatten(shuffled, contract)):
        assert table.schema.equals(contract.arrow_schema())
        assert table.equals(expected)
        table.validate(full=True)
        assert_frame_equal(flatten(table), frame, check_exact=True)


@settings(max_examples=60, deadline=None)
@given(contract=contracts(), data=st.data())
def test_table_to_frame_and_back(contract: TableContract, data: st.DataObject) -> None:
    # A NULL struct is the one thing a flat frame cannot say; it comes back as a struct of NULLs.
    rows = rows_of(data.draw, contract, null_structs=True)
    schema = pa.schema([_nullable(field) for field in contract.arrow_schema()])
    frame = flatten(pa.Table.from_pylist(rows, schema=schema))
    expected = [{c.name: filled(row[c.name], c) for c in contract.columns} for row in rows]
    back = unflatten(frame, contract)
    assert back.to_pylist() == expected
    assert_frame_equal(flatten(back), flatten(unflatten(flatten(back), contract)))
    for name in contract.flat_columns():
        missing = [at(row, name) is None for row in rows]
        assert frame[name].isna().tolist() == missing


def _nullable(field: pa.Field) -> pa.Field:
    kind = field.type
    if pa.types.is_struct(kind):
        kind = pa.struct([_nullable(inner) for inner in kind])
    return pa.field(field.name, kind)


@settings(max_examples=10, deadline=None)
@given(contract=contracts(), data=st.data())
def test_the_warehouse_keeps_every_value(contract: TableContract, data: st.DataObject) -> None:
    table = validate(frame_of(rows_of(data.draw, contract), contract), contract)
    n = table.num_rows
    with tempfile.TemporaryDirectory() as folder:
        warehouse = DuckDBWarehouse(DuckDBConnection(path=Path(folder) / "w.duckdb"))
        backwards = table.take(pa.array(range(n - 1, -1, -1), pa.int64()))
        assert warehouse.write(contract, backwards).inserted == n
        found = warehouse.read(contract)
        assert found.schema.equals(contract.arrow_schema())
        assert found.equals(table)
        assert warehouse.write(contract, found) == WriteResult(0, 0, 0, n)
