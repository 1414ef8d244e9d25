"""Rows of the Energy Information Administration's service, version 2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from soyoil.base.errors import SourceError
from soyoil.external.api.client import Client
from soyoil.external.api.config import SERVICES
from soyoil.external.api.paging import Paging, pages, table
from soyoil.external.base import Reading
from soyoil.external.config import EiaConfig
from soyoil.external.readers.eia import (
    BIODIESEL,
    NAME,
    OTHER_FEEDSTOCKS,
    RENEWABLE_DIESEL,
    SOYBEAN_OIL,
    parse,
)

PAGES: Final = Paging("length", "offset", 5000, ("response", "data"), ("response", "total"))
"""JSON comes in pages of 5,000 rows at most (eia.gov/opendata/documentation.php)."""
COLUMNS: Final = ("period", "series", "value", "units")
ROUTES: Final = {
    "petroleum/pnp/feedbiofuel": (SOYBEAN_OIL, *OTHER_FEEDSTOCKS),
    "petroleum/sum/snd": (BIODIESEL, RENEWABLE_DIESEL),
}
"""Series by the route that has them."""
OVERLAP_MONTHS: Final = 24
"""How far before the newest stored month is asked again: the EIA revises with its yearly survey."""


@dataclass(frozen=True)
class Query:
    """What is asked of one route.

    Attributes
    ----------
    route
        Such as ``petroleum/pnp/feedbiofuel``.
    series
        Values of the facet ``series``; empty asks for all.
    frequency
        ``monthly``, ``weekly`` and so on.
    since
        First period in the route's own form, such as ``2023-09``; None asks for all.
    """

    route: str
    series: Sequence[str] = ()
    frequency: str = "monthly"
    since: str | None = None


def fetch_rows(client: Client, query: Query) -> pd.DataFrame:
    """Ask for all rows of some series.

    Parameters
    ----------
    client
        Of the service ``eia``.
    query
        What is asked.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS` as ``str``, ordered by period and series; missing where the EIA gives none.

    Raises
    ------
    SourceError
        The answer has another form or holds no row; and as `Client.json`.
    """
    path = f"{query.route.strip('/')}/data/"
    params: dict[str, str | int] = {
        "frequency": query.frequency,
        "data[0]": "value",
        "sort[0][column]": "period",
        "sort[0][direction]": "asc",
        # Without a full order a row may stand on two pages and another on none.
        "sort[1][column]": "series",
        "sort[1][direction]": "asc",
    }
    params |= {f"facets[series][{at}]": name for at, name in enumerate(query.series)}
    if query.since is not None:
        params["start"] = query.since
    rows = [row for page in pages(client, path, params, PAGES) for row in page]
    if not rows:
        raise SourceError(f"{path}: the service of the EIA gives no row of {query.series}.")
    return table(rows, COLUMNS, path)


def fetch(config: EiaConfig, stored: pd.DataFrame, now: pd.Timestamp) -> Reading:
    """Ask for months that are not stored yet, and for two years once more.

    Parameters
    ----------
    config
        Its section.
    stored
        Rows of the table.
    now
        Moment of the load, UTC; not used.

    Raises
    ------
    SourceError
        No route could be read, or not every one and the source is required.
    """
    parts, failed = [], []
    with Client(SERVICES[NAME], config.api, config.url) as client:
        for route, series in ROUTES.items():
            try:
                query = Query(
                    route, series, since=None if config.refresh else _since(stored, series)
                )
                parts.append(fetch_rows(client, query))
            except SourceError as error:
                failed.append(str(error))
    if not parts or (failed and config.required):
        raise SourceError(" ".join(failed))
    reading = parse(pd.concat(parts, ignore_index=True), Path("eia.json"))
    return Reading(reading.rows, reading.rejected, tuple(failed))


def _since(stored: pd.DataFrame, series: Sequence[str]) -> str | None:
    """First month to ask for; None where a series is not stored at all."""
    newest = stored[stored["series_id"].isin(series)].groupby("series_id")["event_time"].max()
    if len(newest) < len(series):
        return None
    return f"{newest.min() - pd.DateOffset(months=OVERLAP_MONTHS):%Y-%m}"
