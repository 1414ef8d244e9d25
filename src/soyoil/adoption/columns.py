"""Which column of a user's table holds which column of a contract."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from soyoil.base.errors import ContractError
from soyoil.base.suggest import did_you_mean
from soyoil.contracts.contract import TableContract
from soyoil.warehouse.live import LiveColumn, LiveTable

LEFT_OUT: Final = "none"
"""In the place of a column: there is none, and the column of the contract holds no value."""

_NUMBERS: Final = (
    "INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC", "DECIMAL", "FLOAT", "INTEGER", "SMALLINT",
    "TINYINT", "UTINYINT", "USMALLINT", "UINTEGER",
)  # fmt: skip
FITTING: Final[Mapping[str, tuple[str, ...]]] = {
    "STRING": ("STRING",),
    "INT64": _NUMBERS,
    "FLOAT64": _NUMBERS,
    "BOOL": ("BOOL",),
    "DATE": ("DATE", "STRING", "TIMESTAMP", "DATETIME"),
    "TIMESTAMP": ("TIMESTAMP", "DATETIME"),
}
"""Types that a column may have, by the type that the contract asks for."""
_OTHER_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "regimename": ("regime", "name"),
    "startdate": ("start", "validfrom", "datefrom", "fromdate"),
    "enddate": ("end", "validto", "dateto", "todate"),
    "weight": ("trainingweight", "sampleweight", "regimeweight"),
    "knownat": ("knownfrom", "knownsince"),
    "description": ("notes", "note", "comment"),
}
"""What else a column is called, without case and punctuation, better names first."""


@dataclass(frozen=True)
class ColumnMap:
    """Columns of a table by column of the contract.

    Attributes
    ----------
    columns
        In contract order; None where the table has none.
    given
        Columns of the contract whose column was named, not guessed.
    unused
        Columns of the table that are not copied.
    """

    columns: Mapping[str, str | None]
    given: frozenset[str]
    unused: tuple[str, ...]


def parse_columns(text: str | None) -> dict[str, str]:
    """Read ``a=b,c=d``: column of the contract, then column of the table.

    Raises
    ------
    ContractError
        It is written otherwise, or a column is given twice.
    """
    found: dict[str, str] = {}
    for pair in (part.strip() for part in (text or "").split(",") if part.strip()):
        name, sign, theirs = (part.strip() for part in pair.partition("="))
        if not (name and sign and theirs):
            raise ContractError(
                f"--columns {text!r}: {pair!r} is no pair. Write <column of the contract>=<column "
                "of your table>, separated by commas: start_date=valid_from,known_at=start."
            )
        if name in found:
            raise ContractError(f"--columns {text!r}: {name} is given twice. Give it once.")
        found[name] = theirs
    return found


def map_columns(
    contract: TableContract, table: LiveTable, given: Mapping[str, str] | None = None
) -> ColumnMap:
    """Columns by name and type: those that were named, the others guessed.

    Parameters
    ----------
    contract
        What is wanted.
    table
        What is there.
    given
        Column of the table, or ``none``, by column of the contract; one column may serve two.

    Raises
    ------
    ContractError
        Naming all columns that are missing, ambiguous or of no fitting type, and what to type.
    """
    given = dict(given or {})
    wanted, there = contract.flat_columns(), table.flat_columns()
    problems = [
        f"{name} is no column of {contract.name}.{did_you_mean(name, wanted)}"
        for name in given
        if name not in wanted
    ]
    found: dict[str, str | None] = {}
    for name, column in wanted.items():
        if name in given:
            found[name], problem = _named(given[name], there, column.type)
        else:
            found[name], problem = _guessed(name, there, column.type)
        if not problem and found[name] is None and not column.nullable:
            problem = "no column fits by name and type, and it is required"
        if problem:
            problems.append(f"{name} {column.type}: {problem}")
    if problems:
        listed = "\n".join(f"  - {problem}" for problem in problems)
        columns = ", ".join(f"{n} {c.type}" for n, c in there.items()) or "none"
        raise ContractError(
            f"{table.name} cannot be copied into {contract.name}; nothing was written:\n{listed}\n"
            f"Its columns: {columns}. Name columns by --columns <column of the contract>=<column "
            f"of your table>,...; {LEFT_OUT} for one that may be empty."
        )
    used = set(found.values())
    return ColumnMap(found, frozenset(given), tuple(n for n in there if n not in used))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _fits(column: LiveColumn, wanted: str) -> bool:
    return not column.repeated and re.split(r"[ (]", column.type)[0] in FITTING[wanted]


def _named(
    name: str, there: Mapping[str, LiveColumn], wanted: str
) -> tuple[str | None, str | None]:
    if name == LEFT_OUT and name not in there:
        return None, None
    by_case = {column.lower(): column for column in there}
    found = by_case.get(name.lower())
    if found is None:
        return None, f"{name} is no column of the table.{did_you_mean(name, there)}"
    if not _fits(there[found], wanted):
        kind = there[found].type + "[]" * there[found].repeated
        return None, f"{found} is {kind}; fitting types: {', '.join(FITTING[wanted])}"
    return found, None


def _guessed(
    name: str, there: Mapping[str, LiveColumn], wanted: str
) -> tuple[str | None, str | None]:
    plain = _plain(name)
    for spelling in (plain, *_OTHER_NAMES.get(plain, ())):
        called = [column for column in there if _plain(column) == spelling]
        fitting = [column for column in called if _fits(there[column], wanted)]
        if len(fitting) > 1:
            return None, f"may be {' or '.join(fitting)}"
        if fitting:
            return fitting[0], None
        if called and spelling == plain:
            kind = there[called[0]].type
            return None, f"{called[0]} is {kind}; fitting types: {', '.join(FITTING[wanted])}"
    return None, None
