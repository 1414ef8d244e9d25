"""What a load adds to the vintages that are stored.

A raw row is never changed. A value that is read for the first time is known by the release rule
of its source; another value for a reference day that is stored already is a revision, which is
kept beside the first and known from the load on that found it, unless the file dates it.
"""

from __future__ import annotations

from typing import Final

import pandas as pd

from soyoil.external.base import UNDATED, ExternalSource

SEEN: Final = "seen "
"""Begins the vintage of a revision that a load found: the moment of that load follows."""


def new_rows(
    source: ExternalSource, read: pd.DataFrame, stored: pd.DataFrame, now: pd.Timestamp
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows that are not stored yet.

    Parameters
    ----------
    source
        Declaration of the source.
    read
        `soyoil.external.base.Reading.rows`.
    stored
        Rows of the table.
    now
        Moment of the load, UTC.

    Returns
    -------
    tuple
        Rows of the table that are new, with ``provenance`` and ``ingested_at``; and rows of a dated
        vintage that is stored with another value, which are left out.

    Notes
    -----
    A value that any stored vintage of its day has is no revision. So a second load of a file adds
    nothing, and an older file that is loaded later does not undo what a newer one said.
    """
    key, values = [source.series, "event_time"], list(source.values)
    old = stored[[*key, "vintage", *values]]
    undated = read["vintage"] == UNDATED
    dated = _absent(read[~undated], old, [*key, "vintage"])
    same_vintage = read[~undated].drop(index=dated.index)
    clash = _absent(same_vintage, old, [*key, "vintage", *values])
    fresh = _absent(read[undated], old, [*key, *values])
    known_days = fresh[key].merge(old[key].drop_duplicates(), on=key, how="left", indicator=True)
    revised = (known_days["_merge"] == "both").to_numpy()
    seen = f"{SEEN}{now:%Y-%m-%dT%H:%M:%S.%fZ}"
    fresh = fresh.assign(
        known_at=fresh["known_at"].mask(revised & (fresh["known_at"] < now).to_numpy(), now),
        vintage=fresh["vintage"].mask(revised, seen),
    )
    added = pd.concat([dated, fresh], ignore_index=True)
    stamp = pd.Series(now, index=added.index, dtype="datetime64[us, UTC]")
    return added.assign(provenance="observed", ingested_at=stamp), clash.reset_index(drop=True)


def _absent(rows: pd.DataFrame, old: pd.DataFrame, on: list[str]) -> pd.DataFrame:
    """Rows whose values of some columns no stored row has, on their own index."""
    there = rows[on].merge(old[on].drop_duplicates(), on=on, how="left", indicator=True)
    return rows[(there["_merge"] == "left_only").to_numpy()]


def usable(source: ExternalSource, stored: pd.DataFrame) -> pd.DataFrame:
    """Stored rows for the as-of view, ordered by series, reference day and knowledge.

    Where dated vintages of a day are stored, its undated value is left out: it may be a revision
    that the release rule calls known too early.
    """
    key = [source.series, "event_time"]
    has_date = ~stored["vintage"].str.startswith((UNDATED, SEEN))
    dated = stored[key].merge(
        stored.loc[has_date, key].drop_duplicates(), on=key, how="left", indicator=True
    )
    kept = stored[has_date | (dated["_merge"] == "left_only").to_numpy()]
    return kept.sort_values([*key, "known_at", "vintage"], kind="stable").reset_index(drop=True)
