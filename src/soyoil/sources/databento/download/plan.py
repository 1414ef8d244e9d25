"""Which days of which roots are missing, and the files that they are pulled into.

A file that is there is never pulled again and never replaced: bars that are paid for are not paid
for twice, and the warehouse, which knows files by their content, never holds two versions of a
bar. So the month that is running is pulled in parts: up to the last whole day now, the days after
it into a file of their own later.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np

from soyoil.base.arrays import BoolArray
from soyoil.market.instruments import get_instrument
from soyoil.sources.databento.download.config import Kind

DAY: Final = dt.timedelta(days=1)
PREFIX: Final = "glbx-mdp3-"
STEM: Final = PREFIX + "{first:%Y%m%d}-{last:%Y%m%d}.ohlcv-1h"
SUFFIX: Final = ".dbn.zst"
SYMBOLS: Final[dict[Kind, tuple[str, str]]] = {
    "continuous": ("continuous", "{root}.v.0"),
    "contracts": ("parent", "{root}.FUT"),
}
"""The vendor's ``stype_in`` and its symbol of a root: the contract with most volume, or all."""


@dataclass(frozen=True, order=True)
class Span:
    """UTC days, half-open: ``end`` is the first day that is not in it."""

    start: dt.date
    end: dt.date

    @property
    def days(self) -> int:
        """Number of days."""
        return max((self.end - self.start).days, 0)

    @property
    def last(self) -> dt.date:
        """Last day that is in it."""
        return self.end - DAY


def symbols_of(roots: Iterable[str], kind: Kind) -> tuple[str, ...]:
    """The vendor's symbols of roots, in their order."""
    return tuple(SYMBOLS[kind][1].format(root=root) for root in roots)


@dataclass(frozen=True, order=True)
class Pull:
    """One request: days of roots.

    Attributes
    ----------
    span
        The days.
    roots
        Roots, in alphabetical order.
    kind
        What is pulled of them.
    """

    span: Span
    roots: tuple[str, ...]
    kind: Kind = "continuous"

    @property
    def stype_in(self) -> str:
        """The vendor's type of `symbols`."""
        return SYMBOLS[self.kind][0]

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols as the vendor is asked for them."""
        return symbols_of(self.roots, self.kind)


def missing(
    roots: Sequence[str],
    wanted: Span,
    held: Mapping[str, Iterable[Span]],
    kind: Kind = "continuous",
) -> list[Pull]:
    """Days that no file covers.

    Parameters
    ----------
    roots
        Configured roots. Days before a root was listed are not wanted of it.
    wanted
        Days that files should cover.
    held
        Days that files cover, by root.
    kind
        What is wanted of the roots.

    Returns
    -------
    list
        Stretches of days on which the same roots are missing, in the order of time.
    """
    names = sorted(roots)
    if not wanted.days:
        return []
    lacks = np.ones((len(names), wanted.days), dtype=bool)
    for row, root in zip(lacks, names, strict=True):
        listed = get_instrument(root).listed
        if listed is not None:
            _clear(row, wanted, Span(wanted.start, listed))
        for span in held.get(root, ()):
            _clear(row, wanted, span)
    changes = np.flatnonzero((lacks[:, 1:] != lacks[:, :-1]).any(axis=0)) + 1
    edges = [0, *changes.tolist(), wanted.days]
    pulls = []
    for first, after in pairwise(edges):
        found = tuple(name for name, row in zip(names, lacks, strict=True) if row[first])
        if found:
            days = Span(wanted.start + first * DAY, wanted.start + after * DAY)
            pulls.append(Pull(days, found, kind))
    return pulls


def _clear(row: BoolArray, wanted: Span, span: Span) -> None:
    first = max((span.start - wanted.start).days, 0)
    row[first : max((span.end - wanted.start).days, first)] = False


def by_month(pulls: Iterable[Pull]) -> list[Pull]:
    """Pulls cut at the first days of months: one file each."""
    return [replace(pull, span=part) for pull in pulls for part in _months(pull.span)]


def _months(span: Span) -> list[Span]:
    edges = [span.start]
    while (after := (edges[-1].replace(day=1) + 32 * DAY).replace(day=1)) < span.end:
        edges.append(after)
    edges.append(span.end)
    return [Span(start, end) for start, end in pairwise(edges)]


def joined(pulls: Sequence[Pull]) -> list[Pull]:
    """Pulls of the same roots that follow each other without a gap as one."""
    out: list[Pull] = []
    for pull in pulls:
        before = out[-1] if out else None
        if before and before.roots == pull.roots and before.span.end == pull.span.start:
            out[-1] = replace(pull, span=Span(before.span.start, pull.span.end))
        else:
            out.append(pull)
    return out


def without(pulls: Iterable[Pull], open_pulls: Collection[Pull]) -> list[Pull]:
    """Pulls without those days of their roots that others already bring."""
    out = []
    for pull in pulls:
        held = {
            root: [other.span for other in open_pulls if root in other.roots] for root in pull.roots
        }
        out += missing(pull.roots, pull.span, held, pull.kind)
    return out


def file_name(pull: Pull, taken: Collection[str]) -> str:
    """Name of the file of a pull, as the vendor names the files of its jobs.

    Parameters
    ----------
    pull
        What it holds.
    taken
        Names that are in use: a file of other roots and the same days names its roots as well.
    """
    stem = STEM.format(first=pull.span.start, last=pull.span.last)
    if stem + SUFFIX not in taken:
        return stem + SUFFIX
    return f"{stem}.{'+'.join(pull.roots)}{SUFFIX}"
