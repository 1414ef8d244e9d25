"""Commitments of Traders from the CFTC's service (Socrata), futures only."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Final

import pandas as pd

from soyoil.base.errors import SourceError
from soyoil.external.api.client import Client
from soyoil.external.api.config import SERVICES
from soyoil.external.api.paging import Paging, pages, table
from soyoil.external.base import Reading
from soyoil.external.config import CftcConfig
from soyoil.external.readers.cftc import CODE, DAY, Report

logger = logging.getLogger(__name__)

PAGE: Final = 50_000
"""Rows that any version of the service gives at once (dev.socrata.com, Paging through Data)."""
OVERLAP: Final = pd.Timedelta(weeks=8)
"""How far before the newest stored report is asked again: the CFTC corrects single reports."""


def fetch(report: Report, config: CftcConfig, stored: pd.DataFrame, now: pd.Timestamp) -> Reading:
    """Ask for reports that are not stored yet, and for the last weeks once more.

    Parameters
    ----------
    report
        Which one.
    config
        Its section.
    stored
        Rows of the table.
    now
        Moment of the load, UTC; not used.

    Raises
    ------
    SourceError
        Nothing could be got, or not all and the source is required.
    """
    dataset, columns = f"{report.dataset}.json", (DAY, CODE, *report.columns)
    params: dict[str, str | int] = {
        "$select": ",".join(columns),
        "$where": " OR ".join(_wanted(report, stored.iloc[:0] if config.refresh else stored)),
        # From old to new: what a broken load has got leaves no gap behind it.
        "$order": f"{DAY},{CODE}",
    }
    rows: list[Any] = []
    warnings: tuple[str, ...] = ()
    with Client(SERVICES[report.name], config.api, config.url) as client:
        try:
            for page in pages(client, dataset, params, Paging("$limit", "$offset", PAGE)):
                rows += page
                logger.info("external.%s: %s reports so far", report.name, f"{len(rows):,}")
        except SourceError as error:
            if config.required or not rows:
                raise
            warnings = (f"{error} The next load goes on after the {len(rows):,} rows it gave.",)
    if not rows:
        if stored.empty or config.refresh:
            raise SourceError(f"{dataset}: the service of the CFTC gave no report.")
        warnings = ("the service gave no report, not even those that are stored.",)
    reading = report.parse(table(rows, columns, dataset), Path(dataset))
    return Reading(reading.rows, reading.rejected, warnings)


def _wanted(report: Report, stored: pd.DataFrame) -> list[str]:
    """Conditions that ask for each market from its newest stored report on."""
    newest = stored.groupby("market_code")["event_time"].max()
    since: dict[str, list[str]] = {}
    for code in report.markets.values():
        known = newest.get(code)
        since.setdefault("" if known is None else f"{known - OVERLAP:%Y-%m-%d}", []).append(code)
    conditions = []
    for day, codes in since.items():
        listed = ",".join(f"'{code}'" for code in codes)
        after = f" AND {DAY} >= '{day}T00:00:00.000'" if day else ""
        conditions.append(f"({CODE} in ({listed}){after})")
    return conditions
