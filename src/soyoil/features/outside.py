"""Raw rows of outside sources as features may see them: as known at each decision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import DayArray, FloatArray, IntArray
from soyoil.base.errors import ConfigError
from soyoil.external.base import ExternalSource
from soyoil.external.registry import GROUPS, SOURCES
from soyoil.external.vintages import usable
from soyoil.features.registry import FeatureSpec
from soyoil.market.asof import AsOfView, Stretch

ON_REQUEST: Final = ("calendar",)
"""Groups that models are given only where ``fit.feature_groups`` names them."""
NO_ROWS: Final[Mapping[str, pd.DataFrame]] = {}


def spec(group: str, column: str, formula: str) -> FeatureSpec:
    """Declaration of a column that is made of an outside source."""
    return FeatureSpec(f"{group}.{column}", formula, 1, source="external")


@dataclass(frozen=True)
class Known:
    """Values of one series at the decisions of rows.

    Attributes
    ----------
    values
        Shape ``(n, count)``, the newest known one last; NaN where none is known, and in whole rows
        whose newest value is too old.
    days
        Their reference days.
    staleness
        Days from the newest reference day, or the last publication, to the trade date, shape
        ``(n,)``; NaN where no value is known, and where it is too old.
    """

    values: FloatArray
    days: DayArray
    staleness: FloatArray

    @property
    def latest(self) -> FloatArray:
        """Newest known value, shape ``(n,)``."""
        return np.asarray(self.values[:, -1])

    def change(self, back: int) -> FloatArray:
        """Newest known value less the one so many reference days before it, as known then."""
        return np.asarray(self.values[:, -1] - self.values[:, -1 - back])


@dataclass(frozen=True)
class OutsideView:
    """The only way from raw rows of one source to a feature.

    Attributes
    ----------
    source
        Declaration of the source.
    rows
        Rows of its table, every vintage.
    """

    source: ExternalSource
    rows: pd.DataFrame
    _parts: dict[str, pd.DataFrame] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        column = self.source.series
        self._parts.update({str(k): v for k, v in usable(self.source, self.rows).groupby(column)})

    def known(self, series: str, column: str, at: pd.DataFrame, count: int) -> Known:
        """Last values of a series at the decisions of rows.

        Parameters
        ----------
        series
            Series of the source.
        column
            Value column.
        at
            ``data_date`` and ``decision_time`` of the rows.
        count
            Reference days wanted.
        """
        rows = self._parts.get(series, self.rows.iloc[:0])
        history = AsOfView(rows).history(at["decision_time"], column, count)
        since = history.days[:, -1] if self.source.age_from == "event_time" else history.learned
        age = at["data_date"].to_numpy(dtype="datetime64[D]") - since
        staleness = np.where(np.isnat(age), np.nan, age.astype("float64"))
        cap = self.source.stale_after_days.get(series, self.source.stale_after_days[""])
        fresh = staleness <= cap
        values = np.where(fresh[:, None], history.values, np.nan)
        return Known(values, history.days, np.where(fresh, staleness, np.nan))

    def newest_day(self, at: pd.DataFrame) -> pd.DataFrame:
        """All series on the newest day that any has, at the decisions of rows, if it is fresh.

        Parameters
        ----------
        at
            ``data_date`` and ``decision_time`` of the rows.

        Returns
        -------
        DataFrame
            As `AsOfView.newest_day`, with ``staleness`` in days; the cap is that of every series.
        """
        view = AsOfView(usable(self.source, self.rows), (self.source.series,))
        found = view.newest_day(at["decision_time"])
        days = found["event_time"].dt.tz_localize(None).to_numpy(dtype="datetime64[D]")
        dates = at["data_date"].to_numpy(dtype="datetime64[D]")[found["at"]]
        found = found.assign(staleness=(dates - days).astype("int64"))
        return found[found["staleness"] <= self.source.stale_after_days[""]]

    def stretches(self, series: str, columns: Sequence[str], at: pd.DataFrame) -> Iterator[Stretch]:
        """Every day of a series at the decisions of rows; see `AsOfView.stretches`."""
        rows = self._parts.get(series, self.rows.iloc[:0])
        return AsOfView(rows).stretches(at["decision_time"], columns)


def view_of(name: str, tables: Mapping[str, pd.DataFrame]) -> OutsideView | None:
    """View of a source; None where it is off.

    Parameters
    ----------
    name
        Source in `soyoil.external.registry.SOURCES`.
    tables
        Rows by source, of those that are on.
    """
    return OutsideView(SOURCES[name], tables[name]) if name in tables else None


def own_column(rows: pd.DataFrame, column: str, root: str) -> FloatArray:
    """A column of the rows of one root, NaN on those of others and where it is not there.

    Parameters
    ----------
    rows
        ``symbol`` and, where it is known, `column`.
    column
        Dotted name.
    root
        Root whose rows count: on the row of another the value may not be known yet.
    """
    if column not in rows:
        return np.full(len(rows), np.nan)
    values = rows[column].to_numpy(dtype="float64", na_value=np.nan)
    return np.where(rows["symbol"].to_numpy(dtype="object") == root, values, np.nan)


def decisions(rows: pd.DataFrame) -> tuple[pd.DataFrame, IntArray]:
    """Decisions of some rows, and which of them is each row's: most share that of their day.

    Parameters
    ----------
    rows
        ``data_date`` and ``decision_time``.

    Returns
    -------
    DataFrame and Array of shape ``(n,)``
        The decisions, each once, and positions in them.
    """
    keys = ["data_date", "decision_time"]
    at = rows[keys].drop_duplicates().reset_index(drop=True)
    place = rows[keys].merge(at.reset_index(), on=keys, how="left")["index"]
    return at, place.to_numpy(dtype="int64")


def present(names: Sequence[str], matrix: pd.DataFrame) -> tuple[str, ...]:
    """Columns that a model is given: those of an outside source only where they have values.

    Groups that ``features.groups`` leaves out are no part of a snapshot's matrix. An engine draws
    from the columns that it is given, those without a value too, so a source that is off must not
    change what a model without it says.

    Parameters
    ----------
    names
        Columns with the role ``feature``.
    matrix
        Rows of the target; those of an earlier version lack the columns of sources.
    """
    return tuple(
        name
        for name in switched_on(names, matrix)
        if name.partition(".")[0] not in (*GROUPS, *ON_REQUEST)
        or (name in matrix and matrix[name].notna().any())
    )


def switched_on(names: Sequence[str], matrix: pd.DataFrame) -> tuple[str, ...]:
    """Columns of the groups that a matrix holds."""
    groups = {name.partition(".")[0] for name in names if name in matrix}
    return tuple(name for name in names if name.partition(".")[0] in groups)


def refuse_off(groups: Sequence[str], known: Sequence[str]) -> None:
    """Refuse groups of outside sources that are not among the `known` ones.

    Raises
    ------
    ConfigError
        Naming the group and what to do.
    """
    for group in groups:
        if group in GROUPS and group not in known:
            raise ConfigError(
                f"Group {group!r} in fit.feature_groups holds no value: its outside source is off, "
                "or holds nothing for the target. Switch it on (docs/sources.md) and run from "
                "ingest, or leave the group out."
            )
