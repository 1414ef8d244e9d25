"""What every backend checks before it reads or writes a table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from soyoil.base.errors import ContractError, MissingTableError
from soyoil.contracts.contract import PROVENANCE, Column, TableContract, WriteMode

MAX_PARTITIONS: Final = 10_000
"""Partitions a BigQuery table may have; https://cloud.google.com/bigquery/quotas."""
SHOWN_KEYS: Final = 3


def check_batch(contract: TableContract, table: pa.Table) -> None:
    """Refuse a batch that no backend may write.

    Raises
    ------
    ContractError
        Other columns or types than the contract's, a required value missing, a key twice,
        several provenances, or more partitions than a table may have.
    """
    if not table.schema.equals(contract.arrow_schema()):
        raise ContractError(
            f"the batch for {contract.name} does not have the columns and types of its "
            "contract: pass it through soyoil.contracts.validation.validate first"
        )
    empty = [f.name for f in table.schema if not f.nullable and table[f.name].null_count]
    if empty:
        raise ContractError(
            f"the batch for {contract.name} lacks values of the required {', '.join(empty)}: "
            "pass it through soyoil.contracts.validation.validate first"
        )
    _check_keys(contract, table)
    found = provenances(contract, table)
    if len(found) > 1:
        raise ContractError(
            f"the batch for {contract.name} mixes the provenances {', '.join(found)}: "
            "one write has one provenance"
        )
    check_partition_count(contract, len(partitions(contract, table)))


def _check_keys(contract: TableContract, table: pa.Table) -> None:
    counts = table.select(contract.key).group_by(list(contract.key)).aggregate([([], "count_all")])
    if counts.num_rows == table.num_rows:
        return
    repeated = counts.filter(pc.greater(counts["count_all"], 1)).select(contract.key)
    rows = repeated.sort_by([(name, "ascending") for name in contract.key]).slice(0, SHOWN_KEYS)
    keys = ", ".join("(" + ", ".join(map(str, row.values())) + ")" for row in rows.to_pylist())
    raise ContractError(
        f"the batch for {contract.name} holds a key twice: {'+'.join(contract.key)} = {keys}"
    )


def provenances(contract: TableContract, table: pa.Table) -> list[str]:
    """Provenances of a batch, sorted; none where the contract does not keep them apart."""
    if not contract.single_provenance:
        return []
    return sorted(table[PROVENANCE].unique().to_pylist())


def write_mode(contract: TableContract, table: pa.Table) -> WriteMode:
    """How a batch is written: what a generator makes anew replaces all it made before."""
    if set(provenances(contract, table)) & set(contract.sync_provenance):
        return "sync"
    return contract.write_mode


def check_provenance(
    contract: TableContract, batch: Iterable[str], there: Iterable[str], place: str, remedy: str
) -> None:
    """Refuse a batch of another provenance than the rows of the table.

    Parameters
    ----------
    contract
        Contract of the table.
    batch, there
        Provenances of both.
    place
        Where the table is.
    remedy
        Sentence that says what to do.

    Raises
    ------
    ContractError
        They differ.
    """
    batch, there = set(batch), set(there)
    if batch and there - batch:
        raise ContractError(
            f"{contract.name} in {place} holds {PROVENANCE} {', '.join(sorted(there))}, the "
            f"batch is {', '.join(sorted(batch))}: they are never mixed. {remedy}"
        )


def partitions(contract: TableContract, table: pa.Table) -> list[str]:
    """Ids of the partitions that a batch belongs to, sorted: ``20240131``, ``202401``."""
    partition = contract.partition
    if partition is None:
        return []
    form = "%Y%m%d" if partition.granularity == "DAY" else "%Y%m"
    days = table[partition.column].cast(pa.timestamp("s")).unique().drop_null()
    return sorted(set(pc.strftime(days, form).to_pylist()))


def check_partition_count(contract: TableContract, count: int) -> None:
    """Refuse more partitions than a table may have.

    Raises
    ------
    ContractError
        There are more.
    """
    if count > MAX_PARTITIONS and contract.partition is not None:
        advice = (
            "Partition by MONTH in its contract"
            if contract.partition.granularity == "DAY"
            else "Leave the partitioning out of its contract"
        )
        raise ContractError(
            f"{contract.name} would have {count:,} partitions by {contract.partition.granularity} "
            f"of {contract.partition.column}, and a table may have {MAX_PARTITIONS:,}. {advice}, "
            "or write a shorter span."
        )


def projection(contract: TableContract, columns: Sequence[str] | None) -> pa.Schema:
    """Schema of some top-level columns, in the order given; of all if None.

    Raises
    ------
    ContractError
        There is no such column.
    """
    schema = contract.arrow_schema()
    if columns is None:
        return schema
    unknown = [name for name in columns if name not in schema.names]
    if unknown:
        raise ContractError(
            f"{contract.name} has no top-level column {', '.join(unknown)}; "
            f"it has {', '.join(schema.names)}"
        )
    return pa.schema([schema.field(name) for name in columns])


def missing_table(contract: TableContract, place: str) -> MissingTableError:
    """Error for a table that is not there."""
    return MissingTableError(
        f"the warehouse {place} has no table {contract.name}: run the pipeline that writes it first"
    )


def stamp(contract: TableContract) -> str:
    """Mark of the contract, kept in the comment or description of its table."""
    return json.dumps(
        {"contract": contract.name, "version": contract.version, "hash": contract.content_hash}
    )


def stamp_of(comment: str | None) -> str | None:
    """The mark in a comment: its last line; None if there is none."""
    last = (comment or "").strip().rsplit("\n", 1)[-1]
    return last if stamped_version(last) is not None else None


def stamped_version(comment: str | None) -> int | None:
    """Version of the contract a table was written under, None if it bears no mark."""
    try:
        version = json.loads((comment or "").strip().rsplit("\n", 1)[-1])["version"]
    except (ValueError, KeyError, TypeError):
        return None
    return version if isinstance(version, int) else None


def addable_columns(contract: TableContract, have: Mapping[str, str]) -> list[Column]:
    """Columns that an existing table lacks and the next write adds.

    Contracts gain columns at their end, nullable, so that old rows fit them; a write that
    replaces those rows fills them.

    Parameters
    ----------
    contract
        Contract of the table.
    have
        As for `differences`.
    """
    top = [name for name in have if "." not in name]
    names = [column.name for column in contract.columns]
    new = list(contract.columns[len(top) :])
    if top != names[: len(top)] or not all(column.nullable for column in new):
        return []
    return new


def with_addable(
    contract: TableContract, have: Mapping[str, str], wanted: Iterable[str]
) -> dict[str, str]:
    """Types of a table as if it had the columns that the next write adds.

    Parameters
    ----------
    contract
        Contract of the table.
    have
        As for `differences`.
    wanted
        Top-level columns that are to be read, which must be there.
    """
    wanted = set(wanted)
    new = {column.name for column in addable_columns(contract, have)} - wanted
    types = flat_types(contract.arrow_schema())
    return {**have, **{n: kind for n, kind in types.items() if n.split(".")[0] in new}}


def differences(
    contract: TableContract,
    comment: str | None,
    have: Mapping[str, str],
    required: Iterable[str],
) -> list[str]:
    """What a table has that its contract does not say, and the other way round.

    Parameters
    ----------
    contract
        Contract of the table.
    comment
        Comment or description of the table.
    have
        Type of every column and STRUCT field by dotted name, as `flat_types` gives them, in
        the order of the table.
    required
        Top-level columns that are NOT NULL.
    """
    found = []
    version = stamped_version(comment)
    if version != contract.version:
        written = "no soyoil contract" if version is None else f"contract version {version}"
        found.append(f"written under {written}, now version {contract.version}")
    want = flat_types(contract.arrow_schema())
    shape = [f"column {name} is missing" for name in want if name not in have]
    shape += [f"column {name} is not in the contract" for name in have if name not in want]
    shape += [
        f"column {name} is {have[name]}, not {want[name]}"
        for name in want
        if name in have and have[name] != want[name]
    ]
    if not shape and list(have) != list(want):
        shape.append("the columns are in another order")
    needed = {column.name for column in contract.columns if not column.nullable}
    shape += [f"column {n} is NOT NULL in one only" for n in sorted(needed ^ set(required))]
    return found + shape


def check_fit(contract: TableContract, found: Sequence[str], place: str, remedy: str) -> None:
    """Refuse a table that does not fit its contract.

    Parameters
    ----------
    contract
        Contract of the table.
    found
        The `differences`.
    place
        Where the table is.
    remedy
        What to do with it, after "Restore the contract it was written under, or".

    Raises
    ------
    ContractError
        There are differences.
    """
    if found:
        raise ContractError(
            f"the table {contract.name} in {place} does not fit its contract: "
            f"{'; '.join(found)}. Restore the contract it was written under, or {remedy}"
        )


def flat_types(schema: pa.Schema) -> dict[str, str]:
    """Type of every column and STRUCT field by dotted name, as `differences` compares them."""
    flat: dict[str, str] = {}

    def visit(fields: Sequence[pa.Field], prefix: str) -> None:
        for field in fields:
            name = f"{prefix}{field.name}"
            if pa.types.is_struct(field.type):
                flat[name] = "struct"
                visit(list(field.type), f"{name}.")
            elif pa.types.is_timestamp(field.type) and field.type.tz is not None:
                # DuckDB labels instants with the zone of the session, whatever it is.
                flat[name] = f"timestamp[{field.type.unit}, tz]"
            else:
                flat[name] = str(field.type)

    visit(list(schema), "")
    return flat
