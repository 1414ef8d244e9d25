"""The audit of a warehouse: its structure, then the rows of each table."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from soyoil.audit.config import AuditConfig
from soyoil.audit.defect import worst_first
from soyoil.audit.report import AuditReport, Checked
from soyoil.audit.rows.columns import Sources, constant_columns, constant_regime, empty_columns
from soyoil.audit.rows.frames import audit_frame
from soyoil.audit.rows.invented import invented_series
from soyoil.audit.rows.keys import cloned_rows, duplicate_keys
from soyoil.audit.rows.labels import Sessions, add_sessions, label_defects, sessions_of
from soyoil.audit.rows.origins import banned_in_lists, mixed_warehouse, origins, provenances
from soyoil.audit.rows.predictions import impossible_fits, impossible_forecasts
from soyoil.audit.rows.sessions import filled_runs, impossible_days, inconsistent_bars, session_gaps
from soyoil.audit.rows.spans import Span, partition_limits, span_of, stale_tables
from soyoil.audit.rows.table_data import TableData, close_column
from soyoil.audit.rows.twins import identical_columns, price_disagreements
from soyoil.audit.scope import REGIMES, SESSIONS, has_key, is_ours, look, without_prefix
from soyoil.audit.structure.defects import Defect, structural_defects
from soyoil.base.errors import WarehouseError
from soyoil.contracts.contract import TableContract, target_horizon
from soyoil.warehouse.live import Inspector, LiveTable, LiveWarehouse

logger = logging.getLogger(__name__)


@dataclass
class _Facts:
    """What rules over several tables need of those read so far."""

    sessions: dict[str, Sessions] = field(default_factory=dict)
    regimes: pd.DataFrame | None = None
    hourly: bool = True
    spans: list[Span] = field(default_factory=list)
    provenances: dict[str, tuple[str, ...]] = field(default_factory=dict)
    read: list[Checked] = field(default_factory=list)
    closes: dict[str, list[Sessions]] = field(default_factory=dict)
    banned: list[Defect] = field(default_factory=list)


def audit_warehouse(
    inspector: Inspector,
    contracts: Mapping[str, TableContract],
    config: AuditConfig,
    now: dt.datetime,
) -> AuditReport:
    """Look at everything a warehouse holds.

    Tables are read one at a time, those that others are judged by (regimes, sessions under
    contract, other tables with closing prices) first.

    Parameters
    ----------
    inspector
        The warehouse; nothing is changed.
    contracts
        What it should hold, by table.
    config
        Thresholds.
    now
        Time of the audit, UTC.

    Raises
    ------
    WarehouseError
        The warehouse cannot be inspected. A single table that cannot be read is a finding.
    """
    scope = look(inspector, contracts, config.datasets)
    live = scope.live
    if not live.tables:
        return AuditReport(live.location, live.backend, now, (), (_nothing(live),))
    audit = _Audit(inspector, live, scope.contracts, config)
    found = [
        *structural_defects(live, scope.contracts, config.banned_vendors, config.keep),
        *audit.rows(),
        *audit.across(now.date()),
        *(_unseen(name) for name in live.unseen),
    ]
    return AuditReport(
        location=live.location,
        backend=live.backend,
        audited_at=now,
        tables=tuple(sorted(audit.facts.read, key=lambda t: t.name)),
        findings=worst_first(found),
    )


class _Audit:
    """One run over the tables of a warehouse."""

    def __init__(
        self,
        inspector: Inspector,
        live: LiveWarehouse,
        contracts: Mapping[str, TableContract],
        config: AuditConfig,
    ) -> None:
        self._inspector = inspector
        self._live = live
        self._contracts = contracts
        self._config = config
        self.facts = _Facts()

    def rows(self) -> Iterator[Defect]:
        """Findings of the rows of single tables."""
        for table in self._order():
            if table.kind == "view" or table.rows == 0:
                self._note(table, None, "view" if table.kind == "view" else "empty")
                continue
            if table.contract_version is not None and table.name not in self._contracts:
                self._note(table, None, "no contract any more")
                yield _left_over(table)
                continue
            if table.rows is not None and table.rows > self._config.max_rows:
                yield self._skipped(table, f"more than audit.max_rows={self._config.max_rows:,}")
                continue
            try:
                data = self._read(table)
            except WarehouseError as error:
                yield self._skipped(table, str(error))
                continue
            self._remember(data)
            yield from self._check(data)

    def _order(self) -> Sequence[LiveTable]:
        """Tables that others are judged by first."""
        prefix = self._live.own_prefix
        first = (prefix + REGIMES, prefix + SESSIONS, *self._contracts)

        def rank(table: LiveTable) -> tuple[int, bool, str]:
            place = first.index(table.name) if table.name in first else len(first)
            names = list(table.flat_columns())
            has_labels = any(target_horizon(name) for name in names)
            return place, has_labels or close_column(names) is None, table.name

        return sorted(self._live.tables.values(), key=rank)

    def _read(self, table: LiveTable) -> TableData:
        logger.info("auditing %s", table.name)
        rows = self._inspector.read(table)
        self.facts.banned += banned_in_lists(table.name, rows, self._config.banned_vendors)
        frame = audit_frame(rows)
        self._note(table, len(frame))
        contract = self._contracts.get(table.name)
        if contract is not None and not has_key(table, contract):
            contract = None
        return TableData.of(table, contract, frame)

    def _remember(self, data: TableData) -> None:
        sessions = sessions_of(data.once())
        add_sessions(self.facts.sessions, sessions, self._contracts)
        for root, found in sessions.items():
            self.facts.closes.setdefault(root, []).append(found)
        name = without_prefix(data.name, self._live)
        if name == REGIMES and "start_date" in data.frame and len(data.frame):
            self.facts.regimes = data.frame.sort_values("start_date", ignore_index=True)
        if name == SESSIONS and "source_schema" in data.frame:
            self.facts.hourly = bool((data.frame["source_schema"] == "ohlcv-1h").any())
        if (span := span_of(data)) is not None:
            self.facts.spans.append(span)
        if kinds := provenances(data):
            self.facts.provenances[data.name] = kinds

    def _check(self, data: TableData) -> Iterator[Defect]:
        config, facts = self._config, self.facts
        once = data.once()
        yield from duplicate_keys(data)
        yield from cloned_rows(once)
        yield from inconsistent_bars(data)
        yield from impossible_days(data)
        yield from session_gaps(once, config)
        yield from filled_runs(once, config)
        yield from empty_columns(data, Sources(sorted(facts.sessions), facts.hourly))
        yield from constant_columns(data)
        yield from constant_regime(data, facts.regimes)
        yield from origins(data, config)
        yield from label_defects(once, facts.sessions)
        yield from invented_series(once)
        yield from impossible_forecasts(once)
        yield from impossible_fits(once)
        yield from identical_columns(once)

    def across(self, today: dt.date) -> Iterator[Defect]:
        """Findings that need the dates and provenances of all tables."""
        spans = self.facts.spans
        yield from stale_tables(spans, self._config, today)
        tables = [table for table in self._live.tables.values() if table.kind == "table"]
        yield from partition_limits(tables, self._contracts, spans, self._live.backend)
        yield from mixed_warehouse(self.facts.provenances)
        yield from price_disagreements(self.facts.closes)
        yield from self.facts.banned

    def _note(self, table: LiveTable, rows: int | None, note: str = "") -> None:
        kind = table.form or table.kind
        self.facts.read.append(Checked(table.name, kind, rows, note, is_ours(table)))

    def _skipped(self, table: LiveTable, why: str) -> Defect:
        self._note(table, None, why)
        return Defect(
            "not_checked",
            "warning",
            (table.name,),
            f"its rows were not read: {why}",
            "No check of rows covers it.",
            "Raise audit.max_rows, or see to it that the table can be read.",
        )


def _unseen(name: str) -> Defect:
    return Defect(
        "not_checked",
        "warning",
        (name,),
        "the account may not look at it",
        "No check covers it.",
        "Ask for roles/bigquery.dataViewer on it, or leave it out of audit.datasets.",
    )


def _left_over(table: LiveTable) -> Defect:
    return Defect(
        "left_over_table",
        "info",
        (table.name,),
        "an earlier version of soyoil wrote it, and this one has no such table",
        "Nothing reads it; what was made of it is kept elsewhere once the stage has run again.",
        "Drop it: `kedro warehouse apply` with the change that `kedro warehouse plan` names.",
    )


def _nothing(live: LiveWarehouse) -> Defect:
    return Defect(
        "empty_warehouse",
        "warning",
        (live.location,),
        "it holds no table",
        "Nothing was checked.",
        "Run the pipelines that fill it, or look at another source.kind or environment.",
    )
