"""Names of datasets, tables, columns and fields as one dotted text, and back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

_PLAIN: Final = re.compile(r"[^.\"`\x00-\x1f\x7f]+")
_PART: Final = re.compile(r'"((?:[^"]|"")*)"(?=\.|$)|([^.]*)', re.DOTALL)


def dotted(parts: Iterable[str]) -> str:
    """Join parts by dots; one that holds a dot or a quote is quoted as in SQL.

    Examples
    --------
    >>> dotted(["raw", "prices", "close"])
    'raw.prices.close'
    >>> dotted(["raw", "prices", "yahoo.close"])
    'raw.prices."yahoo.close"'
    """
    return ".".join(spelled(part) for part in parts)


def spelled(part: str) -> str:
    """One part as it stands in a dotted name."""
    if _PLAIN.fullmatch(part) and part == part.strip():
        return part
    return '"' + part.replace('"', '""') + '"'


def parts_of(name: str) -> tuple[str, ...]:
    """Parts of a dotted name; the inverse of `dotted`.

    Examples
    --------
    >>> parts_of('raw.prices."yahoo.close"')
    ('raw', 'prices', 'yahoo.close')
    """
    return tuple(_parts(name))


def _parts(name: str) -> Iterator[str]:
    place = 0
    while place <= len(name):
        match = _PART.match(name, place)
        if match is None:
            return
        quoted, plain = match.groups()
        yield plain if quoted is None else quoted.replace('""', '"')
        place = match.end() + 1


def last_part(name: str) -> str:
    """Column or field that a dotted name ends with."""
    return parts_of(name)[-1]


def suffixed(name: str, suffix: str) -> str:
    """Dotted name whose last part ends with something more."""
    *before, last = parts_of(name)
    return dotted((*before, last + suffix))


def unquoted(text: str) -> str:
    """Text without the quotes of names, as a shell leaves it."""
    return text.replace('"', "")
