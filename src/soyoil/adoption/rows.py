"""Read a user's table and tell rows that satisfy a contract from those that do not."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from soyoil.adoption.columns import map_columns
from soyoil.adoption.report import AdoptionReport, SetAside
from soyoil.adoption.values import Unread, in_types_of
from soyoil.base.arrays import BoolArray
from soyoil.base.errors import ContractError, MissingTableError, WarehouseError
from soyoil.base.suggest import did_you_mean
from soyoil.contracts.contract import TableContract
from soyoil.contracts.identifiers import parts_of
from soyoil.contracts.structs import flatten
from soyoil.contracts.validation import row_problems, validate
from soyoil.warehouse.digest import group_digests
from soyoil.warehouse.live import TRAITS, Inspector, LiveTable, LiveWarehouse

MAX_EXAMPLES: Final = 3
REASON: Final = "set_aside_because"
"""Column of the rows that were set aside, after their own."""

Check = Callable[[pd.DataFrame], None]


@dataclass(frozen=True)
class Adoption:
    """Rows that are ready to be written, and the report about them.

    Attributes
    ----------
    rows
        Satisfy the contract.
    aside
        Rows of the source that do not, with their own names and values and a `REASON`.
    """

    rows: pd.DataFrame
    aside: pd.DataFrame
    report: AdoptionReport


def prepare(
    inspector: Inspector,
    contract: TableContract,
    source: str,
    given: Mapping[str, str] | None = None,
    check: Check | None = None,
) -> Adoption:
    """Read a table as rows of a contract; nothing is written.

    Parameters
    ----------
    inspector
        The warehouse.
    contract
        What rows are to satisfy.
    source
        ``dataset.table`` as the warehouse names it, a view or a table of any kind.
    given
        As in `columns.map_columns`.
    check
        Of all fitting rows together; raises if they are no whole.

    Raises
    ------
    MissingTableError
        There is no such table.
    WarehouseError
        The table is the target itself, or the target is a table that soyoil did not write.
    ContractError
        Columns are missing or ambiguous, no row fits, or the rows are no whole.
    """
    live = inspector.inspect()
    table = _source(live, source)
    target = live.own_prefix + contract.name
    replaced = _check_target(live, table, target, contract)
    columns = map_columns(contract, table, given)
    tops = dict.fromkeys(parts_of(name)[0] for name in columns.columns.values() if name)
    rows = inspector.read(table, list(tops)).combine_chunks()
    frame, unread = in_types_of(contract, columns, rows)
    good, found, reasons = _sorted_out(contract, frame, unread)
    theirs = rows.to_pandas()
    aside = theirs[~good].assign(**{REASON: reasons[~good]})
    if not good.any():
        listed = "".join(f"\n  - {s.rows:,} x {s.column}: {s.reason}" for s in found)
        raise ContractError(
            f"no row of {table.name} satisfies {contract.name}, so nothing was written; it has "
            f"{len(frame):,} rows{':' if found else '.'}{listed}"
        )
    batch = validate(frame[good], contract)
    whole = flatten(batch)
    if check is not None:
        _check_whole(check, whole, table, contract, int((~good).sum()))
    report = AdoptionReport(
        source=table.name,
        target=target,
        location=live.location,
        contract=contract.name,
        version=contract.version,
        columns=dict(columns.columns),
        given=tuple(sorted(columns.given)),
        not_copied=columns.unused,
        rows=len(frame),
        fitting=int(good.sum()),
        set_aside=tuple(found),
        replaced=replaced,
        rows_hash=_hash({n: d.digest for n, d in group_digests(contract, batch).items()}),
    )
    return Adoption(whole, aside, report)


def _hash(digests: Mapping[str, str]) -> str:
    return hashlib.sha256(repr(sorted(digests.items())).encode()).hexdigest()


def _source(live: LiveWarehouse, name: str) -> LiveTable:
    tells_case = TRAITS[live.backend].tells_case
    known = {(n if tells_case else n.lower()): t for n, t in live.tables.items()}
    found = known.get(name if tells_case else name.lower())
    if found is None:
        hidden = f" It could not look at {', '.join(live.unseen)}." if live.unseen else ""
        raise MissingTableError(
            f"{live.location} has no table {name}.{did_you_mean(name, live.tables)} Write "
            f"dataset.table as the warehouse names it.{hidden}"
        )
    return found


def _check_target(
    live: LiveWarehouse, table: LiveTable, target: str, contract: TableContract
) -> int:
    """Rows that the target holds; it has to be soyoil's, or missing."""
    if table.name.lower() == target.lower():
        raise WarehouseError(
            f"{table.name} stands where soyoil keeps {contract.name} itself, so there is nothing "
            "to copy. `kedro warehouse plan` shows what it lacks, and `kedro warehouse apply "
            f"--change adopt-table:{target}` takes it over as it is; or rename your table first."
        )
    there = live.tables.get(target)
    if not TRAITS[live.backend].tells_case:
        there = {name.lower(): t for name, t in live.tables.items()}.get(target.lower())
    if there is None:
        return 0
    if there.contract_version is None:
        raise WarehouseError(
            f"{target} is there already and soyoil did not write it, so it is not written over. "
            "Rename or drop it, or use another dataset_prefix under `warehouse`."
        )
    return there.rows or 0


def _check_whole(
    check: Check, rows: pd.DataFrame, table: LiveTable, contract: TableContract, aside: int
) -> None:
    try:
        check(rows)
    except Exception as error:
        left = f" {aside:,} rows were set aside before." if aside else ""
        raise ContractError(
            f"the rows of {table.name} are no whole table {contract.name}, so nothing was written: "
            f"{error}{left}"
        ) from error


def _sorted_out(
    contract: TableContract, frame: pd.DataFrame, unread: Unread
) -> tuple[BoolArray, list[SetAside], pd.Series]:
    """Whether each row fits, what is wrong with the others, and why by row."""
    good = np.ones(len(frame), dtype=bool)
    reasons = pd.Series("", index=frame.index, dtype="str")
    found: list[SetAside] = []

    def note(column: str, reason: str, rows: BoolArray) -> None:
        good[rows] = False
        text = f"{column}: {reason}"
        before = reasons[rows]
        reasons[rows] = before.where(before == "", before + "; ") + text
        examples = frame.loc[rows, list(contract.key)].head(MAX_EXAMPLES).astype("str")
        keys = ("(" + examples.agg(", ".join, axis=1) + ")").tolist()
        found.append(
            SetAside(column=column, reason=reason, rows=int(rows.sum()), examples=tuple(keys))
        )

    for column, (reason, rows) in unread.items():
        note(column, reason, rows)
    for column, reason, rows in row_problems(frame, contract):
        told = unread.get(column)
        rest = rows if told is None else rows & ~told[1]
        if rest.any():
            note(column, reason, rest)
    # Which of two rows of a key is right nobody can tell; the same row again is only left out.
    key = list(contract.key)
    names = " + ".join(key)
    same = good & frame.duplicated(keep="first").to_numpy()
    if same.any():
        note(names, "the same row again", same)
    twice = np.zeros(len(frame), dtype=bool)
    twice[good] = frame.loc[good, key].duplicated(keep=False).to_numpy()
    if twice.any():
        note(names, "several rows of this key that differ", twice)
    return good, found, reasons
