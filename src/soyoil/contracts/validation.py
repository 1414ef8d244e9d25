"""Check a flat frame against the contract of its table."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from soyoil.base.arrays import BoolArray
from soyoil.base.errors import ContractError
from soyoil.base.suggest import nearest
from soyoil.contracts.contract import (
    BANNED_PREFIX,
    NUMERIC,
    Column,
    TableContract,
    foreign_target,
)
from soyoil.contracts.conversion import TypeMismatchError, to_arrow
from soyoil.contracts.structs import assemble, flatten, leaf_arrays

MAX_PROBLEMS = 8
MAX_EXAMPLES = 3

Mask = BoolArray


def validate(frame: pd.DataFrame, contract: TableContract) -> pa.Table:
    """Check rows against a contract and convert them.

    Parameters
    ----------
    frame
        Flat frame with exactly the columns of ``contract.flat_columns()``, in any order.
        A nullable column that has no values must be there too, all missing: a column that
        was forgotten would otherwise erase what the warehouse holds.
    contract
        Contract of the table.

    Returns
    -------
    Table
        With ``contract.arrow_schema()``, rows in the order of the frame.

    Raises
    ------
    ContractError
        One message naming the table and, for each problem, the dotted column, the reason, the
        number of rows and the keys of up to three of them.
    """
    if not isinstance(frame, pd.DataFrame):
        raise ContractError(f"{contract.name} is written from a DataFrame, not {type(frame)!r}")
    _raise_for(contract, list(_name_problems(frame, contract)))
    leaves: dict[str, pa.Array] = {}
    problems: list[str] = []
    for dotted, column in contract.flat_columns().items():
        try:
            leaves[dotted] = to_arrow(frame[dotted], column)
        except TypeMismatchError as exc:
            if exc.rows is None:
                problems.append(f"column {dotted}: {exc}")
            else:
                problems.append(_rows_problem(frame, contract, dotted, str(exc), exc.rows))
            continue
        for reason, rows in _value_problems(leaves[dotted], column):
            problems.append(_rows_problem(frame, contract, dotted, reason, rows))
    if all(name in leaves for name in contract.key):
        problems += _key_problems(frame, contract, leaves)
    problems += _provenance_problems(contract, leaves)
    _raise_for(contract, problems)
    return assemble(leaves, contract)


def row_problems(frame: pd.DataFrame, contract: TableContract) -> Iterator[tuple[str, str, Mask]]:
    """Rows that break a contract each by itself, so that they can be set aside.

    Parameters
    ----------
    frame
        Flat frame with the columns of ``contract.flat_columns()``, values in their types.
    contract
        Contract of the table.

    Yields
    ------
    tuple
        Dotted column, reason and which rows.

    Raises
    ------
    ContractError
        A column as a whole is not of its type.
    """
    for dotted, column in contract.flat_columns().items():
        series, wrong = frame[dotted], np.zeros(len(frame), dtype=bool)
        # A conversion names the rows of its first reason only.
        while True:
            try:
                values = to_arrow(series.where(~wrong), column)
                break
            except TypeMismatchError as exc:
                if exc.rows is None:
                    raise ContractError(f"{contract.name}: column {dotted}: {exc}") from exc
                yield dotted, str(exc), exc.rows
                wrong = wrong | exc.rows
        for reason, rows in _value_problems(values, column):
            if (rows & ~wrong).any():
                yield dotted, reason, rows & ~wrong


def check_rows(table: pa.Table, contract: TableContract, place: str) -> None:
    """Check rows that were read against the contract: others may have written them.

    Parameters
    ----------
    table
        Rows with ``contract.arrow_schema()``.
    contract
        Contract of the table.
    place
        Where the table is, for the message.

    Raises
    ------
    ContractError
        As `validate`, naming the place.
    """
    leaves = dict(leaf_arrays(table, contract))
    found = [
        (dotted, reason, rows)
        for dotted, column in contract.flat_columns().items()
        for reason, rows in _value_problems(leaves[dotted], column)
    ]
    keys = pd.DataFrame({name: leaves[name].to_pandas() for name in contract.key})
    twice = keys.duplicated(keep="first").to_numpy()
    if twice.any():
        found.append((" + ".join(contract.key), "key given twice", twice))
    problems = _provenance_problems(contract, leaves)
    if found:
        frame = flatten(table)
        problems = [
            _rows_problem(frame, contract, dotted, reason, rows) for dotted, reason, rows in found
        ] + problems
    if problems:
        listed = "\n".join(f"  - {problem}" for problem in problems[:MAX_PROBLEMS])
        raise ContractError(
            f"{contract.name} in {place} holds rows that do not satisfy its contract (version "
            f"{contract.version}):\n{listed}\nSomebody else changed the table: run the pipeline "
            "that writes it again (kedro run --pipeline=ingest, or train)."
        )


def _raise_for(contract: TableContract, problems: list[str]) -> None:
    if not problems:
        return
    shown = problems[:MAX_PROBLEMS]
    if len(problems) > MAX_PROBLEMS:
        shown.append(f"and {len(problems) - MAX_PROBLEMS} more problems")
    listed = "\n".join(f"  - {problem}" for problem in shown)
    raise ContractError(
        f"rows for {contract.name} do not satisfy its contract (version {contract.version}); "
        f"nothing was written:\n{listed}"
    )


def _name_problems(frame: pd.DataFrame, contract: TableContract) -> Iterator[str]:
    known = contract.flat_columns()
    names = [str(name) for name in frame.columns]
    structs = {column.name for column in contract.columns if column.type == "STRUCT"}
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"column {name}: is in the frame more than once"
    for name in dict.fromkeys(names):
        if any(part.lower().startswith(BANNED_PREFIX) for part in name.split(".")):
            yield f"column {name}: columns of this vendor ({BANNED_PREFIX}) are banned"
        elif foreign := foreign_target(name, contract.name):
            yield f"column {name}: {foreign}"
        elif name in structs:
            yield f"column {name}: is a STRUCT; give its fields as columns {name}.<field>"
        elif name not in known:
            near = nearest(name, known, cutoff=0.6)
            hint = f"; did you mean {near[0]}?" if near else ""
            yield f"column {name}: is not in the contract{hint}"
    missing = [name for name in known if name not in set(names)]
    if missing:
        yield f"missing columns: {', '.join(missing)} (all missing values if there are none)"


def _value_problems(values: pa.Array, column: Column) -> Iterator[tuple[str, Mask]]:
    checks: list[tuple[str, pa.Array]] = []
    if not column.nullable:
        checks.append(("missing value in a required column", pc.is_null(values)))
    if column.type in NUMERIC:
        if column.minimum is not None:
            checks.append((f"below {column.minimum:g}", pc.less(values, column.minimum)))
        if column.exclusive_minimum is not None:
            limit = column.exclusive_minimum
            checks.append((f"not above {limit:g}", pc.less_equal(values, limit)))
        if column.maximum is not None:
            checks.append((f"above {column.maximum:g}", pc.greater(values, column.maximum)))
    if column.allowed is not None:
        listed = pc.is_in(values, value_set=pa.array(column.allowed, pa.string()))
        unlisted = pc.and_(pc.is_valid(values), pc.invert(listed))
        checks.append((f"not one of {', '.join(column.allowed)}", unlisted))
    for reason, bad in checks:
        rows = bad.fill_null(False).to_numpy(zero_copy_only=False)
        if rows.any():
            yield reason, rows


def _key_problems(
    frame: pd.DataFrame, contract: TableContract, leaves: dict[str, pa.Array]
) -> list[str]:
    # On converted values: 2020-01-01 as text and as date would be two keys in the frame.
    keys = pd.DataFrame({name: leaves[name].to_pandas() for name in contract.key})
    rows = keys.duplicated(keep="first").to_numpy()
    if not rows.any():
        return []
    return [_rows_problem(frame, contract, " + ".join(contract.key), "key given twice", rows)]


def _provenance_problems(contract: TableContract, leaves: dict[str, pa.Array]) -> list[str]:
    if not contract.single_provenance or "provenance" not in leaves:
        return []
    found = sorted(v for v in leaves["provenance"].unique().to_pylist() if v is not None)
    if len(found) < 2:
        return []
    return [f"column provenance: holds {', '.join(found)}; one write has one provenance"]


def _rows_problem(
    frame: pd.DataFrame, contract: TableContract, dotted: str, reason: str, rows: Mask
) -> str:
    count = int(rows.sum())
    examples = frame.loc[rows, list(contract.key)].head(MAX_EXAMPLES)
    keys = ["(" + ", ".join(_key_text(v) for v in row) + ")" for row in examples.to_numpy()]
    values = ""
    if dotted in frame.columns and dotted not in contract.key:
        found = frame.loc[rows, dotted].head(MAX_EXAMPLES)
        values = f", values {', '.join(_key_text(value) for value in found)}"
    noun = "row" if count == 1 else "rows"
    more = ", …" if count > len(keys) else ""
    return (
        f"column {dotted}: {reason}; {count} {noun}, "
        f"{'+'.join(contract.key)} = {', '.join(keys)}{more}{values}"
    )


def _key_text(value: object) -> str:
    # Not by way of datetime.date, which knows no years beyond 9999.
    return str(value).removesuffix(" 00:00:00") if isinstance(value, pd.Timestamp) else str(value)
