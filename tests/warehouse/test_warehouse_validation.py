"""Validation and conversion between flat frames and Arrow tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal

from soyoil.base.errors import ContractError
from soyoil.contracts.contract import TableContract
from soyoil.contracts.structs import flatten
from soyoil.contracts.validation import validate

MakeContract = Callable[..., TableContract]
MakeFrame = Callable[[dict[tuple[str, int], tuple[Any, Any]]], pd.DataFrame]

ROWS = {("ZL", 2): (1.5, 1), ("ZL", 3): (None, None), ("CL", 2): (-37.63, 7)}
FAR = pd.Series(np.array(["-4712-01-01", "2020-01-01", "12000-01-01"], dtype="datetime64[us]"))


def test_round_trip_keeps_structs_of_nulls(
    make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    frame = make_frame(ROWS)
    table = validate(frame, make_contract())
    assert table.schema == make_contract().arrow_schema()
    assert table["m"].null_count == 0
    assert table["m"].to_pylist()[1] == {"x": None, "n": None, "P": None, "tag": None}
    assert_frame_equal(flatten(table), frame)


def test_null_struct_is_null_in_every_field() -> None:
    kind = pa.struct([("x", pa.float64()), ("n", pa.int64())])
    frame = flatten(pa.table({"m": pa.array([None, {"x": 1.0, "n": 2}], kind)}))
    assert frame["m.n"].isna().tolist() == [True, False]
    assert np.isnan(frame["m.x"][0])


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([1.0, np.nan, 7.0]),
        pd.Series([1, None, 7], dtype="Int64"),
        pd.Series([1, None, 7], dtype=object),
        pd.Series([1, pd.NA, 7], dtype=object),
        pd.Series([1.0, np.nan, 7.0], dtype="float32"),
        pd.Series([1.0, np.nan, 7.0], dtype="double[pyarrow]"),
        pd.Series([1, None, 7], dtype="UInt32"),
    ],
    ids=lambda s: str(s.dtype),
)
def test_integers_in_any_form(
    make_contract: MakeContract, make_frame: MakeFrame, values: pd.Series
) -> None:
    table = validate(make_frame(ROWS).assign(**{"m.n": values}), make_contract())
    assert [row["n"] for row in table["m"].to_pylist()] == [1, None, 7]


@pytest.mark.parametrize("dtype", ["str", "object", "category", "string[pyarrow]"])
def test_strings_in_any_form(
    make_contract: MakeContract, make_frame: MakeFrame, dtype: str
) -> None:
    frame = make_frame(ROWS).assign(**{"m.tag": pd.Series(["a", None, "b"]).astype(dtype)})
    table = validate(frame, make_contract())
    assert [row["tag"] for row in table["m"].to_pylist()] == ["a", None, "b"]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_in_any_unit(make_contract: MakeContract, make_frame: MakeFrame, unit: str) -> None:
    seen = pd.Series(pd.to_datetime(["2020-01-02 19:20", None, "2020-01-02 00:00"], utc=True))
    frame = make_frame(ROWS)
    frame["seen"] = seen.dt.tz_convert("America/Chicago").dt.as_unit(unit)
    frame["data_date"] = frame["data_date"].dt.as_unit(unit)
    table = validate(frame, make_contract())
    moment = dt.datetime(2020, 1, 2, 19, 20, tzinfo=dt.UTC)
    assert table["seen"].to_pylist()[:2] == [moment, None]
    assert table["data_date"].to_pylist()[0] == dt.date(2020, 1, 2)


def test_dates_as_python_objects(make_contract: MakeContract, make_frame: MakeFrame) -> None:
    frame = make_frame(ROWS)
    frame["data_date"] = frame["data_date"].dt.date
    assert validate(frame, make_contract())["data_date"].to_pylist()[2] == dt.date(2020, 1, 2)


def test_empty_frame(make_contract: MakeContract, make_frame: MakeFrame) -> None:
    frame = make_frame(ROWS).iloc[:0]
    table = validate(frame, make_contract())
    assert table.num_rows == 0
    assert_frame_equal(flatten(table), frame)


@pytest.mark.parametrize(
    ("column", "values", "parts"),
    [
        ("m.n", [1.5, 2.0, 3.0], ["needs INT64", "fraction", "1 row,", "(ZL, 2020-01-02)", "1.5"]),
        ("m.n", [2.0**60, 2.0, 3.0], ["2**53"]),
        ("m.n", ["1", "2", "3"], ["needs INT64", "string"]),
        ("m.n", [True, False, True], ["needs INT64", "bool"]),
        ("m.n", [2**64 - 1, 1, 2], ["needs INT64"]),
        ("m.n", [2**70, 1, 2], ["column m.n"]),
        ("m.x", ["1", "2", "3"], ["needs FLOAT64"]),
        ("m.x", [1, "a", 2.0], ["no single type"]),
        ("m.x", [True, False, True], ["needs FLOAT64", "bool"]),
        ("m.x", [np.inf, 1.0, -np.inf], ["infinite", "2 rows"]),
        ("m.x", [1000.5, 1.0, 2000.0], ["above 1000", "2 rows", "(ZL, 2020-01-02)"]),
        ("m.x", [1.0, -1001.0, 1.0], ["below -1000", "(ZL, 2020-01-03)"]),
        ("m.P", [1, 0, 1], ["needs BOOL"]),
        ("m.tag", ["a", "c", None], ["not one of a, b", "1 row,", "values c"]),
        ("m.tag", [1, 2, 3], ["needs STRING"]),
        ("provenance", ["observed", None, None], ["required", "2 rows"]),
        ("symbol", ["ZL", None, "CL"], ["column symbol", "required"]),
        ("data_date", pd.to_datetime(["2020-01-02 01:00"] * 3), ["time of day", "3 rows"]),
        ("data_date", pd.to_datetime(["2020-01-02"] * 3, utc=True), ["needs DATE", "UTC"]),
        ("data_date", ["2020-01-02"] * 3, ["needs DATE", "string"]),
        ("seen", pd.to_datetime(["2020-01-02 01:00"] * 3), ["without a zone"]),
        ("seen", [1, 2, 3], ["needs TIMESTAMP"]),
        ("seen", pd.to_datetime([1, 2, 3], unit="ns", utc=True), ["nanoseconds"]),
        ("data_date", pd.to_datetime(["2020-01-02"] * 3), ["key given twice", "(ZL, 2020-01-02)"]),
        ("data_date", FAR, ["outside the years 1 to 9999", "2 rows", "(ZL, -4712-01-01)"]),
        ("seen", FAR.dt.tz_localize("UTC"), ["outside the years 1 to 9999", "2 rows"]),
        ("seen", FAR.astype("datetime64[s]").dt.tz_localize("UTC"), ["outside the years"]),
        ("m.tag", pd.Series(["\ud800", "a", "b"], dtype=object), ["no Unicode", "\\ud800"]),
        ("m.tag", [b"a", b"b", b"c"], ["needs STRING"]),
    ],
)
def test_refused_values(
    make_contract: MakeContract,
    make_frame: MakeFrame,
    column: str,
    values: Any,
    parts: list[str],
) -> None:
    frame = make_frame(ROWS).assign(**{column: values})
    with pytest.raises(ContractError) as caught:
        validate(frame, make_contract())
    message = str(caught.value)
    for part in ["features.small", column, *parts]:
        assert part in message


@pytest.mark.parametrize(
    ("columns", "parts"),
    [
        ({"m.y": 1.0}, ["column m.y", "not in the contract", "did you mean m.x?"]),
        ({"whatever": 1.0}, ["column whatever", "not in the contract"]),
        ({"m": 1.0}, ["is a STRUCT", "m.<field>"]),
        ({"yahoo_close": 1.0}, ["banned"]),
        ({"m.Yahoo_close": 1.0}, ["banned"]),
        ({"YAHOO_data.close": 1.0}, ["YAHOO_data.close", "banned"]),
        ({"new.field": 1.0}, ["column new.field", "not in the contract"]),
        ({"M.x": 1.0}, ["column M.x", "not in the contract", "did you mean m.x?"]),
        ({"target_1w_log_return": 1.0}, ["target_1w_log_return", "no horizon"]),
        ({"m.Target_1w_log_return": 1.0}, ["m.Target_1w_log_return", "no horizon"]),
    ],
)
def test_refused_columns(
    make_contract: MakeContract,
    make_frame: MakeFrame,
    columns: dict[str, Any],
    parts: list[str],
) -> None:
    with pytest.raises(ContractError) as caught:
        validate(make_frame(ROWS).assign(**columns), make_contract())
    for part in parts:
        assert part in str(caught.value)


def test_target_of_another_horizon_in_a_table_of_one(
    make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    frame = make_frame(ROWS).assign(target_1w_log_return=0.0)
    with pytest.raises(ContractError, match=r"horizon 1w, but features\.small_1m is of 1m"):
        validate(frame, make_contract(name="features.small_1m"))


def test_missing_columns_are_named(make_contract: MakeContract, make_frame: MakeFrame) -> None:
    with pytest.raises(ContractError, match=r"missing columns: seen, m\.P"):
        validate(make_frame(ROWS).drop(columns=["m.P", "seen"]), make_contract())


def test_repeated_column(make_contract: MakeContract, make_frame: MakeFrame) -> None:
    frame = make_frame(ROWS)
    twice = pd.concat([frame, frame[["m.x"]]], axis=1)
    with pytest.raises(ContractError, match=r"m\.x: is in the frame more than once"):
        validate(twice, make_contract())


def test_not_a_frame(make_contract: MakeContract) -> None:
    with pytest.raises(ContractError, match="from a DataFrame"):
        validate([1], make_contract())  # type: ignore[arg-type]


def test_exclusive_minimum(make_frame: MakeFrame, make_contract: MakeContract) -> None:
    columns = [
        {"name": "symbol", "type": "STRING", "nullable": False, "description": "root"},
        {"name": "w", "type": "FLOAT64", "exclusive_minimum": 0, "description": "weight"},
    ]
    contract = make_contract(columns=columns, key=["symbol"])
    frame = pd.DataFrame({"symbol": ["a", "b"], "w": [0.1, 0.0]})
    with pytest.raises(ContractError, match=r"not above 0; 1 row, symbol = \(b\), values 0\.0"):
        validate(frame, contract)


def test_one_write_has_one_provenance(make_contract: MakeContract, make_frame: MakeFrame) -> None:
    frame = make_frame(ROWS).assign(provenance=["observed", "synthetic", "observed"])
    validate(frame, make_contract())
    with pytest.raises(ContractError, match="observed, synthetic"):
        validate(frame, make_contract(single_provenance=True))


def test_all_problems_in_one_message(make_contract: MakeContract, make_frame: MakeFrame) -> None:
    frame = make_frame(ROWS).assign(**{"m.x": 5000.0, "m.n": "x", "m.tag": "z"})
    with pytest.raises(ContractError) as caught:
        validate(frame, make_contract())
    for column in ("m.x", "m.n", "m.tag"):
        assert f"column {column}:" in str(caught.value)
