"""Nodes of the ingest stage."""

from __future__ import annotations

import logging

import pandas as pd

from soyoil.base.data_folder import data_folder_name
from soyoil.base.errors import SourceError
from soyoil.external.config import ExternalConfig
from soyoil.external.load import load_external
from soyoil.external.store import ExternalRecords, ExternalStore
from soyoil.external.twins import TwinMarket
from soyoil.market.bars import SessionBars, session_bars
from soyoil.market.coverage import CUT, IN_PROGRESS, describe_missing
from soyoil.params import TargetConfig
from soyoil.reports.terminal import progress_bar
from soyoil.sources import load_bars
from soyoil.sources.base import BarBatch, SourceConfig
from soyoil.sources.quarantine import quarantine_summary
from soyoil.sources.vendor_store import VendorRecords, VendorStore, refuse_lost_sessions
from soyoil.warehouse.foreign import OpenTables

logger = logging.getLogger(__name__)


def read_source(
    source: SourceConfig, store: VendorStore, tables: OpenTables | None = None
) -> BarBatch:
    """Read vendor bars of the configured roots, beside those that are stored."""
    with progress_bar(f"reading {source.kind} bars") as advance:
        batch = load_bars(source, advance, store, tables)
    if batch.schema == "ohlcv-1d":
        logger.warning(
            "The source holds UTC-day bars (ohlcv-1d), a degraded form: values are known only "
            "at 24:00 UTC, and hourly features are missing. Use ohlcv-1h where it exists."
        )
    return batch


def make_sessions(
    batch: BarBatch,
) -> tuple[VendorRecords, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Aggregate vendor bars to sessions.

    Returns
    -------
    tuple
        What is to be stored of the vendor's files, rows of
        ``market_data.soyoil_futures_sessions``, the quarantine summary with reason and
        count, and the sessions of which the files have no bar.
    """
    result = session_bars(batch.bars, batch.origin)
    if result.sessions.empty:
        raise SourceError(_no_session(result))
    records = batch.records or VendorRecords.none()
    refuse_lost_sessions(records.orphans, result.sessions)
    rejected = pd.concat([batch.quarantine, result.rejected], ignore_index=True)
    summary = quarantine_summary(rejected)
    if len(rejected):
        logger.warning(
            "%d bars quarantined: %s",
            len(rejected),
            summary.groupby("reason")["count"].sum().to_dict(),
        )
    for line in describe_missing(result.missing):
        file = f"{data_folder_name()}/08_reporting/missing_sessions.csv"
        logger.warning("%s (%s): is a file missing?", line, file)
    return records, result.sessions, summary, result.missing


def write_all(
    batch: BarBatch, external: ExternalRecords
) -> tuple[ExternalRecords, VendorRecords, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Sessions, and whatever else an ingest writes.

    The only node of the stage that writes to the warehouse: it waits for every source, so that one
    that fails leaves the warehouse as it was.

    Returns
    -------
    tuple
        New vintages of outside sources, then what `make_sessions` gives.
    """
    return external, *make_sessions(batch)


def read_external(
    external: ExternalConfig,
    store: ExternalStore,
    source: SourceConfig,
    target: TargetConfig,
    _bars: BarBatch | None = None,
) -> tuple[ExternalRecords, pd.DataFrame]:
    """Read the outside sources that are on; twins are made for the market and the target.

    Bars are waited for, for contracts may have been pulled with them.

    Returns
    -------
    tuple
        New vintages, which `write_all` stores, and rows that were set aside with the reason.
    """
    market = None
    if source.kind == "synthetic":
        market = TwinMarket(source.synthetic, target.symbol, external.planted)
    loaded = load_external(external, store, pd.Timestamp.now("UTC").as_unit("us"), market)
    for line in loaded.notes:
        logger.info("%s", line)
    for line in loaded.warnings:
        logger.warning("%s", line)
    if len(loaded.rejected):
        logger.warning(
            "%d rows of outside sources quarantined (%s/08_reporting/external_quarantine.csv): %s",
            len(loaded.rejected),
            data_folder_name(),
            loaded.rejected.groupby(["source", "reason"]).size().to_dict(),
        )
    return loaded.records, loaded.rejected


def _no_session(result: SessionBars) -> str:
    if result.rejected["reason"].isin((IN_PROGRESS, CUT)).any():
        return (
            "The source holds no whole session of the configured roots: its files begin or end "
            "inside every one. Download whole trading days."
        )
    return "The source holds no weekday session of the configured roots."
