"""How much of each feature is missing, by year."""

from __future__ import annotations

from typing import Final

import pandas as pd

from soyoil.external.registry import SOURCES
from soyoil.features.registry import FEATURES, FeatureSpec

COLUMNS: Final = ("feature", "group", "source", "year", "rows", "share_missing")


def feature_coverage(matrix: pd.DataFrame, symbol: str) -> pd.DataFrame:
    """Share of the sessions of each year on which a feature has no value.

    Parameters
    ----------
    matrix
        Rows of the matrix, with ``symbol`` and ``data_date``.
    symbol
        Root whose rows are counted.

    Returns
    -------
    DataFrame
        `COLUMNS`: one row per computed feature and year, ``source`` the outside source, or ``bars``
        (of the row's own root) or ``cross`` (of several roots); ``rows`` sessions of the year.
    """
    own = matrix[matrix["symbol"] == symbol]
    names = [name for name in FEATURES if name in own.columns]
    years = own["data_date"].dt.year.rename("year")
    share = own[names].isna().groupby(years).mean()
    rows = years.value_counts()
    table = share.reset_index().melt("year", names, "feature", "share_missing")
    named = table["feature"].astype("str")
    return table.assign(
        feature=named,
        group=named.str.partition(".")[0],
        source=named.map({name: source_of(FEATURES[name]) for name in names}),
        rows=table["year"].map(rows),
    )[list(COLUMNS)]


def source_of(spec: FeatureSpec) -> str:
    """Outside sources that fill the group of a feature, or the kind of bars it is made of."""
    if spec.source != "external":
        return spec.source
    return "+".join(name for name, source in SOURCES.items() if spec.group in source.groups)
