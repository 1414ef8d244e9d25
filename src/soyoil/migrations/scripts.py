"""Statements of steps."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace

from soyoil.base.errors import WarehouseError
from soyoil.contracts.identifiers import parts_of, spelled, suffixed
from soyoil.migrations.sql import BUILT, ChangeSql, copy_name
from soyoil.migrations.step import Script, State, Step
from soyoil.warehouse.table_shape import Path, TableShape


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
        if step.kind == "replace-table" and before is not None:
            state.tables[name] = step.wanted
            undo = (*sql.drop_table(name), sql.definition(before))
            return Script(statements=sql.replace_table(before, step.wanted), restore=undo)
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
    if alteration.needs_copy and before.rows == 0:
        undo = (*sql.drop_table(target), sql.definition(before))
        return Script({}, alteration.statements, undo, alteration.lost)
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
        return Script({}, sql.drop_view(name), sql.create_view(name, query) if query else ())
    before = state.tables.pop(name, None)
    if before is None:
        return Script()
    if before.rows == 0:
        return Script({}, sql.drop_empty(name), (sql.definition(before),))
    return Script({name: copy_name(name, tag)}, sql.drop_table(name))


def _drop_dataset(name: str, state: State, sql: ChangeSql, tag: str) -> Script:
    inside = _within(name, (*state.views, *state.tables))
    scripts = [_drop(table, state, sql, tag) for table in inside]
    state.datasets.discard(name)
    restore = tuple(s for script in scripts for s in script.restore)
    statements = (*(s for script in scripts for s in script.statements), *sql.drop_dataset(name))
    return Script(
        {source: copy for script in scripts for source, copy in script.copies.items()},
        sql.together(statements),
        (*sql.create_dataset(name), *restore) if restore else (),
    )


def _within(dataset: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if spelled(parts_of(name)[0]) == dataset]
