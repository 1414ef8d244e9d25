"""What reads a table, over views of views."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from soyoil.audit.lineage import ViewReads, read_views, readers
from soyoil.contracts.identifiers import parts_of
from soyoil.warehouse.live import LiveWarehouse

_WORD: Final = re.compile(r"\w+")


def direct_readers(live: LiveWarehouse) -> dict[str, tuple[str, ...]]:
    """Views by the table or view that they read themselves.

    A view whose SQL cannot be parsed counts as a reader of every table of whose dataset and
    name it holds the words: one reader too many is better than one overlooked.

    Parameters
    ----------
    live
        The warehouse.

    Returns
    -------
    dict
        Sorted names of views; what they read may not exist.
    """
    views = read_views(live)
    guessed = {
        name: ViewReads(name, tables=_mentioned(live.tables[name].query or "", live))
        for name, view in views.items()
        if view.problem
    }
    return readers({**views, **guessed})


def _mentioned(query: str, live: LiveWarehouse) -> tuple[str, ...]:
    words = {word.lower() for word in _WORD.findall(query)}

    def all_in(part: str) -> bool:
        return set(_WORD.findall(part)) <= words

    def has(name: str) -> bool:
        dataset, table = parts_of(name.lower())
        return all_in(table) and (all_in(dataset) or all_in(live.dataset_prefix.lower() + dataset))

    return tuple(name for name in live.tables if has(name))


def downstream(name: str, direct: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """All that depends on a table.

    Parameters
    ----------
    name
        ``dataset.table``.
    direct
        What depends on a table or view immediately, by its name.

    Returns
    -------
    tuple
        Sorted names, `name` itself not among them.
    """
    found: set[str] = set()
    pending = [name]
    while pending:
        new = set(direct.get(pending.pop(), ())) - found - {name}
        found |= new
        pending += sorted(new)
    return tuple(sorted(found))
