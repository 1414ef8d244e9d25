"""Schemas of the contracts as BigQuery's clients want them, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from soyoil.contracts.contract import ARROW_TYPES, Column, TableContract
from soyoil.warehouse import table_check

if TYPE_CHECKING:
    from google.cloud import bigquery

# The REST API answers with the names of the old dialect.
STANDARD_TYPES: Final[dict[str, str]] = {
    "INTEGER": "INT64",
    "FLOAT": "FLOAT64",
    "BOOLEAN": "BOOL",
    "RECORD": "STRUCT",
}
_UNITS: Final[dict[str, str]] = {"DAY": "by day", "MONTH": "by month"}


def bigquery_schema(contract: TableContract) -> list[bigquery.SchemaField]:
    """Fields of a table, in contract order; fields of a STRUCT are nullable (`ddl`)."""
    return [_field(column, required=not column.nullable) for column in contract.columns]


def _field(column: Column, *, required: bool) -> bigquery.SchemaField:
    from google.cloud import bigquery

    return bigquery.SchemaField(
        column.name,
        column.type,
        mode="REQUIRED" if required else "NULLABLE",
        fields=[_field(field, required=False) for field in column.fields],
    )


def description(contract: TableContract) -> str:
    """Description of the table: in words, then the mark of the contract."""
    return f"{contract.description.strip()}\n{table_check.stamp(contract)}"


def standard_type(field: bigquery.SchemaField) -> str:
    """Type as GoogleSQL spells it, whatever the API calls it."""
    return STANDARD_TYPES.get(field.field_type, field.field_type)


def addable_columns(contract: TableContract, table: bigquery.Table) -> list[Column]:
    """Columns that the table lacks and the next write adds."""
    return table_check.addable_columns(contract, dict(_flat(table.schema, "")))


def differences(
    contract: TableContract, table: bigquery.Table, wanted: Iterable[str] = ()
) -> list[str]:
    """What a table has that its contract does not say, and the other way round.

    Parameters
    ----------
    contract
        Contract of the table.
    table
        The table.
    wanted
        Columns that are to be read: others may still lack, if the next write adds them.
    """
    if table.table_type != "TABLE":
        return [f"it is a {table.table_type}, not a table"]
    required = [field.name for field in table.schema if field.mode == "REQUIRED"]
    have = table_check.with_addable(contract, dict(_flat(table.schema, "")), wanted)
    found = table_check.differences(contract, table.description, have, required)
    return found + list(_layout(contract, table))


def _flat(fields: Iterable[bigquery.SchemaField], prefix: str) -> Iterator[tuple[str, str]]:
    for field in fields:
        name = f"{prefix}{field.name}"
        kind = standard_type(field)
        if field.mode == "REPEATED":
            yield name, f"array of {kind.lower()}"
        elif kind == "STRUCT":
            yield name, "struct"
            yield from _flat(field.fields, f"{name}.")
        elif kind == "TIMESTAMP":
            yield name, "timestamp[us, tz]"
        else:
            yield name, str(ARROW_TYPES.get(kind, kind.lower()))


def _layout(contract: TableContract, table: bigquery.Table) -> Iterator[str]:
    want = _partitioning(contract)
    have = _table_partitioning(table)
    if have != want:
        yield f"it is partitioned {have or 'not at all'}, not {want or 'not at all'}"
    clusters = tuple(table.clustering_fields or ())
    if clusters != contract.cluster:
        names = [", ".join(fields) or "nothing" for fields in (clusters, contract.cluster)]
        yield f"it is clustered by {names[0]}, not {names[1]}"


def _partitioning(contract: TableContract) -> str:
    partition = contract.partition
    return f"{_UNITS[partition.granularity]} of {partition.column}" if partition else ""


def _table_partitioning(table: Any) -> str:
    if table.range_partitioning is not None:
        return f"by range of {table.range_partitioning.field}"
    time = table.time_partitioning
    if time is None:
        return ""
    return f"{_UNITS.get(time.type_, f'by {time.type_}')} of {time.field or 'ingestion time'}"
