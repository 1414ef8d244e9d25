"""Guess which columns of a table hold bars, from their names and types."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from soyoil.base.errors import SourceError
from soyoil.base.suggest import nearest
from soyoil.sources.table.config import LEFT_OUT, TableColumns
from soyoil.warehouse.foreign import ColumnKind, ForeignColumn, ForeignTable


@dataclass(frozen=True)
class Role:
    """What a column can be.

    Attributes
    ----------
    names
        Usual names without case and punctuation. The first is taken where others are there too.
    kinds
        Fitting kinds, better ones first: a DATE is taken rather than a text.
    wanted
        Whether a table of bars must have it.
    """

    names: tuple[str, ...]
    kinds: tuple[ColumnKind, ...]
    wanted: bool = True


_PRICE: Final[tuple[ColumnKind, ...]] = ("number", "text")

ROLES: Final[Mapping[str, Role]] = {
    "date": Role(
        ("date", "datadate", "tradedate", "tradingdate", "sessiondate", "bardate", "tsevent",
         "eventdate", "day", "datetime", "timestamp", "ts"),
        ("date", "time", "text", "number"),
    ),
    "symbol": Role(
        ("symbol", "rawsymbol", "ticker", "instrument", "instrumentsymbol", "contractsymbol"),
        ("text",),
        wanted=False,
    ),
    "root": Role(("root", "rootsymbol", "futuresroot", "product", "underlying"), ("text",), False),
    "open": Role(("open", "openprice", "pxopen", "openpx"), _PRICE),
    "high": Role(("high", "highprice", "pxhigh", "highpx"), _PRICE),
    "low": Role(("low", "lowprice", "pxlow", "lowpx"), _PRICE),
    "close": Role(("close", "closeprice", "pxclose", "closepx", "pxlast"), _PRICE),
    "volume": Role(("volume", "vol", "totalvolume", "pxvolume", "tradedvolume"), _PRICE),
    "is_spread": Role(("isspread", "spread", "spreadflag"), ("flag",), False),
    "contract": Role(
        ("contract", "instrumentid", "contractid", "contractcode", "contractmonth", "expiration",
         "expiry"),
        ("number", "text", "date"),
        False,
    ),
}  # fmt: skip
"""Roles of columns, by their key under ``source.columns``."""

_AT_WILL: Final = frozenset({"symbol", "root", "is_spread", "contract"})
_BY_RANK: Final = frozenset({"contract"})
"""Roles for which any of several columns will do: each tells contracts apart."""


@dataclass(frozen=True)
class ColumnMap:
    """Columns of a table by role.

    Attributes
    ----------
    columns
        Name of the column by role; roles without a column are missing.
    guessed
        Roles whose column was not named.
    """

    columns: Mapping[str, str]
    guessed: frozenset[str]

    def __str__(self) -> str:
        """``date=data_date symbol=symbol ...``."""
        return " ".join(f"{role}={name}" for role, name in self.columns.items())


def plain(name: str) -> str:
    """Name of a column without case and punctuation."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def map_columns(table: ForeignTable, given: TableColumns) -> ColumnMap:
    """Columns of a table by role: those that were named, and the others guessed.

    Raises
    ------
    SourceError
        A named column is not there, or a needed one cannot be told; names all of them, the columns
        that are there and the keys to set.
    """
    named = given.given()
    there = {column.name: column for column in table.columns}
    found: dict[str, str] = {}
    problems: list[str] = []
    for role, spec in ROLES.items():
        if role in named:
            name, problem = _named(role, named[role], there)
        else:
            free = [column for column in table.columns if column.name not in named.values()]
            name, problem = _guessed(role, spec, free)
        if problem:
            problems.append(problem)
        elif name is not None:
            found[role] = name
    if "symbol" not in found and "root" not in found and not problems:
        problems.append("no column could be the symbol or the root (source.columns.symbol)")
    if problems:
        columns = ", ".join(f"{c.name} {c.type}" for c in table.columns) or "none"
        raise SourceError(
            f"The bars in {table.name} cannot be told: {'; '.join(problems)}. Its columns: "
            f"{columns}. Name one with --params=source.columns.<key>=<column>."
        )
    return ColumnMap(found, frozenset(found) - frozenset(named))


def _named(
    role: str, name: str, there: Mapping[str, ForeignColumn]
) -> tuple[str | None, str | None]:
    if name == LEFT_OUT and role in _AT_WILL:
        return None, None
    by_case = {column.lower(): column for column in there}
    found = by_case.get(name.lower())
    if found is None:
        near = nearest(name, there)
        hint = f" (did you mean {near[0]}?)" if near else ""
        return None, f"source.columns.{role}={name} is no column of it{hint}"
    if there[found].kind == "other":
        kind = there[found].type
        return None, f"source.columns.{role}={name} is {kind}, which holds no single value"
    return found, None


def _guessed(
    role: str, spec: Role, columns: Sequence[ForeignColumn]
) -> tuple[str | None, str | None]:
    fitting = [c for c in columns if plain(c.name) in spec.names and c.kind in spec.kinds]
    if not fitting:
        missing = f"no column could be the {role} (source.columns.{role})"
        return None, missing if spec.wanted else None
    best = min(spec.kinds.index(c.kind) for c in fitting)
    fitting = [c for c in fitting if spec.kinds.index(c.kind) == best]
    first = [c for c in fitting if plain(c.name) == spec.names[0]]
    if role in _BY_RANK:
        first = [min(fitting, key=lambda c: spec.names.index(plain(c.name)))]
    # Two dates may differ by a day, and which one the bars are of no name tells.
    if len(first) == 1 and (role != "date" or len(fitting) == 1):
        return first[0].name, None
    if len(fitting) == 1:
        return fitting[0].name, None
    names = " or ".join(column.name for column in fitting)
    return None, f"the {role} could be {names} (source.columns.{role})"
