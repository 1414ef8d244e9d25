"""The reviewed plan: how a live warehouse is brought to its contracts."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field, ValidationError

from soyoil.audit.defect import Defect
from soyoil.audit.structure.defects import KEPT
from soyoil.base.config import Config
from soyoil.base.errors import WarehouseError
from soyoil.contracts.contract import TableContract
from soyoil.migrations.describe import not_copied, summary, warning
from soyoil.migrations.references import direct_readers, downstream
from soyoil.migrations.scripts import groups, make, stamp_script
from soyoil.migrations.sql import ChangeSql
from soyoil.migrations.sql_bigquery import BigQuerySql
from soyoil.migrations.sql_duckdb import DuckDBSql
from soyoil.migrations.step import STAMPS, Script, State, Step, state_of
from soyoil.migrations.steps import find_steps
from soyoil.warehouse.live import BackendName, LiveTable, LiveWarehouse

TAG_LENGTH: Final = 8
CHANGE_SQL: Final[Mapping[BackendName, type[ChangeSql]]] = {
    "duckdb": DuckDBSql,
    "bigquery": BigQuerySql,
}
"""Statements by backend; one that is missing is never changed by plans."""


class Change(Config):
    """One change of a plan.

    Attributes
    ----------
    id
        What `apply` is given to make it.
    breaking
        Whether readers, writers or rows of today may not survive it.
    needs_name
        Whether `apply` makes it only when it is named: all that break something, and what
        excludes another change.
    instead
        Ids of the changes that exclude this one.
    target
        Dataset, table or view.
    summary
        What is done.
    note
        What to think of before it is done; empty if nothing.
    copies
        Name of the copy by the table that is copied first.
    sql
        Statements that run, if no other change that needs a name goes before it.
    restore
        Statements that bring back what has no copy: a view, an empty table.
    safe
        Whether it drops what holds no row and what nothing that works reads.
    rows, bytes
        Of the tables concerned; None where that is not known.
    downstream
        Tables and views that read the target, over others too.
    """

    id: str
    kind: str
    breaking: bool
    needs_name: bool
    instead: tuple[str, ...] = ()
    target: str
    summary: str
    note: str = ""
    copies: dict[str, str] = Field(default_factory=dict)
    sql: tuple[str, ...]
    restore: tuple[str, ...] = ()
    safe: bool = False
    rows: int | None = None
    bytes: int | None = None
    downstream: tuple[str, ...] = ()


class Plan(Config):
    """Changes, and the state of things that they were found for.

    Attributes
    ----------
    location
        Warehouse, for people.
    fingerprint
        SHA-256 (hex) over contracts, objects and location.
    contracts
        Content hash by table.
    objects
        Hash of the structure by dataset, table and view; of tables that a breaking change
        concerns also of the number of rows.
    """

    format: Literal[1] = 1
    backend: BackendName
    location: str
    fingerprint: str
    contracts: dict[str, str]
    objects: dict[str, str]
    changes: tuple[Change, ...]

    @property
    def tag(self) -> str:
        """Short hash, part of the names of copies."""
        return self.fingerprint[:TAG_LENGTH]


def change_sql(live: LiveWarehouse, contracts: Mapping[str, TableContract]) -> ChangeSql:
    """Statements for the backend of a warehouse.

    Raises
    ------
    WarehouseError
        No statements are known that change its structure.
    """
    kind = CHANGE_SQL.get(live.backend)
    if kind is None:
        raise WarehouseError(
            f"{live.location} is a {live.backend} warehouse, and plans change "
            f"{' and '.join(CHANGE_SQL)} only. Mend by hand what does not fit its contract."
        )
    return kind(live, contracts)


def make_plan(
    contracts: Mapping[str, TableContract],
    live: LiveWarehouse,
    defects: Sequence[Defect] = (),
    lineage: Mapping[str, Sequence[str]] | None = None,
    keep: Sequence[str] = KEPT,
) -> Plan:
    """Compare contracts with a warehouse.

    Parameters
    ----------
    contracts
        Contracts by table.
    live
        The warehouse.
    defects
        Findings whose actions are offered too.
    lineage
        Tables that pipelines make of a table, by its name.
    keep
        Patterns of what is never offered for dropping.

    Returns
    -------
    Plan
        The same plan for the same arguments.
    """
    steps = find_steps(contracts, live, defects, keep)
    hashes = {name: contract.content_hash for name, contract in sorted(contracts.items())}
    objects = _objects(live, steps)
    fingerprint = _digest([live.backend, live.location, hashes, objects])
    # Without the changes the plan has the tag that the names of their copies need.
    empty = Plan(
        backend=live.backend,
        location=live.location,
        fingerprint=fingerprint,
        contracts=hashes,
        objects=objects,
        changes=(),
    )
    broken = {o for d in defects if d.kind == "broken_view" for o in d.objects}
    describe = _Describer(contracts, live, lineage or {}, empty.tag, broken)
    return empty.model_copy(update={"changes": tuple(describe.changes(steps))})


def _objects(live: LiveWarehouse, steps: Sequence[Step]) -> dict[str, str]:
    shown = {step.target for step in steps if step.breaking}
    digests = {f"dataset {name}": _digest(name) for name in live.datasets}
    for table in live.tables.values():
        counted = table.name in shown or table.dataset in shown
        facts = dataclasses.asdict(
            dataclasses.replace(
                table, rows=table.rows if counted else None, bytes=None, modified=None
            )
        )
        if table.partition is not None:
            facts["partition"] = table.partition.model_dump()
        for name in ("extras", "form"):
            if not facts[name]:
                del facts[name]
        digests[f"{table.kind} {table.name}"] = _digest(facts)
    return dict(sorted(digests.items()))


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


class _Describer:
    """Steps as changes."""

    def __init__(
        self,
        contracts: Mapping[str, TableContract],
        live: LiveWarehouse,
        lineage: Mapping[str, Sequence[str]],
        tag: str,
        broken: Collection[str],
    ) -> None:
        self._live = live
        self._broken = frozenset(broken)
        self._tag = tag
        self._sql = change_sql(live, contracts)
        direct = {name: list(views) for name, views in direct_readers(live).items()}
        for name, made in lineage.items():
            direct[name] = [*direct.get(name, ()), *made]
        self._direct = direct

    def changes(self, steps: Sequence[Step]) -> Iterator[Change]:
        state = state_of(self._live)
        scripts: dict[str, tuple[Script, str]] = {}
        # What always runs is shown on top of each other, anything else as if it came next alone.
        for group in groups([step for step in steps if not step.needs_name]):
            first, *others = (step.id for step in group)
            scripts[first] = self._script(group, state)
            scripts |= {other: (Script(), f"made by the SQL of {first}") for other in others}
        for step in steps:
            if step.needs_name:
                scripts[step.id] = self._script((step,), copy.deepcopy(state))
        for step in steps:
            yield self._change(step, *scripts[step.id])

    def _script(self, group: Sequence[Step], state: State) -> tuple[Script, str]:
        step = group[0]
        try:
            script = make(group, state, self._sql, self._tag)
        except WarehouseError as error:
            return Script(), str(error)
        if script.statements:
            return script, ""
        if step.kind in STAMPS and step.wanted is not None:
            waits = "made once all other changes of the table are"
            return stamp_script(step.wanted, step.filled, self._sql), waits
        return script, "its SQL depends on the changes before it"

    def _change(self, step: Step, script: Script, pending: str) -> Change:
        tables = self._concerned(step.target)
        rows = [table.rows for table in tables if table.rows is not None]
        sizes = [table.bytes for table in tables if table.bytes is not None]
        table = self._live.tables.get(step.target)
        lost = f"loses {', '.join(script.lost)}" if script.lost else ""
        kept = (
            not_copied(table)
            if script.copies and table is not None and not self._sql.copies_extras
            else ""
        )
        readers = self._downstream(step.target, tables)
        notes = (step.reason, warning(step, table), lost, kept, pending)
        return Change(
            id=step.id,
            kind=step.kind,
            breaking=step.breaking,
            needs_name=step.needs_name,
            instead=step.instead,
            target=step.target,
            summary=summary(step, self._live.tables.get(step.target)),
            note="; ".join(note for note in notes if note),
            copies=dict(script.copies),
            sql=(*copy_statements(script, self._sql), *script.statements),
            restore=script.restore,
            safe=self._is_safe(step, tables, readers),
            rows=sum(rows) if rows else None,
            bytes=sum(sizes) if sizes else None,
            downstream=readers,
        )

    def _is_safe(self, step: Step, tables: Sequence[LiveTable], readers: Sequence[str]) -> bool:
        drops = step.kind in ("drop-table", "drop-view", "drop-dataset")
        empty = all(table.rows == 0 or table.name in self._broken for table in tables)
        return drops and empty and set(readers) <= self._broken

    def _concerned(self, target: str) -> tuple[LiveTable, ...]:
        if target in self._live.tables:
            return (self._live.tables[target],)
        return tuple(t for t in self._live.tables.values() if t.dataset == target)

    def _downstream(self, target: str, tables: Sequence[LiveTable]) -> tuple[str, ...]:
        inside = {table.name for table in tables}
        found = {name for table in tables for name in downstream(table.name, self._direct)}
        if target not in self._live.tables:
            found |= set(downstream(target, self._direct))
        return tuple(sorted(found - inside))


def copy_statements(script: Script, sql: ChangeSql) -> tuple[str, ...]:
    """Statements that make the copies of a step, each once."""
    made = (s for source, name in script.copies.items() for s in sql.copy(source, name))
    return tuple(dict.fromkeys(made))


def read_plan(path: Path) -> Plan:
    """Plan from a file.

    Raises
    ------
    WarehouseError
        No file, or no plan of this release.
    """
    try:
        return Plan.model_validate_json(path.read_bytes())
    except FileNotFoundError as exc:
        raise WarehouseError(
            f"there is no plan {path}: make one by `kedro warehouse plan` and read it first"
        ) from exc
    except (OSError, ValidationError) as exc:
        raise WarehouseError(
            f"{path} is no plan that this release can read ({type(exc).__name__}): "
            "make a new one by `kedro warehouse plan`"
        ) from exc


def write_plan(plan: Plan, path: Path) -> None:
    """Plan to a file, its folder included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(plan.model_dump_json(indent=2) + "\n", encoding="utf-8")
