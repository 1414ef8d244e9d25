"""What DuckDB keeps with a table beside columns and rows: keys, defaults, indexes, comments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from soyoil.contracts.contract import quote
from soyoil.warehouse.live import Extra
from soyoil.warehouse.sql import literal
from soyoil.warehouse.table_check import stamp_of

_HERE: Final = "WHERE database_name = current_database() AND schema_name NOT LIKE 'pg_%'"
_CONSTRAINTS: Final = f"""
    SELECT schema_name, table_name, constraint_type, constraint_text, constraint_column_names
    FROM duckdb_constraints() {_HERE} AND constraint_type <> 'NOT NULL' ORDER BY ALL"""
_COLUMNS: Final = f"""
    SELECT schema_name, table_name, column_name, column_default, comment, is_generated,
        generation_expression
    FROM duckdb_columns() {_HERE} AND NOT internal ORDER BY ALL"""
_INDEXES: Final = f"""
    SELECT schema_name, table_name, index_name, sql FROM duckdb_indexes() {_HERE} ORDER BY ALL"""
_TABLES: Final = f"""
    SELECT schema_name, table_name, sql, comment FROM duckdb_tables() {_HERE} ORDER BY ALL"""

Found = Iterator[tuple[tuple[str, str], Extra]]


def read_extras(connection: Any) -> dict[tuple[str, str], tuple[Extra, ...]]:
    """All extras of a file by schema and table.

    Parameters
    ----------
    connection
        Open DuckDB connection.
    """
    found: dict[tuple[str, str], list[Extra]] = defaultdict(list)
    for read in (_constraints, _of_columns, _collations, _comments, _indexes):
        for name, extra in read(connection):
            found[name].append(extra)
    return {name: tuple(extras) for name, extras in found.items()}


def _rows(connection: Any, statement: str) -> list[tuple[Any, ...]]:
    return list(connection.execute(statement).fetchall())


def _constraints(connection: Any) -> Found:
    for schema, table, kind, text, columns in _rows(connection, _CONSTRAINTS):
        yield (schema, table), Extra(kind.lower(), text, tuple(columns))


def _of_columns(connection: Any) -> Found:
    for schema, table, column, default, comment, generated, formula in _rows(connection, _COLUMNS):
        if generated:
            text = str(formula or default)
            yield (schema, table), Extra("generated column", text, (column, *columns_in(text)))
        elif default is not None:
            yield (schema, table), Extra("default", str(default), (column,))
        if comment is not None:
            yield (schema, table), Extra("comment", literal(comment), (column,))


def _comments(connection: Any) -> Found:
    for schema, table, _, comment in _rows(connection, _TABLES):
        if comment is not None and stamp_of(comment) is None:
            yield (schema, table), Extra("comment", literal(comment))


def _collations(connection: Any) -> Found:
    """Collations stand in the statement of the table alone."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    for schema, table, sql, _ in _rows(connection, _TABLES):
        if "COLLATE" not in (sql or "").upper():
            continue
        try:
            tree = sqlglot.parse_one(sql, dialect="duckdb")
        except SqlglotError:
            yield (schema, table), Extra("collation", "that could not be read", ("",))
            continue
        for column in tree.find_all(exp.ColumnDef):
            for constraint in column.find_all(exp.CollateColumnConstraint):
                yield (schema, table), Extra("collation", constraint.this.sql(), (column.name,))


def _indexes(connection: Any) -> Found:
    for schema, table, name, sql in _rows(connection, _INDEXES):
        if sql:
            columns = columns_in(sql)
            yield (schema, table), Extra("index", sql.rstrip(";"), columns, name=name)


def columns_in(sql: str) -> tuple[str, ...]:
    """Columns that an expression or an index reads; one without a name if that is unknown."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        tree = sqlglot.parse_one(sql, dialect="duckdb")
    except SqlglotError:
        return ("",)
    return tuple(dict.fromkeys(column.parts[0].name for column in tree.find_all(exp.Column)))


def with_new_names(extra: Extra, names: Mapping[str, str]) -> str:
    """SQL of an extra whose columns are called otherwise.

    Parameters
    ----------
    extra
        As it was read.
    names
        New name by old name.
    """
    import sqlglot
    from sqlglot import exp

    if extra.kind in ("primary key", "unique"):
        columns = ", ".join(quote(names.get(name, name)) for name in extra.columns)
        return f"{extra.kind.upper()} ({columns})"
    if extra.kind not in ("check", "generated column", "index"):
        return extra.sql
    tree = sqlglot.parse_one(extra.sql, dialect="duckdb")
    for column in list(tree.find_all(exp.Column)):
        first = column.parts[0]
        if first.name in names:
            first.replace(exp.to_identifier(names[first.name], quoted=True))
    return tree.sql(dialect="duckdb")
