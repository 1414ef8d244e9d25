"""Answers that come in pages, and a check that they are what they should be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from soyoil.base.errors import SourceError
from soyoil.external.api.client import Client


@dataclass(frozen=True)
class Paging:
    """How a service counts.

    Attributes
    ----------
    limit, offset
        Its parameters for the length of a page and for the rows to leave out.
    size
        Rows of a page.
    rows
        Keys that lead to the rows of an answer.
    total
        Keys that lead to their number over all pages; empty where the service does not say.
    """

    limit: str
    offset: str
    size: int
    rows: tuple[str, ...] = ()
    total: tuple[str, ...] = ()


def pages(
    client: Client, path: str, params: Mapping[str, str | int], paging: Paging
) -> Iterator[list[Any]]:
    """Rows of one page after the other.

    Parameters
    ----------
    client
        The service.
    path
        Below its address.
    params
        Of the query, without those of the pages; they must fix an order.
    paging
        How it counts.

    Raises
    ------
    SourceError
        An answer has another form, or the pages end before the rows do; and as `Client.json`.
    """
    got = 0
    while True:
        asked = {**params, paging.limit: paging.size, paging.offset: got}
        answer = client.json(path, asked)
        found = _at(answer, paging.rows, path)
        if not isinstance(found, list):
            raise SourceError(f"{path}: its answer has another form, no list of rows.")
        total = _number(_at(answer, paging.total, path), path) if paging.total else None
        got += len(found)
        yield found
        if total is None and len(found) < paging.size:
            return
        if total is not None and got >= total:
            return
        if not found:
            raise SourceError(f"{path}: its answer ends after {got:,} of {total:,} rows.")


def table(rows: Sequence[Any], needed: Sequence[str], path: str) -> pd.DataFrame:
    """Rows as text.

    Parameters
    ----------
    rows
        Of one page or more.
    needed
        Columns that are taken.
    path
        What was asked, for messages.

    Returns
    -------
    pandas.DataFrame
        ``needed`` as ``str``; missing where a row lacks the field.

    Raises
    ------
    SourceError
        A field is missing from every row: the form has changed.
    """
    if not all(isinstance(row, dict) for row in rows):
        raise SourceError(f"{path}: its rows have another form.")
    frame = pd.DataFrame(list(rows))
    missing = [name for name in needed if name not in frame.columns]
    if missing and len(frame):
        raise SourceError(
            f"{path}: its rows lack {', '.join(missing)}: its form has changed. They have "
            f"{', '.join(map(str, frame.columns[:8]))}."
        )
    return frame.reindex(columns=list(needed)).astype("str")


def _at(answer: Any, keys: Sequence[str], path: str) -> Any:
    for key in keys:
        if not isinstance(answer, dict) or key not in answer:
            raise SourceError(f"{path}: its answer lacks {'.'.join(keys)}: its form has changed.")
        answer = answer[key]
    return answer


def _number(value: Any, path: str) -> int:
    # The EIA writes some of its numbers as text.
    if str(value).isdecimal():
        return int(value)
    raise SourceError(f"{path}: its answer says {str(value)[:40]!r} for the number of rows.")
