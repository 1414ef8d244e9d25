"""Digests of a table after a batch was written."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from soyoil.contracts.contract import TableContract, WriteMode
from soyoil.warehouse.digest import Digests, DigestsOf, group_columns, group_digests
from soyoil.warehouse.origins import batch_origin


@dataclass(frozen=True)
class Written:
    """What a write does to the digests of a table, beside removing those of other shapes.

    Attributes
    ----------
    put
        Digests that are new or changed.
    gone
        Groups that have none any more.
    """

    put: Digests
    gone: tuple[str, ...]

    @property
    def changed(self) -> bool:
        """Whether anything is to be written."""
        return bool(self.put or self.gone)


def needs_rows(mode: WriteMode, stored: Digests) -> bool:
    """Whether digests after a write depend on rows that are in the table already.

    A batch that replaces whole groups says itself what they hold; so the rest is needed only if
    it is put between other rows, or if nothing is known of the other groups.

    Parameters
    ----------
    mode
        How the batch is written.
    stored
        Digests of the table, empty if nothing is known of it.
    """
    return mode == "upsert" or (mode == "sync" and not stored)


def after_write(
    contract: TableContract,
    batch: pa.Table,
    mode: WriteMode,
    stored: Digests,
    old: pa.Table | None,
    digests: DigestsOf = group_digests,
) -> Written:
    """Digests to write with a batch.

    Parameters
    ----------
    contract, batch, mode
        What is written, and how.
    stored
        Digests of before.
    old
        Rows that were there where `needs_rows` asks for them: those of the groups of the batch,
        or all if nothing is stored.
    digests
        Makes the digests of rows.
    """
    origin = batch_origin(batch)
    now = digests(contract, batch, origin)
    if old is not None:
        rows = _merged(contract, old, batch, mode)
        now = {
            name: replace(digest, origin=origin if name in now else None)
            for name, digest in digests(contract, rows, None).items()
        }
    put = {name: digest for name, digest in now.items() if stored.get(name) != digest}
    gone = tuple(name for name in stored if name not in now) if mode == "replace" else ()
    return Written(put, gone)


def _merged(contract: TableContract, old: pa.Table, batch: pa.Table, mode: WriteMode) -> pa.Table:
    """Rows of a table after a batch was put over them."""
    by = list(group_columns(contract) if mode == "sync" else contract.key)
    # Arrow joins no STRUCT, so rows are told by their number.
    numbered = old.select(by).append_column("row number", pa.array(np.arange(old.num_rows)))
    kept = numbered.join(batch.select(by), by, join_type="left anti")["row number"]
    schema = contract.arrow_schema()
    return pa.concat_tables([old.take(kept).cast(schema), batch.cast(schema)])
