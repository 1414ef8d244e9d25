"""Steps from a live warehouse to its contracts, and the state that they lead through."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from soyoil.audit.defect import Action, Defect
from soyoil.base.errors import WarehouseError
from soyoil.contracts.contract import TableContract
from soyoil.contracts.identifiers import dotted, parts_of, spelled, suffixed
from soyoil.migrations.sql import BUILT, ChangeSql, copy_name
from soyoil.warehouse.live import LiveWarehouse
from soyoil.warehouse.table_shape import (
    Edit,
    EditKind,
    Path,
    TableShape,
    contract_shape,
    edits_between,
    live_shape,
)

StepKind = (
    EditKind
    | Literal[
        "create-dataset",
        "create-table",
        "recover-table",
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
_DROPS: Final[dict[str, StepKind]] = {
    "drop_view": "drop-view",
    "drop_table": "drop-table",
    "drop_dataset": "drop-dataset",
}


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
    """

    kind: StepKind
    target: str
    edit: Edit | None = None
    wanted: TableShape | None = None
    filled: tuple[Path, ...] = ()
    reason: str = ""

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
        return self.breaking or bool(self.instead)


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
        Statements that undo the removal of views, which have no copies.
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


def find_steps(
    contracts: Mapping[str, TableContract], live: LiveWarehouse, defects: Sequence[Defect]
) -> tuple[Step, ...]:
    """All steps from a warehouse to its contracts, in the order in which they are made.

    Parameters
    ----------
    contracts
        Contracts by table.
    live
        The warehouse.
    defects
        Whose actions are offered too.
    """
    reasons = {
        action: f"{defect.fix} ({defect.kind})" for defect in defects for action in defect.actions
    }
    created = list(_creations(contracts, live))
    edits = [step for name in contracts for step in _table_steps(contracts[name], live, reasons)]
    edits += _column_drops(contracts, live, reasons)
    calm = [step for step in edits if not step.breaking and step.kind not in STAMPS]
    rest = [step for step in edits if step not in calm]
    return (*created, *calm, *rest, *_drops(contracts, live, reasons))


def _creations(contracts: Mapping[str, TableContract], live: LiveWarehouse) -> Iterator[Step]:
    missing = [contract for name, contract in contracts.items() if name not in live.tables]
    datasets = {contract.name.split(".")[0] for contract in missing}
    for dataset in sorted(datasets - set(live.datasets)):
        yield Step("create-dataset", dataset)
    for contract in missing:
        if suffixed(contract.name, BUILT) in live.tables:
            reason = "an earlier apply was cut off between its last two statements"
            yield Step("recover-table", contract.name, reason=reason)
        else:
            shape = contract_shape(contract, live.backend)
            yield Step("create-table", contract.name, wanted=shape)


def _table_steps(
    contract: TableContract, live: LiveWarehouse, reasons: Mapping[Action, str]
) -> Iterator[Step]:
    table = live.tables.get(contract.name)
    if table is None or table.kind == "view":
        return
    have, want = live_shape(table), contract_shape(contract, live.backend)
    edits = edits_between(have, want)
    adding = reasons.get(Action("add_columns", contract.name), "")
    for edit in edits:
        reason = adding if edit.kind == "add-column" else ""
        yield Step(edit.kind, contract.name, edit, reason=reason)
    if (have.version, have.content_hash) != (want.version, want.content_hash):
        yield _stamp_step(contract, have, want, edits)


def _column_drops(
    contracts: Mapping[str, TableContract], live: LiveWarehouse, reasons: Mapping[Action, str]
) -> Iterator[Step]:
    """Columns of tables without a contract; under one, what is too much goes anyway."""
    for action, reason in reasons.items():
        if action.kind != "drop_column":
            continue
        dataset, table, *path = parts_of(action.target)
        found = live.tables.get(dotted((dataset, table)))
        if found is None or found.kind == "view" or found.name in contracts:
            continue
        edit = Edit("drop-column", tuple(path), live_shape(found))
        yield Step("drop-column", found.name, edit, reason=reason)


def _stamp_step(
    contract: TableContract, have: TableShape, want: TableShape, edits: Sequence[Edit]
) -> Step:
    """Last step of a table: from now on it is of the contract."""
    filled = _required_fields(contract) if have.rows != 0 and have.version != want.version else ()
    added = {edit.path for edit in edits if edit.kind == "add-column"}
    missing = [path for path in filled if any(path[: len(new)] == new for new in added)]
    kind: StepKind = "stamp-table"
    reason = ""
    if have.version is None:
        kind = "adopt-table"
        reason = "its rows were not written by soyoil, so nothing has checked them"
    elif missing:
        kind = "restamp-table"
        names = ", ".join(dotted(path) for path in missing)
        reason = f"fails while a row lacks {names}: fill it, or drop the table and write it anew"
    elif have.version != want.version and not edits:
        kind = "restamp-table"
        reason = (
            f"its rows were written under version {have.version}, whose columns look the same "
            f"but mean something else in version {want.version}"
        )
    return Step(kind, contract.name, wanted=want, filled=filled, reason=reason)


def _required_fields(contract: TableContract) -> tuple[Path, ...]:
    """Required fields of STRUCTs, which no warehouse keeps from being NULL."""
    leaves = contract.flat_columns().items()
    return tuple(
        tuple(name.split(".")) for name, leaf in leaves if "." in name and not leaf.nullable
    )


def _drops(
    contracts: Mapping[str, TableContract], live: LiveWarehouse, reasons: Mapping[Action, str]
) -> Iterator[Step]:
    wanted = {
        (_DROPS[action.kind], action.target): reason
        for action, reason in reasons.items()
        if action.kind in _DROPS
    }
    for table in live.tables.values():
        if table.kind == "view" and table.name in contracts:
            reason = "a view stands where its contract asks for a table"
            wanted.setdefault(("drop-view", table.name), reason)
        *before, last = parts_of(table.name)
        base = dotted((*before, last.removesuffix(BUILT)))
        if base != table.name and base in live.tables:
            reason = "an apply that was cut off left it; the table itself is as it was"
            wanted.setdefault(("drop-table", table.name), reason)
        elif table.contract_version is not None and base not in contracts:
            reason = "soyoil wrote it, and its contract is gone"
            wanted.setdefault(("drop-table", table.name), reason)
    order = list(_DROPS.values())
    for kind, target in sorted(wanted, key=lambda drop: (order.index(drop[0]), drop[1])):
        if target in live.tables or target in live.datasets:
            yield Step(kind, target, reason=wanted[kind, target])


def groups(steps: Sequence[Step]) -> list[tuple[Step, ...]]:
    """Steps that are made together: edits of one table that follow each other.

    A table that has to be built anew is so once and not per column.
    """

    def together(numbered: tuple[int, Step]) -> tuple[str, int, bool]:
        number, step = numbered
        return step.target, 0 if step.edit is not None else number + 1, step.needs_name

    found = itertools.groupby(enumerate(steps), key=together)
    return [tuple(step for _, step in group) for _, group in found]


def make(group: Sequence[Step], state: State, sql: ChangeSql, tag: str) -> Script:
    """Statements of a step, or of edits of one table, which also moves the state on.

    Parameters
    ----------
    group
        One of `groups`.
    state
        Structure before; that after on return.
    sql
        Statements of the backend.
    tag
        Short hash of the plan, for the names of copies.

    Returns
    -------
    Script
        Nothing to run where nothing is left to do.

    Raises
    ------
    WarehouseError
        Another step is needed first.
    """
    step, name = group[0], group[0].target
    if step.edit is not None:
        return _alter(group, state, sql, tag)
    if step.wanted is not None:
        before = state.tables.get(name)
        if step.kind == "create-table":
            state.tables[name] = step.wanted
            return Script(statements=sql.create_table(step.wanted))
        if before is None or not before.fits(step.wanted):
            return Script()
        state.tables[name] = replace(step.wanted, rows=before.rows)
        return stamp_script(step.wanted, step.filled, sql)
    if step.kind == "create-dataset":
        state.datasets.add(name)
        return Script(statements=sql.create_dataset(name))
    if step.kind == "recover-table":
        state.tables[name] = replace(state.tables.pop(suffixed(name, BUILT)), name=name)
        return Script(statements=sql.recover_table(name))
    if step.kind == "drop-dataset":
        return _drop_dataset(name, state, sql, tag)
    return _drop(name, state, sql, tag)


def stamp_script(shape: TableShape, filled: Sequence[Path], sql: ChangeSql) -> Script:
    """Statements that stamp a table once no row lacks a required field."""
    checks = tuple(sql.verify_filled(shape.name, path) for path in filled)
    return Script(statements=(*checks, *sql.stamp(shape)))


def _alter(group: Sequence[Step], state: State, sql: ChangeSql, tag: str) -> Script:
    target = group[0].target
    before = state.tables.get(target)
    if before is None:
        return Script()
    edits = [step.edit for step in group if step.edit is not None]
    after = before
    for edit in edits:
        after = edit.apply(after)
    if after == before:
        return Script()
    _check_uses(group, after)
    state.tables[target] = after
    alteration = sql.alter(before, edits)
    copies = {target: copy_name(target, tag)} if alteration.needs_copy else {}
    return Script(copies, alteration.statements, lost=alteration.lost)


def _check_uses(group: Sequence[Step], after: TableShape) -> None:
    names = {column.name for column in after.columns}
    needs = []
    if after.partition is not None and after.partition.column not in names:
        needs.append(f"repartition:{after.name}")
    if not set(after.cluster) <= names:
        needs.append(f"recluster:{after.name}")
    if needs:
        raise WarehouseError(
            f"{', '.join(step.id for step in group)} would take a column by which {after.name} is "
            f"partitioned or clustered: name {' and '.join(needs)} too"
        )


def _drop(name: str, state: State, sql: ChangeSql, tag: str) -> Script:
    if name in state.views:
        query = state.views.pop(name)
        return Script({}, sql.drop_view(name), sql.create_view(name, query))
    if state.tables.pop(name, None) is None:
        return Script()
    return Script({name: copy_name(name, tag)}, sql.drop_table(name))


def _drop_dataset(name: str, state: State, sql: ChangeSql, tag: str) -> Script:
    inside = _within(name, (*state.views, *state.tables))
    scripts = [_drop(table, state, sql, tag) for table in inside]
    state.datasets.discard(name)
    return Script(
        {source: copy for script in scripts for source, copy in script.copies.items()},
        (*(s for script in scripts for s in script.statements), *sql.drop_dataset(name)),
        tuple(s for script in scripts for s in script.restore),
    )


def _within(dataset: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if spelled(parts_of(name)[0]) == dataset]
