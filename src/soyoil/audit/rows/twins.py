"""The same values under two names, and two values under one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd

from soyoil.audit.defect import Defect, count, names
from soyoil.audit.rows.labels import Sessions
from soyoil.audit.rows.table_data import TableData

MIN_ROWS: Final = 30
APART: Final = 0.005
"""Log distance from which on two closing prices of one session are not the same."""
APART_SHARE: Final = 0.05


def identical_columns(data: TableData) -> Iterator[Defect]:
    """Numeric columns that are equal in every row.

    Parameters
    ----------
    data
        Rows of different keys, of any table.
    """
    if not data.is_foreign or len(data.frame) < MIN_ROWS:
        return
    twins: dict[bytes, list[str]] = defaultdict(list)
    for name in (*data.numbers, *data.targets):
        if data.is_declared(name):
            continue
        values = data.frame[name].to_numpy()
        # Bars of one price are told elsewhere; a column of few values may well be like another.
        if len(np.unique(values[~np.isnan(values)])) >= MIN_ROWS:
            twins[pd.util.hash_array(values).tobytes()].append(name)
    groups = [found for found in twins.values() if len(found) > 1]
    if groups:
        yield Defect(
            "identical_columns",
            "warning",
            (data.name,),
            f"{count(len(groups), 'set')} of columns equal in all {len(data.frame):,} rows: "
            f"{names(' = '.join(group) for group in groups)}",
            "One of the names is false, or a model counts the same thing twice.",
            "Find out which name is right and drop the others.",
        )


def price_disagreements(known: Mapping[str, Sequence[Sessions]]) -> Iterator[Defect]:
    """Tables whose closing prices of one root differ on the same dates.

    A factor that is the same on all dates is a unit, and no disagreement.

    Parameters
    ----------
    known
        Sessions by root, of all tables, the one to trust first.
    """
    for root, tables in known.items():
        first = tables[0]
        for other in tables[1:]:
            _, here, there = np.intersect1d(first.days, other.days, return_indices=True)
            a, b = first.close[here], other.close[there]
            both = (a > 0) & (b > 0)
            if both.sum() < MIN_ROWS:
                continue
            ratio = np.log(b[both] / a[both])
            factor = float(np.median(ratio))
            apart = np.abs(ratio - factor) > APART
            if apart.mean() <= APART_SHARE:
                continue
            worst = int(np.argmax(np.abs(ratio - factor)))
            day = first.days[here][both][worst]
            unit = f" (beside a factor of {np.exp(factor):.3g})" if abs(factor) > APART else ""
            yield Defect(
                "price_disagreement",
                "warning",
                (other.table, first.table),
                f"their closes of {root} are more than {100 * APART:g} % apart on "
                f"{int(apart.sum()):,} of {len(ratio):,} common dates{unit}: on {day} "
                f"{b[both][worst]:g} and {a[both][worst]:g}",
                "At most one is right: contract, roll, adjustment or hour differ.",
                f"Keep the table whose source is known; the others say so in their name. "
                f"soyoil trusts {first.table}.",
            )
