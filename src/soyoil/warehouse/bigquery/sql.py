"""SQL of the BigQuery backend, generated from contracts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from soyoil.base.errors import ContractError
from soyoil.contracts.contract import PROVENANCE, Column, TableContract, WriteMode
from soyoil.warehouse.backend import DateSpan, Where, WriteResult
from soyoil.warehouse.ddl import backtick, bigquery_add_columns, bigquery_ddl, text_literal
from soyoil.warehouse.digest import group_columns
from soyoil.warehouse.partial.parts import month_column
from soyoil.warehouse.partial.where import condition
from soyoil.warehouse.sql import partition_column

MAX_JOB_PARTITIONS: Final = 4_000
"""Partitions that one statement may change; https://cloud.google.com/bigquery/quotas."""
# Not to be confused with a column: BigQuery takes a bare name for the column first.
OLD: Final = "soyoil_old"
NEW: Final = "soyoil_new"

_ALL: Final = DateSpan()


def _and(parts: Iterable[str]) -> str:
    return " AND ".join(part for part in parts if part)


def day_of(partition_id: str) -> dt.date:
    """First day of a partition: ``20240131`` or ``202401``."""
    return dt.date(int(partition_id[:4]), int(partition_id[4:6]), int(partition_id[6:8] or 1))


def batches(partition_ids: Sequence[str], within: DateSpan = _ALL) -> list[DateSpan]:
    """Spans of at most `MAX_JOB_PARTITIONS` partitions each that cover `within`.

    Parameters
    ----------
    partition_ids
        Ids of the partitions concerned, sorted.
    within
        Where rows may change, so that no others are read.
    """
    starts = [day_of(name) for name in partition_ids[::MAX_JOB_PARTITIONS]]
    return [DateSpan(a, b) for a, b in pairwise([within.start, *starts[1:], within.end])]


@dataclass(frozen=True)
class BigQueryStatements:
    """Statements on one table.

    Columns and fields are paired by name. A STRUCT is assigned as a whole, which BigQuery does
    by position; table and stage have the fields of the contract in its order, the table because
    it was checked, the stage because it was made so.

    Attributes
    ----------
    contract
        Contract of the table.
    table, stage
        ``project.dataset.table`` of the table and of the batch, not quoted.
    by_part
        Whether the batch speaks for whole groups of digests, each in its months, and for nothing
        else; see `partial.parts`.
    """

    contract: TableContract
    table: str
    stage: str
    by_part: bool = False

    def create_table(self, description: str) -> str:
        """Create the table if it is missing."""
        return bigquery_ddl(self.contract, self.table, description)

    def add_columns(self, columns: Sequence[Column]) -> str:
        """Add nullable columns at the end, those that are missing."""
        return bigquery_add_columns(columns, self.table)

    def select(self, columns: Sequence[str], restriction: str = "") -> str:
        """Columns of the rows that satisfy a condition, or all, in no order."""
        names = ", ".join(backtick(name) for name in columns)
        where = f"\nWHERE {restriction}" if restriction else ""
        return f"SELECT {names}\nFROM {backtick(self.table)}{where}"

    def restriction(self, span: DateSpan | None, where: Where | None = None) -> str:
        """Condition on the rows of a span with the values wanted, empty for all."""
        within = "" if span is None else self._within(span, "")
        return _and((within, condition(where, backtick, text_literal)))

    def provenances(self) -> str:
        """Provenances of the rows in the table."""
        return f"SELECT DISTINCT {backtick(PROVENANCE)} FROM {backtick(self.table)}"

    def partitions(self) -> str:
        """Ids of the partitions of the table."""
        dataset, name = self.table.rsplit(".", 1)
        return (
            f"SELECT partition_id FROM {backtick(dataset)}.INFORMATION_SCHEMA.PARTITIONS "
            f"WHERE table_name = {text_literal(name)} AND total_rows > 0"
        )

    def counts(self, mode: WriteMode, span: DateSpan = _ALL) -> str:
        """Rows that a write would insert, update and delete, one row.

        Parameters
        ----------
        mode
            How the batch is written.
        span
            Where the batch lies, so that an upsert, and a write of parts, read no other partition.
        """
        first = backtick(self.contract.key[0])
        new, old = f"{NEW}.{first}", f"{OLD}.{first}"
        gone = f"COUNTIF({_and((f'{new} IS NULL', self._same_group(mode)))})"
        side = "LEFT" if mode == "upsert" else "FULL"
        within = self._within(span, OLD) if mode == "upsert" else ""
        there = backtick(self.table)
        if mode != "upsert" and span != _ALL:
            there = f"(SELECT * FROM {there} WHERE {self._within(span, '')})"
        changed = _and((f"{new} IS NOT NULL", f"{old} IS NOT NULL", f"({self._differs})"))
        return (
            f"SELECT\n"
            f"  COUNTIF({old} IS NULL) AS inserted,\n"
            f"  COUNTIF({changed}) AS updated,\n"
            f"  {'0' if mode == 'upsert' else gone} AS deleted\n"
            f"FROM {backtick(self.stage)} AS {NEW}\n"
            f"{side} JOIN {there} AS {OLD}\n"
            f"ON {_and((self._same_key, within))}"
        )

    def parts(self, mode: WriteMode, spans: Sequence[DateSpan], result: WriteResult) -> list[str]:
        """Write the batch span by span: statements of one transaction.

        Each changes the partitions of one span only, of which no more are allowed.

        Parameters
        ----------
        mode
            How the batch is written.
        spans
            From `batches`.
        result
            What is to be done at all.
        """
        steps = []
        for span in spans:
            if result.deleted:
                steps.append(self._delete(mode, span))
            if result.updated:
                steps.append(self._update(span))
            if result.inserted:
                steps.append(self._insert(span))
        return steps

    def _delete(self, mode: WriteMode, span: DateSpan) -> str:
        there = _and((self._same_key, self._within(span, NEW)))
        none = f"NOT EXISTS (SELECT 1 FROM {backtick(self.stage)} AS {NEW} WHERE {there})"
        where = _and((self._within(span, OLD), self._same_group(mode), none))
        return f"DELETE FROM {backtick(self.table)} AS {OLD}\nWHERE {where}"

    def _update(self, span: DateSpan) -> str:
        both = _and((self._within(span, OLD), self._within(span, NEW)))
        return (
            f"UPDATE {backtick(self.table)} AS {OLD}\nSET {self._assignments}\n"
            f"FROM {backtick(self.stage)} AS {NEW}\n"
            f"WHERE {_and((self._same_key, both, f'({self._differs})'))}"
        )

    def _insert(self, span: DateSpan) -> str:
        missing = f"{OLD}.{backtick(self.contract.key[0])} IS NULL"
        return (
            f"INSERT INTO {backtick(self.table)} ({self._names(None)})\n"
            f"SELECT {self._names(NEW)}\nFROM {backtick(self.stage)} AS {NEW}\n"
            f"LEFT JOIN {backtick(self.table)} AS {OLD}\n"
            f"ON {_and((self._same_key, self._within(span, OLD)))}\n"
            f"WHERE {_and((missing, self._within(span, NEW)))}"
        )

    @property
    def _values(self) -> list[Column]:
        return [c for c in self.contract.columns if c.name not in self.contract.key]

    @property
    def _assignments(self) -> str:
        return ", ".join(f"{backtick(c.name)} = {NEW}.{backtick(c.name)}" for c in self._values)

    def _names(self, row: str | None) -> str:
        start = f"{row}." if row else ""
        return ", ".join(f"{start}{backtick(c.name)}" for c in self.contract.columns)

    @property
    def _same_key(self) -> str:
        names = [backtick(name) for name in self.contract.key]
        return _and(f"{OLD}.{name} = {NEW}.{name}" for name in names)

    @property
    def _differs(self) -> str:
        # IS DISTINCT FROM takes NULL for a value, so that rows with NULLs compare equal to
        # themselves. Leaf by leaf, since a STRUCT that is NULL says what one of NULLs says.
        leaves = [
            ".".join(backtick(part) for part in dotted.split("."))
            for dotted in self.contract.flat_columns()
            if dotted not in self.contract.key
        ]
        parts = (f"{OLD}.{leaf} IS DISTINCT FROM {NEW}.{leaf}" for leaf in leaves)
        return " OR ".join(parts) or "FALSE"

    def _same_group(self, mode: WriteMode) -> str:
        """Condition on an old row that the batch speaks for its group; none in ``replace``."""
        if self.by_part:
            return f"{self._part(OLD)} IN (SELECT {self._part('')} FROM {backtick(self.stage)})"
        if mode != "sync":
            return ""
        names = [backtick(name) for name in self.contract.sync_by]
        if len(names) == 1:
            groups = f"SELECT {names[0]} FROM {backtick(self.stage)}"
            return f"{OLD}.{names[0]} IN ({groups})"
        # Named as the columns, since the server of the tests takes a nameless one for two columns.
        row = ", ".join(f"{OLD}.{name} AS {name}" for name in names)
        groups = f"SELECT AS STRUCT {', '.join(names)} FROM {backtick(self.stage)}"
        return f"STRUCT({row}) IN ({groups})"

    def _part(self, row: str) -> str:
        """Group and month of a row as one text."""
        start = f"{row}." if row else ""
        texts = [f"TO_JSON_STRING({start}{backtick(n)})" for n in group_columns(self.contract)]
        month = month_column(self.contract)
        if month:
            kind = partition_column(self.contract).type
            texts.append(f"FORMAT_{kind}('%Y%m', {start}{backtick(month)})")
        return f"CONCAT({', '.join(texts)})" if len(texts) > 1 else texts[0]

    def _within(self, span: DateSpan, row: str) -> str:
        if span == _ALL:
            return ""
        column = partition_column(self.contract)
        name = f"{row}.{backtick(column.name)}" if row else backtick(column.name)
        form = "DATE '{}'" if column.type == "DATE" else "TIMESTAMP '{} 00:00:00+00'"
        bounds = ((">=", span.start), ("<", span.end))
        return _and(f"{name} {sign} {form.format(day)}" for sign, day in bounds if day)


def check_key_holds_partition(contract: TableContract, count: int) -> None:
    """Refuse what cannot be written in batches.

    Parameters
    ----------
    contract
        Contract of the table.
    count
        Partitions concerned.

    Raises
    ------
    ContractError
        They are too many for one statement, and a row may move from one to another because the
        partition column is no part of the key.
    """
    partition = contract.partition
    if partition and partition.column not in contract.key and count > MAX_JOB_PARTITIONS:
        raise ContractError(
            f"{contract.name} is written in {count:,} partitions at once, and one statement may "
            f"change {MAX_JOB_PARTITIONS:,}: make {partition.column} part of the key, or "
            "partition by MONTH in its contract"
        )
