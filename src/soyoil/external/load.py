"""Reads every outside source that is on and finds what is new."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Final

import pandas as pd

from soyoil.base.errors import ConfigError, SourceError
from soyoil.external.api.client import no_key
from soyoil.external.api.config import SERVICES
from soyoil.external.api.gsod import check_project
from soyoil.external.base import CONFLICT, ExternalSource, Reading, no_rejects
from soyoil.external.config import ExternalConfig, OutsideSection
from soyoil.external.registry import SOURCES
from soyoil.external.store import ExternalRecords, ExternalStore
from soyoil.external.twins import TwinMarket
from soyoil.external.vintages import new_rows


@dataclass(frozen=True)
class Loaded:
    """Outcome of a load.

    Attributes
    ----------
    records
        What is to be written.
    rejected
        `soyoil.external.base.QUARANTINE_COLUMNS` of all sources.
    notes
        A line per source that was read.
    warnings
        What a user should know of.
    """

    records: ExternalRecords
    rejected: pd.DataFrame
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


OBSERVED: Final = "observed"
SYNTHETIC: Final = "synthetic"


def owned_rows(source: ExternalSource, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of a source, whatever their provenance, in a table that others may write to as well."""
    return rows[rows[source.series].str.startswith(source.owned)].reset_index(drop=True)


def rows_of(source: ExternalSource, rows: pd.DataFrame, section: OutsideSection) -> pd.DataFrame:
    """Rows of a raw table that belong to a source and to where it comes from.

    Parameters
    ----------
    source
        Declaration of the source.
    rows
        Its series column and ``provenance``, at least.
    section
        Made rows belong to a twin only, others to files and services only.
    """
    wanted = SYNTHETIC if section.origin == "synthetic" else OBSERVED
    rows = owned_rows(source, rows)
    return rows[rows["provenance"] == wanted].reset_index(drop=True)


def check_keys(config: ExternalConfig) -> None:
    """Look whether the services that are to be asked have their keys, before anything is read.

    Raises
    ------
    ConfigError
        Naming each environment variable that is not set.
    """
    check_project(config.weather)
    asked = [SERVICES[name] for name in config.on() if config.of(name).origin == "api"]
    missing = [s for s in asked if s.key is not None and s.key.required and not s.key.value]
    if missing:
        raise ConfigError(" ".join(no_key(service) for service in missing))


def rows_in_use(config: ExternalConfig, store: ExternalStore) -> dict[str, pd.DataFrame]:
    """Raw rows by source of those that are on, as features take them."""
    read = functools.cache(store.rows)  # sources may share a table
    found = {}
    for name in config.on():
        source, section = SOURCES[name], config.of(name)
        found[name] = section.prepare(rows_of(source, read(source.table), section))
    return found


def load_external(
    config: ExternalConfig,
    store: ExternalStore,
    now: pd.Timestamp,
    market: TwinMarket | None = None,
) -> Loaded:
    """Read every source that is on.

    Parameters
    ----------
    config
        Which sources are on, and where.
    store
        What is stored.
    now
        Moment of the load, UTC.
    market
        Market that twins belong to.

    Raises
    ------
    SourceError
        A required source cannot be read; nothing has been written then.
    ConfigError
        A twin is wanted of a source that has none, or without a synthetic market.
    """
    read = functools.cache(store.rows)  # sources may share a table
    parts: dict[str, list[pd.DataFrame]] = {}
    rejected, notes, warnings = [no_rejects()], [], []
    for name, source in SOURCES.items():
        section = config.of(name)
        if not section.is_on:
            continue
        table = read(source.table)
        if section.origin == "synthetic":
            made = _twin(source, owned_rows(source, table), now, market)
            if made is None:
                notes.append(f"external.{name}: its twin is stored already")
            else:
                parts.setdefault(source.table, []).append(made)
                notes.append(f"external.{name}: {len(made):,} rows of its twin")
            continue
        stored = rows_of(source, table, section)
        try:
            reading = _read(source, section, stored, now)
        except SourceError as error:
            if section.required:
                raise
            warnings.append(
                f"external.{name} is left out: {error} Its features "
                f"({', '.join(source.groups)}) come from what the warehouse holds, and are NULL "
                "where that is nothing or too old."
            )
            continue
        warnings += [f"external.{name}: {text}" for text in reading.warnings]
        added, clash = new_rows(source, reading.rows, stored, now)
        rejected.append(reading.rejected)
        if len(clash):
            days = clash.rename(columns={source.series: "series"})[["series", "event_time"]]
            rejected.append(days.astype("str").assign(source=name, reason=CONFLICT, file="stored"))
        if len(added):
            touched = stored[stored[source.series].isin(added[source.series])]
            rows = pd.concat([touched, added[stored.columns]], ignore_index=True)
            parts.setdefault(source.table, []).append(rows)
        revised = int((added["vintage"].str.startswith("seen ")).sum())
        newest = f"{reading.rows['event_time'].max():%Y-%m-%d}" if len(reading.rows) else "none"
        notes.append(
            f"external.{name}: {len(reading.rows):,} rows read, {len(added):,} new, {revised:,} of "
            f"them revisions; newest reference day {newest}"
        )
    # A write takes the place of the series that it holds, so those of one table go together.
    return Loaded(
        ExternalRecords({t: pd.concat(p, ignore_index=True) for t, p in parts.items()}),
        pd.concat(rejected, ignore_index=True),
        tuple(notes),
        tuple(warnings),
    )


def _twin(
    source: ExternalSource, stored: pd.DataFrame, now: pd.Timestamp, market: TwinMarket | None
) -> pd.DataFrame | None:
    """Rows of a twin, which take the place of those that are stored; None if these are the same."""
    if source.twin is None or market is None:
        what = "this source has no twin" if market else "it needs source.kind=synthetic"
        raise ConfigError(f"external.{source.name}.origin=synthetic: {what}.")
    rows = source.twin(market).assign(provenance=SYNTHETIC, ingested_at=now)
    rows = rows.astype({"provenance": "str"})[list(stored.columns)]
    key = [source.series, "event_time", "vintage"]
    plain = [
        frame.drop(columns="ingested_at").sort_values(key).reset_index(drop=True)
        for frame in (rows, stored)
    ]
    return None if plain[0].equals(plain[1]) else rows


def _read(
    source: ExternalSource, section: OutsideSection, stored: pd.DataFrame, now: pd.Timestamp
) -> Reading:
    # The configuration allows a service only where there is a client of it.
    if section.is_asked and source.fetch is not None:
        return source.fetch(section, stored, now)
    return source.read(section)


def staleness_of(
    source: ExternalSource, rows: pd.DataFrame, newest_session: pd.Timestamp
) -> tuple[str, ...]:
    """What to warn about where the rows of a source end early, or are missing.

    Parameters
    ----------
    source
        Declaration of the source.
    rows
        Rows of its table.
    newest_session
        Trade date of the newest session, tz-naive.
    """
    groups = ", ".join(source.groups)
    if rows.empty:
        return (
            f"external.{source.name} is on, but {source.table} holds no row: {groups} is NULL.",
        )
    newest = rows[source.age_from].max().tz_localize(None).normalize()
    age = (newest_session - newest).days
    if age <= source.fresh_days:
        return ()
    return (
        f"external.{source.name} ends on {newest:%Y-%m-%d}, {age} days before the newest session: "
        f"{groups} is NULL once its values are too old.",
    )
