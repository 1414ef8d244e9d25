"""Shape of a table that soyoil did not write and that is called like one of its own.

What such a table has beside the columns of the contract stays.
"""

from __future__ import annotations

from dataclasses import replace

from soyoil.warehouse.live import LiveColumn
from soyoil.warehouse.table_shape import Columns, Edit, TableShape

_ADDING = ("add-column", "widen-column", "relax-column")


def with_theirs(have: TableShape, want: TableShape, *, claimed: bool) -> TableShape:
    """Shape of the contract, and after it what the table has of its own.

    Parameters
    ----------
    have
        The table.
    want
        The contract.
    claimed
        Whether soyoil is to write the table. Then its STRUCTs and their fields stay; of one that
        it will never write all columns, partitions and clusters do, and nothing is required.

    Returns
    -------
    TableShape
        Stamped only if it is exactly what the contract asks for.
    """
    columns = _merged(have.columns, want.columns, claimed=claimed)
    if claimed and columns == want.columns:
        return replace(want, rows=have.rows)
    shape = replace(want, columns=columns, version=None, content_hash=None, rows=have.rows)
    if claimed:
        return shape
    return replace(
        shape,
        partition=have.partition,
        other_partition=have.other_partition,
        cluster=have.cluster,
    )


def _merged(have: Columns, want: Columns, *, claimed: bool, top: bool = True) -> Columns:
    there = {column.name: column for column in have}
    wanted = {column.name.lower() for column in want}
    if not claimed:
        # No order is demanded: what is new comes last, where it costs nothing.
        asked = {column.name: column for column in want}
        return (
            *(
                _column(c, asked[c.name], claimed=False) if c.name in asked else c
                for c in have
                if c.name in asked or c.name.lower() not in wanted
            ),
            *(_column(None, c, claimed=False) for c in want if c.name not in there),
        )
    found = [_column(there.get(column.name), column, claimed=True) for column in want]
    own = [
        column
        for column in have
        if column.name.lower() not in wanted and (not top or column.type == "STRUCT")
    ]
    return (*found, *own)


def _column(have: LiveColumn | None, want: LiveColumn, *, claimed: bool) -> LiveColumn:
    nullable = want.nullable if claimed else have is None or have.nullable
    if have is None or not have.type == want.type == "STRUCT" or have.repeated:
        return replace(want, nullable=nullable)
    fields = _merged(have.fields, want.fields, claimed=claimed, top=False)
    return replace(want, nullable=nullable, fields=fields)


def takes_nothing(edit: Edit) -> bool:
    """Whether an edit only adds to a table."""
    return edit.kind in _ADDING
