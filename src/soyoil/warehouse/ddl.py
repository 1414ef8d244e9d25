"""CREATE TABLE statements of the contracts, in the SQL of both backends."""

from __future__ import annotations

import json
from collections.abc import Sequence

from soyoil.contracts.contract import DUCKDB_TYPES, Column, TableContract, quote


def duckdb_type(column: Column) -> str:
    """Type of a column as DuckDB spells it."""
    if column.type == "STRUCT":
        inner = ", ".join(f"{quote(f.name)} {duckdb_type(f)}" for f in column.fields)
        return f"STRUCT({inner})"
    return DUCKDB_TYPES[column.type]


def duckdb_ddl(contract: TableContract, table: str) -> str:
    """CREATE TABLE statement for DuckDB.

    Parameters
    ----------
    contract
        Contract of the table.
    table
        Name of the table as it goes into the statement, quoted where it has to be.
    """
    lines = ",\n".join(
        f"    {quote(c.name)} {duckdb_type(c)}{'' if c.nullable else ' NOT NULL'}"
        for c in contract.columns
    )
    return f"CREATE TABLE {table} (\n{lines}\n)"


def duckdb_add_column(column: Column, table: str) -> str:
    """ALTER TABLE statement that adds a nullable column in DuckDB; arguments as `duckdb_ddl`."""
    return (
        f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {quote(column.name)} {duckdb_type(column)}"
    )


def backtick(name: str) -> str:
    """Quote a GoogleSQL identifier, or a whole path ``project.dataset.table``."""
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


def text_literal(text: str) -> str:
    """Quote a GoogleSQL string, which has the escapes of JSON."""
    return json.dumps(text, ensure_ascii=False)


def bigquery_type(column: Column) -> str:
    """Type of a column as GoogleSQL spells it.

    Fields of a STRUCT are nullable whatever the contract says, as in DuckDB: validation refuses
    the missing value before it gets here.
    """
    if column.type == "STRUCT":
        inner = ", ".join(f"{backtick(f.name)} {bigquery_type(f)}" for f in column.fields)
        return f"STRUCT<{inner}>"
    return column.type


def bigquery_partition(contract: TableContract) -> str | None:
    """Expression of PARTITION BY, None if the table has no partitions."""
    partition = contract.partition
    if partition is None:
        return None
    name = backtick(partition.column)
    column = next(c for c in contract.columns if c.name == partition.column)
    if column.type == "TIMESTAMP":
        return f"TIMESTAMP_TRUNC({name}, {partition.granularity})"
    return name if partition.granularity == "DAY" else f"DATE_TRUNC({name}, MONTH)"


def bigquery_ddl(contract: TableContract, table: str, description: str) -> str:
    """CREATE TABLE IF NOT EXISTS statement for BigQuery.

    Parameters
    ----------
    contract
        Contract of the table.
    table
        ``project.dataset.table``, not quoted.
    description
        Description of the table.
    """
    lines = ",\n".join(f"    {_bigquery_column(column)}" for column in contract.columns)
    parts = [f"CREATE TABLE IF NOT EXISTS {backtick(table)} (\n{lines}\n)"]
    partition = bigquery_partition(contract)
    if partition is not None:
        parts.append(f"PARTITION BY {partition}")
    if contract.cluster:
        parts.append(f"CLUSTER BY {', '.join(backtick(name) for name in contract.cluster)}")
    parts.append(f"OPTIONS (description = {text_literal(description)})")
    return "\n".join(parts)


def bigquery_add_columns(columns: Sequence[Column], table: str) -> str:
    """ALTER TABLE statement that adds nullable columns; `table` as for `bigquery_ddl`."""
    added = ",\n".join(f"ADD COLUMN IF NOT EXISTS {_bigquery_column(c)}" for c in columns)
    return f"ALTER TABLE {backtick(table)}\n{added}"


def _bigquery_column(column: Column) -> str:
    required = "" if column.nullable else " NOT NULL"
    described = text_literal(" ".join(column.description.split()))
    kind = bigquery_type(column)
    return f"{backtick(column.name)} {kind}{required} OPTIONS (description = {described})"
