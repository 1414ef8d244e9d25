"""What a defect of a warehouse is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from soyoil.contracts.identifiers import last_part

Severity = Literal["error", "warning", "info"]
ActionKind = Literal[
    "drop_table", "drop_view", "drop_dataset", "drop_column", "add_columns", "replace_table"
]

SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "info")
"""Worst first."""

MAX_NAMES: Final = 5


@dataclass(frozen=True)
class Action:
    """What the plan may offer against a defect.

    Attributes
    ----------
    target
        ``dataset.table``; ``dataset`` for ``drop_dataset``, ``dataset.table.column`` for
        ``drop_column``, where the column may be the field of a STRUCT.
    """

    kind: ActionKind
    target: str


@dataclass(frozen=True)
class Defect:
    """One finding.

    Attributes
    ----------
    kind
        Short name of the rule, such as ``duplicate_concept``.
    objects
        Datasets, tables, views or columns concerned, by name.
    evidence
        Counts and names that show it.
    impact
        What goes wrong because of it.
    fix
        What to do, in words.
    actions
        What `plan` offers; empty if only a person can mend it.
    """

    kind: str
    severity: Severity
    objects: tuple[str, ...]
    evidence: str
    impact: str
    fix: str
    actions: tuple[Action, ...] = ()


def worst_first(defects: Iterable[Defect]) -> tuple[Defect, ...]:
    """Defects by severity, kind and objects."""
    return tuple(
        sorted(defects, key=lambda d: (SEVERITIES.index(d.severity), d.kind, d.objects, d.evidence))
    )


def names(values: Iterable[str], limit: int = MAX_NAMES) -> str:
    """The first names, and how many more there are."""
    found = list(values)
    more = f" and {len(found) - limit:,} more" if len(found) > limit else ""
    return ", ".join(found[:limit]) + more


def count(n: int, noun: str) -> str:
    """``1 row``, ``2,000 rows``."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def base_name(name: str) -> str:
    """Table of ``dataset.table``, not quoted."""
    return last_part(name)
