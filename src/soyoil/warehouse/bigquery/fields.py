"""New fields of STRUCTs, which no SQL of BigQuery adds, written like new columns in plans."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from soyoil.warehouse.ddl import backtick

ADD_FIELD: Final = "ADD FIELD"
BY_THE_API: Final = " -- by the API: tables.update"
"""Ends what is no SQL."""
SCALARS: Final = ("STRING", "INT64", "FLOAT64", "BOOL", "DATE", "TIMESTAMP")
"""Types that a field may have to be added so."""

_STATEMENT: Final = re.compile(rf"ALTER TABLE `([^`]+)` {ADD_FIELD} .*{BY_THE_API}", re.DOTALL)
_FIELD: Final = re.compile(rf"{ADD_FIELD} ((?:`[^`]+`\.?)+) (\w+)")

Added = tuple[tuple[str, ...], str]


def add_field(path: Sequence[str], kind: str) -> str:
    """Part of a statement that adds a field."""
    return f"{ADD_FIELD} {'.'.join(map(backtick, path))} {kind}"


def added_fields(statement: str) -> tuple[str, list[Added]] | None:
    """Table, and paths and types of the fields that a statement adds; None of other statements."""
    found = _STATEMENT.fullmatch(statement)
    if found is None:
        return None
    fields = _FIELD.findall(statement)
    return found.group(1), [(tuple(re.findall("`([^`]+)`", path)), kind) for path, kind in fields]
