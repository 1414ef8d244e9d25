"""Where rows come from: provenance, vendors, made-up values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from soyoil.audit.config import AuditConfig
from soyoil.audit.defect import Defect, count
from soyoil.audit.rows.table_data import SOURCE_NAMES, TableData, leaf
from soyoil.audit.structure.columns import names_vendor

MADE: Final = re.compile(
    r"synth|simulat|proxy|mock|fake|dummy|placeholder|generated|imputed|interpolat|pattern"
    r"|baseline|composite",
    re.IGNORECASE,
)
_MADE_FLAG: Final = re.compile(
    r"^(?:is_)?(?:synthetic|simulated|proxy|imputed|interpolated|filled|forward_filled)$",
    re.IGNORECASE,
)


def _counts(values: pd.Series) -> str:
    return ", ".join(f"{value}: {n:,}" for value, n in values.value_counts().head(5).items())


def _spans(data: TableData, column: str) -> str:
    if data.date is None:
        return _counts(data.frame[column])
    spans = data.frame.groupby(column)[data.date].agg(["size", "min", "max"])
    parts = zip(spans.index, spans["size"], spans["min"], spans["max"], strict=True)
    return ", ".join(f"{v}: {n:,} rows {a:%Y-%m-%d} to {b:%Y-%m-%d}" for v, n, a, b in parts)


def origins(data: TableData, config: AuditConfig) -> Iterator[Defect]:
    """Rows of banned vendors, of several sources in one series, and rows that were made."""
    for column in data.sources:
        values = data.frame[column].dropna()
        distinct = [str(v) for v in values.unique()]
        banned = [v for v in distinct if names_vendor(v, config.banned_vendors)]
        if banned:
            rows = values[values.isin(banned)]
            yield Defect(
                "banned_source",
                "error",
                (data.name,),
                f"{count(len(rows), 'row')} of {len(data.frame):,} by {column}: {_counts(rows)}",
                "Values of this vendor are revised without notice and may not be used.",
                "Load the exchange's own bars instead and drop these rows.",
            )
        made = [v for v in distinct if MADE.search(v)]
        if made:
            yield from _made(data, column, values[values.isin(made)], len(values))
        elif len(distinct) > 1 and data.is_market:
            yield Defect(
                "mixed_sources",
                "warning",
                (data.name,),
                f"{len(distinct)} values of {column} in one table: {_spans(data, column)}",
                "Sources differ in contract, roll and hour: their seam looks like a move.",
                "One source per table.",
            )
    yield from _flagged(data)


def banned_in_lists(name: str, rows: pa.Table, banned: Sequence[str]) -> Iterator[Defect]:
    """Banned vendors named inside repeated STRUCTs, which no frame of columns shows.

    Parameters
    ----------
    name
        Of the table.
    rows
        As the warehouse gives them.
    banned
        Words as they stand in names.
    """
    for column in rows.column_names:
        for path, values in _texts(column, rows[column].combine_chunks(), repeated=False):
            if leaf(path) not in SOURCE_NAMES:
                continue
            counted = values.value_counts().to_pylist()
            found = {str(c["values"]): c["counts"] for c in counted if c["values"] is not None}
            named = {v: n for v, n in found.items() if names_vendor(v, banned)}
            if named:
                yield Defect(
                    "banned_source",
                    "error",
                    (name,),
                    f"{count(sum(named.values()), 'value')} of {sum(found.values()):,} in the "
                    f"lists of {column} by {path}: "
                    f"{', '.join(f'{v}: {n:,}' for v, n in named.items())}",
                    "Values of this vendor are revised without notice and may not be used.",
                    "Load the exchange's own bars instead and drop these entries.",
                )


def _texts(
    path: str, values: pa.Array, *, repeated: bool
) -> Iterator[tuple[str, pa.Array | pa.ChunkedArray]]:
    """Texts inside lists, by dotted name."""
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        yield from _texts(path, values.flatten(), repeated=True)
    elif pa.types.is_struct(values.type):
        for field in values.type:
            inner = pc.struct_field(values, field.name)
            yield from _texts(f"{path}.{field.name}", inner, repeated=repeated)
    elif repeated and (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        yield path, values


def _made(data: TableData, column: str, rows: pd.Series, total: int) -> Iterator[Defect]:
    declared = data.contract.flat_columns().get(column) if data.contract else None
    allowed = set(declared.allowed or ()) if declared is not None else set()
    mixed = len(rows) < total
    single = data.contract is not None and data.contract.single_provenance
    if set(rows.unique()) <= allowed and not (mixed and single):
        return
    if not mixed and MADE.search(data.name):
        return
    yield Defect(
        "mixed_provenance" if mixed else "made_rows",
        "error",
        (data.name,),
        f"{count(len(rows), 'row')} of {len(data.frame):,} are not observed, by {column}: "
        f"{_counts(rows)}"
        + (f"; {data.labels(data.frame.index.isin(rows.index))}" if data.date else ""),
        "Made values under the name of an observed series pass for prices that were traded.",
        "Keep them in a table of their own, marked by provenance, and out of every run whose "
        "source is not synthetic.",
    )


def _flagged(data: TableData) -> Iterator[Defect]:
    for name in data.names:
        if not _MADE_FLAG.match(leaf(name)) or data.frame[name].dtype != "boolean":
            continue
        made = data.frame[name].fillna(False).to_numpy(dtype=bool)
        if made.any() and not (made.all() and MADE.search(data.name)):
            yield Defect(
                "made_rows",
                "error",
                (data.name,),
                f"{count(int(made.sum()), 'row')} of {len(data.frame):,} with {name}: "
                f"{data.labels(made)}",
                "Made values under the name of an observed series pass for prices that were "
                "traded.",
                "Keep them in a table of their own, marked by provenance.",
            )


def provenances(data: TableData) -> tuple[str, ...]:
    """Provenances of a contracted table that may hold one only, in order."""
    if (
        data.contract is None
        or not data.contract.single_provenance
        or "provenance" not in (data.frame)
    ):
        return ()
    return tuple(sorted(str(v) for v in data.frame["provenance"].dropna().unique()))


def mixed_warehouse(found: Mapping[str, tuple[str, ...]]) -> Iterator[Defect]:
    """Contracted tables of different provenance beside each other.

    Parameters
    ----------
    found
        Provenances by table.
    """
    kinds = sorted({kind for kinds in found.values() for kind in kinds})
    if len(kinds) > 1:
        yield Defect(
            "mixed_warehouse",
            "error",
            tuple(found),
            "; ".join(f"{name}: {', '.join(values)}" for name, values in found.items() if values),
            "Features of one provenance stand beside sessions of another.",
            "Give each source.kind a warehouse of its own, and run the chain again.",
        )
