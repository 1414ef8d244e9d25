"""Which parts of a batch a table does not hold yet, told from digests alone.

A part is the rows of one group of digests in one month of the partition column, or all rows of
the group where the contract has no such column in its key. The digest of a group is the sum of
those of its parts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from soyoil.base.arrays import IntArray
from soyoil.contracts.contract import TableContract, WriteMode
from soyoil.warehouse.digest import Digests, GroupDigest, groups_of, row_hashes
from soyoil.warehouse.origins import batch_origin
from soyoil.warehouse.partial.written import Written

Parts = Mapping[str, str]
"""Rows and digest of a part by its month, ``202401``; by an empty text where it is the group."""


def month_column(contract: TableContract) -> str | None:
    """Column whose months are parts; None if parts are whole groups."""
    partition = contract.partition
    return partition.column if partition and partition.column in contract.key else None


def digests_by_part(
    contract: TableContract, table: pa.Table, origin: str | None = None
) -> dict[str, GroupDigest]:
    """Digest of each group of rows with its parts; otherwise as `digest.group_digests`."""
    return _digests(_parts(contract, table)[0], origin)


def _digests(found: Mapping[str, Parts], origin: str | None) -> dict[str, GroupDigest]:
    digests = {}
    for name, parts in found.items():
        values = [text.split() for text in parts.values()]
        first, second = (sum(int(v[1][i : i + 16], 16) for v in values) % 2**64 for i in (0, 16))
        rows = sum(int(v[0]) for v in values)
        text = json.dumps(dict(parts), sort_keys=True, separators=(",", ":"))
        digests[name] = GroupDigest(rows, f"{first:016x}{second:016x}", origin, text)
    return digests


def _parts(contract: TableContract, table: pa.Table) -> tuple[dict[str, Parts], IntArray, IntArray]:
    """Parts by group, and numbers of group and month for each row."""
    if not table.num_rows:
        return {}, np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    groups, group = groups_of(contract, table)
    months, month = _months(contract, table)
    codes = group * len(months) + month
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(codes[order]) != 0])
    counts = np.diff(np.r_[starts, len(codes)])
    sums = [np.add.reduceat(values[order], starts) for values in row_hashes(contract, table)]
    found: dict[str, dict[str, str]] = {name: {} for name in groups}
    for code, count, one, two in zip(codes[order][starts], counts.tolist(), *sums, strict=True):
        at, of = divmod(int(code), len(months))
        found[groups[at]][months[of]] = f"{count} {one:016x}{two:016x}"
    return dict(found), group, month


def _months(contract: TableContract, table: pa.Table) -> tuple[list[str], IntArray]:
    column = month_column(contract)
    if column is None:
        return [""], np.zeros(table.num_rows, dtype=np.int64)
    days = table[column].cast(pa.timestamp("s")).to_numpy()
    used, month = np.unique(days.astype("datetime64[M]"), return_inverse=True)
    return [str(value).replace("-", "") for value in used], month.astype(np.int64)


@dataclass(frozen=True)
class Changes:
    """What of a batch a table does not hold.

    Attributes
    ----------
    rows
        Rows of the parts that are new or differ.
    fresh
        Whether the table has no row in any of these parts.
    kept
        Whether some part of the batch is there already.
    written
        What becomes of the digests.
    """

    rows: pa.Table
    fresh: bool
    kept: bool
    written: Written


def changes(
    contract: TableContract, batch: pa.Table, mode: WriteMode, stored: Digests
) -> Changes | None:
    """What is to be written of a batch if the table is as its digests say.

    Parameters
    ----------
    contract, batch, mode
        What is written, and how.
    stored
        Digests of the table.

    Returns
    -------
    Changes or None
        None if digests do not tell: of an upsert, of tables of earlier versions, or where all
        rows of a part are to go.
    """
    if mode == "upsert" or not stored or not batch.num_rows:
        return None
    found, group, month = _parts(contract, batch)
    if mode == "replace" and stored.keys() - found.keys():
        return None
    months = _months(contract, batch)[0]
    differs = np.zeros((len(found), len(months)), dtype=bool)
    fresh, kept = True, False
    for at, (name, new) in enumerate(found.items()):
        then = stored.get(name)
        if then is not None and then.parts is None:
            return None
        old: Parts = json.loads(then.parts) if then and then.parts else {}
        if old.keys() - new.keys():
            return None
        other = [name not in new or old.get(name) != new[name] for name in months]
        differs[at] = other
        fresh &= not any(m in old and old[m] != new[m] for m in new)
        kept |= any(old.get(m) == new[m] for m in new)
    rows = batch.filter(pa.array(differs[group, month]))
    now = _digests(found, batch_origin(batch))
    put = {name: digest for name, digest in now.items() if stored.get(name) != digest}
    return Changes(rows, fresh, kept, Written(put, ()))
