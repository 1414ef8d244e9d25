"""What the audit takes for a defect."""

from __future__ import annotations

from pydantic import field_validator

from soyoil.audit.scope import ALL
from soyoil.audit.structure.defects import BANNED_VENDORS, KEPT, Severity
from soyoil.base.config import SESSIONS, Config, bounded


class AuditConfig(Config):
    """Thresholds of the audit.

    Attributes
    ----------
    fail_on
        The run fails if a finding is at least this severe.
    datasets
        Patterns of the datasets that are looked at beside soyoil's own, ``*`` standing for any
        text.
    banned_vendors
        Words that no table, column or source may begin with.
    keep
        Tables and columns that are never offered for dropping, as patterns of
        ``dataset.table.column`` in which ``*`` stands for any text.
    stale_days
        Calendar days that the last row of a table, or of one of its series, may lie behind the
        newest session of the warehouse; three times its usual step if that is more.
    price_run
        Sessions from which on an unchanged price is taken for a filled one, if its series does
        not stand still for so long by chance.
    value_run
        The same for any other column that normally changes daily.
    gap_sessions
        Consecutive sessions that may be missing.
    max_rows
        Tables with more rows are not read; the report says so.
    """

    fail_on: Severity = "error"
    datasets: tuple[str, ...] = ALL
    banned_vendors: tuple[str, ...] = BANNED_VENDORS
    keep: tuple[str, ...] = KEPT
    stale_days: int = bounded(10, ge=1, le=36_500, why="that is a hundred years")
    price_run: int = bounded(5, ge=2, **SESSIONS)
    value_run: int = bounded(10, ge=2, **SESSIONS)
    gap_sessions: int = bounded(5, ge=1, **SESSIONS)
    max_rows: int = bounded(5_000_000, ge=1, le=1_000_000_000, why="rows are held in memory")

    @field_validator("datasets", "banned_vendors", "keep", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        # `--params=audit.banned_vendors=yahoo+other`, as for source.symbols.
        return tuple(value.split("+")) if isinstance(value, str) else value
