"""Carry out a reviewed plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from soyoil.audit.scope import ALL, look
from soyoil.audit.structure.defects import BANNED_VENDORS, KEPT, structural_defects
from soyoil.base.config import Config
from soyoil.base.errors import WarehouseError
from soyoil.base.suggest import nearest
from soyoil.contracts.contract import TableContract
from soyoil.contracts.identifiers import unquoted
from soyoil.migrations.plan import Plan, change_sql, copy_statements, make_plan
from soyoil.migrations.scripts import groups, make
from soyoil.migrations.sql import ChangeSql
from soyoil.migrations.step import STAMPS, Script, State, Step, state_of
from soyoil.migrations.steps import find_steps
from soyoil.warehouse.live import Inspector, LiveWarehouse
from soyoil.warehouse.table_shape import contract_shape, live_shape

Lineage = Mapping[str, Sequence[str]]


class Applied(Config):
    """Changes that were made together.

    Attributes
    ----------
    ids
        Of the changes.
    copies
        Name of the copy by the table that was copied first.
    sql
        Statements that ran.
    restore
        Statements that bring back a view.
    """

    ids: tuple[str, ...]
    copies: dict[str, str]
    sql: tuple[str, ...]
    restore: tuple[str, ...]


class ApplyRecord(Config):
    """What an `apply` did.

    Attributes
    ----------
    fingerprint
        Of the plan.
    applied
        Changes made, in their order.
    left
        Ids of the changes that were not made: those that were not named, and what waits for
        them.
    """

    fingerprint: str
    location: str
    applied: tuple[Applied, ...]
    left: tuple[str, ...]


class ApplyError(WarehouseError):
    """A change failed; those before it stand.

    Attributes
    ----------
    record
        What was done before.
    """

    def __init__(self, message: str, record: ApplyRecord) -> None:
        super().__init__(message)
        self.record = record


@dataclass(frozen=True)
class _Job:
    ids: tuple[str, ...]
    script: Script
    sql: tuple[str, ...]


def apply_plan(
    plan: Plan,
    inspector: Inspector,
    contracts: Mapping[str, TableContract],
    named: Sequence[str] = (),
    *,
    lineage: Lineage | None = None,
    banned: Sequence[str] = BANNED_VENDORS,
    keep: Sequence[str] = KEPT,
    datasets: Sequence[str] = ALL,
    report: Callable[[str], None] = lambda _: None,
) -> ApplyRecord:
    """Make the changes of a plan that break nothing, and those that are named.

    Everything is checked before the first statement runs. A table is copied before the first
    change of it that is named.

    Parameters
    ----------
    plan
        As it was reviewed.
    inspector
        The warehouse.
    contracts
        Contracts by ``dataset.table`` without prefix.
    named
        Ids of changes, or patterns of them in which ``*`` stands for any text.
    lineage
        As in `plan.make_plan`.
    banned, keep
        As in `defects.structural_defects`, when the plan was made.
    datasets
        As in `scope.look`, when the plan was made.
    report
        Called with the id of every change that was made.

    Raises
    ------
    WarehouseError
        The plan is stale, which says what has changed since; or a name is none of its changes,
        excludes another, or needs another; nothing was done.
    ApplyError
        A change failed; those before it stand.
    """
    scope = look(inspector, contracts, datasets)
    live, named_contracts = scope.live, scope.contracts
    defects = structural_defects(live, named_contracts, banned, keep)
    _check_fresh(plan, make_plan(named_contracts, live, defects, lineage, keep))
    steps = find_steps(named_contracts, live, defects, keep)
    chosen = _chosen(steps, named)
    sql = change_sql(live, named_contracts)
    jobs = _jobs(chosen, state_of(live), sql, plan.tag)
    done: list[Applied] = []
    for job in jobs:
        try:
            inspector.execute(job.sql)
        except WarehouseError as error:
            record = _record(plan, steps, done)
            raise ApplyError(_failure(job, jobs, done, error), record) from error
        done.append(
            Applied(
                ids=job.ids,
                copies=dict(job.script.copies),
                sql=job.sql,
                restore=job.script.restore,
            )
        )
        for name in job.ids:
            report(name)
    record = _record(plan, steps, done)
    after = look(inspector, contracts, datasets)
    _check_result(after.live, after.contracts, record)
    return record


def _check_fresh(plan: Plan, now: Plan) -> None:
    """Refuse a plan that was made for another state of things."""
    if plan == now:
        return
    changed = []
    if (plan.backend, plan.location) != (now.backend, now.location):
        changed.append(f"it is for {plan.location}, not for {now.location}")
    else:
        changed += _differences(plan.objects, now.objects)
        changed += [f"contract {text}" for text in _differences(plan.contracts, now.contracts)]
    what = ", ".join(changed) or "soyoil finds other changes for the same warehouse and contracts"
    raise WarehouseError(
        f"the plan is stale and nothing was done: {what}. Run `kedro warehouse plan` again, "
        "and read it."
    )


def _differences(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    new = [f"{name} is new" for name in now if name not in then]
    gone = [f"{name} is gone" for name in then if name not in now]
    changed = [f"{name} has changed" for name in then if now.get(name, then[name]) != then[name]]
    return [*new, *gone, *changed]


def _chosen(steps: Sequence[Step], named: Sequence[str]) -> list[Step]:
    known = {step.id: step for step in steps}
    names = [one for name in named for one in _known(name, known)]
    for name in names:
        other = next((n for n in names if n in known[name].instead), None)
        if other is not None:
            raise WarehouseError(f"{name} and {other} exclude each other: name one of them")
    return [step for step in steps if not step.needs_name or step.id in names]


def _known(given: str, steps: Mapping[str, Step]) -> list[str]:
    """Ids of the changes that were named.

    A shell takes the quotes from ``drop-column:raw.prices."yahoo.close"``, and a table shows kind
    and target with a space between. ``replace:`` is short for ``replace-table:``.
    """
    known = list(steps)
    stripped = given.strip()
    spellings = dict.fromkeys((given, stripped, stripped.replace(" ", ":", 1)))
    spellings |= {name.replace("replace:", "replace-table:", 1): None for name in spellings}
    for name in spellings:
        if name in known:
            return [name]
    bare = [one for one in known for name in spellings if unquoted(one) == unquoted(name)]
    if len(bare) == 1:
        return bare
    if bare:
        raise WarehouseError(
            f"{given} may be {' or '.join(bare)}: give the name as the plan shows it, in single "
            "quotes so that the shell keeps its own"
        )
    if any(mark in given for mark in "*?["):
        matching = [i for i in known if any(fnmatchcase(i, name) for name in spellings)]
        if not matching:
            raise WarehouseError(
                f"no change of the plan matches {given}. Its changes: {', '.join(known) or 'none'}."
            )
        # What a pattern does not single out is not meant: of two that exclude each other neither.
        return [i for i in matching if not set(steps[i].instead) & set(matching)]
    near = nearest(given, known, cutoff=0.6)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise WarehouseError(
        f"the plan has no change {given}.{hint} Its changes: {', '.join(known) or 'none'}."
    )


def _jobs(steps: Sequence[Step], state: State, sql: ChangeSql, tag: str) -> list[_Job]:
    copied: set[str] = set()
    jobs = []
    for group in groups(steps):
        script = make(group, state, sql, tag)
        if not script.statements:
            continue
        first = {t: name for t, name in script.copies.items() if t not in copied}
        copied |= set(first)
        script = Script(first, script.statements, script.restore)
        ids = tuple(step.id for step in group)
        jobs.append(_Job(ids, script, (*copy_statements(script, sql), *script.statements)))
    return jobs


def _record(plan: Plan, steps: Sequence[Step], done: Sequence[Applied]) -> ApplyRecord:
    made = {name for applied in done for name in applied.ids}
    settled = {other for step in steps if step.id in made for other in step.instead}
    left = (s.id for s in steps if s.id not in made | settled)
    return ApplyRecord(
        fingerprint=plan.fingerprint,
        location=plan.location,
        applied=tuple(done),
        left=tuple(left),
    )


def _failure(
    job: _Job, jobs: Sequence[_Job], done: Sequence[Applied], error: WarehouseError
) -> str:
    rest = [name for other in jobs[len(done) + 1 :] for name in other.ids]
    parts = [f"{', '.join(job.ids)} failed: {error}"]
    stands = ", ".join(name for applied in done for name in applied.ids)
    parts.append(f"Made before it, and standing: {stands or 'nothing'}.")
    if rest:
        parts.append(f"Not tried: {', '.join(rest)}.")
    copies = {name for applied in done for name in applied.copies.values()}
    copies |= set(job.script.copies.values())
    if copies:
        parts.append(f"Copies, as far as they were made: {', '.join(sorted(copies))}.")
    parts.append("Mend the cause and run `kedro warehouse plan` again.")
    return " ".join(parts)


def _check_result(
    live: LiveWarehouse, contracts: Mapping[str, TableContract], record: ApplyRecord
) -> None:
    """See that tables that were created or stamped are what their contracts ask for."""
    wrong = []
    for made in (made for applied in record.applied for made in applied.ids):
        kind, _, name = made.partition(":")
        if kind not in (*STAMPS, "create-table"):
            continue
        table = live.tables.get(name)
        want = contract_shape(contracts[name], live.backend)
        if table is None or not live_shape(table).fits(want):
            wrong.append(name)
    if wrong:
        raise ApplyError(
            f"all changes ran, but {', '.join(wrong)} in {live.location} still does not fit its "
            "contract: run `kedro warehouse plan` again to see what is left",
            record,
        )
