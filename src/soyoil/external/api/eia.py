"""Rows of the Energy Information Administration's service, version 2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from soyoil.base.errors import SourceError
from soyoil.external.api.client import Client
from soyoil.external.api.paging import Paging, pages, table

PAGES: Final = Paging("length", "offset", 5000, ("response", "data"), ("response", "total"))
"""JSON comes in pages of 5,000 rows at most (eia.gov/opendata/documentation.php)."""
COLUMNS: Final = ("period", "series", "value", "units")


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
