"""Nodes of the features stage."""

from __future__ import annotations

import logging

import pandas as pd

from soyoil.base.errors import SourceError
from soyoil.external import SOURCES
from soyoil.external.config import ALL_OFF, ExternalConfig
from soyoil.external.load import rows_in_use, staleness_of
from soyoil.external.store import ExternalStore, NoExternalStore
from soyoil.features.config import EVERY_GROUP, FeaturesConfig
from soyoil.features.coverage import feature_coverage
from soyoil.features.matrix import build_matrix
from soyoil.params import TargetConfig
from soyoil.regimes.weights import with_regimes
from soyoil.sources.base import SourceConfig

logger = logging.getLogger(__name__)

NOTHING_STORED = NoExternalStore()


def compute_features(
    sessions: pd.DataFrame,
    source: SourceConfig,
    target: TargetConfig,
    external: ExternalConfig = ALL_OFF,
    store: ExternalStore = NOTHING_STORED,
    features: FeaturesConfig = EVERY_GROUP,
) -> pd.DataFrame:
    """Features of the configured roots, one row per symbol and session.

    Of outside sources only the tables of those that are on are read.

    Raises
    ------
    SourceError
        A configured root has no session: features of other roots would miss it in silence. Of a
        table of the user only the target must be there, and `ingest` has named the others.
    """
    wanted = {target.symbol} if source.kind == "warehouse" else set(source.symbols)
    missing = sorted(wanted - set(sessions["symbol"].unique()))
    if missing:
        raise SourceError(
            f"The warehouse holds no session of {', '.join(missing)}. Run `kedro run "
            f"--pipeline=ingest` with {'+'.join(source.symbols)} in source.symbols, or leave "
            f"{', '.join(missing)} out of it."
        )
    tables = rows_in_use(external, store)
    newest = sessions["data_date"].max()
    for name, rows in tables.items():
        for line in staleness_of(SOURCES[name], rows, newest):
            logger.warning("%s", line)
    own = sessions[sessions["symbol"].isin(source.symbols)]
    return build_matrix(own, target.symbol, tables, features)


def cover_features(matrix: pd.DataFrame, target: TargetConfig) -> pd.DataFrame:
    """Share missing of each feature and year on the rows of the target."""
    return feature_coverage(matrix, target.symbol)


def assemble_matrix(features: pd.DataFrame, regimes: pd.DataFrame) -> pd.DataFrame:
    """Complete the matrix with the regime in force on each session."""
    return with_regimes(features, regimes)
