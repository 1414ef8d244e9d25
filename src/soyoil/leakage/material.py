"""What a matrix is made from, cut to what was known at a moment or spoilt after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import BoolArray
from soyoil.external.base import ExternalSource
from soyoil.external.vintages import SEEN
from soyoil.features.config import EVERY_GROUP, FeaturesConfig
from soyoil.features.matrix import build_matrix
from soyoil.market.bars import session_bars
from soyoil.market.conventions import BarSchema
from soyoil.market.instruments import get_instrument, keeps_grain_hours
from soyoil.market.sessions import trade_dates
from soyoil.regimes.weights import with_regimes
from soyoil.sources.base import BarBatch

BAR_LENGTH: Final[Mapping[BarSchema, pd.Timedelta]] = {
    "ohlcv-1h": pd.Timedelta(hours=1),
    "ohlcv-1d": pd.Timedelta(days=1),
}
SOON: Final = pd.Timedelta(microseconds=1)
MAX_REVISIONS: Final = 200
"""Reference days of a source that are given a later, wrong vintage."""


def unchanged(sessions: pd.DataFrame) -> pd.DataFrame:
    """The sessions as they are."""
    return sessions


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What the matrix is made from beside session bars.

    Attributes
    ----------
    target
        Root on whose rows features of other markets stand.
    tables
        Raw rows, every vintage, by outside source that is on.
    regimes
        Rows of ``training.regime_weights``.
    groups
        Groups of features that the matrix holds.
    prepare
        Step between session bars and the matrix.
    """

    target: str
    tables: Mapping[str, pd.DataFrame]
    regimes: pd.DataFrame
    groups: FeaturesConfig = EVERY_GROUP
    prepare: Callable[[pd.DataFrame], pd.DataFrame] = field(default=unchanged)

    def matrix(self, sessions: pd.DataFrame) -> pd.DataFrame:
        """The whole matrix, as the features stage makes it."""
        built = build_matrix(self.prepare(sessions), self.target, self.tables, self.groups)
        return with_regimes(built, self.regimes)


@dataclass(frozen=True, kw_only=True)
class Material(Recipe):
    """Everything that the matrix is made from.

    Attributes
    ----------
    batch
        Vendor bars of the configured roots.
    """

    batch: BarBatch

    def sessions(self) -> pd.DataFrame:
        """Session bars, as the ingest stage makes them."""
        return session_bars(self.batch.bars, self.batch.origin).sessions

    def with_bars(self, bars: pd.DataFrame, quarantine: pd.DataFrame | None = None) -> Material:
        """The same with other bars."""
        kept = self.batch.quarantine if quarantine is None else quarantine
        return replace(self, batch=replace(self.batch, bars=bars, quarantine=kept))

    def known(self, moment: pd.Timestamp) -> Material:
        """What was known at a moment: bars that had ended, and vintages known by then."""
        batch = self.batch
        bars = batch.bars[known_bars(batch.bars, batch.schema, moment)].reset_index(drop=True)
        quarantine = batch.quarantine[batch.quarantine["ts_event"] < moment]
        tables = {name: known_rows(rows, moment) for name, rows in self.tables.items()}
        return replace(self.with_bars(bars, quarantine), tables=tables)


def known_bars(bars: pd.DataFrame, schema: BarSchema, moment: pd.Timestamp) -> BoolArray:
    """Bars that can be known at a decision of the target, shape ``(n,)``.

    Those that had ended, and the last ones of roots that close when the target does: they are
    complete then, although their hour runs on.

    Parameters
    ----------
    bars
        ``symbol`` and ``ts_event``, the start of the bar.
    schema
        Length of the bars.
    moment
        A decision time of the target, UTC.
    """
    ended = bars["ts_event"] + BAR_LENGTH[schema] <= moment
    if schema == "ohlcv-1h":
        shares = {s: keeps_grain_hours(get_instrument(str(s))) for s in bars["symbol"].unique()}
        ended |= bars["symbol"].map(shares).astype(bool) & (bars["ts_event"] < moment)
    return ended.to_numpy(dtype=bool)


def known_rows(rows: pd.DataFrame, moment: pd.Timestamp) -> pd.DataFrame:
    """Raw rows of an outside source that were known at a moment."""
    return rows[rows["known_at"] <= moment].reset_index(drop=True)


def spoil_bars(
    bars: pd.DataFrame, schema: BarSchema, moment: pd.Timestamp, rng: np.random.Generator
) -> pd.DataFrame:
    """Bars with garbage in place of all that could not be known at a moment.

    Prices and lots are garbage, and of later sessions the contracts too. Within the session of the
    moment a root that trades two contracts keeps its lots: the one with more of them in the whole
    session is the session's, which is a choice of the data and not of a feature.

    Parameters
    ----------
    bars
        Vendor bars.
    schema
        Their schema.
    moment
        A decision time of the target, UTC.
    rng
        Source of the garbage.
    """
    late = ~known_bars(bars, schema, moment)
    spoilt = bars.copy()
    count = int(late.sum())
    scale = np.exp(rng.normal(0, 0.3, (count, 1)) + rng.normal(0, 0.02, (count, 4)))
    price = np.abs(bars.loc[late, "close"].to_numpy(dtype="float64"))[:, None] * scale
    spoilt.loc[late, "open"], spoilt.loc[late, "close"] = price[:, 0], price[:, 1]
    spoilt.loc[late, "high"], spoilt.loc[late, "low"] = price.max(axis=1), price.min(axis=1)
    same = late & _same_session(bars, schema, moment)
    contracts = bars[same].groupby("symbol")["instrument_id"].transform("nunique")
    kept = np.zeros(len(bars), dtype=bool)
    kept[np.flatnonzero(same)[contracts.to_numpy() > 1]] = True
    lots = late & ~kept
    spoilt.loc[lots, "volume"] = rng.integers(1, 50_000, int(lots.sum()))
    after = late & ~same
    spoilt.loc[after, "instrument_id"] = rng.integers(1, 9, int(after.sum()))
    return spoilt


def _same_session(bars: pd.DataFrame, schema: BarSchema, moment: pd.Timestamp) -> BoolArray:
    if schema == "ohlcv-1d":
        return np.zeros(len(bars), dtype=bool)
    # A trade date ends before the next one begins, so the session of the moment is cut off there.
    day = trade_dates(pd.Series([moment])).iloc[0]
    return np.asarray(trade_dates(bars["ts_event"]) <= day, dtype=bool)


def spoil_rows(
    source: ExternalSource, rows: pd.DataFrame, moment: pd.Timestamp, rng: np.random.Generator
) -> pd.DataFrame:
    """Raw rows with garbage in place of all that was not known at a moment.

    Some reference days that were known get a further, wrong vintage just after it.

    Parameters
    ----------
    source
        Declaration of the source.
    rows
        Every vintage.
    moment
        A decision time, UTC.
    rng
        Source of the garbage.
    """
    late = (rows["known_at"] > moment).to_numpy(dtype=bool)
    early = rows[~late]
    picked = rng.choice(len(early), min(MAX_REVISIONS, len(early)), replace=False)
    # The newest days are those that a feature looks at.
    newest = np.arange(max(0, len(early) - MAX_REVISIONS), len(early))
    order = early.sort_values("event_time", kind="stable")
    wrong = pd.concat([early.iloc[picked], order.iloc[newest]])
    wrong = wrong.drop_duplicates([source.series, "event_time"])
    stamp = moment + SOON
    wrong = wrong.assign(known_at=stamp, vintage=f"{SEEN}{stamp:%Y-%m-%dT%H:%M:%S.%fZ}")
    spoilt = pd.concat([early, _garbage(source, rows[late], rng), _garbage(source, wrong, rng)])
    return spoilt.astype(rows.dtypes.to_dict()).reset_index(drop=True)


def _garbage(source: ExternalSource, rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Rows whose values are wrong: flags turned, else whole numbers, which counts take too."""
    values = {
        name: ~rows[name].fillna(False)
        if pd.api.types.is_bool_dtype(rows[name])
        else rng.integers(1, 1_000_000, len(rows))
        for name in source.values
    }
    return rows.assign(**values)
