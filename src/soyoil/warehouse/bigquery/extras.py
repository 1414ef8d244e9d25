"""What BigQuery keeps with a table beside columns and rows: keys, defaults, options."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from soyoil.contracts.identifiers import dotted
from soyoil.warehouse.ddl import backtick, text_literal
from soyoil.warehouse.live import Extra
from soyoil.warehouse.table_check import stamp_of

if TYPE_CHECKING:
    from google.cloud import bigquery


def table_extras(table: bigquery.Table) -> tuple[Extra, ...]:
    """All extras of a table, as the API tells them; row access policies it does not tell."""
    return (*_keys(table), *_options(table), *_of_columns(table.schema, ()))


def _keys(table: bigquery.Table) -> Iterator[Extra]:
    constraints = table.table_constraints
    if constraints is None:
        return
    if constraints.primary_key is not None:
        columns = tuple(constraints.primary_key.columns)
        names = ", ".join(map(backtick, columns))
        yield Extra("primary key", f"PRIMARY KEY ({names}) NOT ENFORCED", columns)
    for key in constraints.foreign_keys or ():
        columns = tuple(c.referencing_column for c in key.column_references)
        yield Extra("foreign key", key.name or ", ".join(columns), columns)


def _options(table: bigquery.Table) -> Iterator[Extra]:
    if table.description and stamp_of(table.description) is None:
        yield Extra("comment", text_literal(table.description))
    if table.friendly_name:
        yield Extra("option", f"friendly_name = {text_literal(table.friendly_name)}")
    if table.labels:
        pairs = (f"({text_literal(k)}, {text_literal(v)})" for k, v in sorted(table.labels.items()))
        yield Extra("option", f"labels = [{', '.join(pairs)}]")
    if table.expires is not None:
        yield Extra("option", f"expiration_timestamp = TIMESTAMP '{table.expires.isoformat()}'")
    partition = table.time_partitioning
    if partition is not None and partition.expiration_ms:
        days = partition.expiration_ms / 86_400_000
        yield Extra("option", f"partition_expiration_days = {days!r}")
    encryption = table.encryption_configuration
    if encryption is not None and encryption.kms_key_name:
        yield Extra("option", f"kms_key_name = {text_literal(encryption.kms_key_name)}")
    if table.require_partition_filter:
        yield Extra("partition filter", "that every query needs")


def _of_columns(fields: Iterable[bigquery.SchemaField], parent: tuple[str, ...]) -> Iterator[Extra]:
    for field in fields:
        path = (*parent, field.name)
        nested = f" of {dotted(path)}" if parent else ""
        column = path[:1]
        if field.description:
            text = text_literal(field.description)
            yield (
                Extra("comment", text, column)
                if not parent
                else Extra("nested comment", text + nested, column)
            )
        if field.default_value_expression:
            yield Extra("default", field.default_value_expression, column)
        if field.policy_tags is not None and field.policy_tags.names:
            yield Extra("policy tags", ", ".join(field.policy_tags.names) + nested, column)
        if field.rounding_mode:
            yield Extra("rounding mode", str(field.rounding_mode) + nested, column)
        yield from _of_columns(field.fields, path)
