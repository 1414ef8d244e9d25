"""What the dates of tables say: staleness and numbers of partitions."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from soyoil.audit.config import AuditConfig
from soyoil.audit.defect import Defect, Severity, base_name, names
from soyoil.audit.rows.table_data import TableData
from soyoil.audit.scope import are_own_bars
from soyoil.base.arrays import DayArray
from soyoil.contracts.contract import TableContract
from soyoil.warehouse.bigquery.sql import MAX_JOB_PARTITIONS
from soyoil.warehouse.live import TRAITS, BackendName, LiveTable
from soyoil.warehouse.table_check import MAX_PARTITIONS

_STAGING: Final = re.compile(
    r"^(?:stg|stage|staging|tmp|raw|new)_|_(?:stg|stage|staging|tmp|raw|new|source)$"
)

_REGIMES_BY_DAY: Final = re.compile(r"regimes?_calendar", re.IGNORECASE)


@dataclass(frozen=True)
class Span:
    """Dates of one table.

    Attributes
    ----------
    table
        What the warehouse says of it.
    contract
        None if it is under no contract.
    days
        Different days of the partition column, else of the date column; ascending.
    column
        That column.
    is_market
        Whether its rows are sessions of futures.
    usual_step
        Median days from date to date.
    ends
        Last day by series; empty without several series.
    """

    table: LiveTable
    contract: TableContract | None
    days: DayArray
    column: str
    is_market: bool
    usual_step: float
    ends: Mapping[str, np.datetime64]

    @property
    def last(self) -> np.datetime64:
        """Newest day."""
        return np.datetime64(self.days[-1], "D")


def span_of(data: TableData) -> Span | None:
    """Dates of a table; None if its rows are not dated."""
    partition = data.table.partition or (data.contract.partition if data.contract else None)
    column = partition.column if partition and partition.column in data.frame else data.date
    if column is None:
        return None
    days = np.unique(data.frame[column].dropna().to_numpy().astype("datetime64[D]"))
    if not len(days):
        return None
    ends: dict[str, np.datetime64] = {}
    if data.date is not None and data.series:
        last = data.frame[[*data.series, data.date]].groupby(list(data.series))[data.date].max()
        ends = {
            " ".join(map(str, key if isinstance(key, tuple) else (key,))): np.datetime64(day, "D")
            for key, day in last.dropna().items()
        }
    return Span(data.table, data.contract, days, column, data.is_market, data.usual_step, ends)


def stale_tables(spans: Sequence[Span], config: AuditConfig, today: dt.date) -> Iterator[Defect]:
    """Tables, and series of a table, that end before the newest session of the warehouse."""
    markets = [span for span in spans if span.is_market]
    if not markets:
        return
    newest = max(span.last for span in markets)
    for span in spans:
        allowed = max(float(config.stale_days), 3 * span.usual_step)
        behind = _days(newest - span.last)
        if behind > allowed:
            yield Defect(
                "stale_table",
                "warning",
                (span.table.name,),
                f"the last {span.column} is {span.last}, {behind:,} days behind the newest "
                f"session {newest}",
                "Features taken from it are frozen while the market moves on.",
                "Run what fills it, or drop it if nothing does.",
            )
            continue
        late = {n: end for n, end in span.ends.items() if _days(span.last - end) > allowed}
        if late and span.is_market:
            yield Defect(
                "stale_series",
                "warning",
                (span.table.name,),
                f"{len(late)} of {len(span.ends):,} series end more than "
                f"{allowed:.0f} days before {span.last}: "
                f"{names([f'{name} {end}' for name, end in late.items()])}",
                "What is computed from them is frozen while the rest moves on.",
                "Load them, or take the symbols out of the source.",
            )
    age = _days(np.datetime64(today, "D") - newest)
    if age > config.stale_days:
        yield Defect(
            "old_warehouse",
            "info",
            tuple(span.table.name for span in markets if span.last == newest),
            f"the newest session is {newest}, {age:,} days before this audit",
            "A forecast made today would start there.",
            "Run `kedro run --pipeline=ingest` with newer files, if there are any.",
        )


def _days(delta: np.timedelta64) -> int:
    return int(delta.astype("timedelta64[D]").astype(int))


def partition_limits(
    tables: Sequence[LiveTable],
    contracts: Mapping[str, TableContract],
    spans: Sequence[Span],
    backend: BackendName,
) -> Iterator[Defect]:
    """Tables partitioned by day whose rows, there or to come, exceed BigQuery's limits.

    Rows to come are those of a table of the same name in another dataset, or of a staging table
    named after it; of an empty calendar of regimes, all days from the first to the last session.
    Rows that are there already do no harm until a job rewrites them all. Where a backend has no
    partitions, as DuckDB, a table without a contract is judged as if it were partitioned by day,
    which is how such tables are moved to BigQuery.

    Parameters
    ----------
    tables
        Tables of the warehouse, empty ones too.
    contracts
        Their contracts, by table.
    spans
        Dates of those that hold rows.
    backend
        Of the warehouse.
    """
    by_name = {span.table.name: span for span in spans}
    markets = [span for span in spans if span.is_market]
    judged: set[str] = set()
    for table in tables:
        contract = contracts.get(table.name)
        declared = table.partition or (contract.partition if contract else None)
        concept = _concept(table.name)
        if declared is None and (TRAITS[backend].partitioned or contract or concept in judged):
            continue
        if declared is not None and declared.granularity != "DAY":
            continue
        feeds = [span for span in spans if _feeds(span.table.name, table.name)]
        sources = [*([by_name[table.name]] if table.name in by_name else []), *feeds]
        daily = not sources and table.rows == 0 and _REGIMES_BY_DAY.search(base_name(table.name))
        if daily and markets:
            first = min(span.days[0] for span in markets)
            days = np.arange(first, max(span.last for span in markets) + 1)
        elif sources:
            days = np.unique(np.concatenate([span.days for span in sources]))
        else:
            continue
        if len(days) > MAX_JOB_PARTITIONS:
            # Of tables of one concept without partitions one finding is enough.
            judged.add(concept)
            column = declared.column if declared else (*sources, *markets)[0].column
            objects = (
                [table.name]
                if declared
                else [t.name for t in tables if _concept(t.name) == concept]
            )
            filling = [span.table.name for span in feeds if span.table.name not in objects]
            if daily:
                filling.append("all days from the first to the last session")
            # Bars of the user's own stay in the form they have.
            there = not daily and not feeds and (declared is not None or are_own_bars(table))
            severity: Severity = "warning" if declared is None or daily else "error"
            yield _limit(objects, column, days, filling, "info" if there else severity)


def _concept(name: str) -> str:
    """What a table is about: its name without what marks it as staging."""
    return _STAGING.sub("", base_name(name).lower())


def _feeds(source: str, target: str) -> bool:
    """Whether a table is named as one from which another is filled."""
    return source != target and _concept(source) == base_name(target).lower()


def _limit(
    objects: Sequence[str],
    column: str,
    days: DayArray,
    feeds: Sequence[str],
    severity: Severity,
) -> Defect:
    months = len(np.unique(days.astype("datetime64[M]")))
    per_table = f", and over {MAX_PARTITIONS:,}" if len(days) > MAX_PARTITIONS else ""
    filled = f" with the rows of {names(feeds)}" if feeds else ""
    return Defect(
        "partition_limit",
        severity,
        tuple(objects),
        f"by day of {column} it {'would have' if severity == 'warning' else 'has'} {len(days):,} "
        f"partitions{filled}, {days[0]} to {days[-1]}: over the {MAX_JOB_PARTITIONS:,} that one "
        f"BigQuery job may touch{per_table}",
        "BigQuery refuses a job that writes them all.",
        f"Partition by month ({months:,} partitions), or load in batches of at most "
        f"{MAX_JOB_PARTITIONS:,} days.",
    )
