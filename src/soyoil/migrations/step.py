"""What a step of a plan is, and the state that steps lead through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from soyoil.warehouse.live import LiveWarehouse
from soyoil.warehouse.table_shape import Edit, EditKind, Path, TableShape, live_shape

StepKind = (
    EditKind
    | Literal[
        "create-dataset",
        "create-table",
        "recover-table",
        "replace-table",
        "stamp-table",
        "adopt-table",
        "restamp-table",
        "drop-view",
        "drop-table",
        "drop-dataset",
    ]
)

STAMPS: Final = ("stamp-table", "adopt-table", "restamp-table")
_UNBREAKING: Final = ("create-dataset", "create-table", "recover-table", "stamp-table")


@dataclass(frozen=True)
class Step:
    """One change that can be made.

    Attributes
    ----------
    target
        ``dataset.table``, or ``dataset``.
    edit
        Of a table that stays.
    wanted
        Shape of the contract, of a table that is created or stamped.
    filled
        Fields of STRUCTs that may not be NULL in a table that is stamped.
    reason
        Why it is offered, where the contract alone does not say so.
    asked
        Whether a word is needed although nothing breaks: the table is the user's.
    """

    kind: StepKind
    target: str
    edit: Edit | None = None
    wanted: TableShape | None = None
    filled: tuple[Path, ...] = ()
    reason: str = ""
    asked: bool = False

    @property
    def id(self) -> str:
        """Short name, the same in every plan of the same change."""
        return self.edit.id if self.edit is not None else f"{self.kind}:{self.target}"

    @property
    def breaking(self) -> bool:
        """Whether readers, writers or rows of today may not survive it."""
        return self.edit.breaking if self.edit is not None else self.kind not in _UNBREAKING

    @property
    def instead(self) -> tuple[str, ...]:
        """Ids of the steps that exclude this one."""
        return self.edit.instead if self.edit is not None else ()

    @property
    def needs_name(self) -> bool:
        """Whether it is made only when it is named."""
        return self.breaking or bool(self.instead) or self.asked


@dataclass
class State:
    """Structure of a warehouse while steps change it.

    Attributes
    ----------
    tables
        Shapes by name.
    views
        SQL by name.
    """

    datasets: set[str]
    tables: dict[str, TableShape]
    views: dict[str, str]


@dataclass(frozen=True)
class Script:
    """Statements of one step.

    Attributes
    ----------
    copies
        Name of the copy by the table that is copied first.
    statements
        What the step runs after the copies.
    restore
        Statements that bring back what has no copy: views and empty tables.
    lost
        Keys, defaults, indexes and the like that the table does not have any more.
    """

    copies: Mapping[str, str] = field(default_factory=dict)
    statements: tuple[str, ...] = ()
    restore: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


def state_of(live: LiveWarehouse) -> State:
    """State of a warehouse as it is."""
    return State(
        set(live.datasets),
        {t.name: live_shape(t) for t in live.tables.values() if t.kind == "table"},
        {t.name: t.query or "" for t in live.tables.values() if t.kind == "view"},
    )
