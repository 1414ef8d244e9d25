"""A past evening again: its rows from what was known then, against those of today.

Today's matrix may differ from what the evening saw in one way only. Where a publisher has since
dated a value that had no date (`soyoil.external.vintages.usable`), the undated one is used no
more. Everything else that came later must have changed nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import pandas as pd

from soyoil.base.errors import ConfigError
from soyoil.external.base import ExternalSource
from soyoil.external.registry import SOURCES
from soyoil.external.vintages import usable
from soyoil.leakage.check import Evening
from soyoil.leakage.compare import DIFFERENCE_COLUMNS, KEYS, as_stored, differences
from soyoil.leakage.material import Material, known_rows

REVISION_COLUMNS: Final = (
    "source", "series", "reference_day", "value_column", "then", "known_then", "now", "known_now",
)  # fmt: skip


@dataclass(frozen=True)
class Replay:
    """One evening.

    Attributes
    ----------
    asof
        Day that was asked for.
    evening
        Its last session and decision.
    rows, columns
        What was compared.
    differing
        `DIFFERENCE_COLUMNS` and ``explained``: whether dates that a publisher gave later account
        for the cell.
    revisions
        `REVISION_COLUMNS`: values of reference days that were known then and are others now.
    """

    asof: dt.date
    evening: Evening
    rows: int
    columns: int
    differing: pd.DataFrame
    revisions: pd.DataFrame

    @property
    def unexplained(self) -> pd.DataFrame:
        """Cells that nothing accounts for."""
        return self.differing[~self.differing["explained"]]

    @property
    def passed(self) -> bool:
        """Whether everything is accounted for."""
        return self.unexplained.empty


def check_asof(asof: tuple[dt.date, ...], dates: pd.Series) -> None:
    """Refuse evenings that the data does not hold.

    Parameters
    ----------
    asof
        Days asked for.
    dates
        Sessions of the target.

    Raises
    ------
    ConfigError
        None is asked for, or one lies before the first session or after the last.
    """
    if not asof:
        raise ConfigError(
            "replay.asof is not set. Name an evening, or several: "
            "kedro run --pipeline=replay --params=replay.asof=2021-06-30"
        )
    first, last = dates.min().date(), dates.max().date()
    for day in asof:
        if not first <= day <= last:
            side = "before the first" if day < first else "after the last"
            raise ConfigError(
                f"parameter 'replay.asof' is {day}: {side} session. The warehouse holds {first} "
                f"to {last}."
            )


def evening_of(asof: dt.date, rows: pd.DataFrame) -> Evening:
    """The last session of the target up to a day.

    Parameters
    ----------
    asof
        The day.
    rows
        ``data_date`` and ``decision_time`` of the target's rows.
    """
    up_to = rows[rows["data_date"] <= pd.Timestamp(asof)].sort_values("data_date")
    last = up_to.iloc[-1]
    return Evening(last["data_date"], last["decision_time"])


def replay(asof: dt.date, material: Material, stored: pd.DataFrame) -> Replay:
    """Rebuild what an evening knew and compare it with the rows of today.

    Compared are all rows of every root that were known by the decision of the evening, in every
    column, to the bit.

    Parameters
    ----------
    asof
        Day between the first and the last session of the target.
    material
        What today's matrix was made from.
    stored
        Today's ``features.daily_ml_matrix``, every root.
    """
    evening = evening_of(asof, stored[stored["symbol"] == material.target])
    then = material.known(evening.moment)
    dated = {
        name: known_rows(usable(SOURCES[name], rows), evening.moment)
        for name, rows in material.tables.items()
    }
    today = stored[stored["known_at"] <= evening.moment]
    sessions = then.sessions()
    found = _compared(then, sessions, today, stored, evening)
    if len(found) and _has_new_dates(then.tables, dated):
        # The same evening by the dates of today, and still by nothing that came later.
        left = _compared(replace(then, tables=dated), sessions, today, stored, evening)
        cell = [*KEYS, "column"]
        both = found[cell].merge(left[cell], on=cell, how="left", indicator=True)
        found = found.assign(explained=(both["_merge"] == "left_only").to_numpy())
        unseen = left.merge(found[cell], on=cell, how="left", indicator=True)
        unseen = unseen[unseen.pop("_merge") == "left_only"].assign(explained=False)
        found = pd.concat([found, unseen], ignore_index=True)
    else:
        found = found.assign(explained=False)
    parts = [revised(SOURCES[name], rows, evening.moment) for name, rows in material.tables.items()]
    none = pd.DataFrame(columns=list(REVISION_COLUMNS))
    filled = [part for part in parts if len(part)]
    return Replay(
        asof=asof,
        evening=evening,
        rows=len(today),
        columns=len(stored.columns),
        differing=found,
        revisions=pd.concat(filled, ignore_index=True) if filled else none,
    )


def _compared(
    material: Material,
    sessions: pd.DataFrame,
    today: pd.DataFrame,
    stored: pd.DataFrame,
    evening: Evening,
) -> pd.DataFrame:
    built = as_stored(material.matrix(sessions))
    # Of a root that closes later the evening had a part of the session only, which is no row yet.
    later = stored.loc[stored["known_at"] > evening.moment, list(KEYS)]
    part = built.merge(later, on=list(KEYS), how="left", indicator=True)["_merge"] == "both"
    return differences(today, built[~part.to_numpy()])[list(DIFFERENCE_COLUMNS)]


def _has_new_dates(then: Mapping[str, pd.DataFrame], dated: Mapping[str, pd.DataFrame]) -> bool:
    """Whether a value that the evening used is set aside today."""
    return any(len(usable(SOURCES[name], rows)) != len(dated[name]) for name, rows in then.items())


def revised(source: ExternalSource, rows: pd.DataFrame, moment: pd.Timestamp) -> pd.DataFrame:
    """Values that were known at a moment and are others now.

    Parameters
    ----------
    source
        Declaration of the source.
    rows
        Every vintage.
    moment
        The decision.

    Returns
    -------
    DataFrame
        `REVISION_COLUMNS`, one row per series, reference day and value column.
    """
    key = [source.series, "event_time"]
    then, now = (
        usable(source, part).drop_duplicates(key, keep="last")
        for part in (known_rows(rows, moment), rows)
    )
    both = then.merge(now, on=key, suffixes=("_then", "_now"))
    parts = []
    for name in source.values:
        old, new = both[f"{name}_then"], both[f"{name}_now"]
        changed = both[(old != new) & ~(old.isna() & new.isna())]
        parts.append(
            pd.DataFrame(
                {
                    "source": source.name,
                    "series": changed[source.series].astype("str"),
                    "reference_day": changed["event_time"].dt.strftime("%Y-%m-%d"),
                    "value_column": name,
                    "then": changed[f"{name}_then"].astype("float64"),
                    "known_then": _minute(changed["known_at_then"]),
                    "now": changed[f"{name}_now"].astype("float64"),
                    "known_now": _minute(changed["known_at_now"]),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)[list(REVISION_COLUMNS)]


def _minute(moments: pd.Series) -> pd.Series:
    text: pd.Series = moments.dt.strftime("%Y-%m-%d %H:%M")
    return text
