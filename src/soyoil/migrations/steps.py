"""Steps from a live warehouse to its contracts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from soyoil.audit.defect import Action, Defect
from soyoil.audit.scope import are_own_bars, has_key, namesakes
from soyoil.audit.structure.defects import KEPT, is_kept
from soyoil.contracts.contract import TableContract
from soyoil.contracts.identifiers import dotted, parts_of, spelled, suffixed
from soyoil.migrations.sql import BUILT
from soyoil.migrations.step import STAMPS, Step, StepKind
from soyoil.migrations.theirs import takes_nothing, with_theirs
from soyoil.warehouse.live import LiveTable, LiveWarehouse
from soyoil.warehouse.table_shape import (
    Edit,
    Path,
    TableShape,
    contract_shape,
    edits_between,
    live_shape,
)

_DROPS: Final[dict[str, StepKind]] = {
    "drop_view": "drop-view",
    "drop_table": "drop-table",
    "drop_dataset": "drop-dataset",
}


def find_steps(
    contracts: Mapping[str, TableContract],
    live: LiveWarehouse,
    defects: Sequence[Defect],
    keep: Sequence[str] = KEPT,
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
    keep
        Patterns of what is never offered for dropping.
    """
    reasons = {
        action: f"{defect.fix} ({defect.kind})" for defect in defects for action in defect.actions
    }
    created = list(_creations(contracts, live))
    others = namesakes(live, contracts)
    edits = [
        step
        for name, contract in contracts.items()
        if name not in others
        for step in _table_steps(contract, live, reasons)
    ]
    for name, contract in others.items():
        edits += _their_steps(live.tables[name], contract, live, reasons, own=name in contracts)
    edits += _column_drops(contracts, live, reasons)
    edits = [step for step in edits if not (step.kind == "drop-column" and _is_kept(step, keep))]
    calm = [step for step in edits if not step.needs_name and step.kind not in STAMPS]
    rest = [step for step in edits if step not in calm]
    return (*created, *calm, *rest, *_drops(contracts, live, reasons))


def _is_kept(step: Step, keep: Sequence[str]) -> bool:
    return step.edit is not None and is_kept(dotted_path(step.target, step.edit.path), keep)


def dotted_path(table: str, path: Path) -> str:
    """Column or field of a table as one name."""
    return ".".join((table, *map(spelled, path)))


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
    if table is None or table.kind == "view" or table.form:
        return
    have, want = live_shape(table), contract_shape(contract, live.backend)
    edits = edits_between(have, want)
    adding = reasons.get(Action("add_columns", contract.name), "")
    for edit in edits:
        reason = adding if edit.kind == "add-column" else ""
        yield Step(edit.kind, contract.name, edit, reason=reason)
    if (have.version, have.content_hash) != (want.version, want.content_hash):
        yield _stamp_step(contract, have, want, edits)


def _their_steps(
    table: LiveTable,
    contract: TableContract,
    live: LiveWarehouse,
    reasons: Mapping[Action, str],
    *,
    own: bool,
) -> Iterator[Step]:
    """Steps of a table that soyoil did not write, all of them only when they are named.

    Parameters
    ----------
    table
        Not empty, unless it is in the form of the contract.
    own
        Whether soyoil writes to that very name.
    """
    if table.form:
        return
    have, want = live_shape(table), contract_shape(contract, live.backend)
    wanted = with_theirs(have, want, claimed=own)
    replacing = reasons.get(Action("replace_table", table.name))
    if replacing is not None:
        yield Step("replace-table", table.name, wanted=wanted, reason=replacing, asked=True)
        return
    edits = edits_between(have, wanted)
    if not has_key(table, contract) or (are_own_bars(table) and edits):
        return
    adding = reasons.get(Action("add_columns", table.name), "")
    for edit in edits:
        if own or takes_nothing(edit):
            reason = adding if edit.kind == "add-column" else ""
            yield Step(edit.kind, table.name, edit, reason=reason, asked=True)
    if own and wanted.version is not None:
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
        if found is None or found.kind == "view" or found.form or found.name in contracts:
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
            reason = "an apply that was cut off left it; the table itself is whole"
            wanted.setdefault(("drop-table", table.name), reason)
        elif table.contract_version is not None and base not in contracts:
            reason = "soyoil wrote it, and its contract is gone"
            wanted.setdefault(("drop-table", table.name), reason)
    order = list(_DROPS.values())
    for kind, target in sorted(wanted, key=lambda drop: (order.index(drop[0]), drop[1])):
        special = [t for t in live.tables.values() if t.form and target in (t.name, t.dataset)]
        if (target in live.tables or target in live.datasets) and not special:
            yield Step(kind, target, reason=wanted[kind, target])
