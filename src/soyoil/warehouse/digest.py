"""What the writer of a table left behind to find rows that were altered since.

Every row has a hash over its columns, every group of rows (all rows of a symbol, for instance)
the sum of the hashes of its rows, so that neither the order of rows nor the backend matters.
Digests and rows are written in one transaction. A reader compares, and refuses a group that is
not what was written. Tables without digests, of earlier versions or not written by soyoil, are
taken as they are.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from soyoil.base.arrays import IntArray
from soyoil.base.errors import ContractError
from soyoil.contracts.contract import TableContract
from soyoil.contracts.structs import leaf_arrays
from soyoil.warehouse.backend import AlteredRows
from soyoil.warehouse.origins import with_origins

DATASET: Final = "soyoil"
"""Dataset of what soyoil keeps for itself; no part of the warehouse that is looked at."""
TABLE: Final = f"{DATASET}.table_digests"
COLUMNS: Final[dict[str, str]] = {
    "table_name": "STRING",
    "group_name": "STRING",
    "n_rows": "INT64",
    "digest": "STRING",
    "shape": "STRING",
    "origin": "STRING",
}
"""Columns of `TABLE` and their types."""
PARTS: Final = "parts"
"""One more, STRING, where uploads cost: it tells which months a write need not send."""

MAX_SHOWN: Final = 4

_ALGORITHM: Final = 1
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX: Final = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_NULL: Final = np.uint64(0xA5A5F00DDEADBEEF)

Hashes = npt.NDArray[np.uint64]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class GroupDigest:
    """Digest of the rows of one group.

    Attributes
    ----------
    rows
        Number of rows.
    digest
        Hash in hexadecimal.
    origin
        What the rows were made from, as JSON; None if the writer did not say.
    parts
        Digests of the months of the group, as JSON, where they are kept; see `partial.parts`.
    """

    rows: int
    digest: str
    origin: str | None = None
    parts: str | None = None

    def same_rows(self, other: GroupDigest | None) -> bool:
        """Whether both speak of the same rows, whatever they were made from."""
        return other is not None and (self.rows, self.digest) == (other.rows, other.digest)


Digests = Mapping[str, GroupDigest]
DigestsOf = Callable[[TableContract, pa.Table, str | None], dict[str, GroupDigest]]


def shape(contract: TableContract) -> str:
    """Short hash of what a digest depends on beside the rows: columns, types, algorithm."""
    leaves = [(name, column.type) for name, column in contract.flat_columns().items()]
    text = json.dumps([_ALGORITHM, contract.version, group_columns(contract), leaves])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def group_columns(contract: TableContract) -> tuple[str, ...]:
    """Columns that tell groups apart: those of a sync, else the key without its last column."""
    return contract.sync_by or contract.key[:-1]


def group_digests(
    contract: TableContract, table: pa.Table, origin: str | None = None
) -> dict[str, GroupDigest]:
    """Digest of each group of rows.

    Parameters
    ----------
    contract
        Contract of the table.
    table
        Rows with ``contract.arrow_schema()``, in any order.
    origin
        What they were made from.

    Returns
    -------
    dict of GroupDigest
        Digests by the text of the group: the value of its column, a JSON list of several, or empty
        if the table is one group.
    """
    if not table.num_rows:
        return {}
    first, second = row_hashes(contract, table)
    names, codes = groups_of(contract, table)
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(codes[order]) != 0])
    counts = np.diff(np.r_[starts, len(codes)])
    sums = [np.add.reduceat(values[order], starts) for values in (first, second)]
    return {
        name: GroupDigest(int(count), f"{one:016x}{two:016x}", origin)
        for name, count, one, two in zip(names, counts.tolist(), *sums, strict=True)
    }


def groups_of(contract: TableContract, table: pa.Table) -> tuple[list[str], IntArray]:
    """Texts of the groups of a table, and the number of its group for each row."""
    columns = group_columns(contract)
    codes = np.zeros(table.num_rows, dtype=np.int64)
    if not columns:
        return [""], codes
    values = []
    for name in columns:
        encoded = table[name].combine_chunks().dictionary_encode()
        values.append(encoded.dictionary.to_pylist())
        codes = codes * len(encoded.dictionary) + encoded.indices.to_numpy(zero_copy_only=False)
    used, codes = np.unique(codes, return_inverse=True)
    names = []
    for code in used.tolist():
        parts = []
        for known in reversed(values):
            code, at = divmod(code, len(known))
            parts.append(str(known[at]))
        names.append(parts[0] if len(parts) == 1 else json.dumps(parts[::-1]))
    return names, codes


def row_hashes(contract: TableContract, table: pa.Table) -> tuple[Hashes, Hashes]:
    """Two hashes of each row, whose sums are digests."""
    first = np.zeros(table.num_rows, dtype=np.uint64)
    for _, values in leaf_arrays(table, contract):
        first = _mixed(first * _GOLDEN + _value_hashes(values))
    return first, _mixed(first + _GOLDEN)


def _value_hashes(values: pa.Array) -> Hashes:
    missing = values.is_null().to_numpy(zero_copy_only=False)
    kind = values.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        encoded = values.dictionary_encode()
        known = np.array([*encoded.dictionary.to_pylist(), ""], dtype=object)
        hashes = np.asarray(pd.util.hash_array(known, categorize=False), dtype=np.uint64)
        at = pc.fill_null(encoded.indices, len(known) - 1).to_numpy(zero_copy_only=False)
        found = hashes[at]
    elif pa.types.is_floating(kind):
        # SQL takes both zeros for equal, so an update may keep the other one.
        numbers = pc.fill_null(values, 0.0).to_numpy(zero_copy_only=False) + 0.0
        found = _mixed(numbers.astype(np.float64).view(np.uint64))
    else:
        if pa.types.is_date(kind):
            values = values.cast(pa.int32())
        whole = values.cast(pa.int64()) if not pa.types.is_int64(kind) else values
        found = _mixed(pc.fill_null(whole, 0).to_numpy(zero_copy_only=False).view(np.uint64))
    return np.where(missing, _NULL, found)


def _mixed(values: Hashes) -> Hashes:
    """Finalizer of splitmix64: every bit depends on every bit."""
    out = values + _GOLDEN
    out = (out ^ (out >> np.uint64(30))) * _MIX[0]
    out = (out ^ (out >> np.uint64(27))) * _MIX[1]
    return out ^ (out >> np.uint64(31))


def altered(stored: Digests, now: Digests, only: Iterable[str] | None = None) -> list[str]:
    """What was altered since it was written, a phrase per group; none if nothing is stored.

    Parameters
    ----------
    stored
        Digests that the writer left.
    now
        Digests of the rows that are there.
    only
        Groups to look at; all if None.
    """
    if not stored:
        return []
    names = sorted({*stored, *now} if only is None else {*only} & {*stored, *now})
    phrases = []
    for name in names:
        then, found = stored.get(name), now.get(name)
        if then is None:
            rows = found.rows if found else 0
            phrases.append(f"{_named(name)} has {rows:,} rows that soyoil did not write")
        elif not then.same_rows(found):
            count = found.rows if found else 0
            phrases.append(
                f"{_named(name)} has {count:,} rows, {then.rows:,} were written"
                if count != then.rows
                else f"{_named(name)} has other values in its {count:,} rows"
            )
    return phrases


def _named(group: str) -> str:
    return group or "the table"


def checked(
    contract: TableContract,
    table: pa.Table,
    stored: Digests,
    place: str,
    altered_rows: AlteredRows = "refuse",
    groups: Iterable[str] | None = None,
) -> pa.Table:
    """All rows of a table as they were read, with their origins, if they are as written.

    Parameters
    ----------
    contract
        Contract of the table.
    table
        All its rows, or all of some groups.
    stored
        Digests that the writer left.
    place
        Where the table is, for the message.
    altered_rows
        What is done with groups that are not as written.
    groups
        Groups that `table` should hold; all if None.

    Raises
    ------
    ContractError
        They were altered since; names the groups and what to do.
    """
    if not stored:
        logger.info(
            "%s has no digests, so that nobody can tell whether its rows are as they were "
            "written; the next write leaves some",
            contract.name,
        )
        return table
    now = group_digests(contract, table)
    phrases = altered(stored, now, None if groups is None else {*groups, *now})
    if phrases and altered_rows == "leave out":
        logger.warning(
            "%s in %s was altered since soyoil wrote it, so these rows are left out: %s",
            contract.name,
            place,
            _listed(phrases),
        )
        names, codes = groups_of(contract, table)
        sound = np.array([now[name].same_rows(stored.get(name)) for name in names], dtype=bool)
        table = table.filter(pa.array(sound[codes]))
    else:
        _refuse(contract, phrases, place)
    return with_origins(table, {name: d.origin for name, d in stored.items()})


def rows_of_groups(contract: TableContract, rows: pa.Table, batch: pa.Table) -> pa.Table:
    """Rows of the groups that a batch has rows of."""
    names, codes = groups_of(contract, rows)
    wanted = np.isin(np.array(names, dtype=object), groups_of(contract, batch)[0])
    return rows.filter(pa.array(wanted[codes]))


def check_batch_groups(
    contract: TableContract, batch: pa.Table, old: pa.Table, stored: Digests, place: str
) -> None:
    """Refuse to put a batch between rows that were altered since they were written.

    Parameters
    ----------
    old
        Rows of the groups of the batch.

    Raises
    ------
    ContractError
        Naming the groups and what to do.
    """
    names, _ = groups_of(contract, batch)
    _refuse(contract, altered(stored, group_digests(contract, old), names), place)


def _refuse(contract: TableContract, phrases: Sequence[str], place: str) -> None:
    if not phrases:
        return
    remedy = (
        "Run the pipeline that writes it again (kedro run --pipeline=ingest, or train): that "
        "puts its own rows in place."
        if contract.write_mode != "upsert"
        else "A load adds rows and mends none: restore them, or drop the table "
        f"(DROP TABLE {contract.name}), which loses its rows, and load its files again."
    )
    raise ContractError(
        f"{contract.name} in {place} was altered since soyoil wrote it: {_listed(phrases)}. "
        f"{remedy}"
    )


def _listed(phrases: Sequence[str]) -> str:
    shown = list(phrases[:MAX_SHOWN])
    if len(phrases) > MAX_SHOWN:
        shown.append(f"and {len(phrases) - MAX_SHOWN} more groups")
    return "; ".join(shown)
